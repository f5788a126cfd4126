//! Whether the nodes of a shop know each other's keys.
//!
//! A token that one node signs has to hold at all others, so a node whose keys
//! do not fit is refused at its start. Nodes compare fingerprints: each report
//! holds those of its node, and the control database the one of the secret that
//! signed last, which also counts where no node is left.
//!
//! A fingerprint is a keyed hash, so it does not tell the secret. Who can read
//! it could try out secrets that people thought up, as everybody can who has a
//! token: a secret has to be random.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub use crate::config::secrets::KeyRing;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::report::KeyRings;

/// What two nodes may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The shop's secret.
    Secret,
    /// The keys of tokens.
    Tokens,
}

impl Kind {
    fn of(self, rings: &KeyRings) -> &KeyRing {
        match self {
            Self::Secret => &rings.secret,
            Self::Tokens => &rings.tokens,
        }
    }

    /// The setting, and the one that knows more keys.
    fn settings(self) -> (&'static str, &'static str) {
        match self {
            Self::Secret => ("secret", "secret_fallback"),
            Self::Tokens => ("token_keys", "token_keys, after the first"),
        }
    }
}

/// Why a node may not join the shop's.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The secret is not the shop's.
    #[error(
        "the secret of this node ({own}) is not the shop's ({shop}), which {url} remembers: set \
         `secret` to that of the other nodes. To change it, set the shop's as `secret_fallback` \
         beside the new `secret`. If it is lost, `edge secret adopt` makes this one the shop's, \
         which ends all sessions"
    )]
    Foreign {
        /// The node's fingerprint.
        own: String,
        /// The shop's.
        shop: String,
        /// The control database.
        url: String,
    },
    /// Another node's key is unknown here.
    #[error(
        "node {node} signs with a key of `{}` that this node does not know: set it here too, as \
         `{}`", kind.settings().0, kind.settings().1
    )]
    UnknownHere {
        /// The other node.
        node: String,
        /// What differs.
        kind: Kind,
    },
    /// This node's key is unknown to another.
    #[error(
        "node {node} does not know the key of `{}` that this node would sign with: set it on every \
         node as `{}` first, and then let one sign with it. A node that was killed counts for 6 s",
        kind.settings().0, kind.settings().1
    )]
    UnknownThere {
        /// The other node.
        node: String,
        /// What differs.
        kind: Kind,
    },
    /// Another node cannot verify with two secrets.
    #[error(
        "node {node} runs a version that knows one secret alone: upgrade it before the secret is \
         changed"
    )]
    Old {
        /// The other node.
        node: String,
    },
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Why two nodes do not know each other's keys, in a few words; none if they do.
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

/// The keys of this node.
#[derive(Debug)]
pub struct Keys {
    rings: KeyRings,
    /// Whether the control database names this node's secret as the shop's.
    is_settled: AtomicBool,
}

impl Keys {
    /// Takes the node into the shop: its keys fit those of the nodes that live,
    /// and the secret that signed last. The first node's secret is the shop's.
    ///
    /// # Errors
    /// Says which setting has to be changed, and on which node.
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
                // It has the shop's secret, and no other.
                None if is_settled => {}
                None => return Err(KeysError::Old { node: node.node }),
            }
        }
        Ok(Self {
            rings,
            is_settled: AtomicBool::new(is_settled),
        })
    }

    /// Returns the fingerprints.
    #[must_use]
    pub fn rings(&self) -> &KeyRings {
        &self.rings
    }

    /// Makes this node's secret the shop's, once no node signs with the shop's
    /// any more. Most nodes have nothing to do here: only one whose secret is
    /// being changed looks at all.
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

    /// Each step of a rotation beside the one before and after it.
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
