//! Signals of a process that serves.

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
const IGNORED: [process::Signal; 9] = [
    process::Signal::USR1,
    process::Signal::USR2,
    process::Signal::ALARM,
    process::Signal::VTALARM,
    process::Signal::PROF,
    process::Signal::IO,
    process::Signal::POWER,
    process::Signal::XFSZ,
    process::Signal::XCPU,
];

/// The signals that end a node.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    /// Catches signals from now on, for as long as the process lives.
    pub(super) fn listen() -> anyhow::Result<Self> {
        for ignored in IGNORED {
            // A handler stays when nobody listens any more.
            drop(listen(ignored)?);
        }
        let ending = ENDING.into_iter().map(listen);
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

fn listen(kind: process::Signal) -> anyhow::Result<Signal> {
    let listening = signal(SignalKind::from_raw(kind.as_raw()));
    listening.map_err(|error| anyhow!("cannot listen for signals: {error}"))
}
