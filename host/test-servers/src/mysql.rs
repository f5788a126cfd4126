//! Oracle's MySQL for tests, beside MariaDB: unpacked into `target/tools/mysql` by `make
//! mysql-server`, with libraries of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::engine::{Engine, data_argument, options_argument, socket_argument, user_argument};
use crate::process_guard::ProcessGuard;
use crate::server::{Kind, prepare};

pub(crate) static MYSQL: Engine = Engine {
    kind: &KIND,
    prefix: "edge-mysql-",
    install,
    client,
    dump: || program("mysqldump"),
    load: || program("mysql"),
};

static KIND: Kind = Kind {
    program: || program("mysqld"),
    arguments,
    answers,
};

/// Statements that run once, when the system tables are created: the server's own `root` may
/// connect from `localhost` alone, which needs name resolution.
const ROOT: &str = "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\n\
    GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// Arguments of the server, besides its files and its port.
const SETTINGS: [&str; 10] = [
    "--bind-address=127.0.0.1",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    // The performance schema would take half a gigabyte of memory for each server.
    "--performance-schema=OFF",
    "--skip-log-bin",
    // A commit reaches the kernel at once, and the disk within a second.
    "--innodb-flush-log-at-trx-commit=2",
    // Fits the largest catalog of the tests.
    "--innodb-buffer-pool-size=256M",
    "--innodb-redo-log-capacity=64M",
    "--character-set-server=utf8mb4",
    // Many nodes may be connected, each with a pool of connections.
    "--max-connections=1000",
];

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    let own = [
        // The server requires this argument to be the first.
        options_argument(folder),
        data_argument(folder),
        socket_argument(folder),
        format!("--port={port}"),
    ];
    own.into_iter()
        .chain(place_arguments())
        .chain(user_argument(folder))
        .chain(SETTINGS.map(str::to_owned))
        .collect()
}

/// Creates the system tables.
fn install(guard: &mut ProcessGuard) -> io::Result<()> {
    let file = guard.folder().join("root.sql");
    fs::write(&file, ROOT)?;
    let mut command = program("mysqld")?;
    command
        .args(["--no-defaults", "--initialize-insecure"])
        .arg(format!("--init-file={}", file.display()))
        .arg(data_argument(guard.folder()))
        .args(place_arguments())
        .args(user_argument(guard.folder()))
        .arg("--innodb-redo-log-capacity=64M");
    prepare(guard, command)
}

fn answers(folder: &Path, _port: u16) -> bool {
    client(folder, "SELECT 1").is_ok_and(|output| output.status.success())
}

/// Runs statements.
fn client(folder: &Path, statements: &str) -> io::Result<Output> {
    program("mysql")?
        .args(["--no-defaults", "--user=root"])
        .arg(socket_argument(folder))
        .args(["--execute", statements])
        .stdin(Stdio::null())
        .output()
}

/// Returns a command for a program of the unpacked server.
fn program(name: &str) -> io::Result<Command> {
    let file = tools()?.join(name);
    match file.is_file() {
        true => Ok(Command::new(file)),
        false => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} is not there; `make mysql-server` gets it",
                file.display()
            ),
        )),
    }
}

/// Returns the folder of the unpacked server. Tests run from `target/<profile>/deps`.
fn tools() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?;
    Ok(target.join("tools/mysql"))
}

/// Returns the arguments by which the server finds its messages and plugins.
fn place_arguments() -> Vec<String> {
    let Ok(tools) = tools() else {
        return Vec::new();
    };
    let usr = tools.join("usr").display().to_string();
    vec![
        format!("--basedir={usr}"),
        format!("--lc-messages-dir={usr}/share/mysql"),
        format!("--plugin-dir={usr}/lib/mysql/plugin"),
    ]
}
