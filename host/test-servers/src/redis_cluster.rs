//! Redis Clusters of three primaries for tests.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::authority::Authority;
use crate::process_guard::ProcessGuard;
use crate::redis::{cluster_arguments, redis_answers, tls_cluster_arguments, tls_cluster_port};
use crate::server::{Kind, Server, command};

static KIND: Kind = Kind {
    program: || command("redis-server"),
    arguments: |folder, port| arguments(cluster_arguments(folder, port)),
    answers: redis_answers,
};

static TLS: Kind = Kind {
    program: || command("redis-server"),
    arguments: |folder, port| arguments(tls_cluster_arguments(folder, port)),
    answers: redis_answers,
};

fn arguments(mut arguments: Vec<String>) -> Vec<String> {
    // Milliseconds after which a node counts as failed: short for a test, and longer than a busy
    // machine delays nodes.
    arguments.extend(["--cluster-node-timeout", "3000"].map(str::to_owned));
    // Replicas synchronize at once.
    arguments.extend(["--repl-diskless-sync-delay", "0"].map(str::to_owned));
    // As in managed clusters, the other slots are served if some are not covered.
    arguments.extend(["--cluster-require-full-coverage", "no"].map(str::to_owned));
    arguments
}

const PRIMARIES: usize = 3;

/// Time limit for the nodes to agree on the cluster, on a busy machine.
const AGREEMENT_LIMIT: Duration = Duration::from_mins(1);

/// A cluster of three primaries, with or without replicas.
pub struct RedisCluster {
    nodes: Vec<Server>,
    has_tls: bool,
}

