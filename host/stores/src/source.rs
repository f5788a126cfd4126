//! Values that may change while a node runs: secrets in files, which Kubernetes and Vault rotate.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::value_file;

/// Value of a setting, and the file that it came from, if any.
#[derive(Clone)]
pub struct Source {
    text: String,
    file: Option<PathBuf>,
}

impl Source {
    /// Returns the value at start.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the value is in a file, and so may change.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the current value.
    ///
    /// # Errors
    /// When the file cannot be read; the message names the file.
    pub fn read(&self) -> Result<String, String> {
        match &self.file {
            None => Ok(self.text.clone()),
            Some(file) => value_file::read(file),
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            file: None,
        }
    }
}

impl From<&String> for Source {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

/// Files of the settings that are in files, by their values at start.
#[derive(Clone, Default)]
pub struct ValueFiles(BTreeMap<[u8; 32], PathBuf>);

impl ValueFiles {
    /// Records that the file `path` held `text`.
    pub fn add(&mut self, text: &str, path: &Path) {
        self.0.insert(digest(text), path.to_owned());
    }

    /// Returns the source of the setting with this value.
    #[must_use]
    pub fn source(&self, text: &str) -> Source {
        Source {
            text: text.to_owned(),
            file: self.0.get(&digest(text)).cloned(),
        }
    }
}

/// Shows the files only, since the values are secrets.
impl fmt::Debug for ValueFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.values()).finish()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_file_is_read_again() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut files = ValueFiles::default();
        files.add("mysql://a:old@db/shop", file.path());
        let source = files.source("mysql://a:old@db/shop");
        std::fs::write(file.path(), "mysql://a:new@db/shop\n").expect("written");
        assert_eq!(source.read().as_deref(), Ok("mysql://a:new@db/shop"));
        let other = files.source("mysql://b/shop");
        assert_eq!(other.read().as_deref(), Ok("mysql://b/shop"));
        let path = file.path().to_owned();
        drop(file);
        let why = source.read().expect_err("no file");
        assert!(why.contains(&path.display().to_string()), "{why}");
    }

    #[test]
    fn values_are_not_shown() {
        let mut files = ValueFiles::default();
        files.add("hunter2", Path::new("/run/secrets/url"));
        let shown = format!("{files:?}");
        assert_eq!(shown, "[\"/run/secrets/url\"]");
    }
}
