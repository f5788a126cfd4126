//! Threads of low priority for guests that compute for long or misbehave, so that other requests
//! find a processor however many such guests there are.
//!
//! A request begins on the threads of the node's own runtime, which accepted it. If it computes for
//! long, or makes a host call that is not granted, it continues on the threads of low priority,
//! with everything done on its behalf.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{future, io};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::thread_priority;

/// Processor time after which a request is demoted: many times what the shop's requests need, and
/// hardly noticeable to a person.
pub(super) const FOREGROUND: Duration = Duration::from_millis(4);

/// Niceness of the threads, of 19 at most. They still get a tenth of a contended processor, so that
/// their work always advances.
const NICENESS: i32 = 10;

/// Tokio runtime with threads of low priority.
pub(crate) struct Background {
    threads: Handle,
    /// Owner of the runtime, which shuts down when this is dropped.
    _running: Running,
}

struct Running(Option<Runtime>);

/// Flag that demotes a request to low priority, set after it has computed for long, or after a
/// plugin made a host call that is not granted or exceeds a limit. All work on behalf of the
/// request shares it, in whichever plugin.
#[derive(Debug, Clone, Default)]
pub struct Demotion(Arc<AtomicBool>);

impl Demotion {
    /// Demotes the request.
    pub(crate) fn set(&self) {
        self.0.store(true, Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot start them.
    pub(crate) fn new() -> io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .worker_threads(thread_priority::threads())
            .thread_name("background")
            // Only loading of compiled code blocks here.
            .max_blocking_threads(1)
            .on_thread_start(|| thread_priority::set_nice(NICENESS))
            .build()?;
        Ok(Self {
            threads: threads.handle().clone(),
            _running: Running(Some(threads)),
        })
    }

    /// Runs `work` in the calling task, and continues it at low priority once `demotion` is set.
    /// Dropping the future ends the work.
    ///
    /// # Errors
    /// Returns an error if the work panicked at low priority.
    pub(crate) async fn run_then_demote<T: Send + 'static>(
        &self,
        demotion: &Demotion,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut work = Box::pin(work);
        let here = future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if demotion.is_set() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match here.await {
            Some(done) => Ok(done),
            None => self.run(work).await,
        }
    }

    /// Runs all of `work` at low priority. Dropping the future ends the work.
    ///
    /// # Errors
    /// Returns an error if the work panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let work = InRuntime {
            node: Handle::current(),
            work: Some(Box::pin(work)),
        };
        AbortOnDropHandle::new(self.threads.spawn(work)).await
    }

    /// Runs short `work` that blocks its thread, on a thread of low priority for blocking work.
    /// Work that has begun continues if the future is dropped.
    ///
    /// # Errors
    /// Returns an error if the work panicked.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.threads.spawn_blocking(work).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            // Does not block, which tokio forbids on its own threads.
            threads.shutdown_background();
        }
    }
}

/// Future that is polled and dropped inside the context of the node's own runtime, on whichever
/// thread. Sockets, timers and tasks that it creates may be shared with other requests, which must
/// not wait for threads of low priority.
struct InRuntime<T> {
    node: Handle,
    /// `None` once the work is done.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T> Future for InRuntime<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { node, work } = &mut *self;
        let _inside = node.enter();
        let Some(running) = work else {
            return Poll::Pending;
        };
        let poll = running.as_mut().poll(context);
        if poll.is_ready() {
            *work = None;
        }
        poll
    }
}

impl<T> Drop for InRuntime<T> {
    fn drop(&mut self) {
        let _inside = self.node.enter();
        self.work = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use tokio::time::sleep;

    use super::*;

    fn background() -> Background {
        Background::new().expect("threads")
    }

    fn here() -> (bool, i32) {
        let priority = rustix::process::getpriority_process(None).expect("a priority");
        let is_background = thread::current().name() == Some("background");
        (is_background, priority)
    }

    #[tokio::test]
    async fn work_moves_once_it_is_unhurried() {
        let (_, usual) = here();
        let demotion = Demotion::default();
        let found = demotion.clone();
        let work = async move {
            let before = here();
            tokio::task::yield_now().await;
            let short = here();
            found.set();
            tokio::task::yield_now().await;
            [before, short, here()]
        };
        let places = background().run_then_demote(&demotion, work).await;
        let moved = (true, NICENESS.max(usual));
        let expected = [(false, usual), (false, usual), moved];
        assert_eq!(places.expect("no panic"), expected);
    }

    #[tokio::test]
    async fn timers_and_tasks_belong_to_the_node() {
        let background = background();
        let found = background.run(async {
            // Needs timers, which the low-priority runtime does not have.
            sleep(Duration::from_millis(1)).await;
            let task = tokio::spawn(async { here() }).await.expect("no panic");
            (here(), task)
        });
        let ((work_moved, _), (task_moved, _)) = found.await.expect("no panic");
        assert!(work_moved && !task_moved);
    }

    /// Value that spawns a task when it is dropped, as connections do.
    struct Settles(Arc<AtomicUsize>);

    impl Drop for Settles {
        fn drop(&mut self) {
            let settled = self.0.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                settled.fetch_add(1, Relaxed);
            });
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_ends_inside_the_node() {
        let background = background();
        let settled = Arc::new(AtomicUsize::new(0));
        let settles = Settles(settled.clone());
        let work = background.run(async move {
            let _settles = settles;
            future::pending::<()>().await;
        });
        let waited = tokio::time::timeout(Duration::from_millis(20), work).await;
        assert!(waited.is_err());
        let settling = async {
            while settled.load(Relaxed) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), settling).await;
        assert!(ended.is_ok(), "it goes on");
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let background = background();
        let panicked = background.run(async { assert!(here().1 > 99, "no") });
        assert!(panicked.await.is_err_and(|error| error.is_panic()));
    }
}
