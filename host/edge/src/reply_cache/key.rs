//! Keys of replies: the release, the target, and whatever else of the request decides on the reply.

use std::sync::Arc;
use std::time::Instant;

use bundle::Digest;
use bundle::manifest::CachePolicy;
use http::{HeaderMap, HeaderName};

/// Key of one reply, or of what tells the replies to one target apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    release: Digest,
    target: Arc<str>,
    /// Values of the facets; `None` for what is known of all replies to the target.
    variant: Option<Box<[u8]>>,
}

/// Parts of a request, besides its target, that decided on replies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facets {
    /// Names of header fields, sorted, each once.
    pub(super) fields: Vec<HeaderName>,
    /// True if the plugin asked who calls.
    pub(super) caller: bool,
}

/// Request for which a reply is looked up.
pub struct Lookup<'a> {
    /// The cached routes of the plugin.
    pub policy: &'a CachePolicy,
    /// Digest of the release that answers.
    pub release: Digest,
    /// Path and query, as the plugin sees them.
    pub target: Arc<str>,
    /// Header fields, as the plugin sees them.
    pub headers: Arc<HeaderMap>,
    /// True if the caller sent no token.
    pub is_anonymous: bool,
    /// True if the reply may be stored: a reply to HEAD may lack its body.
    pub may_store: bool,
    /// Time at which the host ends the request.
    pub deadline: Instant,
}

impl Key {
    /// Returns the key of what is known of all replies of a release to `target`.
    pub(super) fn of_target(release: Digest, target: Arc<str>) -> Self {
        Self {
            release,
            target,
            variant: None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let variant = self.variant.as_ref().map_or(0, |variant| variant.len());
        size_of::<Self>() + self.target.len() + variant
    }
}

impl Lookup<'_> {
    /// Returns the key of what is known of all replies to the target.
    pub(super) fn target_key(&self) -> Key {
        Key::of_target(self.release, self.target.clone())
    }

    /// Returns the key of the reply by these facets; `None` if the caller may only get a reply that
    /// was made for nobody else.
    pub(super) fn variant_key(&self, facets: &Facets) -> Option<Key> {
        if facets.caller && !self.is_anonymous {
            return None;
        }
        let mut variant = vec![u8::from(facets.caller)];
        for name in &facets.fields {
            variant.extend([name.as_str().as_bytes(), b":"].concat());
            for value in self.headers.get_all(name) {
                // No value of a field has a line break.
                variant.extend([value.as_bytes(), b"\n"].concat());
            }
            variant.push(b'\n');
        }
        Some(Key {
            variant: Some(variant.into()),
            ..self.target_key()
        })
    }
}

impl Facets {
    /// Returns the facets of both.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut fields: Vec<_> = self.fields.iter().chain(&other.fields).cloned().collect();
        fields.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        fields.dedup();
        Self {
            fields,
            caller: self.caller || other.caller,
        }
    }

    /// Returns the size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let names = self.fields.iter().map(|name| name.as_str().len());
        names.sum::<usize>() + size_of_val(self.fields.as_slice())
    }

    /// Returns whether one reply is for everybody.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.caller
    }
}
