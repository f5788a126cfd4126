//! `wrk`, the load generator: one thread of it, so that on a small machine it
//! leaves the most to the server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

/// Makes `wrk` say its results in JSON.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/platform/wrk.lua");

/// What one run measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    /// Requests answered in a second.
    pub rate: f64,
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

/// Ask for `target` again and again, on so many connections at once, each
/// waiting for its reply before the next request.
///
/// # Errors
/// When `wrk` is not installed, or any request failed: such a run says
/// nothing of speed.
pub fn run(
    address: SocketAddr,
    target: &str,
    connections: u32,
    duration: Duration,
) -> anyhow::Result<Measured> {
    let url = format!("http://{address}{target}");
    let ran = Command::new("wrk")
        .args(["-t1", "-s", SCRIPT])
        .arg(format!("-c{connections}"))
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

fn read(said: &str) -> anyhow::Result<Measured> {
    let json = said.lines().last().unwrap_or_default();
    let output: Output = serde_json::from_str(json).with_context(|| said.to_owned())?;
    ensure!(
        output.errors == 0,
        "{} of {} requests failed",
        output.errors,
        output.requests
    );
    let seconds = Duration::from_micros(output.duration.into()).as_secs_f64();
    Ok(Measured {
        rate: f64::from(output.requests) / seconds,
        p50: output.p50,
        p99: output.p99,
    })
}
