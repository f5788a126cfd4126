//! The `edge` command itself.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, data_folder, fixture};

fn edge(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    command
        .current_dir(folder)
        .env("EDGE_LISTEN", "127.0.0.1:0");
    command
}

fn refused(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    (output, message)
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let folder = data_folder();
    std::fs::write(
        folder.path().join("edge.toml"),
        "colour = 'red'\nseed = 'maybe'",
    )
    .expect("file");
    std::fs::write(folder.path().join(".env"), "EDGE_LOG_FORMAT=xml\n").expect("file");
    let (_, message) = refused(edge(folder.path()).arg("serve").env("EDGE_MAX_URI", "-1"));
    for part in [
        "colour",
        "seed",
        "EDGE_LOG_FORMAT",
        "EDGE_MAX_URI",
        "4 wrong setting",
    ] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

#[test]
fn a_missing_plugin_is_one_message() {
    let folder = data_folder();
    let (_, message) = refused(
        edge(folder.path())
            .arg("serve")
            .env("EDGE_PLUGINS", "nowhere"),
    );
    let expected =
        "edge: nowhere/plugin.toml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(message.trim_end(), expected);
}

/// A process that is ended with its test.
struct Running(Child);

impl Running {
    /// Read what it prints until a line has `part`; returns all of it.
    fn read_until(&mut self, part: &str) -> String {
        let mut output = BufReader::new(self.0.stdout.take().expect("its output"));
        let mut text = String::new();
        while !text.lines().any(|line| line.contains(part)) {
            let read = output.read_line(&mut text).expect("its output");
            assert_ne!(read, 0, "it ended, having said: {text}");
        }
        text
    }

    fn terminate(&self) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Running {
    Running(command.stdout(Stdio::piped()).spawn().expect("it runs"))
}

#[test]
fn it_says_what_it_serves_and_ends_well_on_sigterm() {
    let folder = data_folder();
    let hello = fixture("hello");
    let mut command = edge(folder.path());
    let mut node = start(command.arg("serve").env("EDGE_PLUGINS", hello.path()));
    let banner = node.read_until("Try:");
    assert!(
        banner.contains("edge serves on http://127.0.0.1:"),
        "{banner}"
    );
    assert!(
        banner.contains("hello 0.1.0") && banner.contains("/hello"),
        "{banner}"
    );
    node.terminate();
    assert_eq!(node.exit_code(), Some(0));
}

/// Address space, in KiB, that does not hold 4 GiB for each of the instances.
const LITTLE: &str = "6000000";

#[test]
fn a_host_with_little_memory_sizes_the_pool_down_and_says_so() {
    let folder = data_folder();
    let plugin = crate::harness::variant("hello", "[limits]\ninstances = 200\nmemory = '512 MiB'");
    let mut command = Command::new("sh");
    command
        .current_dir(folder.path())
        .args(["-c", "ulimit -v \"$1\" && exec \"$2\" serve", "sh", LITTLE])
        .arg(env!("CARGO_BIN_EXE_edge"))
        .env("EDGE_LISTEN", "127.0.0.1:0")
        .env("EDGE_PLUGINS", plugin.path());
    let mut node = start(&mut command);
    let text = node.read_until("Try:");
    assert!(text.contains("does not hold the reservation"), "{text}");
    assert!(text.contains("wanted=200"), "{text}");
    node.terminate();
    assert_eq!(node.exit_code(), Some(0));
}
