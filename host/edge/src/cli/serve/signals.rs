//! Signal handling of a process that serves.

use std::ops::RangeInclusive;
use std::task::Poll;

use anyhow::anyhow;
use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that end a node after its requests in flight: SIGTERM from an
/// orchestrator, ctrl-c, a terminal that is closed, and SIGQUIT, by which other
/// servers stop gracefully. Certificates are reloaded without a signal.
const ENDING: [process::Signal; 4] = [
    process::Signal::TERM,
    process::Signal::INT,
    process::Signal::HUP,
    process::Signal::QUIT,
];

/// Signals without effect, which would otherwise end the process in the middle
/// of requests, and by which operators control other servers. SIGXFSZ and
/// SIGXCPU are noticed by the failing write and the hard limit.
const IGNORED: [process::Signal; 10] = [
    process::Signal::USR1,
    process::Signal::USR2,
    process::Signal::ALARM,
    process::Signal::VTALARM,
    process::Signal::PROF,
    process::Signal::IO,
    process::Signal::POWER,
    process::Signal::XFSZ,
    process::Signal::XCPU,
    process::Signal::STKFLT,
];

/// Signals without a fixed meaning (SIGRTMIN to SIGRTMAX on Linux), by which
/// service managers communicate. They have no effect either.
const REAL_TIME: RangeInclusive<i32> = 34..=64;

/// Streams of the signals that end a node.
pub(in crate::cli) struct Signals(Vec<Signal>);

impl Signals {
    /// Installs the handlers, which stay for as long as the process lives.
    pub(in crate::cli) fn listen() -> anyhow::Result<Self> {
        for ignored in IGNORED {
            // The handler stays installed when its stream is dropped.
            drop(listen(ignored)?);
        }
        for number in REAL_TIME {
            // Some C libraries reserve the first of these signals.
            drop(signal(SignalKind::from_raw(number)));
        }
        let ending = ENDING.into_iter().filter(|&kind| !is_ignored(kind));
        let ending = ending.map(listen);
        Ok(Self(ending.collect::<anyhow::Result<_>>()?))
    }

    /// Waits for a signal that ends the node.
    pub(in crate::cli) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut signals = self.0.iter_mut();
            match signals.any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// Returns whether the process was started with SIGHUP ignored, as by `nohup`,
/// so that it outlives its terminal.
fn is_ignored(kind: process::Signal) -> bool {
    kind == process::Signal::HUP && ignored_signals() >> (kind.as_raw() - 1) & 1 == 1
}

/// Reads the mask of ignored signals, with bit `n - 1` for signal `n`. Returns
/// 0 where the system does not provide it (`proc_pid_status(5)`).
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

fn listen(kind: process::Signal) -> anyhow::Result<Signal> {
    let listening = signal(SignalKind::from_raw(kind.as_raw()));
    listening.map_err(|error| anyhow!("cannot listen for signals: {error}"))
}
