//! MariaDB servers for tests, or MySQL servers in their place.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{Engine, OPTIONS, socket_argument};
use crate::mariadb::{MARIADB, MARIADB_REPLICATING};
use crate::mysql::MYSQL;
use crate::process_guard::ProcessGuard;
use crate::server::Server;

/// Environment variable that names the server which replaces MariaDB in all tests: `mysql`.
const ENGINE: &str = "TEST_DATABASE";

/// A MariaDB or MySQL server.
pub struct MariaDb {
    server: Server,
    engine: &'static Engine,
    databases: AtomicU32,
}

impl MariaDb {
    /// Returns the server that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<io::Result<MariaDb>> = OnceLock::new();
        match SHARED.get_or_init(Self::start) {
            Ok(server) => server,
            Err(error) => panic!("MariaDB: {error}"),
        }
    }

    /// Returns the shared server that is MariaDB even if `TEST_DATABASE` names another one.
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

    /// Returns the MySQL server that the tests of this process share.
    pub fn shared_mysql() -> &'static Self {
        static SHARED: OnceLock<io::Result<MariaDb>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start_mysql("")) {
            Ok(server) => server,
            Err(error) => panic!("MySQL: {error}"),
        }
    }

    /// Starts a server for one test, which ends when it is dropped.
    pub fn start() -> io::Result<Self> {
        match std::env::var(ENGINE).as_deref() {
            Ok("mysql") => Self::start_mysql(""),
            Ok(other) => Err(io::Error::other(format!("{ENGINE}={other}"))),
            Err(_) => Self::start_mariadb(""),
        }
    }

    /// Starts a MariaDB server for one test, with these lines of an options file.
    pub fn start_mariadb(options: &str) -> io::Result<Self> {
        Self::start_engine(&MARIADB, options)
    }

    /// Starts a MySQL server for one test, with these lines of an options file.
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

    /// Starts a primary and its replica for one test, which end when they are dropped.
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

    /// Creates an empty database with a new name, and returns its URL.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.run(&format!("CREATE DATABASE {name}"));
        format!("mysql://root@127.0.0.1:{}/{name}", self.port())
    }

    /// Runs statements as the server's administrator, and returns their output.
    pub fn run(&self, statements: &str) -> String {
        let output = (self.engine.client)(self.server.folder(), statements)
            .unwrap_or_else(|error| panic!("the client: {error}"));
        assert!(output.status.success(), "{statements}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs statements as the server's administrator, and returns their output, or `None` if the
    /// server refuses.
    pub fn try_run(&self, statements: &str) -> Option<String> {
        let output = (self.engine.client)(self.server.folder(), statements).ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// Dumps the database with this URL while it is in use, as operators do.
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

    /// Runs a dump in the database with this URL.
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

    /// Returns whether this replica has applied everything that its primary has.
    pub fn has_all_of(&self, primary: &Self) -> bool {
        let position = |server: &Self, name: &str| {
            let shown = server.run(&format!("SELECT @@GLOBAL.{name}"));
            shown.lines().last().map(str::to_owned)
        };
        position(self, "gtid_slave_pos") == position(primary, "gtid_binlog_pos")
    }

    /// Adds a user with a name and password, who has all rights on the databases of tests;
    /// `requirement` is one such as `REQUIRE SSL`, or empty.
    pub fn add_user(&self, name: &str, password: &str, requirement: &str) {
        self.run(&format!(
            "CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}' {requirement}; \
             GRANT ALL ON `test\\_%`.* TO {name}@'127.0.0.1'"
        ));
    }

    /// Returns the folder with all files of the server.
    pub fn folder(&self) -> &Path {
        self.server.folder()
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

    /// Kills the server, as a crash does.
    pub fn stop(&mut self) -> io::Result<()> {
        self.server.stop()
    }

    /// Starts the server again after `stop`, with the same port and data.
    pub fn restart(&mut self) -> io::Result<()> {
        self.server.restart()
    }
}

/// Returns the name of the database with this URL.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
