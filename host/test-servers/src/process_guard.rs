//! A temporary folder, and the server at work in it, that outlive neither
//! their owner nor this process.
//!
//! Rust drops no statics, and nothing in a process runs after SIGKILL. So a
//! small shell outside it waits for the end of a pipe that only this process
//! holds: the kernel closes it in every case.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Remembers the last process group that it was told of. At the end of its
/// input it kills that group and removes the folder `$1`.
const SCRIPT: &str = r#"
while read -r line; do group=$line; done
if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// Owns a temporary folder and at most one running server.
pub struct ProcessGuard {
    folder: PathBuf,
    shell: Child,
}

impl ProcessGuard {
    /// Make a folder whose name begins with `prefix`.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(folder.path())
            // Out of reach of the terminal: an interrupt ends the tests, and the shell after them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // From here on, the shell removes it.
        let folder = folder.keep();
        Ok(Self { folder, shell })
    }

    /// The folder: an absolute path.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Run a program, its output in the log, in place of the one before,
    /// which has ended.
    pub fn spawn(&mut self, mut command: Command) -> io::Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let child = command
            .process_group(0)
            // MariaDB clears its temporary folder at the start, be it another server's as well.
            .env("TMPDIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.watch(&child.id().to_string())?;
        Ok(child)
    }

    /// Forget a program that has ended: its number may become another's.
    pub fn forget(&mut self) -> io::Result<()> {
        self.watch("")
    }

    /// What the programs have written.
    pub fn log(&self) -> String {
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
        // `wait` closes the pipe first. If it fails, the shell is gone already.
        let _ = self.shell.wait();
    }
}
