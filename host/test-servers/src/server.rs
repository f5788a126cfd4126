//! Starting, stopping and restarting of a server of any kind.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process_guard::ProcessGuard;

/// Time limit for a server to start, on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Time between two checks of a server that starts.
const POLL: Duration = Duration::from_millis(20);

/// Attempts to start a server, since another process may take its free port first.
const START_ATTEMPTS: u32 = 3;

/// Folders where Debian installs servers, which are not on every user's `PATH`.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Description of one kind of server.
pub(crate) struct Kind {
    /// Program of the server.
    pub(crate) program: fn() -> io::Result<Command>,
    /// Arguments of the server, for a folder and a port.
    pub(crate) arguments: fn(&Path, u16) -> Vec<String>,
    /// Function that returns whether the server answers a request, in a folder and on a port.
    pub(crate) answers: fn(&Path, u16) -> bool,
}

/// A server that runs until `stop`.
pub(crate) struct Server {
    kind: &'static Kind,
    port: u16,
    process: Child,
    guard: ProcessGuard,
}

impl Server {
    /// Starts a server on a free port.
    pub(crate) fn start(kind: &'static Kind, mut guard: ProcessGuard) -> io::Result<Self> {
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

    /// Kills the server, as a crash does, so that it cannot write anything.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        end(&mut self.process)?;
        self.guard.forget()
    }

    /// Starts the server again after `stop`, on the same port and with the same files.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.process = launch(self.kind, &mut self.guard, self.port)?;
        Ok(())
    }

    /// Stops the process by SIGSTOP, which looks like a machine that hangs.
    pub(crate) fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Continues the process after `pause`.
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.guard.folder()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If this fails, the guard tries as well.
        let _ = self.stop();
    }
}

/// Runs a program that prepares a server's folder, until it exits.
pub(crate) fn prepare(guard: &mut ProcessGuard, command: Command) -> io::Result<()> {
    let mut process = guard.spawn(command)?;
    let done = poll(|| match process.try_wait() {
        Ok(None) => None,
        Ok(Some(status)) if status.success() => Some(Ok(())),
        Ok(Some(status)) => Some(Err(failure(guard, &status.to_string()))),
        Err(error) => Some(Err(error)),
    });
    match done {
        Some(result) => guard.forget().and(result),
        // The guard kills the program and its children.
        None => Err(failure(guard, "it took too long")),
    }
}

/// Returns a command for a program on `PATH`, or in the folders where servers are installed.
pub(crate) fn command(program: &str) -> io::Result<Command> {
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
