//! Eviction of compiled components from the disk, least recently used first. An evicted component
//! is compiled again when it is needed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// File extension of compiled components.
const EXTENSION: &str = "cwasm";

/// A compiled component on disk.
struct File {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Removes files of the cache in `data_dir` until their total size is at most `limit` bytes, and
/// returns the number of files removed and their size in bytes. Several nodes may evict from one
/// data folder concurrently.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn evict(data_dir: &Path, limit: u64) -> io::Result<(usize, u64)> {
    let mut files = files(&data_dir.join("cache"))?;
    files.sort_by_key(|file| std::cmp::Reverse(file.used));
    let (mut kept, mut removed, mut bytes) = (0_u64, 0, 0);
    for file in files {
        if kept.saturating_add(file.bytes) <= limit {
            kept += file.bytes;
            continue;
        }
        // Another node may have removed the file already.
        if fs::remove_file(&file.path).is_ok() {
            removed += 1;
            bytes += file.bytes;
        }
    }
    Ok((removed, bytes))
}

fn files(folder: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_compiled = path.extension().is_some_and(|found| found == EXTENSION);
        let Some(found) = is_compiled.then(|| path.metadata().ok()).flatten() else {
            continue;
        };
        let written = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        // Falls back to the modification time where the file system keeps no access times.
        let read = found.accessed().unwrap_or(written);
        files.push(File {
            path,
            bytes: found.len(),
            used: written.max(read),
        });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let data = tempfile::tempdir().expect("a folder");
        let cache = data.path().join("cache");
        fs::create_dir(&cache).expect("the cache");
        let now = SystemTime::now();
        for (name, age) in [("a", 30), ("b", 10), ("c", 20)] {
            let path = cache.join(format!("{name}.cwasm"));
            fs::write(&path, [0; 100]).expect("a file");
            let then = now - Duration::from_secs(age * 60);
            let times = fs::FileTimes::new().set_accessed(then).set_modified(then);
            let file = fs::File::options().write(true).open(&path).expect("a file");
            file.set_times(times).expect("its times");
        }
        fs::write(cache.join("other"), [0; 1000]).expect("a file of somebody else");
        assert_eq!(evict(data.path(), 300).expect("a cache"), (0, 0));
        assert_eq!(evict(data.path(), 250).expect("a cache"), (1, 100));
        assert!(!cache.join("a.cwasm").exists());
        assert_eq!(evict(data.path(), 100).expect("a cache"), (1, 100));
        assert!(cache.join("b.cwasm").exists() && cache.join("other").exists());
    }
}
