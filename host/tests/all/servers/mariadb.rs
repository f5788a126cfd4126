//! MariaDB, as the tests run it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::keeper::Keeper;
use super::server::{Kind, Server, command, prepare};

static KIND: Kind = Kind {
    program: "mariadbd",
    arguments,
    answers,
};

/// For making the system tables.
const INSTALL: [&str; 4] = [
    // Not the settings of a server that the machine has for itself.
    "--no-defaults",
    // `root` signs in with an empty password, over TCP as well.
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    // The machine's name need not be one that can be looked up.
    "--force",
];

/// For the server, beside its files and its port.
const SETTINGS: [&str; 6] = [
    "--bind-address=127.0.0.1",
    // Nothing replicates from it.
    "--skip-log-bin",
    // A commit reaches the kernel, and the disk within a second: it survives
    // the server's death, though not the machine's.
    "--innodb-flush-log-at-trx-commit=2",
    // Room for the largest catalog of the tests.
    "--innodb-buffer-pool-size=256M",
    "--character-set-server=utf8mb4",
    // Many nodes at once, each with a pool of connections.
    "--max-connections=1000",
];

/// A MariaDB server.
pub struct MariaDb {
    server: Server,
    databases: AtomicU32,
}

impl MariaDb {
    /// The server that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<MariaDb>> = OnceLock::new();
        match SHARED.get_or_init(Self::start) {
            Ok(server) => server,
            Err(error) => panic!("MariaDB: {error}"),
        }
    }

    /// A server for one test, gone when it is dropped.
    pub fn start() -> io::Result<Self> {
        let mut keeper = Keeper::new("edge-mariadb-")?;
        install(&mut keeper)?;
        Ok(Self {
            server: Server::start(&KIND, keeper)?,
            databases: AtomicU32::new(0),
        })
    }

    /// Make an empty database of a new name, and return its URL.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let output = client(self.server.folder(), &format!("CREATE DATABASE {name}"))
            .unwrap_or_else(|error| panic!("the mariadb client: {error}"));
        assert!(output.status.success(), "cannot make {name}: {output:?}");
        format!("mysql://root@127.0.0.1:{}/{name}", self.port())
    }

    /// The TCP port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The process that `kill` takes.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// End the server as a crash does.
    pub fn stop(&mut self) -> io::Result<()> {
        self.server.stop()
    }

    /// Start it again after `stop`, with the same port and data.
    pub fn restart(&mut self) -> io::Result<()> {
        self.server.restart()
    }
}

/// Make the system tables.
fn install(keeper: &mut Keeper) -> io::Result<()> {
    let mut command = command("mariadb-install-db")?;
    command
        .args(INSTALL)
        .arg(data_argument(keeper.folder()))
        .args(user_argument(keeper.folder()));
    prepare(keeper, command)
}

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    let own = [
        // This one must come first.
        "--no-defaults".to_owned(),
        data_argument(folder),
        socket_argument(folder),
        format!("--port={port}"),
    ];
    own.into_iter()
        .chain(user_argument(folder))
        .chain(SETTINGS.map(str::to_owned))
        .collect()
}

fn answers(folder: &Path, _port: u16) -> bool {
    client(folder, "SELECT 1").is_ok_and(|output| output.status.success())
}

/// Run one statement.
fn client(folder: &Path, statement: &str) -> io::Result<Output> {
    command("mariadb")?
        .args(["--no-defaults", "--user=root"])
        .arg(socket_argument(folder))
        .args(["--execute", statement])
        .stdin(Stdio::null())
        .output()
}

fn data_argument(folder: &Path) -> String {
    format!("--datadir={}", folder.join("data").display())
}

fn socket_argument(folder: &Path) -> String {
    format!("--socket={}", folder.join("socket").display())
}

/// The server refuses to run as root unless it is told to. Whose folder it is
/// says who runs the tests.
fn user_argument(folder: &Path) -> Option<String> {
    let owner = fs::metadata(folder).ok()?.uid();
    (owner == 0).then(|| "--user=root".to_owned())
}
