//! Notices commits to a file that are not this process's own, such as those of another program.
//!
//! SQLite tells a connection by `PRAGMA data_version` that others have committed. Those others
//! include the connections of this process, so a connection that never writes reads the version
//! before and after each write of this process: what happened between two such writes was somebody
//! else's. What happened during a write is told by the connection that writes, to which only the
//! commits of other programs are those of others: this process writes on one connection at a time.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::connection::GuestConnection;
use crate::lock::lock;
use crate::sql::versions::OtherWriters;

/// Least time between two readings for those who ask: each takes microseconds.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// Watches one file.
#[derive(Debug)]
pub(in crate::sql) struct FileWatch {
    file: PathBuf,
    state: Mutex<State>,
    /// True while this process may write. Set before the state is locked.
    is_writing: AtomicBool,
    since: Instant,
    /// Time from which on the file is read again, in microseconds after `since`.
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Opened by the first write or question.
    connection: Option<Connection>,
    version: i64,
    /// Version that the writing connection read when it began.
    writer_version: Option<i64>,
    has_changed: bool,
}

impl FileWatch {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            state: Mutex::default(),
            is_writing: AtomicBool::new(false),
            since: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    /// Says that this process writes on `writer` from now on. Only one caller at a time may.
    pub(super) fn begin_write(&self, writer: &GuestConnection) {
        self.is_writing.store(true, Ordering::SeqCst);
        let mut state = lock(&self.state);
        state.writer_version = data_version(writer);
        self.look(&mut state);
    }

    /// Says that this process has ended its transaction on `writer`; `None` if that is not known.
    pub(super) fn end_write(&self, writer: Option<&GuestConnection>) {
        let mut state = lock(&self.state);
        if let Some(connection) = &state.connection {
            match version(connection) {
                Ok(version) => state.version = version,
                Err(error) => state.failed(&error),
            }
            // Read last, so that a commit that this version misses is seen by the next reading of
            // the other connection.
            let ended = writer.and_then(data_version);
            state.has_changed |= ended.is_none() || ended != state.writer_version;
        }
        drop(state);
        self.is_writing.store(false, Ordering::SeqCst);
    }

    fn is_due(&self) -> bool {
        let now = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let interval = LEAST_INTERVAL.as_micros() as u64;
        let next = self.next.load(Ordering::Relaxed);
        let exchanged = |next| {
            let later = now.saturating_add(interval);
            let (relaxed, next) = (Ordering::Relaxed, next);
            self.next
                .compare_exchange(next, later, relaxed, relaxed)
                .is_ok()
        };
        now >= next && exchanged(next)
    }

    /// Reads the version, and notes a change. The first time, there is nothing to compare it with.
    fn look(&self, state: &mut State) {
        if state.connection.is_some() {
            return state.look();
        }
        match self
            .open()
            .and_then(|opened| Ok((version(&opened)?, opened)))
        {
            Ok((version, opened)) => {
                state.version = version;
                state.connection = Some(opened);
            }
            Err(error) => state.failed(&error),
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        // It never waits: who asks may be about to answer a request.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }
}

impl OtherWriters for FileWatch {
    fn have_written(&self) -> bool {
        if !self.is_due() {
            return false;
        }
        let mut state = lock(&self.state);
        // A commit of this process cannot be told from others' until its write has ended.
        if !self.is_writing.load(Ordering::SeqCst) {
            self.look(&mut state);
        }
        std::mem::take(&mut state.has_changed)
    }
}

impl State {
    /// Reads the version, and notes a change.
    fn look(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        match version(connection) {
            Ok(version) if version == self.version => {}
            Ok(version) => {
                self.version = version;
                self.has_changed = true;
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        tracing::warn!(%error, "whether others write to a database file is not known");
        self.has_changed = true;
    }
}

/// Returns the version that a writing connection reads; `None` if it cannot.
fn data_version(writer: &GuestConnection) -> Option<i64> {
    writer.as_host(|connection| Ok(version(connection)?)).ok()
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    statement.query_row([], |row| row.get(0))
}
