//! Setting of the fast password hashes, stored by an older back end, that are
//! accepted at login.

use std::collections::BTreeSet;
use std::fmt;

use super::layers::Layers;

/// Key of the setting.
const KEY: &str = "legacy_password_hashes";

/// A hash function that was not made for passwords: whoever can read the
/// database tries billions of passwords a second against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyHash {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256, one round.
    Sha256,
    /// SHA-512, one round.
    Sha512,
}

impl LegacyHash {
    /// Every hash function.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Returns the name in settings and in stored hashes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the hash function with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for LegacyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Legacy hashes that passwords may be verified by; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyHashes(BTreeSet<LegacyHash>);

impl LegacyHashes {
    /// Takes the setting out of `layers`, and adds a warning if it allows any
    /// hash.
    pub(super) fn take(layers: &mut Layers) -> Self {
        let allowed = layers.take(KEY, Self::default(), parse);
        if !allowed.0.is_empty() {
            let names: Vec<_> = allowed.0.iter().map(|kind| kind.name()).collect();
            layers.warn(format!(
                "{KEY} lets passwords be verified by {}: who gets hold of such a hash finds the \
                 password quickly. Each is replaced at the customer's next login; remove the \
                 setting when few are left",
                names.join(", ")
            ));
        }
        allowed
    }

    /// Returns whether passwords may be verified by hashes of this kind.
    #[must_use]
    pub fn allow(&self, kind: LegacyHash) -> bool {
        self.0.contains(&kind)
    }
}

impl FromIterator<LegacyHash> for LegacyHashes {
    fn from_iter<T: IntoIterator<Item = LegacyHash>>(kinds: T) -> Self {
        Self(kinds.into_iter().collect())
    }
}

fn parse(text: &str) -> Result<LegacyHashes, String> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            LegacyHash::from_name(name).ok_or_else(|| {
                format!("names `{name}`, which is none of md5, sha1, sha256, sha512")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(value: &str) -> (LegacyHashes, Vec<String>, Vec<String>) {
        let mut layers = Layers::default();
        layers.set(KEY, value.to_owned());
        let taken = LegacyHashes::take(&mut layers);
        let warnings = layers.take_warnings();
        (taken, warnings, layers.into_problems())
    }

    #[test]
    fn what_is_allowed_is_warned_of() {
        let (allowed, warnings, problems) = take("md5, sha1");
        assert_eq!(problems, [""; 0]);
        let kinds = LegacyHash::ALL.map(|kind| allowed.allow(kind));
        assert_eq!(kinds, [true, true, false, false]);
        assert_eq!(warnings.len(), 1);
        assert!(warnings.iter().all(|warning| warning.contains("md5, sha1")));
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let (allowed, warnings, problems) = take("");
        assert_eq!(allowed, LegacyHashes::default());
        assert_eq!((warnings, problems), (Vec::new(), Vec::new()));
    }

    #[test]
    fn another_name_is_refused() {
        let (_, _, problems) = take("sha1,crc32");
        assert_eq!(problems.len(), 1);
        assert!(problems.iter().all(|problem| problem.contains("`crc32`")));
    }
}
