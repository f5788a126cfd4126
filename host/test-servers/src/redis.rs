//! Redis servers for tests.

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

/// File in which a Sentinel keeps its state; it must exist.
const SENTINEL_FILE: &str = "sentinel.conf";

/// Certificate file of a server with TLS, in its folder.
const CERTIFICATE: &str = "certificate.pem";
/// Key file of a server with TLS, in its folder.
const KEY: &str = "key.pem";

/// Databases of one server: more than there are tests.
const DATABASES: u32 = 1024;

/// Time limit for an answer of a started server.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// A Redis server.
pub struct Redis {
    server: Server,
    databases: AtomicU32,
}

impl Redis {
    /// Returns the server that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<Redis>> = OnceLock::new();
        match SHARED.get_or_init(Self::start) {
            Ok(server) => server,
            Err(error) => panic!("Redis: {error}"),
        }
    }

    /// Starts a server for one test, which ends when it is dropped.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            server: Server::start(&KIND, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        })
    }

    /// Starts a server for one test that syncs every write to disk, so that a crash loses no
    /// acknowledged one.
    pub fn start_durable() -> io::Result<Self> {
        Ok(Self {
            server: Server::start(&DURABLE, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        })
    }

    /// Starts a Sentinel, which monitors no server.
    pub fn start_sentinel() -> io::Result<Self> {
        let guard = ProcessGuard::new("edge-redis-")?;
        fs::write(guard.folder().join(SENTINEL_FILE), "")?;
        Ok(Self {
            server: Server::start(&SENTINEL, guard)?,
            databases: AtomicU32::new(1),
        })
    }

    /// Runs one command of words without spaces, and returns the first byte of the answer.
    pub fn run(&self, command: &str) -> String {
        let answer =
            ask::<1>(self.port(), command).unwrap_or_else(|error| panic!("{command}: {error}"));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Starts a cluster of one node for one test, which ends when it is dropped.
    pub fn start_cluster() -> io::Result<Self> {
        let redis = Self {
            server: Server::start(&CLUSTER, ProcessGuard::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        };
        let [answer] = ask(redis.port(), "CLUSTER ADDSLOTSRANGE 0 16383")?;
        assert_eq!(answer, b'+', "the node takes every slot");
        // The node refuses commands until it knows that all slots are assigned.
        while ask(redis.port(), "GET key")? != *b"$-1" {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(redis)
    }

    /// Starts a server for one test that also accepts TLS, with a self-signed certificate.
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

    /// Returns the URL of the port with TLS.
    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}", second_port(self.port()))
    }

    /// Returns the path of the certificate of the port with TLS, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.server.folder().join(CERTIFICATE)
    }

    /// Returns the URLs of a cluster: that of this one node, twice.
    pub fn cluster_urls(&self) -> String {
        format!("{0},{0}", self.url())
    }

    /// Returns the URL of database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Returns the URL of a database that no other test has. Channels (`PUBLISH`) are shared by the
    /// whole server.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        assert!(number < DATABASES, "no more than {DATABASES} databases");
        format!("{}/{number}", self.url())
    }

    /// Returns the TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Stops the process by SIGSTOP, which looks like a machine that hangs.
    pub fn pause(&self) -> io::Result<()> {
        self.server.pause()
    }

    /// Continues the process after `pause`.
    pub fn resume(&self) -> io::Result<()> {
        self.server.resume()
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Kills the server, as a crash does. It keeps nothing on disk.
    pub fn stop(&mut self) -> io::Result<()> {
        self.server.stop()
    }

    /// Starts the server again after `stop`, with the same port, empty.
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
        // Without snapshots and journal: tests need only memory.
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

/// Returns the arguments of a cluster's node, which keeps its slots in a file over a restart.
pub(crate) fn cluster_arguments(folder: &Path, port: u16) -> Vec<String> {
    let bus = second_port(port).to_string();
    let settings = [["--cluster-enabled", "yes"], ["--cluster-port", &bus]];
    let settings = settings.as_flattened().iter().map(|&s| s.into());
    arguments(folder, port)
        .into_iter()
        .chain(settings)
        .collect()
}

/// Returns the arguments of a cluster's node that also uses TLS, among nodes too, with the
/// certificates of one authority in its folder.
pub(crate) fn tls_cluster_arguments(folder: &Path, port: u16) -> Vec<String> {
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

/// Returns the TLS port of a cluster's node.
pub(crate) fn tls_cluster_port(port: u16) -> u16 {
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

/// Returns a second port for a server, 10,000 below its first one, to stay clear of the ephemeral
/// ports among which the first ones are.
fn second_port(port: u16) -> u16 {
    port.saturating_sub(10_000)
}

/// Returns whether a server answers on this port.
pub(crate) fn redis_answers(_folder: &Path, port: u16) -> bool {
    ask(port, "PING").is_ok_and(|answer| answer == *b"+PONG")
}

/// Returns the first bytes of the answer to `command`.
fn ask<const N: usize>(port: u16, command: &str) -> io::Result<[u8; N]> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PING_LIMIT))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut answer = [0; N];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
