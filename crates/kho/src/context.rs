//! What every command needs: the city's folder, its definitions, its lake, a runtime.

use anyhow::Context as _;
use kho_access::{Policy, Principal};
use kho_lake::Lake;
use kho_layer::City;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The surroundings of a command.
pub struct Context {
    /// The city's folder.
    pub dir: PathBuf,
    /// Whether to answer in JSON.
    pub json: bool,
    runtime: tokio::runtime::Runtime,
}

/// Who is at the command line.
pub const LOCAL: Principal = Principal::LocalCli;

impl Context {
    pub fn new(dir: PathBuf, json: bool) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
        Ok(Self { dir, json, runtime })
    }

    /// The city's definitions.
    pub fn city(&self) -> anyhow::Result<City> {
        Ok(City::load(&self.dir)?)
    }

    /// The policy over the city.
    pub fn policy(&self) -> anyhow::Result<Arc<Policy>> {
        Ok(Arc::new(Policy::new(Arc::new(self.city()?))))
    }

    /// The city's lake.
    pub fn lake(&self, city: &City) -> anyhow::Result<Lake> {
        let catalog = catalog_url(city);
        Ok(self.wait(Lake::open(&self.dir, catalog.as_deref()))?)
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Prints the answer: as JSON for programs, else as `text`.
    pub fn answer(&self, json: &serde_json::Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        use std::io::Write as _;
        let line = if self.json { serde_json::to_string_pretty(json)? } else { text() };
        writeln!(std::io::stdout().lock(), "{}", line.trim_end())?;
        Ok(())
    }
}

/// Where the catalog is kept, if not in the lake's folder.
pub fn catalog_url(city: &City) -> Option<String> {
    std::env::var("KHO_CATALOG").ok().filter(|url| !url.is_empty()).or_else(|| city.config.catalog.clone())
}

/// A path as people should see it.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// 1234567 → "1 234 567", which reads the same in Vietnamese and English.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// Bytes in the unit that fits.
pub fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(195_152), "195 152");
    }
}
