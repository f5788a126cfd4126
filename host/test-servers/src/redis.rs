//! Redis, as the tests run it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process_guard::ProcessGuard;
use crate::server::{Kind, Server, command};

static KIND: Kind = Kind {
    program: || command("redis-server"),
    arguments,
    answers: redis_answers,
};

static DURABLE: Kind = Kind {
    program: || command("redis-server"),
    arguments: durable_arguments,
    answers: redis_answers,
};

static CLUSTER: Kind = Kind {
    program: || command("redis-server"),
    arguments: cluster_arguments,
    answers: redis_answers,
};

static TLS: Kind = Kind {
    program: || command("redis-server"),
    arguments: tls_arguments,
    answers: redis_answers,
};

static SENTINEL: Kind = Kind {
    program: || command("redis-server"),
    arguments: |folder, port| {
        vec![
            folder.join(SENTINEL_FILE).display().to_string(),
            "--sentinel".to_owned(),
            "--port".to_owned(),
            port.to_string(),
        ]
    },
    answers: redis_answers,
};

/// Where a Sentinel writes what it knows; it needs to be there.
const SENTINEL_FILE: &str = "sentinel.conf";

/// Files of a server with TLS, in its folder.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// How many databases one server has: more than there are tests.
const DATABASES: u32 = 1024;

/// How long a server that has started may take to answer a `PING`.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// A Redis server.
pub struct Redis {
    server: Server,
    databases: AtomicU32,
}

impl Redis {
    /// The server that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<Redis>> = OnceLock::new();
        match SHARED.get_or_init(Self::start) {
            Ok(server) => server,
            Err(error) => panic!("Redis: {error}"),
        }
    }

    /// A server for one test, gone when it is dropped.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            server: Server::start(&KIND, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        })
    }

    /// The same, which has after a crash all that it has acknowledged.
    pub fn start_durable() -> io::Result<Self> {
        Ok(Self {
            server: Server::start(&DURABLE, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        })
    }

    /// A Sentinel, which watches over no server.
    pub fn start_sentinel() -> io::Result<Self> {
        let guard = ProcessGuard::new("edge-redis-")?;
        fs::write(guard.folder().join(SENTINEL_FILE), "")?;
        Ok(Self {
            server: Server::start(&SENTINEL, guard)?,
            databases: AtomicU32::new(1),
        })
    }

    /// Run one command of plain words, and return the beginning of the answer.
    pub fn run(&self, command: &str) -> String {
        let answer =
            ask::<1>(self.port(), command).unwrap_or_else(|error| panic!("{command}: {error}"));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A cluster of one node for one test, gone when it is dropped.
    pub fn start_cluster() -> io::Result<Self> {
        let redis = Self {
            server: Server::start(&CLUSTER, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        };
        let [answer] = ask(redis.port(), "CLUSTER ADDSLOTSRANGE 0 16383")?;
        assert_eq!(answer, b'+', "the node takes every slot");
        // It refuses while it does not know yet that all slots are there.
        while ask(redis.port(), "GET key")? != *b"$-1" {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(redis)
    }

    /// A server that also speaks TLS, for one test, with a certificate of its
    /// own that nobody else vouches for.
    pub fn start_tls() -> io::Result<Self> {
        let guard = ProcessGuard::new("edge-redis-")?;
        let names = ["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        fs::write(guard.folder().join(CERTIFICATE), made.cert.pem())?;
        fs::write(guard.folder().join(KEY), made.signing_key.serialize_pem())?;
        Ok(Self {
            server: Server::start(&TLS, guard)?,
            databases: AtomicU32::new(1),
        })
    }

    /// The URL of its port with TLS.
    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}", second_port(self.port()))
    }

    /// The certificate of that port, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.server.folder().join(CERTIFICATE)
    }

    /// The URLs of a cluster: of this one node, twice.
    pub fn cluster_urls(&self) -> String {
        format!("{0},{0}", self.url())
    }

    /// The URL of database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// The URL of a database that no other test has. Channels (`PUBLISH`) are
    /// the whole server's all the same.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        assert!(number < DATABASES, "no more than {DATABASES} databases");
        format!("{}/{number}", self.url())
    }

    /// The TCP port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Let it do nothing, as a machine does that hangs.
    pub fn pause(&self) -> io::Result<()> {
        self.server.pause()
    }

    /// Let it go on after `pause`.
    pub fn resume(&self) -> io::Result<()> {
        self.server.resume()
    }

    /// The process that `kill` takes.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// End the server as a crash does. It keeps nothing on disk.
    pub fn stop(&mut self) -> io::Result<()> {
        self.server.stop()
    }

    /// Start it again after `stop`, with the same port, empty.
    pub fn restart(&mut self) -> io::Result<()> {
        self.server.restart()
    }
}

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    let (folder, port) = (folder.display().to_string(), port.to_string());
    let databases = DATABASES.to_string();
    let settings = [
        ["--port", &port],
        ["--bind", "127.0.0.1"],
        ["--dir", &folder],
        ["--databases", &databases],
        // No snapshots and no journal: a test needs no more than memory.
        ["--save", ""],
        ["--appendonly", "no"],
    ];
    settings.as_flattened().iter().map(|&s| s.into()).collect()
}

