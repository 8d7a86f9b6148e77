//! The `kho` binary, and a city made with it.

use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary under test: KHO_BIN, else the one beside the test's own build.
pub fn kho_bin() -> PathBuf {
    if let Some(path) = std::env::var_os("KHO_BIN") {
        return path.into();
    }
    let mut path = std::env::current_exe().unwrap_or_default();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("kho")
}

/// A command of the binary, with an environment that holds nothing of the caller's city.
pub fn kho() -> Command {
    let mut command = Command::new(kho_bin());
    command.env_remove("KHO_CITY").env_remove("KHO_CATALOG").env_remove("RUST_LOG");
    command
}

/// Runs a command that must succeed; gives its standard output.
///
/// # Errors
/// With the command's standard error, if it fails.
pub fn run(command: &mut Command) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!(
            "{command:?}: {status}\n{}\n{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(String::from_utf8(stdout)?)
}

/// A city in a temporary folder.
pub struct City {
    dir: tempfile::TempDir,
}

impl City {
    /// A city with the standard model and an empty lake.
    ///
    /// # Errors
    /// If `kho init` fails.
    pub fn empty() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let city = Self { dir };
        run(kho().arg("init").arg(city.dir()).arg("--synthetic"))?;
        Ok(city)
    }

    /// A city with the sample deliveries of `parcels` parcels ingested.
    ///
    /// # Errors
    /// If a command fails.
    pub fn sample(parcels: u64) -> anyhow::Result<Self> {
        let city = Self::empty()?;
        let deliveries = city.deliveries(parcels, 1)?;
        city.kho(&["ingest", "--all", &deliveries.to_string_lossy()])?;
        Ok(city)
    }

    /// Writes sample deliveries into the city's folder.
    ///
    /// # Errors
    /// If `kho sample` fails.
    pub fn deliveries(&self, parcels: u64, seed: u64) -> anyhow::Result<PathBuf> {
        let dir = self.dir().join(format!("deliveries-{parcels}-{seed}"));
        run(kho().arg("sample").arg(&dir).args([
            "--parcels",
            &parcels.to_string(),
            "--seed",
            &seed.to_string(),
        ]))?;
        Ok(dir)
    }

    /// The city's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A command on this city.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = kho();
        command.arg("--city").arg(self.dir()).args(args);
        command
    }

    /// Runs a command on this city; gives its JSON answer.
    ///
    /// # Errors
    /// If it fails or answers no JSON.
    pub fn kho(&self, args: &[&str]) -> anyhow::Result<Value> {
        let out = run(self.command(args).arg("--json"))?;
        serde_json::from_str(&out).with_context(|| out)
    }

    /// Runs a command on this city that must fail; gives what it said.
    ///
    /// # Errors
    /// If it succeeds, or dies rather than failing.
    pub fn refused(&self, args: &[&str]) -> anyhow::Result<String> {
        let out = self.command(args).output()?;
        if out.status.code() != Some(1) {
            bail!("{args:?} ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
        }
        Ok(String::from_utf8(out.stderr)?)
    }

    /// Asks in SQL; gives the rows.
    ///
    /// # Errors
    /// If the query fails.
    pub fn sql(&self, sql: &str) -> anyhow::Result<Vec<Value>> {
        match self.kho(&["query", sql, "--format", "json"])? {
            Value::Array(rows) => Ok(rows),
            other => bail!("not rows: {other}"),
        }
    }
}
