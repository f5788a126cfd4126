//! The manifest section `[limits]`: limits of a plugin's resources.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::{ManifestError, require};

/// Size of a WebAssembly page in bytes, the unit of linear memory.
const WASM_PAGE: u64 = 64 * 1024;

/// Limits of a plugin's resources.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Maximum linear memory of one instance.
    pub memory: ByteSize,
    /// Maximum processor time of one request.
    #[serde(with = "humantime_serde")]
    pub cpu_time: Duration,
    /// Time limit for one request, waiting for an instance included.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Maximum number of concurrent instances.
    pub instances: u32,
    /// Requests that a pooled instance answers before it is replaced.
    pub requests_per_instance: u32,
    /// Maximum length of a request body.
    pub body: ByteSize,
    /// Maximum length of a response body.
    pub response: ByteSize,
    /// Maximum number of host calls of one request.
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
