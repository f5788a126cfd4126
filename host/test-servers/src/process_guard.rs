//! A temporary folder and the server that runs in it, neither of which outlives its owner or this
//! process.
//!
//! Rust drops no statics, and nothing in a process runs after SIGKILL. So a small shell outside of
//! the process waits for the end of a pipe that only this process holds: the kernel closes it in
//! every case.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Script that remembers the last process group that it has read. At the end of its input it kills
/// that group and removes the folder `$1`.
const SCRIPT: &str = r#"
while read -r line; do group=$line; done
if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// Owner of a temporary folder and of at most one running server.
pub(crate) struct ProcessGuard {
    folder: PathBuf,
    shell: Child,
}

impl ProcessGuard {
    /// Creates a folder whose name begins with `prefix`.
    pub(crate) fn new(prefix: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(folder.path())
            // The shell is in a process group of its own: an interrupt of the terminal ends the
            // tests, and then the shell ends.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // From here on, the shell removes the folder.
        let folder = folder.keep();
        Ok(Self { folder, shell })
    }

    /// Returns the absolute path of the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a program with its output in the log. The program before it must have ended.
    pub(crate) fn spawn(&mut self, mut command: Command) -> io::Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let child = command
            .process_group(0)
            // MariaDB clears its temporary folder at start, even if it is also another server's.
            .env("TMPDIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.watch(&child.id().to_string())?;
        Ok(child)
    }

    /// Forgets a program that has ended, since its process id may be reused.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.watch("")
    }

    /// Returns the output of the programs.
    pub(crate) fn log(&self) -> String {
        match fs::read(self.log_path()) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("(no log: {error})"),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn watch(&mut self, group: &str) -> io::Result<()> {
        let pipe = self.shell.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(pipe, "{group}")
    }
}

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        // `wait` closes the pipe first. If it fails, the shell has already ended.
        let _ = self.shell.wait();
    }
}
