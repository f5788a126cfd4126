//! OCI registries for tests, by Debian's docker-registry.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::process_guard::ProcessGuard;
use crate::server::{Kind, Server, command};

static OPEN: Kind = Kind {
    program: || command("docker-registry"),
    arguments: open_arguments,
    answers,
};

static GUARDED: Kind = Kind {
    program: || command("docker-registry"),
    arguments: guarded_arguments,
    answers,
};

/// Only login of a registry with logins.
pub const LOGIN: &str = "ops:a registry password";

/// Line of `htpasswd -B` for [`LOGIN`], with a low cost, which suffices for tests.
const HTPASSWD: &str = "ops:$2b$04$aclgp7CH3k99ly9ebigua.42XnRE5FtLatiDFf1EHtlnT8jHkQXkK\n";

/// Time limit for an answer of a started registry.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A registry for one test, which ends when it is dropped.
pub struct Registry {
    server: Server,
}

impl Registry {
    /// Starts a registry without logins.
    pub fn start() -> io::Result<Self> {
        Self::of(&OPEN)
    }

    /// Starts a registry that only [`LOGIN`] may use.
    pub fn start_guarded() -> io::Result<Self> {
        Self::of(&GUARDED)
    }

    fn of(kind: &'static Kind) -> io::Result<Self> {
        let server = Server::start(kind, ProcessGuard::new("edge-registry-")?)?;
        Ok(Self { server })
    }

    /// Returns host and port of the registry, as in an `oci://` location.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }
}

fn open_arguments(folder: &Path, port: u16) -> Vec<String> {
    arguments(folder, port, "")
}

fn guarded_arguments(folder: &Path, port: u16) -> Vec<String> {
    let path = folder.join("htpasswd");
    fs::write(&path, HTPASSWD).expect("the logins");
    let path = path.display();
    let guard = format!("auth: {{ htpasswd: {{ realm: edge, path: {path} }} }}\n");
    arguments(folder, port, &guard)
}

/// Writes the settings, which the registry reads from a file only, and returns its arguments.
fn arguments(folder: &Path, port: u16, more: &str) -> Vec<String> {
    let path = folder.join("registry.yml");
    let data = folder.join("data");
    let settings = format!(
        "version: 0.1\n\
         log: {{ level: error, accesslog: {{ disabled: true }} }}\n\
         storage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
         http: {{ addr: \"127.0.0.1:{port}\" }}\n{more}",
        data.display()
    );
    fs::write(&path, settings).expect("the settings");
    vec!["serve".to_owned(), path.display().to_string()]
}

fn answers(_folder: &Path, port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        io::Result::Ok(answer)
    };
    // A registry with logins answers 401.
    ask().is_ok_and(|answer| matches!(&answer[9..], b"200" | b"401"))
}
