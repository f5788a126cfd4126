//! Which threads do what: those that give way to all others do what takes long,
//! is expected to, or nobody waits for.

use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::harness::{PluginFolder, Running, data_folder, edge, eventually, fixture, get, variant};

/// How much the threads in the background give way.
const NICENESS: i64 = 10;

/// A node, as the system sees its threads.
struct Node {
    running: Running,
    _data: tempfile::TempDir,
}

/// A thread in the background.
#[derive(Debug)]
struct Thread {
    niceness: i64,
    /// What it has computed.
    worked: Duration,
    /// How often it was put to sleep, and so began to do something before.
    pauses: u64,
}

impl Node {
    fn start(plugins: &[PluginFolder]) -> Self {
        let data = data_folder();
        let paths = plugins.iter().map(|plugin| plugin.path().display());
        let paths: Vec<_> = paths.map(|path| path.to_string()).collect();
        let mut command = edge(data.path());
        command.env("EDGE_PLUGINS", paths.join(","));
        let mut running = Running::start(command.arg("serve"));
        running.banner();
        Self {
            running,
            _data: data,
        }
    }

    async fn get(&self, target: &str, status: u16) {
        let mut wire = self.running.wire().await;
        wire.send(get(target)).await;
        wire.reply().await.assert_status(status);
    }

    fn background(&self) -> Vec<Thread> {
        let tasks = format!("/proc/{}/task", self.running.pid());
        let tasks = fs::read_dir(tasks).expect("it runs");
        let threads = tasks.filter_map(|task| Thread::read(&task.ok()?.path()));
        let threads: Vec<_> = threads.collect();
        assert!(!threads.is_empty());
        threads
    }

    fn worked(&self) -> Duration {
        self.background().iter().map(|thread| thread.worked).sum()
    }

    fn pauses(&self) -> u64 {
        self.background().iter().map(|thread| thread.pauses).sum()
    }

    /// Wait for threads in the background to do something.
    async fn until_they_wake(&self) {
        let before = self.pauses();
        eventually("work in the background", async || {
            (self.pauses() > before).then_some(())
        })
        .await;
    }
}

impl Thread {
    /// The one of this folder in `/proc`, unless it is another or has ended.
    fn read(folder: &std::path::Path) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        if read("comm")?.trim() != "background" {
            return None;
        }
        // Numbered as in proc(5), which counts from one; two come before the
        // parenthesis.
        let stat = read("stat")?;
        let (_, fields) = stat.rsplit_once(')')?;
        let field = |number: usize| fields.split_whitespace().nth(number - 3);
        let ticks = field(14)?.parse::<u64>().ok()? + field(15)?.parse::<u64>().ok()?;
        let status = read("status")?;
        let pauses = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some(Self {
            niceness: field(19)?.parse().ok()?,
            worked: Duration::from_secs(ticks) / clock_ticks_per_second() as u32,
            pauses: pauses.trim().parse().ok()?,
        })
    }
}

#[tokio::test]
async fn who_computes_for_long_gives_way() {
    let node = Node::start(&[variant("hostile", "[limits]\ncpu-time = '500ms'")]);
    let before = node.worked();
    node.get("/hostile/spin", 504).await;
    let worked = node.worked() - before;
    assert!(worked >= Duration::from_millis(400), "{worked:?}");
    let threads = node.background();
    let processors = available_parallelism().expect("processors").get();
    assert_eq!(threads.len(), processors.div_ceil(2), "half of them");
    for thread in threads {
        // More, where all of the tests give way.
        assert!(thread.niceness >= NICENESS, "{thread:?}");
    }
}

#[tokio::test]
async fn only_who_has_misbehaved_begins_there() {
    const REQUESTS: u64 = 20;
    let node = Node::start(&[fixture("hostile"), fixture("hello")]);
    let wakes = async |target: &str, status: u16| {
        let before = node.pauses();
        for _ in 0..REQUESTS {
            node.get(target, status).await;
        }
        node.pauses() - before
    };
    // One or the other may have to wait for a processor, and seem to compute.
    assert!(wakes("/hello", 200).await < REQUESTS / 2);
    assert!(wakes("/hostile/count", 200).await < REQUESTS / 2);
    wakes("/hostile/trap", 500).await;
    assert!(wakes("/hello", 200).await < REQUESTS / 2);
    let waking = node.until_they_wake();
    tokio::join!(waking, node.get("/hostile/count", 200));
}

#[tokio::test]
async fn periodic_work_gives_way() {
    let node = Node::start(&[fixture("ticker")]);
    node.until_they_wake().await;
}
