//! MariaDB, or MySQL in its place, as the tests run them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::mysql::MYSQL;
use crate::process_guard::ProcessGuard;
use crate::server::{Kind, Server, command, prepare};

/// Names the server that takes MariaDB's place in all tests: `mysql`.
const ENGINE: &str = "TEST_DATABASE";

/// A file in the server's folder with what a test sets besides.
const OPTIONS: &str = "options";

/// What MariaDB and MySQL do each in their own way.
pub struct Engine {
    pub kind: &'static Kind,
    /// What the names of folders begin with.
    pub prefix: &'static str,
    /// Makes the system tables.
    pub install: fn(&mut ProcessGuard) -> io::Result<()>,
    /// Runs statements as the server's administrator.
    pub client: fn(&Path, &str) -> io::Result<Output>,
    /// The program that makes dumps.
    pub dump: fn() -> io::Result<Command>,
    /// The program that runs dumps.
    pub load: fn() -> io::Result<Command>,
}

static MARIADB: Engine = Engine {
    kind: &KIND,
    prefix: "edge-mariadb-",
    install,
    client,
    dump: || command("mariadb-dump"),
    load: || command("mariadb"),
};

static MARIADB_REPLICATING: Engine = Engine {
    kind: &REPLICATING,
    ..MARIADB
};

static KIND: Kind = Kind {
    program: || command("mariadbd"),
    arguments,
    answers,
};

