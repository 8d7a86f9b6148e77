//! A running `kho serve`.

use crate::City;
use anyhow::Context;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};

/// `kho serve` on a free port of loopback; killed when dropped.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Server {
    /// Serves a city and waits until it listens.
    ///
    /// # Errors
    /// If it ends before it listens.
    pub fn start(city: &City, envs: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = city.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.envs(envs.iter().copied()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let said: serde_json::Value =
            serde_json::from_str(&line).context("serve did not say where it listens")?;
        let url = said["listening"].as_str().context("no address")?.to_owned();
        Ok(Self { child, url })
    }

    /// Interrupts it as Ctrl-C does, and waits.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn interrupt(mut self) -> anyhow::Result<ExitStatus> {
        crate::run(std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]))?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
