//! A writer of log lines that come in batches.

use std::io::{Result, Write};
use std::thread::sleep;
use std::time::Duration;

/// Long enough for many requests' lines, and nothing to whoever reads them.
const REST: Duration = Duration::from_millis(2);

/// Rests after each flush. Lines that come meanwhile are written together, and
/// whoever logs them need not wake the writing thread for each.
pub(super) struct ThrottledWriter<W>(pub(super) W);

impl<W: Write> Write for ThrottledWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()?;
        sleep(REST);
        Ok(())
    }
}
