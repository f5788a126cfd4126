//! Signals of a process that serves.

use std::ops::RangeInclusive;
use std::task::Poll;

use anyhow::anyhow;
use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that end a node, after requests in flight: SIGTERM of an
/// orchestrator, ctrl-c, a terminal that is closed, and SIGQUIT, by which other
/// servers stop gracefully. Certificates are read again without a signal.
const ENDING: [process::Signal; 4] = [
    process::Signal::TERM,
    process::Signal::INT,
    process::Signal::HUP,
    process::Signal::QUIT,
];

/// Signals that would end a process in the middle of requests, and by which
/// operators tell other servers to do something: they have no effect. Of
/// SIGXFSZ and SIGXCPU, the failing write or the hard limit tells.
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

/// The signals without a meaning of their own (SIGRTMIN to SIGRTMAX on Linux),
/// by which service managers speak to each other. They have no effect either.
const REAL_TIME: RangeInclusive<i32> = 34..=64;

/// The signals that end a node.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    /// Catches signals from now on, for as long as the process lives.
    pub(super) fn listen() -> anyhow::Result<Self> {
        for ignored in IGNORED {
            // A handler stays when nobody listens any more.
            drop(listen(ignored)?);
        }
        for number in REAL_TIME {
            // Some C libraries keep the first of them for themselves.
            drop(signal(SignalKind::from_raw(number)));
        }
        let ending = ENDING.into_iter().filter(|&kind| !is_ignored(kind));
        let ending = ending.map(listen);
        Ok(Self(ending.collect::<anyhow::Result<_>>()?))
    }

    /// Waits for one that ends the node.
    pub(super) async fn next(&mut self) {
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

/// Whether the process was started with SIGHUP ignored, as `nohup` does: then
/// it outlives its terminal.
fn is_ignored(kind: process::Signal) -> bool {
    kind == process::Signal::HUP && ignored_signals() >> (kind.as_raw() - 1) & 1 == 1
}

/// Reads the signals that are ignored: the bit `n - 1` for signal `n`. None
/// where the system does not tell (`proc_pid_status(5)`).
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