fn durable_arguments(folder: &Path, port: u16) -> Vec<String> {
    let settings = [["--appendonly", "yes"], ["--appendfsync", "always"]];
    let settings = settings.as_flattened().iter().map(|&s| s.into());
    arguments(folder, port)
        .into_iter()
        .chain(settings)
        .collect()
}

/// A cluster keeps its slots in a file, and has them after a restart.
pub fn cluster_arguments(folder: &Path, port: u16) -> Vec<String> {
    let bus = second_port(port).to_string();
    let settings = [["--cluster-enabled", "yes"], ["--cluster-port", &bus]];
    let settings = settings.as_flattened().iter().map(|&s| s.into());
    arguments(folder, port)
        .into_iter()
        .chain(settings)
        .collect()
}

/// The same, for nodes that also speak TLS, among themselves too: with
/// certificates of one issuer, whose file is in the folder.
pub fn tls_cluster_arguments(folder: &Path, port: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ["--tls-port".to_owned(), tls_cluster_port(port).to_string()],
        ["--tls-cert-file".to_owned(), file("server.pem")],
        ["--tls-key-file".to_owned(), file("server-key.pem")],
        ["--tls-ca-cert-file".to_owned(), file("ca.pem")],
        ["--tls-auth-clients".to_owned(), "no".to_owned()],
        ["--tls-cluster".to_owned(), "yes".to_owned()],
        ["--tls-replication".to_owned(), "yes".to_owned()],
    ];
    let mut arguments = cluster_arguments(folder, port);
    arguments.extend(settings.into_iter().flatten());
    arguments
}

/// The port with TLS of a cluster's node.
pub fn tls_cluster_port(port: u16) -> u16 {
    second_port(second_port(port))
}

fn tls_arguments(folder: &Path, port: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ["--tls-port".to_owned(), second_port(port).to_string()],
        ["--tls-cert-file".to_owned(), file(CERTIFICATE)],
        ["--tls-key-file".to_owned(), file(KEY)],
        ["--tls-ca-cert-file".to_owned(), file(CERTIFICATE)],
        ["--tls-auth-clients".to_owned(), "no".to_owned()],
    ];
    let mut arguments = arguments(folder, port);
    arguments.extend(settings.into_iter().flatten());
    arguments
}

/// For what a server opens besides: ports that the system gives to nobody who
/// asks for any.
fn second_port(port: u16) -> u16 {
    port.saturating_sub(10_000)
}

/// Whether a server answers on this port.
pub fn redis_answers(_folder: &Path, port: u16) -> bool {
    ask(port, "PING").is_ok_and(|answer| answer == *b"+PONG")
}

/// The beginning of the answer to `command`.
fn ask<const N: usize>(port: u16, command: &str) -> io::Result<[u8; N]> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PING_LIMIT))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut answer = [0; N];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
