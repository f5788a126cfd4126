//! `wrk`, the load generator: one thread of it, so that on a small machine it
//! leaves the most to the server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// Makes `wrk` say its results in JSON.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/platform/wrk.lua");

/// What one run measured.
pub struct Load {
    /// Requests that were answered.
    pub requests: u32,
    /// How long it went on.
    pub duration: Duration,
    /// Median latency, in microseconds.
    pub p50: u32,
    /// Latency that one request in a hundred exceeds, in microseconds.
    pub p99: u32,
}

/// What the script prints; times in microseconds.
#[derive(Deserialize)]
struct Output {
    requests: u32,
    duration: u32,
    p50: u32,
    p99: u32,
    errors: u32,
}

/// Ask for `target` again and again, as so many clients at once, each
/// waiting for its reply before the next request.
///
/// # Errors
/// When `wrk` is not installed, or any request failed: such a run says
/// nothing of speed.
pub fn run(
    address: SocketAddr,
    target: &str,
    clients: u32,
    duration: Duration,
) -> anyhow::Result<Load> {
    let url = format!("http://{address}{target}");
    let ran = Command::new("wrk")
        .args(["-t1", "-s", SCRIPT])
        .arg(format!("-c{clients}"))
        .arg(format!("-d{}s", duration.as_secs()))
        .arg(&url)
        .output();
    let output = match ran {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("wrk is not installed; Debian's package is `wrk`")
        }
        ran => ran.context("wrk does not run")?,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "wrk on {url}: {said}");
    read(&said).with_context(|| format!("wrk on {url}"))
}

fn read(said: &str) -> anyhow::Result<Load> {
    let json = said.lines().last().unwrap_or_default();
    let output: Output = serde_json::from_str(json).with_context(|| said.to_owned())?;
    let Output {
        requests,
        duration,
        p50,
        p99,
        errors,
    } = output;
    ensure!(
        errors == 0 && requests > 0,
        "{errors} of {requests} requests failed"
    );
    let duration = Duration::from_micros(duration.into());
    Ok(Load {
        requests,
        duration,
        p50,
        p99,
    })
}
