//! Which threads do what: those that give way to all others do what takes long,
//! is expected to, or nobody waits for.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::harness::{PluginFolder, Running, data_folder, edge, eventually, fixture, get, variant};

/// How much the threads in the background give way.
const NICENESS: i64 = 10;

/// Requests that are enough to know a plugin by.
const REQUESTS: u64 = 20;

/// Asks for what no manifest grants.
const DENIED: &str = "/fetch?url=http://169.254.169.254/";

/// Asks for more rows than anybody gets.
const TOO_LARGE: &str = "/ledger/many?n=1000000";

/// A node, as the system sees its threads.
struct Node {
    running: Running,
    data: tempfile::TempDir,
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
        Self { running, data }
    }

    /// How often they are woken by requests for this.
    async fn wakes(&self, target: &str, status: u16) -> u64 {
        let before = self.pauses();
        for _ in 0..REQUESTS {
            self.get(target, status).await;
        }
        self.pauses() - before
    }

    fn deploy(&self, plugin: &PluginFolder) {
        let operators = format!("http://{}", self.running.admin_address());
        let mut command = edge(self.data.path());
        command.env("EDGE_ADMIN_URL", operators);
        command.args(["deploy", "--wait"]).arg(plugin.path());
        let deployed = command.output().expect("it runs");
        assert!(deployed.status.success(), "{deployed:?}");
    }

    async fn get(&self, target: &str, status: u16) {
        let mut wire = self.running.wire().await;
        wire.send(get(target)).await;
        wire.reply().await.assert_status(status);
    }

    /// The folders of its threads in `/proc`.
    fn tasks(&self) -> impl Iterator<Item = PathBuf> {
        let tasks = format!("/proc/{}/task", self.running.pid());
        let tasks = fs::read_dir(tasks).expect("it runs");
        tasks.filter_map(|task| Some(task.ok()?.path()))
    }

    /// How many threads compile.
    fn compilers(&self) -> usize {
        let names = self
            .tasks()
            .map(|task| fs::read_to_string(task.join("comm")));
        names
            .filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("compile-")))
            .count()
    }

    fn background(&self) -> Vec<Thread> {
        let threads: Vec<_> = self
            .tasks()
            .filter_map(|task| Thread::read(&task))
            .collect();
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
    fn read(folder: &Path) -> Option<Self> {
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
    // One more loads compiled code, and is gone ten seconds later.
    let half = processors.div_ceil(2);
    assert!((half..=half + 1).contains(&threads.len()), "half of them");
    // As many again wait for what a shop goes back to.
    assert_eq!(node.compilers(), 2 * half, "half of them, twice");
    for thread in threads {
        // More, where all of the tests give way.
        assert!(thread.niceness >= NICENESS, "{thread:?}");
    }
}

#[tokio::test]
async fn only_who_has_misbehaved_begins_there() {
    let frugal = variant("ledger", "[limits]\nhost-calls = 1");
    let misdeeds = [
        (fixture("hostile"), "/hostile/count", "/hostile/trap", 500),
        (fixture("fetch"), "/fetch", DENIED, 200),
        (fixture("ledger"), "/ledger/sum", TOO_LARGE, 200),
        (frugal, "/ledger/sum", "/ledger/calls?n=2", 200),
    ];
    for (plugin, harmless, misdeed, status) in misdeeds {
        let node = Node::start(&[plugin, fixture("hello")]);
        // One or the other may have to wait for a processor, and seem to
        // compute.
        assert!(node.wakes("/hello", 200).await < REQUESTS / 2, "{misdeed}");
        assert!(node.wakes(harmless, 200).await < REQUESTS / 2, "{misdeed}");
        node.wakes(misdeed, status).await;
        assert!(node.wakes("/hello", 200).await < REQUESTS / 2, "{misdeed}");
        let waking = node.until_they_wake();
        tokio::join!(waking, node.get(harmless, 200));
    }
}

#[test]
fn releases_are_taken_in_and_made_ready_there() {
    let node = Node::start(&[fixture("hello")]);
    let before = node.pauses();
    node.deploy(&variant("hello", "version = '0.2.0'"));
    // To read the bundle, to look into it, and to load it from the database.
    let pauses = node.pauses() - before;
    assert!(pauses >= 3, "{pauses}");
}

#[tokio::test]
async fn periodic_work_gives_way() {
    let node = Node::start(&[fixture("ticker")]);
    node.until_they_wake().await;
}
