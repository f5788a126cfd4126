//! A few threads of low priority that take one job after another from a
//! bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::priority::give_way;

/// How much the threads give way to all others: half of what the system
/// knows.
const NICENESS: i32 = 10;

/// A job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RunError {
    /// The queue was full.
    #[error("the queue is full")]
    Full,
    /// The job panicked.
    #[error("the job panicked")]
    Panicked,
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
pub(super) struct Pool {
    queue: SyncSender<Job>,
    #[cfg(test)]
    done: Arc<std::sync::atomic::AtomicUsize>,
}

impl Pool {
    /// `threads` that let `queue` jobs wait.
    pub(super) fn new(name: &str, threads: usize, queue: usize) -> Self {
        let (queue, jobs) = sync_channel(queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            spawn(name, jobs.clone());
        }
        Self {
            queue,
            #[cfg(test)]
            done: Arc::default(),
        }
    }

    /// The result of `work`. Dropping this future before a thread has begun
    /// spares the work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let (reply, result) = oneshot::channel();
        #[cfg(test)]
        let done = self.done.clone();
        let job = move || {
            if reply.is_closed() {
                return;
            }
            let result = work();
            #[cfg(test)]
            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Who asked may have left meanwhile.
            let _ = reply.send(result);
        };
        self.queue
            .try_send(Box::new(job))
            .map_err(|_| RunError::Full)?;
        result.await.map_err(|_| RunError::Panicked)
    }

    /// Jobs that were not skipped.
    #[cfg(test)]
    pub(super) fn done(&self) -> usize {
        self.done.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[expect(
    clippy::expect_used,
    reason = "a node that cannot start a thread cannot run at all"
)]
fn spawn(name: &str, jobs: Arc<Mutex<Receiver<Job>>>) {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || work_off(&jobs))
        .expect("the operating system can start one more thread");
}

fn work_off(jobs: &Mutex<Receiver<Job>>) {
    give_way(NICENESS);
    while let Some(job) = next(jobs) {
        // Whoever waits learns of a panic by the channel that it drops.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// The lock is held only while nothing is to be done: who has a job lets the
/// next thread wait for one.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A pool of one thread, which is busy until the sender is dropped.
    async fn busy(queue: usize) -> (Arc<Pool>, mpsc::Sender<()>) {
        let pool = Arc::new(Pool::new("test", 1, queue));
        let (busy, released) = mpsc::channel::<()>();
        let (began, begun) = oneshot::channel();
        let running = pool.clone();
        tokio::spawn(async move {
            let job = move || {
                let _ = began.send(());
                let _ = released.recv();
            };
            running.run(job).await
        });
        begun.await.expect("the thread takes the job");
        (pool, busy)
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (pool, busy) = busy(2).await;
        let waiting: Vec<_> = (0..2)
            .map(|n| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run(move || n).await })
            })
            .collect();
        // Both are in the queue once the single-threaded runtime has run them.
        tokio::task::yield_now().await;
        assert_eq!(pool.run(|| 2).await, Err(RunError::Full));
        drop(busy);
        for (n, waiting) in waiting.into_iter().enumerate() {
            assert_eq!(waiting.await.expect("no panic"), Ok(n));
        }
        assert_eq!(pool.run(|| 3).await, Ok(3));
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_is_skipped() {
        let (pool, busy) = busy(1).await;
        let abandoned = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| ()).await }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|error| error.is_cancelled()));
        drop(busy);
        // The queue holds one: there is room as soon as the job is skipped.
        while pool.run(|| ()).await == Err(RunError::Full) {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.done(), 2, "the busy one and the last");
    }

    #[tokio::test]
    async fn a_panic_costs_only_its_job() {
        let pool = Pool::new("test", 1, 1);
        let panicked = pool.run(|| panic!("on purpose")).await;
        assert_eq!(panicked, Err::<(), _>(RunError::Panicked));
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_give_way_and_no_others_do() {
        let own = || rustix::process::getpriority_process(None).expect("a priority");
        let before = own();
        let pool = Pool::new("test", 1, 1);
        let of_the_pool = pool.run(own).await.expect("a priority");
        assert_eq!(of_the_pool, before.max(NICENESS));
        assert_eq!(own(), before);
    }
}
