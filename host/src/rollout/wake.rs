//! What wakes the loops of the nodes before their next look.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::stores::wakeups::Wakeups;

/// How long to wait for Redis before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes the loops of this node, and of all others where Redis is shared.
pub struct Wake {
    words: watch::Sender<()>,
    shared: Option<Wakeups>,
}

impl Wake {
    /// A word within this node, and through `shared` to all others.
    #[must_use]
    pub fn new(shared: Option<Wakeups>) -> Arc<Self> {
        Arc::new(Self {
            words: watch::Sender::new(()),
            shared,
        })
    }

    /// Hear every word from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.words.subscribe()
    }

    /// Wake the loops of this node.
    pub fn here(&self) {
        self.words.send_replace(());
    }

    /// Wake the loops of all nodes. If the word is lost, they look by
    /// themselves before long.
    pub async fn everywhere(&self) {
        self.here();
        if let Some(shared) = &self.shared
            && let Err(error) = shared.tell().await
        {
            tracing::debug!(%error, "other nodes were not woken");
        }
    }

    /// Hear other nodes, for as long as this is polled.
    pub async fn listen(&self) {
        let Some(shared) = &self.shared else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = shared.listen(|| self.here()).await {
                tracing::debug!(%error, "other nodes are not heard");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Wait for a word, or for so long.
pub(super) async fn next(words: &mut watch::Receiver<()>, longest: Duration) {
    // The sender lives as long as the node; past it, time alone wakes.
    let heard = async {
        if words.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let _ = tokio::time::timeout(longest, heard).await;
}
