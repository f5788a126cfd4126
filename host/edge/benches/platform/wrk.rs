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

/// Header fields of a browser's request, besides `host`.
const BROWSER: [&str; 13] = [
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language: en-US,en;q=0.5",
    "referer: https://shop.example/departments/3",
    "origin: https://shop.example",
    "connection: keep-alive",
    "cookie: session=4f1c2b7a9d3e; theme=dark; consent=1",
    "dnt: 1",
    "sec-gpc: 1",
    "sec-fetch-dest: empty",
    "sec-fetch-mode: cors",
    "sec-fetch-site: same-site",
    "priority: u=4",
];

/// Ask for `target` again and again, as so many clients at once, each
/// waiting for its reply before the next request, with the header fields of a
/// browser if `as_browser`.
///
/// # Errors
/// When `wrk` is not installed, or any request failed: such a run says
/// nothing of speed.
pub fn run(
    address: SocketAddr,
    target: &str,
    clients: u32,
    duration: Duration,
    as_browser: bool,
) -> anyhow::Result<Load> {
    let url = format!("http://{address}{target}");
    let fields = BROWSER.iter().filter(|_| as_browser);
    let ran = Command::new("wrk")
        .args(["-t1", "-s", SCRIPT])
        .args(fields.flat_map(|field| ["-H", field]))
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
