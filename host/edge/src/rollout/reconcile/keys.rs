//! Checks that the nodes of a shop know each other's keys.
//!
//! A token that one node signs has to be valid on all others, so a node whose
//! keys do not fit is refused when it starts. Nodes compare fingerprints: each
//! node's report has those of its keys, and the control database has the
//! fingerprint of the secret that signed last, which counts even if no node is
//! left.
//!
//! A fingerprint is a keyed hash and does not reveal the secret. Whoever can
//! read one could test guesses of the secret with it, as anybody with a token
//! can: a secret has to be random.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub use crate::config::secrets::KeyRing;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::report::KeyRings;

/// Kind of key in which two nodes may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The shop's secret.
    Secret,
    /// Keys that sign and verify tokens.
    Tokens,
}

impl Kind {
    fn of(self, rings: &KeyRings) -> &KeyRing {
        match self {
            Self::Secret => &rings.secret,
            Self::Tokens => &rings.tokens,
        }
    }

    /// Returns the setting of the key, and the one that lists further keys for
    /// verification.
    fn settings(self) -> (&'static str, &'static str) {
        match self {
            Self::Secret => ("secret", "secret_fallback"),
            Self::Tokens => ("token_keys", "token_keys, after the first"),
        }
    }
}

/// Error when a node is not allowed to join the shop's nodes.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The node's secret is not the shop's.
    #[error(
        "the secret of this node ({own}) is not the shop's ({shop}), which {url} remembers: set \
         `secret` to that of the other nodes. To change it, set the shop's as `secret_fallback` \
         beside the new `secret`. If it is lost, `edge secret adopt` makes this one the shop's, \
         which ends all sessions"
    )]
    Foreign {
        /// Fingerprint of the node's secret.
        own: String,
        /// Fingerprint of the shop's secret.
        shop: String,
        /// URL of the control database.
        url: String,
    },
    /// Another node signs with a key that this node does not know.
    #[error(
        "node {node} signs with a key of `{}` that this node does not know: set it here too, as \
         `{}`", kind.settings().0, kind.settings().1
    )]
    UnknownHere {
        /// Name of the other node.
        node: String,
        /// Kind of the key.
        kind: Kind,
    },
    /// Another node does not know the key with which this node would sign.
    #[error(
        "node {node} does not know the key of `{}` that this node would sign with: set it on every \
         node as `{}` first, and then let one sign with it. A node that was killed counts for 6 s",
        kind.settings().0, kind.settings().1
    )]
    UnknownThere {
        /// Name of the other node.
        node: String,
        /// Kind of the key.
        kind: Kind,
    },
    /// Another node runs a version that cannot verify with two secrets.
    #[error(
        "node {node} runs a version that knows one secret alone: upgrade it before the secret is \
         changed"
    )]
    Old {
        /// Name of the other node.
        node: String,
    },
    /// The control database failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Returns a message if node `one` does not know a key with which node `other`
/// signs; `None` if it knows them, or either node reports no keys.
#[must_use]
pub fn mismatch(one: &NodeRecord, other: &NodeRecord) -> Option<String> {
    let (ours, theirs) = one.report.keys.as_ref().zip(other.report.keys.as_ref())?;
    let kinds = [Kind::Secret, Kind::Tokens].into_iter();
    let mut unknown = kinds.filter(|kind| !kind.of(ours).knows(&kind.of(theirs).signs));
    unknown.next().map(|kind| {
        let setting = kind.settings().0;
        let (here, there) = (&one.node, &other.node);
        format!("node {here} does not know the key of `{setting}` that node {there} signs with")
    })
}

/// Fingerprints of this node's keys, which fit those of the shop's other nodes.
#[derive(Debug)]
pub struct Keys {
    rings: KeyRings,
    /// True once the control database names this node's secret as the shop's.
    is_settled: AtomicBool,
}

impl Keys {
    /// Checks the node's keys against those of the live nodes and against the
    /// shop's secret, which is the secret that signed last. The first node's
    /// secret becomes the shop's. A refusal is recorded in the audit.
    ///
    /// # Errors
    /// When a key does not fit; the error names the setting and the node where
    /// it has to be changed. Also when the control database does not answer.
    pub async fn join(rings: KeyRings, control: &Control) -> Result<Self, KeysError> {
        let fingerprint = rings.secret.signs.clone();
        let joined = Self::try_join(rings, control).await;
        if let Err(error) = &joined
            && !matches!(error, KeysError::Control(_))
        {
            let reason = error.to_string();
            if let Err(problem) = control.note_refused_join(&fingerprint, &reason).await {
                tracing::warn!("that this node was refused is not in the audit: {problem}");
            }
        }
        joined
    }

