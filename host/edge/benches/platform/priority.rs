//! Which threads of the benchmark go before the node's, and which after: the
//! machines of clients would be others.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};

/// What the system does with a thread that has something to do.
#[derive(Debug, Clone, Copy)]
pub enum Policy {
    /// It runs at once (`SCHED_RR`): what it measures is not its own waiting
    /// for a processor. Not everybody may have it.
    First,
    /// It runs while nothing else does (`SCHED_IDLE`).
    Last,
}

impl Policy {
    /// Have the calling thread treated so. The figures mean something without
    /// it, too.
    pub fn try_set(self) {
        if let Err(error) = self.set() {
            eprintln!("threads that are to go {self:?} do not: {error:#}");
        }
    }

    fn set(self) -> anyhow::Result<()> {
        let (option, priority) = match self {
            Self::First => ("--rr", "1"),
            Self::Last => ("--idle", "0"),
        };
        // A link to `<process>/task/<thread>`.
        let thread = fs::read_link("/proc/thread-self")?;
        let thread = thread.file_name().context("a thread has no number")?;
        let mut chrt = Command::new("chrt");
        let set = chrt
            .args([option, "--pid", priority])
            .arg(thread)
            .output()?;
        let said = String::from_utf8_lossy(&set.stderr);
        ensure!(set.status.success(), "{}", said.trim());
        Ok(())
    }
}
