//! Oracle's MySQL, as the tests run it beside MariaDB: unpacked into
//! `target/tools/mysql`, by `make mysql-server`, with libraries of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::mariadb::{Engine, data_argument, options_argument, socket_argument, user_argument};
use crate::process_guard::ProcessGuard;
use crate::server::{Kind, prepare};

pub static MYSQL: Engine = Engine {
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

/// Run once, when the system tables are made: the server's own `root` may come
/// from `localhost` alone, which needs a look-up of names.
const ROOT: &str = "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\n\
    GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// For the server, beside its files and its port.
const SETTINGS: [&str; 10] = [
    "--bind-address=127.0.0.1",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    // Half a gigabyte of memory for each server otherwise.
    "--performance-schema=OFF",
    "--skip-log-bin",
    // A commit reaches the kernel, and the disk within a second.
    "--innodb-flush-log-at-trx-commit=2",
    // Room for the largest catalog of the tests.
    "--innodb-buffer-pool-size=256M",
    "--innodb-redo-log-capacity=64M",
    "--character-set-server=utf8mb4",
    // Many nodes at once, each with a pool of connections.
    "--max-connections=1000",
];

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    let own = [
        // This one must come first.
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

/// Make the system tables.
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

/// Run statements.
fn client(folder: &Path, statements: &str) -> io::Result<Output> {
    program("mysql")?
        .args(["--no-defaults", "--user=root"])
        .arg(socket_argument(folder))
        .args(["--execute", statements])
        .stdin(Stdio::null())
        .output()
}

/// A program of the unpacked server.
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

/// Tests run from `target/<profile>/deps`.
fn tools() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?;
    Ok(target.join("tools/mysql"))
}

/// Where the server finds its messages and plugins.
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
