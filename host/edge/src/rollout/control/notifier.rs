//! What wakes the loops of the nodes before their next look.
//!
//! A word says what has changed, so that it wakes those whom that concerns: of
//! a fleet of nodes that report, only the one that leads rollouts has to look.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use stores::wakeups::Wakeups;

/// How long to wait for Redis before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    /// The release log of one region.
    Log(&'a str),
    /// A rollout, or what a node reports: for those who lead rollouts.
    Lead,
    /// Anything. Nodes of older versions say nothing else.
    Any,
}

const LEAD: &str = "lead";
const LOG: &str = "log ";

impl<'a> Word<'a> {
    fn parse(text: &'a str) -> Self {
        match (text, text.strip_prefix(LOG)) {
            (LEAD, _) => Self::Lead,
            (_, Some(region)) => Self::Log(region),
            // Of a newer version, it may mean anything.
            _ => Self::Any,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Log(region) => format!("{LOG}{region}"),
            Self::Lead => LEAD.to_owned(),
            Self::Any => String::new(),
        }
    }
}

/// Wakes the loops of this node, and of all others where Redis is shared.
pub struct Notifier {
    region: String,
    /// For who follows the log of the region.
    log: watch::Sender<()>,
    /// For who leads rollouts.
    lead: watch::Sender<()>,
    shared: Option<Wakeups>,
    is_listening: AtomicBool,
}

impl Notifier {
    /// A word within this node, of `region`, and through `shared` to all
    /// others.
    #[must_use]
    pub fn new(region: &str, shared: Option<Wakeups>) -> Arc<Self> {
        Arc::new(Self {
            region: region.to_owned(),
            log: watch::Sender::new(()),
            lead: watch::Sender::new(()),
            shared,
            is_listening: AtomicBool::new(false),
        })
    }

    /// Hear every word about the region's log from now on.
    #[must_use]
    pub fn subscribe_log(&self) -> watch::Receiver<()> {
        self.log.subscribe()
    }

    /// Hear every word for those who lead rollouts from now on.
    #[must_use]
    pub fn subscribe_lead(&self) -> watch::Receiver<()> {
        self.lead.subscribe()
    }

    /// Returns whether words of other nodes are heard now, so that a look
    /// without one can wait longer.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Relaxed)
    }

    /// Wake the loops of this node.
    pub fn here(&self) {
        self.hear(Word::Any);
    }

    /// Wake the loops of all nodes. If the word is lost, they look by
    /// themselves before long.
    pub async fn everywhere(&self) {
        self.tell(Word::Any).await;
    }

    /// Wakes who follows the log of `region`, and who leads rollouts.
    pub async fn log_changed(&self, region: &str) {
        self.tell(Word::Log(region)).await;
    }

    /// Wakes who leads rollouts: one was changed, or a node has reported.
    pub async fn leaders(&self) {
        self.tell(Word::Lead).await;
    }

    async fn tell(&self, word: Word<'_>) {
        self.hear(word);
        if let Some(shared) = &self.shared
            && let Err(error) = shared.tell(&word.text()).await
        {
            tracing::debug!(%error, "other nodes were not woken");
        }
    }

    fn hear(&self, word: Word<'_>) {
        let concerns_log = match word {
            Word::Log(region) => region == self.region,
            Word::Lead => false,
            Word::Any => true,
        };
        if concerns_log {
            self.log.send_replace(());
        }
        self.lead.send_replace(());
    }

    /// Hear other nodes, for as long as this is polled.
    pub async fn listen(&self) {
        let Some(shared) = &self.shared else {
            return std::future::pending().await;
        };
        loop {
            let heard = |word: &str| {
                self.is_listening.store(true, Ordering::Relaxed);
                self.hear(Word::parse(word));
            };
            if let Err(error) = shared.listen(heard).await {
                tracing::debug!(%error, "other nodes are not heard");
            }
            self.is_listening.store(false, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Wait for a word, or for so long.
pub(in crate::rollout) async fn next(words: &mut watch::Receiver<()>, longest: Duration) {
    // The sender lives as long as the node; past it, time alone wakes.
    let heard = async {
        if words.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let _ = tokio::time::timeout(longest, heard).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_wakes_those_whom_it_concerns() {
        let wake = Notifier::new("here", None);
        let (mut log, mut lead) = (wake.subscribe_log(), wake.subscribe_lead());
        let mut woken = |text: &str| {
            wake.hear(Word::parse(text));
            let woken = [&mut log, &mut lead].map(|words| {
                let changed = words.has_changed().expect("a sender");
                words.mark_unchanged();
                changed
            });
            (woken[0], woken[1])
        };
        assert_eq!(woken("lead"), (false, true));
        assert_eq!(woken("log here"), (true, true));
        assert_eq!(woken("log there"), (false, true));
        assert_eq!(woken(""), (true, true));
        assert_eq!(woken("something of a newer version"), (true, true));
    }

    #[test]
    fn words_arrive_as_they_were_said() {
        for word in [Word::Log("us-east"), Word::Lead, Word::Any] {
            assert_eq!(Word::parse(&word.text()), word);
        }
    }
}
