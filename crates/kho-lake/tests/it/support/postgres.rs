//! A PostgreSQL cluster for one test, on a socket of its own, gone with the value.
//!
//! PostgreSQL refuses to run as root, so then the account `postgres`, which Debian's package
//! makes, runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A running cluster.
pub struct Postgres {
    dir: TempDir,
    bin: PathBuf,
}

impl Postgres {
    /// Makes and starts a cluster.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start: the test cannot do without.
    pub fn start() -> Self {
        let bin = newest_bin().expect("install PostgreSQL (Debian: postgresql)");
        // Directly under /tmp: a socket's path has 107 characters at most.
        let dir = tempfile::Builder::new().prefix("kho-pg-").tempdir_in("/tmp").unwrap();
        if is_root() {
            let chown = Command::new("chown").arg("postgres").arg(dir.path()).output();
            check("chown", &chown.unwrap());
        }
        let cluster = Self { dir, bin };
        let data = cluster.path("data");
        let made = cluster
            .command("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output();
        check("initdb", &made.unwrap());
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c timezone=Asia/Ho_Chi_Minh",
            cluster.dir.path().display()
        );
        let started = cluster
            .command("pg_ctl")
            .args(["start", "--wait", "-o", &options, "-l"])
            .arg(cluster.path("log"))
            .arg("-D")
            .arg(&data)
            .output();
        check("pg_ctl", &started.unwrap());
        cluster
    }

    /// A new, empty database: its URL.
    pub fn database(&self, name: &str) -> String {
        let made =
            self.command("createdb").args(["-U", "postgres", "-h"]).arg(self.dir.path()).arg(name).output();
        check("createdb", &made.unwrap());
        format!("postgresql://postgres@localhost/{name}?host={}", self.dir.path().display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            setpriv
        } else {
            Command::new(program)
        };
        command.current_dir(self.dir.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ =
            self.command("pg_ctl").args(["stop", "--mode=immediate", "-D"]).arg(self.path("data")).output();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |p: &Path| p.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.join("bin/initdb").exists())
        .max_by_key(|p| version(p))
        .map(|p| p.join("bin"))
}

fn check(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}
