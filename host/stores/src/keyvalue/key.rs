//! Keys in the store, which are distinct for distinct buckets.

use super::{Error, LONGEST_KEY, OpenError};

/// A plugin's key: any text whose length is within the limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a>(&'a str);

impl<'a> Key<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Error> {
        match text.len() {
            1..=LONGEST_KEY => Ok(Self(text)),
            length => Err(Error::InvalidKey { length }),
        }
    }

    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

/// Prefix of all keys of one bucket: `<prefix>:<plugin>:<bucket>`.
///
/// No part has a colon, so the third colon of a stored key ends the space, whatever follows. Nor
/// has a part a character that is special in a `MATCH` pattern or in a cluster's hash tags.
#[derive(Debug, Clone)]
pub(super) struct Space(String);

impl Space {
    pub(super) fn new(prefix: &str, plugin: &str, bucket: &str) -> Result<Self, OpenError> {
        for part in [prefix, plugin, bucket] {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if part.is_empty() || !part.chars().all(plain) {
                return Err(OpenError::Name(part.to_owned()));
            }
        }
        Ok(Self(format!("{prefix}:{plugin}:{bucket}")))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_of_a_sound_length() {
        for text in ["a", "*", "a:b", "\0", "ключ", &"x".repeat(LONGEST_KEY)] {
            assert!(Key::new(text).is_ok(), "{text:?}");
        }
        for text in ["", &"x".repeat(LONGEST_KEY + 1)] {
            assert!(Key::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_space_has_only_plain_parts() {
        let space = Space::new("edge", "order", "carts-2").expect("plain");
        assert_eq!(space.as_str(), "edge:order:carts-2");
        for part in ["", "a:b", "*", "{a}", "a b", "ü"] {
            assert!(Space::new(part, "a", "b").is_err(), "{part:?}");
            assert!(Space::new("a", part, "b").is_err(), "{part:?}");
            assert!(Space::new("a", "b", part).is_err(), "{part:?}");
        }
    }
}
