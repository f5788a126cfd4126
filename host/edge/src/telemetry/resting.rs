//! A writer that batches log lines.

use std::io::{Result, Write};
use std::thread::sleep;
use std::time::Duration;

/// Pause after a flush: long enough to batch the lines of many requests, and not noticeable to a
/// reader.
const REST: Duration = Duration::from_millis(2);

/// Writer that sleeps after each flush. Lines that arrive meanwhile are written together, and do
/// not each wake the writing thread.
pub(super) struct ThrottledWriter<W>(pub(super) W);

impl<W: Write> Write for ThrottledWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes)
    }

    #[expect(clippy::disallowed_methods, reason = "the thread only writes the log")]
    fn flush(&mut self) -> Result<()> {
        self.0.flush()?;
        sleep(REST);
        Ok(())
    }
}
