//! `[limits]`: bounds on what a plugin may take.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::{ManifestError, require};

/// WebAssembly's page: memory is counted in these.
const WASM_PAGE: u64 = 64 * 1024;

/// Bounds on what a plugin may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Linear memory of one instance.
    pub memory: ByteSize,
    /// Time on a processor for one request.
    #[serde(with = "humantime_serde")]
    pub cpu_time: Duration,
    /// Time for one request, waiting included.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Instances at once.
    pub instances: u32,
    /// Requests that a pooled instance answers before it is replaced.
    pub requests_per_instance: u32,
    /// Longest request body.
    pub body: ByteSize,
    /// Longest response body.
    pub response: ByteSize,
    /// Calls into the host for one request.
    pub host_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(32),
            cpu_time: Duration::from_millis(500),
            deadline: Duration::from_secs(5),
            instances: 16,
            requests_per_instance: 10_000,
            body: ByteSize::kib(64),
            response: ByteSize::mib(4),
            host_calls: 1000,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        require(
            "limits.memory",
            (WASM_PAGE..=4 << 30).contains(&self.memory.as_u64()),
            "must be from 64 KiB to 4 GiB",
        )?;
        require(
            "limits.instances",
            (1..=1000).contains(&self.instances),
            "must be from 1 to 1000",
        )?;
        require(
            "limits.requests-per-instance",
            self.requests_per_instance > 0,
            "must be above 0",
        )?;
        require(
            "limits.cpu-time",
            !self.cpu_time.is_zero(),
            "must be above 0",
        )?;
        require(
            "limits.deadline",
            self.deadline >= self.cpu_time,
            "must not be shorter than limits.cpu-time",
        )
    }
}
