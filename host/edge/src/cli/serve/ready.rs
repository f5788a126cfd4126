//! Readiness of a node, reported to the process that started it, with the
//! node's addresses.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use serde::Serialize;

use crate::node::Node;

#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Write one line of JSON with the node's addresses to this open file
    /// descriptor as soon as the node serves.
    #[arg(long, value_name = "NUMBER")]
    ready_fd: Option<u32>,
}

/// The line of JSON that reports the addresses of a node.
#[derive(Serialize)]
struct Ready {
    http: SocketAddr,
    https: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

/// Descriptor to write the line to, if there is one.
pub(in crate::cli) struct ReadyLine(Option<File>);

impl Arguments {
    /// Opens the descriptor, so that an invalid one ends the command at once.
    ///
    /// # Errors
    /// When the descriptor is not open for writing, or is a socket.
    pub(in crate::cli) fn open(&self) -> anyhow::Result<ReadyLine> {
        let Some(number) = self.ready_fd else {
            return Ok(ReadyLine(None));
        };
        let opened = File::options()
            .append(true)
            .open(format!("/dev/fd/{number}"));
        let file = opened.with_context(|| format!("--ready-fd {number}"))?;
        Ok(ReadyLine(Some(file)))
    }
}

impl ReadyLine {
    /// Writes the line. Serving continues if its reader is gone.
    pub(in crate::cli) fn write(self, node: &Node) {
        let Some(mut file) = self.0 else {
            return;
        };
        let ready = Ready {
            http: node.address(),
            https: node.tls_address(),
            admin: node.admin_address(),
        };
        let written = serde_json::to_string(&ready)
            .map_err(std::io::Error::from)
            .and_then(|line| writeln!(file, "{line}"));
        if let Err(error) = written {
            tracing::warn!(%error, "--ready-fd: nobody was told that the node serves");
        }
    }
}
