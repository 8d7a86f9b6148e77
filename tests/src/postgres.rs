//! A throw-away PostgreSQL with PostGIS.

use crate::run;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A cluster of its own on a free port of loopback; stopped and deleted when dropped.
pub struct Postgres {
    dir: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    /// Makes and starts a cluster. PostgreSQL refuses to run as root, so root runs it as the
    /// `postgres` user that Debian's package makes.
    ///
    /// # Errors
    /// If PostgreSQL 15 is not installed (`make setup-test` installs it) or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let cluster = Self { dir, port };
        if is_root()? {
            run(Command::new("chown").arg("postgres:postgres").arg(cluster.dir.path()))?;
        }
        let data = cluster.dir.path().join("data");
        let path = |p: &Path| p.to_string_lossy().into_owned();
        run(&mut cluster.tool(
            "initdb",
            &["-D", &path(&data), "-U", "kho", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"],
        )?)?;
        cluster.resume()?;
        cluster.psql("CREATE EXTENSION postgis")?;
        Ok(cluster)
    }

    /// Starts the cluster again after [`Postgres::stop`], on the same port.
    ///
    /// # Errors
    /// If it does not start.
    pub fn resume(&self) -> anyhow::Result<()> {
        let path = |p: &Path| p.to_string_lossy().into_owned();
        let (data, log) = (path(&self.dir.path().join("data")), path(&self.dir.path().join("log")));
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=512MB -c maintenance_work_mem=256MB -c jit=off",
            self.port,
            path(self.dir.path())
        );
        run(&mut self.tool("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"])?)?;
        Ok(())
    }

    /// Stops the cluster and keeps its data.
    ///
    /// # Errors
    /// If it does not stop.
    pub fn stop(&self) -> anyhow::Result<()> {
        let data = self.dir.path().join("data").to_string_lossy().into_owned();
        run(&mut self.tool("pg_ctl", &["-D", &data, "-w", "-m", "fast", "stop"])?)?;
        Ok(())
    }

    /// The cluster's only database, as a URL.
    pub fn url(&self) -> String {
        format!("postgresql://kho@127.0.0.1:{}/postgres", self.port)
    }

    /// The same as GDAL writes it.
    pub fn gdal(&self) -> String {
        format!("PG:host=127.0.0.1 port={} user=kho dbname=postgres", self.port)
    }

    /// Runs SQL through psql; gives its output, unaligned, without headings.
    ///
    /// # Errors
    /// If a statement fails.
    pub fn psql(&self, sql: &str) -> anyhow::Result<String> {
        run(Command::new("psql").args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            &self.url(),
            "-c",
            sql,
        ]))
    }

    fn tool(&self, name: &str, args: &[&str]) -> anyhow::Result<Command> {
        let bin = PathBuf::from("/usr/lib/postgresql/15/bin").join(name);
        if !bin.exists() {
            bail!("PostgreSQL 15 is not installed; `make setup-test` installs it");
        }
        let mut command = if is_root()? {
            let mut c = Command::new("setpriv");
            c.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(bin);
            c
        } else {
            Command::new(bin)
        };
        command.args(args).current_dir(self.dir.path()).stdin(std::process::Stdio::null());
        Ok(command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.dir.path().join("data").to_string_lossy().into_owned();
        if let Ok(mut stop) = self.tool("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]) {
            let _ = stop.output();
        }
    }
}

fn is_root() -> anyhow::Result<bool> {
    Ok(run(Command::new("id").arg("-u")).context("id")?.trim() == "0")
}
