//! Values in files of their own, as secrets of Docker and Kubernetes are: `NAME_FILE` names the
//! file of `NAME`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Greatest length of a file in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Reads the value in the file `path`, without the end of its last line.
///
/// # Errors
/// When the file cannot be read or is empty; the message has its path. A secret that does not exist
/// yet is an error, and not an unset one.
pub fn read(path: impl AsRef<Path>) -> Result<String, String> {
    let path = path.as_ref();
    let shown = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    let bytes = read.map_err(|error| format!("{shown}: {error}"))?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(format!("{shown}: has more than {MAX_BYTES} bytes"));
    }
    if text.trim().is_empty() {
        return Err(format!("{shown}: is empty"));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}