    async fn try_join(rings: KeyRings, control: &Control) -> Result<Self, KeysError> {
        let shop = control.secret_or_insert(&rings.secret.signs).await?;
        if !rings.secret.knows(&shop) {
            return Err(KeysError::Foreign {
                own: rings.secret.signs,
                shop,
                url: control.url().to_owned(),
            });
        }
        let is_settled = rings.secret.signs == shop;
        for node in live(control).await? {
            match &node.report.keys {
                Some(theirs) => check(&rings, theirs, &node.node)?,
                // A node without fingerprints knows the shop's secret alone,
                // which is also this node's.
                None if is_settled => {}
                None => return Err(KeysError::Old { node: node.node }),
            }
        }
        Ok(Self {
            rings,
            is_settled: AtomicBool::new(is_settled),
        })
    }

    /// Returns the fingerprints of this node's keys.
    #[must_use]
    pub fn rings(&self) -> &KeyRings {
        &self.rings
    }

    /// Makes this node's secret the shop's, once no node signs with the shop's
    /// previous one any more. Returns at once on nodes whose secret is the
    /// shop's already.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn settle(&self, control: &Control) -> Result<(), ControlError> {
        if self.is_settled.load(Relaxed) {
            return Ok(());
        }
        let own = &self.rings.secret.signs;
        let shop = control.secret_or_insert(own).await?;
        let is_settled = shop == *own || {
            let nodes = live(control).await?;
            let signs = |node: &NodeRecord| match &node.report.keys {
                Some(keys) => keys.secret.signs == shop,
                None => true,
            };
            !nodes.iter().any(signs) && control.replace_secret(&shop, own).await?
        };
        if is_settled {
            tracing::info!(fingerprint = own, "the secret of this node is the shop's");
        }
        self.is_settled.store(is_settled, Relaxed);
        Ok(())
    }
}

async fn live(control: &Control) -> Result<Vec<NodeRecord>, ControlError> {
    let mut nodes = control.nodes().await?;
    nodes.retain(NodeRecord::is_live);
    Ok(nodes)
}

fn check(ours: &KeyRings, theirs: &KeyRings, node: &str) -> Result<(), KeysError> {
    for kind in [Kind::Secret, Kind::Tokens] {
        let (ours, theirs) = (kind.of(ours), kind.of(theirs));
        let node = || node.to_owned();
        if !ours.knows(&theirs.signs) {
            return Err(KeysError::UnknownHere { node: node(), kind });
        }
        if !theirs.knows(&ours.signs) {
            return Err(KeysError::UnknownThere { node: node(), kind });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(signs: &str, verifies: &[&str]) -> KeyRing {
        KeyRing {
            signs: signs.to_owned(),
            verifies: verifies.iter().map(|&key| key.to_owned()).collect(),
        }
    }

    fn rings(secret: KeyRing) -> KeyRings {
        KeyRings {
            secret,
            tokens: ring("t", &[]),
        }
    }

    /// Compares each step of a key rotation with every other step.
    #[test]
    fn neighbouring_steps_fit_and_others_do_not() {
        let steps = [
            ring("old", &[]),
            ring("old", &["new"]),
            ring("new", &["old"]),
            ring("new", &[]),
        ];
        for (one, ours) in steps.iter().enumerate() {
            for (other, theirs) in steps.iter().enumerate() {
                let fits = check(&rings(ours.clone()), &rings(theirs.clone()), "n").is_ok();
                assert_eq!(fits, one.abs_diff(other) < 2, "{ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_the_setting_and_the_node() {
        let tokens = |tokens| KeyRings {
            secret: ring("s", &[]),
            tokens,
        };
        let (ours, theirs) = (tokens(ring("a", &["b"])), tokens(ring("b", &[])));
        let here = check(&ours, &theirs, "cafe").expect_err("unknown there");
        let there = check(&theirs, &ours, "cafe").expect_err("unknown here");
        for error in [here, there] {
            let text = error.to_string();
            assert!(
                text.contains("cafe") && text.contains("token_keys"),
                "{text}"
            );
        }
    }
}