impl RedisCluster {
    /// Returns the cluster that the tests of this process share, without replicas. It has only one
    /// database, so each test needs a prefix of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<RedisCluster>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start(0)) {
            Ok(cluster) => cluster,
            Err(error) => panic!("Redis Cluster: {error}"),
        }
    }

    /// Starts a cluster for one test, with `replicas` replicas of each primary.
    pub fn start(replicas: usize) -> io::Result<Self> {
        let start = |_| Server::start(&KIND, ProcessGuard::new("edge-redis-")?);
        let nodes: io::Result<Vec<_>> = (0..PRIMARIES * (1 + replicas)).map(start).collect();
        Self::form(nodes?, false, replicas)
    }

    /// Starts a cluster for one test, without replicas, whose nodes use TLS with each other and
    /// with clients, by certificates of `authority`.
    pub fn start_tls(authority: &Authority) -> io::Result<Self> {
        let start = |_| {
            let guard = ProcessGuard::new("edge-redis-")?;
            authority.issue(guard.folder());
            Server::start(&TLS, guard)
        };
        let nodes: io::Result<Vec<_>> = (0..PRIMARIES).map(start).collect();
        Self::form(nodes?, true, 0)
    }

    /// Forms a cluster of nodes that do not know each other yet.
    fn form(nodes: Vec<Server>, has_tls: bool, replicas: usize) -> io::Result<Self> {
        let cluster = Self { nodes, has_tls };
        let mut arguments = vec!["--cluster".to_owned(), "create".to_owned()];
        arguments.extend((0..cluster.nodes.len()).map(|node| cluster.address(node)));
        arguments.extend(["--cluster-replicas".to_owned(), replicas.to_string()]);
        arguments.push("--cluster-yes".to_owned());
        cluster.cli(0, &arguments)?;
        cluster.wait_until_agreed(PRIMARIES * replicas)?;
        Ok(cluster)
    }

    /// Waits until each node knows that all slots are assigned, and `replicas` replicas are known.
    fn wait_until_agreed(&self, replicas: usize) -> io::Result<()> {
        let began = Instant::now();
        loop {
            let known = self.cli(0, &["CLUSTER", "NODES"])?;
            let is_known = known.matches("slave").count() == replicas;
            let states = (0..self.nodes.len()).map(|node| self.cli(node, &["CLUSTER", "INFO"]));
            let states: io::Result<Vec<_>> = states.collect();
            if is_known
                && states?
                    .iter()
                    .all(|state| state.contains("cluster_state:ok"))
            {
                return Ok(());
            }
            if began.elapsed() > AGREEMENT_LIMIT {
                return Err(io::Error::other(format!("no agreement: {known}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the URLs of two primaries; clients discover the third.
    pub fn urls(&self) -> String {
        format!("{},{}", self.url(0), self.url(1))
    }

    /// Returns the URL of one node, in the form for a single server.
    pub fn url(&self, node: usize) -> String {
        match self.has_tls {
            false => format!("redis://{}", self.address(node)),
            true => format!(
                "rediss://{}?ssl-ca={}",
                self.address(node),
                self.certificate(node).display()
            ),
        }
    }

    /// Returns the file with the certificate of a node's authority.
    pub fn certificate(&self, node: usize) -> PathBuf {
        self.nodes[node].folder().join("ca.pem")
    }

    /// Returns the address of a node for clients.
    fn address(&self, node: usize) -> String {
        let port = self.nodes[node].port();
        match self.has_tls {
            false => format!("127.0.0.1:{port}"),
            true => format!("127.0.0.1:{}", tls_cluster_port(port)),
        }
    }

    fn id(&self, node: usize) -> String {
        let id = self.cli(node, &["CLUSTER", "MYID"]).expect("an id");
        id.trim().to_owned()
    }

    /// Returns whether each primary's replica has received all writes.
    pub fn has_replicated(&self) -> bool {
        (0..PRIMARIES).all(|node| {
            let info = self.cli(node, &["INFO", "replication"]).expect("info");
            let value = |name: &str| {
                let line = info.lines().find(|line| line.contains(name))?;
                let (_, rest) = line.split_once(name)?;
                rest.split([',', '\r']).next().map(str::to_owned)
            };
            let offset = value("master_repl_offset:");
            let is_online = value("state=").as_deref() == Some("online");
            is_online && offset.is_some() && value(",offset=") == offset
        })
    }

    /// Moves slots from one primary to another, one at a time.
    pub fn move_slots(&self, from: usize, to: usize, slots: u32) -> io::Result<()> {
        let arguments = [
            "--cluster".to_owned(),
            "reshard".to_owned(),
            self.address(0),
            "--cluster-from".to_owned(),
            self.id(from),
            "--cluster-to".to_owned(),
            self.id(to),
            "--cluster-slots".to_owned(),
            slots.to_string(),
            "--cluster-yes".to_owned(),
        ];
        self.cli(0, &arguments).map(|_| ())
    }

    /// Runs one command of words without spaces on every node.
    pub fn run_on_all(&self, command: &str) {
        let words: Vec<_> = command.split(' ').collect();
        for node in 0..self.nodes.len() {
            let ran = self.cli(node, &words);
            ran.unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }

    /// Makes every replica take over from its primary, which waits until the replica has all of its
    /// data, so that nothing is lost. One at a time, since a primary votes for one at a time.
    pub fn fail_over(&self) -> io::Result<()> {
        (PRIMARIES..self.nodes.len()).try_for_each(|node| self.take_over(node))
    }

    fn take_over(&self, node: usize) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed() < AGREEMENT_LIMIT {
            // The replica itself gives up a fail-over that takes more than five seconds.
            self.cli(node, &["CLUSTER", "FAILOVER"])?;
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_secs(6) {
                if self.cli(node, &["ROLE"])?.starts_with("master") {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Err(io::Error::other("no fail-over"))
    }

    /// Kills one node, as a crash does.
    pub fn stop(&mut self, node: usize) -> io::Result<()> {
        self.nodes[node].stop()
    }

    fn cli(&self, node: usize, arguments: &[impl AsRef<std::ffi::OsStr>]) -> io::Result<String> {
        let address = self.address(node);
        let (host, port) = address.split_once(':').unwrap_or_default();
        let mut client = command("redis-cli")?;
        client.args(["-h", host, "-p", port]);
        if self.has_tls {
            client
                .arg("--tls")
                .arg("--cacert")
                .arg(self.certificate(node));
        }
        let output = client.args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(text),
            false => Err(io::Error::other(text)),
        }
    }
}
