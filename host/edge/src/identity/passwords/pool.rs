//! A pool of threads with low priority that take jobs from a bounded queue, which clients share
//! fairly.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;
use tokio::sync::oneshot;

use super::fair_queue::FairQueue;
use crate::thread_priority;

/// Niceness of the threads, of at most 19: they yield the processor to all others.
const NICENESS: i32 = 10;

/// Error of a job without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RunError {
    /// The queue was full, and the client had its share of it.
    #[error("the queue is full")]
    Full,
    /// The job panicked.
    #[error("the job panicked")]
    Panicked,
}

/// Instruction to a job that leaves the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Run,
    /// The queue is full, so the job is refused.
    Refuse,
}

type Job = Box<dyn FnOnce(Turn) + Send>;

/// Pool of threads, which end when it is dropped.
pub(super) struct Pool {
    threads: ThreadPool,
    queue: Arc<Queue>,
    #[cfg(test)]
    done: Arc<std::sync::atomic::AtomicUsize>,
}

/// Jobs that wait. The threads have one task for each of them, which runs whichever is the next.
struct Queue(Mutex<FairQueue<Job>>);

impl Queue {
    fn lock(&self) -> MutexGuard<'_, FairQueue<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_next(&self) {
        let next = self.lock().pop();
        if let Some(job) = next {
            job(Turn::Run);
        }
    }
}

impl Pool {
    /// Starts `threads` threads, for which up to `queue` jobs may wait.
    #[expect(
        clippy::expect_used,
        reason = "a node that cannot start a thread cannot run at all"
    )]
    pub(super) fn new(name: &'static str, threads: usize, queue: usize) -> Self {
        Self {
            threads: thread_priority::pool(name, threads, NICENESS)
                .expect("the operating system can start more threads"),
            queue: Arc::new(Queue(Mutex::new(FairQueue::new(queue)))),
            #[cfg(test)]
            done: Arc::default(),
        }
    }

    /// Runs `work` on a thread of the pool, after it has waited in the line of `client`, and
    /// returns its result. If this future is dropped before a thread has begun, the work is
    /// skipped.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let (reply, result) = oneshot::channel();
        #[cfg(test)]
        let done = self.done.clone();
        let job = move |turn| {
            if reply.is_closed() {
                return;
            }
            if turn == Turn::Refuse {
                let _ = reply.send(Err(RunError::Full));
                return;
            }
            let result = work();
            #[cfg(test)]
            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // The caller may have dropped its future meanwhile.
            let _ = reply.send(Ok(result));
        };
        let displaced = self.queue.lock().push(client, Box::new(job));
        match displaced {
            // The task of a displaced job runs another one.
            Some(displaced) => displaced(Turn::Refuse),
            None => {
                let queue = self.queue.clone();
                // A panic drops the channel, by which the caller learns of it.
                self.threads.spawn(move || queue.run_next());
            }
        }
        result.await.map_err(|_| RunError::Panicked)?
    }

    /// Returns the jobs that were run and not skipped.
    #[cfg(test)]
    pub(super) fn done(&self) -> usize {
        self.done.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Returns a pool of one thread, which is busy until the sender is dropped.
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
            running.run("client", job).await
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
                tokio::spawn(async move { pool.run("client", move || n).await })
            })
            .collect();
        // Both are in the queue once the single-threaded runtime has run them.
        tokio::task::yield_now().await;
        assert_eq!(pool.run("client", || 2).await, Err(RunError::Full));
        drop(busy);
        for (n, waiting) in waiting.into_iter().enumerate() {
            assert_eq!(waiting.await.expect("no panic"), Ok(n));
        }
        assert_eq!(pool.run("client", || 3).await, Ok(3));
    }

    #[tokio::test]
    async fn a_flood_of_one_client_leaves_room_for_another() {
        let (pool, busy) = busy(2).await;
        let flood: Vec<_> = (0..2)
            .map(|n| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run("flood", move || n).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let other = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run("other", || 7).await }
        });
        tokio::task::yield_now().await;
        drop(busy);
        assert_eq!(other.await.expect("no panic"), Ok(7));
        let mut results = Vec::new();
        for one in flood {
            results.push(one.await.expect("no panic"));
        }
        assert_eq!(results, [Ok(0), Err(RunError::Full)]);
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_is_skipped() {
        let (pool, busy) = busy(1).await;
        let abandoned = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run("client", || ()).await }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|error| error.is_cancelled()));
        drop(busy);
        // The queue holds one: there is room as soon as the job is skipped.
        while pool.run("client", || ()).await == Err(RunError::Full) {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.done(), 2, "the busy one and the last");
    }

    #[tokio::test]
    async fn a_panic_costs_only_its_job() {
        let pool = Pool::new("test", 1, 1);
        let panicked = pool.run("client", || panic!("on purpose")).await;
        assert_eq!(panicked, Err::<(), _>(RunError::Panicked));
        assert_eq!(pool.run("client", || 1).await, Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_give_way_and_no_others_do() {
        let own = || rustix::process::getpriority_process(None).expect("a priority");
        let before = own();
        let pool = Pool::new("test", 1, 1);
        let of_the_pool = pool.run("client", own).await.expect("a priority");
        assert_eq!(of_the_pool, before.max(NICENESS));
        assert_eq!(own(), before);
    }
}
