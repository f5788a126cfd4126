//! Starting, stopping and restarting a server of either kind.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process_guard::ProcessGuard;

/// How long a server may take to answer, on a machine that is busy.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Time between two looks at a server that starts.
const POLL: Duration = Duration::from_millis(20);

/// A free port can be taken by another before the server has it: try again.
const START_ATTEMPTS: u32 = 3;

/// Where Debian keeps servers, which is not on every user's `PATH`.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// What is particular to one kind of server.
pub struct Kind {
    /// Its program.
    pub program: fn() -> io::Result<Command>,
    /// Its arguments, for a folder and a port.
    pub arguments: fn(&Path, u16) -> Vec<String>,
    /// Whether it answers a request, in a folder and on a port.
    pub answers: fn(&Path, u16) -> bool,
}

/// A server that answers, until `stop`.
pub struct Server {
    kind: &'static Kind,
    port: u16,
    process: Child,
    guard: ProcessGuard,
}

impl Server {
    /// Start a server on a free port.
    pub fn start(kind: &'static Kind, mut guard: ProcessGuard) -> io::Result<Self> {
        let mut attempt = 1;
        let (port, process) = loop {
            let port = free_port()?;
            match launch(kind, &mut guard, port) {
                Ok(process) => break (port, process),
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        };
        Ok(Self {
            kind,
            port,
            process,
            guard,
        })
    }

    /// End it as a crash does: with no chance to write anything.
    pub fn stop(&mut self) -> io::Result<()> {
        end(&mut self.process)?;
        self.guard.forget()
    }

    /// Start it again after `stop`, on the same port and with the same files.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process = launch(self.kind, &mut self.guard, self.port)?;
        Ok(())
    }

    /// Let it do nothing, as a machine does that hangs.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Let it go on after `pause`.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If this fails, the guard tries as well.
        let _ = self.stop();
    }
}

/// Run a program that prepares a server's folder, to its end.
pub fn prepare(guard: &mut ProcessGuard, command: Command) -> io::Result<()> {
    let mut process = guard.spawn(command)?;
    let done = poll(|| match process.try_wait() {
        Ok(None) => None,
        Ok(Some(status)) if status.success() => Some(Ok(())),
        Ok(Some(status)) => Some(Err(failure(guard, &status.to_string()))),
        Err(error) => Some(Err(error)),
    });
    match done {
        Some(result) => guard.forget().and(result),
        // The guard ends it, and what it started.
        None => Err(failure(guard, "it took too long")),
    }
}

/// A command for a program on `PATH`, or where servers are kept.
pub fn command(program: &str) -> io::Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .map(Command::new)
        .ok_or_else(|| {
            let reason = format!("{program} is not installed; `make test` installs it or says how");
            io::Error::new(io::ErrorKind::NotFound, reason)
        })
}

fn launch(kind: &Kind, guard: &mut ProcessGuard, port: u16) -> io::Result<Child> {
    let mut command = (kind.program)()?;
    command.args((kind.arguments)(guard.folder(), port));
    let mut process = guard.spawn(command)?;
    let started = poll(|| match process.try_wait() {
        Ok(None) => (kind.answers)(guard.folder(), port).then_some(Ok(())),
        Ok(Some(status)) => Some(Err(failure(guard, &status.to_string()))),
        Err(error) => Some(Err(error)),
    });
    match started.unwrap_or_else(|| Err(failure(guard, "it does not answer"))) {
        Ok(()) => Ok(process),
        Err(error) => {
            end(&mut process)?;
            guard.forget()?;
            Err(error)
        }
    }
}

fn end(process: &mut Child) -> io::Result<()> {
    process.kill()?;
    process.wait()?;
    Ok(())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < START_LIMIT {
        if let Some(found) = look() {
            return Some(found);
        }
        sleep(POLL);
    }
    None
}

fn failure(guard: &ProcessGuard, reason: &str) -> io::Error {
    io::Error::other(format!("{reason}; its log:\n{}", guard.log()))
}
