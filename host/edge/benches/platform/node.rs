//! The processes that are measured: our node and its native twin.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;

use crate::client;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Time between two looks at a server that starts.
const POLL: Duration = Duration::from_millis(50);

/// What a node serves, and from where.
pub struct Node<'a> {
    /// Folders of plugins, below `plugins/`.
    pub plugins: &'a [&'a str],
    /// Folder for what it writes.
    pub data: &'a Path,
    /// Database of its plugins; one in the data folder if `None`.
    pub database: Option<&'a str>,
    /// Server of its plugins' buckets; a file in the data folder if `None`.
    pub redis: Option<&'a str>,
    /// Which requests get an access line: `EDGE_ACCESS_LOG`.
    pub access_log: &'a str,
    /// Size of the replies that it keeps: `EDGE_REPLY_CACHE`.
    pub reply_cache: &'a str,
    /// What its plugins read.
    pub config: &'a [(&'a str, &'a str)],
}

impl Node<'_> {
    /// Start it, and wait until it answers `probe` with a 200. Its log goes
    /// nowhere, but is written.
    pub fn start(&self, probe: &str) -> anyhow::Result<Server> {
        let (address, operators) = (free_address()?, free_address()?);
        let mut command = self.command();
        command
            .env("EDGE_LISTEN", address.to_string())
            .env("EDGE_ADMIN_LISTEN", operators.to_string())
            .arg("serve")
            .stdout(Stdio::null());
        let mut server = Server::start(command, address, probe).context("the node")?;
        server.operators = Some(operators);
        Ok(server)
    }

    /// Let its plugins fill their tables.
    pub fn seed(&self, products: u64) -> anyhow::Result<()> {
        let mut command = self.command();
        command
            .args(["seed", "--offline", "--yes"])
            .args(["--products", &products.to_string()])
            .stdout(Stdio::null());
        let status = command.status().context("edge does not run")?;
        ensure!(status.success(), "edge seed: {status}");
        Ok(())
    }

    /// Make a merchant's account.
    pub fn add_merchant(&self, email: &str, password: &str) -> anyhow::Result<()> {
        let mut command = self.command();
        command
            .args(["user", "add", "--offline"])
            .args(["--name", "Merchant", "--email", email])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut process = command.spawn().context("edge does not run")?;
        let input = process.stdin.take().context("no standard input")?;
        writeln!(&input, "{password}")?;
        drop(input);
        let status = process.wait()?;
        ensure!(status.success(), "edge user add: {status}");
        Ok(())
    }

    /// The release binary, with these settings and no others.
    pub fn command(&self) -> Command {
        let plugins: Vec<_> = self
            .plugins
            .iter()
            .map(|name| plugin_folder(name).display().to_string())
            .collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
        command
            .env_clear()
            .env("EDGE_DATA_DIR", self.data)
            .env("EDGE_PLUGINS", plugins.join(","))
            .env("EDGE_ACCESS_LOG", self.access_log)
            .env("EDGE_REPLY_CACHE", self.reply_cache)
            // The load comes from one address.
            .env("EDGE_RATE_LIMIT", "off")
            .env("EDGE_RATE_LIMITS", "off")
            // Few customers order as much as many.
            .env("MAX_UNPAID_ORDERS", "1000")
            .env("MAX_UNPAID_PIECES", "1000000")
            .envs(self.database.map(|url| ("DATABASE_URL", url)))
            .envs(self.redis.map(|url| ("REDIS_URL", url)))
            .envs(self.config.iter().copied())
            // Neither this file nor a `.env` beside it is there.
            .arg("--config")
            .arg(self.data.join("edge.toml"));
        command
    }
}

/// Start the twin, with a shop on this many connections to a database if it
/// is to have one.
pub fn start_twin(shop: Option<(&str, u32)>, probe: &str) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
    command.env_clear().arg("twin").arg(address.to_string());
    if let Some((url, connections)) = shop {
        command.arg(url).arg(connections.to_string());
    }
    Server::start(command, address, probe).context("the twin")
}

/// Where the plugin `name` is, below `plugins/`.
pub fn plugin_folder(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins")).join(name)
}

/// A server in a process of its own, until it is dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    operators: Option<SocketAddr>,
}

impl Server {
    fn start(mut command: Command, address: SocketAddr, probe: &str) -> anyhow::Result<Self> {
        let process = command
            .stdin(Stdio::null())
            .spawn()
            .context("does not run")?;
        let mut server = Self {
            process,
            address,
            operators: None,
        };
        let began = Instant::now();
        loop {
            let Err(error) = client::get(address, probe) else {
                return Ok(server);
            };
            if let Some(status) = server.ended()? {
                bail!("ended at once: {status}");
            }
            if began.elapsed() > START_LIMIT {
                return Err(error.context("does not answer"));
            }
            sleep(POLL);
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for operators, if it does.
    pub fn operators(&self) -> Option<SocketAddr> {
        self.operators
    }

    /// What it answers to a GET of `target`.
    pub fn get(&self, target: &str) -> anyhow::Result<Bytes> {
        client::get(self.address, target)
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_memory(&self) -> anyhow::Result<u64> {
        Ok(self.status("VmHWM:")? * 1024)
    }

    /// The memory that it has resident, in bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        Ok(self.status("VmRSS:")? * 1024)
    }

    /// Its threads.
    pub fn threads(&self) -> anyhow::Result<u64> {
        self.status("Threads:")
    }

    /// Its open files and connections.
    pub fn descriptors(&self) -> anyhow::Result<u64> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.process.id()))?;
        Ok(open.count() as u64)
    }

    /// A number of the kernel's about the process; memory is in KiB.
    fn status(&self, field: &str) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(&path).context(path)?;
        let text = status.lines().find_map(|line| line.strip_prefix(field));
        let text = text.with_context(|| format!("no {field} in the process's status"))?;
        Ok(text.trim().trim_end_matches(" kB").parse()?)
    }

    /// Time that its threads have been on a processor.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            // A thread may end between the two.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let nanos = text.split(' ').next().context("an empty schedstat")?;
            total += nanos.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
