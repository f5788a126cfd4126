//! A Redis Cluster of three primaries, as the tests run it.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::keeper::Keeper;
use super::redis::{cluster_arguments, redis_answers};
use super::server::{Kind, Server, command};

static KIND: Kind = Kind {
    program: || command("redis-server"),
    arguments: |folder, port| {
        let mut arguments = cluster_arguments(folder, port);
        // Soon enough for a test, and longer than a busy machine makes nodes wait.
        arguments.extend(["--cluster-node-timeout", "3000"].map(str::to_owned));
        // A replica is one at once.
        arguments.extend(["--repl-diskless-sync-delay", "0"].map(str::to_owned));
        // As managed clusters have it: what is there is served.
        arguments.extend(["--cluster-require-full-coverage", "no"].map(str::to_owned));
        arguments
    },
    answers: redis_answers,
};

const PRIMARIES: usize = 3;

/// How long a cluster may take to agree, on a machine that is busy.
const AGREEMENT_LIMIT: Duration = Duration::from_mins(1);

/// Three primaries, and maybe a replica of each.
pub struct RedisCluster {
    nodes: Vec<Server>,
}

impl RedisCluster {
    /// The cluster that the tests of this process share, without replicas. It
    /// has one database: take a prefix of your own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<RedisCluster>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start(0)) {
            Ok(cluster) => cluster,
            Err(error) => panic!("Redis Cluster: {error}"),
        }
    }

    /// A cluster for one test, whose primaries have so many replicas each.
    pub fn start(replicas: usize) -> io::Result<Self> {
        let start = |_| Server::start(&KIND, Keeper::new("edge-redis-")?);
        let nodes: io::Result<Vec<_>> = (0..PRIMARIES * (1 + replicas)).map(start).collect();
        let cluster = Self { nodes: nodes? };
        let mut arguments = vec!["--cluster".to_owned(), "create".to_owned()];
        arguments.extend(cluster.nodes.iter().map(address));
        arguments.extend(["--cluster-replicas".to_owned(), replicas.to_string()]);
        arguments.push("--cluster-yes".to_owned());
        cluster.cli(0, &arguments)?;
        cluster.wait_until_agreed(PRIMARIES * replicas)?;
        Ok(cluster)
    }

    /// Each node has to know that all slots are there, and its replicas.
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

    /// The URLs of two primaries: the third is found.
    pub fn urls(&self) -> String {
        format!("{},{}", self.url(0), self.url(1))
    }

    /// The URL of one node, as of a server that is no cluster.
    pub fn url(&self, node: usize) -> String {
        format!("redis://{}", address(&self.nodes[node]))
    }

    fn id(&self, node: usize) -> String {
        let id = self.cli(node, &["CLUSTER", "MYID"]).expect("an id");
        id.trim().to_owned()
    }

    /// Whether each primary's replica has all that it has been told.
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

    /// Move slots from one primary to another, one after the other.
    pub fn move_slots(&self, from: usize, to: usize, slots: u32) -> io::Result<()> {
        let arguments = [
            "--cluster".to_owned(),
            "reshard".to_owned(),
            address(&self.nodes[0]),
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

    /// End one node as a crash does.
    pub fn stop(&mut self, node: usize) -> io::Result<()> {
        self.nodes[node].stop()
    }

    fn cli(&self, node: usize, arguments: &[impl AsRef<std::ffi::OsStr>]) -> io::Result<String> {
        let port = self.nodes[node].port().to_string();
        let output = command("redis-cli")?
            .args(["-h", "127.0.0.1", "-p", &port])
            .args(arguments)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(text),
            false => Err(io::Error::other(text)),
        }
    }
}

fn address(node: &Server) -> String {
    format!("127.0.0.1:{}", node.port())
}
