//! Prometheus servers for tests, which scrape nothing and answer queries.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::process_guard::ProcessGuard;
use crate::server::{Kind, Server, command};

static KIND: Kind = Kind {
    program: || command("prometheus"),
    arguments,
    answers,
};

/// Time limit for an answer of a started server.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A Prometheus for one test, which ends when it is dropped.
pub struct Prometheus {
    server: Server,
}

impl Prometheus {
    /// Starts a server without any series.
    pub fn start() -> io::Result<Self> {
        let server = Server::start(&KIND, ProcessGuard::new("edge-prometheus-")?)?;
        Ok(Self { server })
    }

    /// Returns the URL of the API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }
}

fn arguments(folder: &Path, port: u16) -> Vec<String> {
    let settings = folder.join("prometheus.yml");
    fs::write(&settings, "scrape_configs: []\n").expect("the settings");
    let data = folder.join("data");
    vec![
        format!("--config.file={}", settings.display()),
        format!("--storage.tsdb.path={}", data.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ]
}

fn answers(_folder: &Path, port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer.starts_with("HTTP/1.0 200"))
    };
    ask().unwrap_or(false)
}