static REPLICATING: Kind = Kind {
    program: || command("mariadbd"),
    arguments: replicating_arguments,
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
const SETTINGS: [&str; 5] = [
    "--bind-address=127.0.0.1",
    // A commit reaches the kernel, and the disk within a second: it survives
    // the server's death, though not the machine's.
    "--innodb-flush-log-at-trx-commit=2",
    // Room for the largest catalog of the tests.
    "--innodb-buffer-pool-size=256M",
    "--character-set-server=utf8mb4",
    // Many nodes at once, each with a pool of connections.
    "--max-connections=1000",
];

/// A MariaDB server, or one of MySQL.
pub struct MariaDb {
    server: Server,
    engine: &'static Engine,
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

    /// The MariaDB server that tests share which no other server passes.
    pub fn shared_mariadb() -> &'static Self {
        static SHARED: OnceLock<io::Result<MariaDb>> = OnceLock::new();
        if std::env::var(ENGINE).is_err() {
            return Self::shared();
        }
        match SHARED.get_or_init(|| Self::start_mariadb("")) {
            Ok(server) => server,
            Err(error) => panic!("MariaDB: {error}"),
        }
    }

    /// The MySQL server that the tests of this process share.
    pub fn shared_mysql() -> &'static Self {
        static SHARED: OnceLock<io::Result<MariaDb>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start_mysql("")) {
            Ok(server) => server,
            Err(error) => panic!("MySQL: {error}"),
        }
    }

    /// A server for one test, gone when it is dropped.
    pub fn start() -> io::Result<Self> {
        match std::env::var(ENGINE).as_deref() {
            Ok("mysql") => Self::start_mysql(""),
            Ok(other) => Err(io::Error::other(format!("{ENGINE}={other}"))),
            Err(_) => Self::start_mariadb(""),
        }
    }

    /// A MariaDB server for one test, with these lines of an options file.
    pub fn start_mariadb(options: &str) -> io::Result<Self> {
        Self::start_engine(&MARIADB, options)
    }

    /// A MySQL server for one test, with these lines of an options file.
    pub fn start_mysql(options: &str) -> io::Result<Self> {
        Self::start_engine(&MYSQL, options)
    }

    fn start_engine(engine: &'static Engine, options: &str) -> io::Result<Self> {
        let mut guard = ProcessGuard::new(engine.prefix)?;
        (engine.install)(&mut guard)?;
        let options = format!("[server]\n{options}\n");
        fs::write(guard.folder().join(OPTIONS), options)?;
        Ok(Self {
            server: Server::start(engine.kind, guard)?,
            engine,
            databases: AtomicU32::new(0),
        })
    }

    /// A primary and its replica for one test, gone when they are dropped.
    pub fn start_replicating() -> io::Result<[Self; 2]> {
        let start = || Self::start_engine(&MARIADB_REPLICATING, "");
        let [primary, replica] = [start()?, start()?];
        replica.run(&format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='root', \
             MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE",
            primary.port()
        ));
        Ok([primary, replica])
    }

    /// Make an empty database of a new name, and return its URL.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.run(&format!("CREATE DATABASE {name}"));
        format!("mysql://root@127.0.0.1:{}/{name}", self.port())
    }

    /// Run statements as the server's administrator, and return what they
    /// print.
    pub fn run(&self, statements: &str) -> String {
        let output = (self.engine.client)(self.server.folder(), statements)
            .unwrap_or_else(|error| panic!("the client: {error}"));
        assert!(output.status.success(), "{statements}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, or nothing where the server refuses.
    pub fn try_run(&self, statements: &str) -> Option<String> {
        let output = (self.engine.client)(self.server.folder(), statements).ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// Dump the database with this URL, as operators do, while others use it.
    pub fn dump(&self, url: &str) -> Vec<u8> {
        let mut dump = (self.engine.dump)().unwrap_or_else(|error| panic!("{error}"));
        dump.args(["--no-defaults", "--user=root", "--single-transaction"])
            .args(["--hex-blob", "--skip-lock-tables"])
            .arg(socket_argument(self.server.folder()))
            .arg(name(url));
        let output = dump.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    /// Run a dump in the database with this URL.
    pub fn load(&self, url: &str, dump: &[u8]) {
        let file = self.server.folder().join("dump.sql");
        let written = fs::write(&file, dump).and_then(|()| fs::File::open(&file));
        let input = written.unwrap_or_else(|error| panic!("{error}"));
        let mut load = (self.engine.load)().unwrap_or_else(|error| panic!("{error}"));
        load.args(["--no-defaults", "--user=root"])
            .arg(socket_argument(self.server.folder()))
            .arg(name(url))
            .stdin(input);
        let output = load.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{output:?}");
    }

    /// Whether a replica has done all that its primary has.
    pub fn has_all_of(&self, primary: &Self) -> bool {
        let position = |server: &Self, name: &str| {
            let shown = server.run(&format!("SELECT @@GLOBAL.{name}"));
            shown.lines().last().map(str::to_owned)
        };
        position(self, "gtid_slave_pos") == position(primary, "gtid_binlog_pos")
    }

    /// Let users in with a name and password, who may do all in the databases
    /// of tests; `requirement` is such as `REQUIRE SSL`, or empty.
    pub fn add_user(&self, name: &str, password: &str, requirement: &str) {
        self.run(&format!(
            "CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}' {requirement}; \
             GRANT ALL ON `test\\_%`.* TO {name}@'127.0.0.1'"
        ));
    }

    /// The folder with all its files.
    pub fn folder(&self) -> &Path {
        self.server.folder()
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

    /// End the server as a crash does.
    pub fn stop(&mut self) -> io::Result<()> {
        self.server.stop()
    }

    /// Start it again after `stop`, with the same port and data.
    pub fn restart(&mut self) -> io::Result<()> {
        self.server.restart()
    }
}

/// The name of the database with this URL.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Make the system tables.
fn install(guard: &mut ProcessGuard) -> io::Result<()> {
    let mut command = command("mariadb-install-db")?;
    command
        .args(INSTALL)
        .arg(data_argument(guard.folder()))
        .args(user_argument(guard.folder()));
    prepare(guard, command)
}

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    // Nothing replicates from it.
    let alone = ["--skip-log-bin".to_owned()];
    common_arguments(folder, port).chain(alone).collect()
}

fn replicating_arguments(folder: &Path, port: u16) -> Vec<String> {
    let replicating = [
        "--log-bin=binlog".to_owned(),
        "--binlog-format=ROW".to_owned(),
        // No two servers have one, and so no two have one port.
        format!("--server-id={port}"),
        "--skip-slave-start".to_owned(),
    ];
    common_arguments(folder, port).chain(replicating).collect()
}

fn common_arguments(folder: &Path, port: u16) -> impl Iterator<Item = String> {
    let own = [
        // This one must come first.
        options_argument(folder),
        data_argument(folder),
        socket_argument(folder),
        format!("--port={port}"),
    ];
    own.into_iter()
        .chain(user_argument(folder))
        .chain(SETTINGS.map(str::to_owned))
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

/// Instead of the settings of a server that the machine has for itself.
pub fn options_argument(folder: &Path) -> String {
    format!("--defaults-file={}", folder.join(OPTIONS).display())
}

pub fn data_argument(folder: &Path) -> String {
    format!("--datadir={}", folder.join("data").display())
}

pub fn socket_argument(folder: &Path) -> String {
    format!("--socket={}", folder.join("socket").display())
}

/// The server refuses to run as root unless it is told to. Whose folder it is
/// says who runs the tests.
pub fn user_argument(folder: &Path) -> Option<String> {
    let owner = fs::metadata(folder).ok()?.uid();
    (owner == 0).then(|| "--user=root".to_owned())
}
