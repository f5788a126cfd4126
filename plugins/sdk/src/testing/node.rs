//! The plugin in a node of its own, with real embedded stores.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ureq::Agent;

/// The command that serves, where the environment names no other.
const EDGE: &str = "edge";

/// A node that serves one plugin from a data folder of its own, on a free
/// port, and ends with the test.
pub struct Node {
    process: Child,
    address: String,
    agent: Agent,
    folder: tempfile::TempDir,
}

impl Node {
    /// Builds the plugin in `folder` as its manifest says, and serves it with
    /// `edge`, or whatever the variable `EDGE` names.
    ///
    /// # Panics
    /// When it does not build or the node does not start: the test fails.
    #[must_use]
    #[track_caller]
    pub fn start(folder: impl AsRef<Path>) -> Self {
        let plugin = folder.as_ref();
        build(plugin);
        let folder = tempfile::tempdir().expect("a folder for data");
        let edge = std::env::var_os("EDGE").unwrap_or_else(|| EDGE.into());
        let mut process = Command::new(&edge)
            .arg("serve")
            .current_dir(folder.path())
            .env("EDGE_DATA_DIR", folder.path())
            .env("EDGE_PLUGINS", plugin)
            .env("EDGE_LISTEN", "127.0.0.1:0")
            .env("EDGE_ADMIN_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", edge.display()));
        let output = process.stdout.take().expect("the node's output");
        let address = address(BufReader::new(output));
        let config = Agent::config_builder().http_status_as_error(false);
        Self {
            process,
            address,
            agent: config.build().into(),
            folder,
        }
    }

    /// Returns the node's data folder, for a look into its stores.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Requests `target` by GET, and returns the status and the body.
    ///
    /// # Panics
    /// When the node does not answer.
    #[track_caller]
    pub fn get(&self, target: &str) -> (u16, String) {
        let reply = self.agent.get(format!("{}{target}", self.address)).call();
        read(reply)
    }

    /// Sends `body` to `target` by POST, and returns the status and the body.
    ///
    /// # Panics
    /// When the node does not answer.
    #[track_caller]
    pub fn post(&self, target: &str, content_type: &str, body: &str) -> (u16, String) {
        let request = self.agent.post(format!("{}{target}", self.address));
        read(request.header("content-type", content_type).send(body))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn build(plugin: &Path) {
    let manifest = std::fs::read_to_string(plugin.join("plugin.toml")).expect("plugin.toml");
    let manifest: toml::Table = manifest.parse().expect("plugin.toml is TOML");
    let Some(build) = manifest.get("build").and_then(toml::Value::as_str) else {
        return;
    };
    let built = Command::new("sh")
        .args(["-c", build])
        .current_dir(plugin)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "`{build}` failed"
    );
}

/// Returns the address of the node once it has printed one. The rest of its
/// output goes to the output of the test.
fn address(mut output: impl BufRead + Send + 'static) -> String {
    let mut said = String::new();
    while !said.contains("Try:") {
        let read = output.read_line(&mut said).expect("the node's output");
        assert!(read > 0, "the node does not start: {said}");
    }
    std::thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .for_each(|line| println!("{line}"))
    });
    let (_, rest) = said.split_once("edge serves on ").expect("an address");
    rest.lines().next().expect("an address").to_owned()
}

fn read(reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
    let mut reply = reply.expect("the node answers");
    let body = reply.body_mut().read_to_string().expect("a body of text");
    (reply.status().as_u16(), body)
}
