//! The `edge` command as an operator runs it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tokio::net::TcpStream;

use super::{PATIENCE, Wire, eventually, in_time, leaks};

/// `edge` in `folder`, on a free port, with no settings of whoever runs the
/// tests.
pub fn edge(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

/// `edge serve` in `folder`, as above, that writes to the file `ready.json` of
/// the folder when it serves.
pub fn edge_serve_told(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec "$1" serve --ready-fd 3 3>ready.json"#, "sh"])
        .arg(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

/// `edge serve` in `folder`, as above, with an address space of `bytes`.
pub fn edge_serve_within(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -v "$1" && exec "$2" serve"#, "sh"])
        // The shell counts in KiB.
        .arg((bytes / 1024).to_string())
        .arg(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

/// `edge serve` in `folder`, as above, on a disk that is full: no file can
/// become longer than `bytes`.
pub fn edge_serve_with_files_of(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        // Where the signal is ignored, a write fails as it does on a full disk.
        .args([
            "-c",
            r#"trap '' XFSZ && ulimit -f "$1" && exec "$2" serve"#,
            "sh",
        ])
        // The shell counts in blocks of 512 bytes.
        .arg((bytes / 512).to_string())
        .arg(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

/// `edge serve` in `folder`, as above, with a clock that is wrong by `offset`,
/// such as `-40d`. The clock that nobody sets is not.
pub fn edge_with_clock(offset: &str, folder: &Path) -> Command {
    let mut command = edge(folder);
    // Where Debian keeps it; the loader puts the machine's kind in for `$LIB`.
    // The program `faketime` does the same, and then stays between.
    command
        .arg("serve")
        .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
        .env("FAKETIME", offset)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

/// `edge serve` in `folder`, as above, whose disk is full whenever
/// [`Running::limit_files`] says so.
pub fn edge_serve_on_a_limited_disk(folder: &Path) -> Command {
    edge_serve_ignoring("XFSZ", folder)
}

/// `edge serve` in `folder`, as above, by a parent that ignores a signal.
pub fn edge_serve_ignoring(signal: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap '' "$1" && exec "$2" serve"#, "sh", signal])
        .arg(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

/// Makes a name space of its own, in which whoever asks may mount.
const UNSHARE: [&str; 4] = ["--user", "--map-root-user", "--mount", "--"];

/// Whether [`edge_serve_on_a_small_disk`] works for this user on this machine.
pub fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command
        .args(UNSHARE)
        .args(["mount", "-t", "tmpfs", "tmpfs", "/tmp"]);
    let tried = command.output();
    tried.is_ok_and(|output| output.status.success())
}

/// `edge serve` in `folder`, as above, which is a file system of its own with
/// little room; see [`Running::seen_by_it`].
pub fn edge_serve_on_a_small_disk(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(UNSHARE)
        .args([
            "sh",
            "-c",
            r#"mount -t tmpfs -o size=64m,mode=700 tmpfs "$1" && cd "$1" && exec "$2" serve"#,
            "sh",
        ])
        .arg(folder)
        .arg(env!("CARGO_BIN_EXE_edge"));
    configure(&mut command, folder);
    command
}

fn configure(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env_clear();
    command.env("EDGE_LISTEN", "127.0.0.1:0");
    command.env("EDGE_ADMIN_LISTEN", "127.0.0.1:0");
}

/// Run a command that must be refused, and return what it says.
pub fn refusal(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    let message = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(1), "{message}");
    message
}

/// An `edge serve` that is ended with its test.
pub struct Running {
    process: Child,
    lines: Receiver<String>,
    said: String,
    /// All that it writes, once it has ended.
    written: Option<JoinHandle<String>>,
}

impl Running {
    /// Start it.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let output = process.stdout.take().expect("its output");
        let (lines, written) = read_lines(output);
        Self {
            process,
            lines,
            said: String::new(),
            written: Some(written),
        }
    }

    /// Send SIGTERM, and return all that it has ever written.
    pub async fn end(mut self) -> String {
        self.terminate();
        assert_eq!(self.exit_code().await, Some(0));
        let written = self.written.take().expect("ended once");
        written.join().expect("its output")
    }

    /// Wait for a line that `wanted` likes, and return it.
    pub fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error}, after: {}", self.said));
            self.said += &line;
            self.said += "\n";
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Wait until it serves, and return all that it has said so far.
    pub fn banner(&mut self) -> &str {
        self.line(|line| line == "Try:");
        &self.said
    }

    /// Where it serves, once it has said so.
    pub fn address(&self) -> SocketAddr {
        let (_, address) = self.said.split_once("http://").expect("a banner");
        let address = address.lines().next().expect("an address");
        address.parse().expect("an address")
    }

    /// Where operators are served, once it has said so.
    pub fn admin_address(&self) -> SocketAddr {
        let (_, address) = self
            .said
            .split_once("operators: http://")
            .expect("a banner");
        let address = address.split(',').next().expect("an address");
        address.parse().expect("an address")
    }

    /// Let none of its files become longer than `bytes` from now on, as on a
    /// disk that is full.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        let pid = Pid::from_child(&self.process);
        prlimit(Some(pid), Resource::Fsize, limit).expect("a limit");
    }

    /// Let it open no more descriptors than `most`, those that it has among
    /// them, or as many as it may.
    pub fn limit_descriptors(&self, most: Option<u64>) {
        let allowed = getrlimit(Resource::Nofile);
        let limit = Rlimit {
            current: most.or(allowed.maximum),
            maximum: allowed.maximum,
        };
        let pid = Pid::from_child(&self.process);
        prlimit(Some(pid), Resource::Nofile, limit).expect("a limit");
    }

    /// Seconds for which it has used a processor.
    pub fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let stat = stat.expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("fields");
        // The state is the third field; user and system time are the 14th and 15th.
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: f64 = ticks.map(|it| it.parse::<f64>().expect("ticks")).sum();
        ticks / rustix::param::clock_ticks_per_second() as f64
    }

    /// Returns where the file that it calls `path` is for others.
    pub fn seen_by_it(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").expect("a whole path");
        Path::new(&format!("/proc/{}/root", self.process.id())).join(inside)
    }

    /// Send SIGKILL, and wait for the end.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("a child");
    }

    /// A connection to it, once it has said where it serves.
    pub async fn wire(&self) -> Wire {
        let address = self.address();
        eventually("an open port", async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
        Wire::connect(address).await
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Bytes of memory that it has.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it ever had.
    pub fn peak_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).expect("it runs");
        let mut lines = status.lines();
        let resident = lines.find_map(|line| line.strip_prefix(field));
        let kilobytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        kilobytes
            .expect("its size")
            .parse::<u64>()
            .expect("a number")
            * 1024
    }

    /// Send SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Send a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it runs");
    }

    /// Wait for its end.
    pub async fn exit_code(&mut self) -> Option<i32> {
        let process = &mut self.process;
        in_time("its end", async {
            loop {
                if let Some(status) = process.try_wait().expect("a child") {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let Some(written) = self.written.take().filter(|_| !std::thread::panicking()) else {
            return;
        };
        let written = written.join().expect("its output");
        let found = written
            .lines()
            .find_map(|line| Some((leaks::leak(line)?, line)));
        assert_eq!(found, None, "a log holds what it may not");
    }
}

/// The lines of `output`, read by a thread, so that waiting for one can end;
/// the thread returns them all.
fn read_lines(output: ChildStdout) -> (Receiver<String>, JoinHandle<String>) {
    let (sender, lines) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut written = String::new();
        // Who reads to the end keeps the process from writing into nothing.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            written += &line;
            written += "\n";
            let _ = sender.send(line);
        }
        written
    });
    (lines, reading)
}
