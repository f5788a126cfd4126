//! MariaDB for tests, from the packages of the system.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::engine::{Engine, data_argument, options_argument, socket_argument, user_argument};
use crate::process_guard::ProcessGuard;
use crate::server::{Kind, command, prepare};

pub(crate) static MARIADB: Engine = Engine {
    kind: &KIND,
    prefix: "edge-mariadb-",
    install,
    client,
    dump: || command("mariadb-dump"),
    load: || command("mariadb"),
};

/// MariaDB with a binary log, which replicas read.
pub(crate) static MARIADB_REPLICATING: Engine = Engine {
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

/// Arguments for creating the system tables.
const INSTALL: [&str; 4] = [
    // Ignores the settings of a server that the machine runs itself.
    "--no-defaults",
    // `root` logs in with an empty password, over TCP as well.
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    // The machine's name need not be resolvable.
    "--force",
];

/// Arguments of the server, besides its files and its port.
const SETTINGS: [&str; 5] = [
    "--bind-address=127.0.0.1",
    // A commit reaches the kernel at once and the disk within a second: it survives a crash of the
    // server, but not of the machine.
    "--innodb-flush-log-at-trx-commit=2",
    // Fits the largest catalog of the tests.
    "--innodb-buffer-pool-size=256M",
    "--character-set-server=utf8mb4",
    // Many nodes may be connected, each with a pool of connections.
    "--max-connections=1000",
];

/// Creates the system tables.
fn install(guard: &mut ProcessGuard) -> io::Result<()> {
    let mut command = command("mariadb-install-db")?;
    command
        .args(INSTALL)
        .arg(data_argument(guard.folder()))
        .args(user_argument(guard.folder()));
    prepare(guard, command)
}

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    // No server replicates from this one.
    let alone = ["--skip-log-bin".to_owned()];
    common_arguments(folder, port).chain(alone).collect()
}

fn replicating_arguments(folder: &Path, port: u16) -> Vec<String> {
    let replicating = [
        "--log-bin=binlog".to_owned(),
        "--binlog-format=ROW".to_owned(),
        // Ports are unique among the servers, and so are these ids.
        format!("--server-id={port}"),
        "--skip-slave-start".to_owned(),
    ];
    common_arguments(folder, port).chain(replicating).collect()
}

fn common_arguments(folder: &Path, port: u16) -> impl Iterator<Item = String> {
    let own = [
        // The server requires this argument to be the first.
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

/// Runs statements.
fn client(folder: &Path, statement: &str) -> io::Result<Output> {
    command("mariadb")?
        .args(["--no-defaults", "--user=root"])
        .arg(socket_argument(folder))
        .args(["--execute", statement])
        .stdin(Stdio::null())
        .output()
}
