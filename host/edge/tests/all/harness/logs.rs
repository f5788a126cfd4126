//! What nodes in this process log: into a file of the run, and past whoever
//! looks for what no log may hold.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::leaks;

/// All that the host itself says, and what matters of what it is made of. Only
/// the tests' own connections log statements.
const FILTER: &str =
    "debug,edge=trace,stores=trace,wasmtime=info,cranelift=info,hyper_util=info,sqlx::query=off";

/// Collect them from now on.
pub fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = File::create(folder.join("nodes.log")).expect("a file for logs");
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(EnvFilter::new(FILTER))
            .with_writer(Watched(Mutex::new(file)))
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody logs yet");
    });
}

struct Watched(Mutex<File>);

impl<'a> MakeWriter<'a> for Watched {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Watched {
    /// A whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        leaks::note(&String::from_utf8_lossy(line));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
