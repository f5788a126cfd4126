//! Redis, as the tests run it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::keeper::Keeper;
use super::server::{Kind, Server};

static KIND: Kind = Kind {
    program: "redis-server",
    arguments,
    answers,
};

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
            server: Server::start(&KIND, Keeper::new("edge-redis-")?)?,
            databases: AtomicU32::new(1),
        })
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

fn answers(_folder: &Path, port: u16) -> bool {
    ping(port).is_ok_and(|answer| answer == *b"+PONG")
}

fn ping(port: u16) -> io::Result<[u8; 5]> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PING_LIMIT))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
