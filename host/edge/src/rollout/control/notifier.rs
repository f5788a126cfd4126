//! Notifications that wake the loops of nodes before their next poll.
//!
//! A notification says what has changed, so that only the loops concerned wake: when one of many
//! nodes reports, only the node that leads rollouts has to look. Notifications travel within the
//! process, and between nodes through Redis where it is shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use stores::wakeups::Wakeups;

/// Pause before subscribing again after the connection to Redis broke.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// The subject of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject<'a> {
    /// The release log of one region has changed.
    Log(&'a str),
    /// A rollout or the report of a node has changed, which concerns the node that leads rollouts.
    Lead,
    /// Anything may have changed. Nodes of older versions send nothing else.
    Any,
}

const LEAD: &str = "lead";
const LOG: &str = "log ";

impl<'a> Subject<'a> {
    fn parse(text: &'a str) -> Self {
        match (text, text.strip_prefix(LOG)) {
            (LEAD, _) => Self::Lead,
            (_, Some(region)) => Self::Log(region),
            // A notification of a newer version may mean anything.
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

/// Wakes the loops of this node, and of all other nodes where Redis is shared.
pub struct Notifier {
    region: String,
    /// Wakes the loop that follows the log of this node's region.
    log: watch::Sender<()>,
    /// Wakes the loop that leads rollouts.
    lead: watch::Sender<()>,
    shared: Option<Wakeups>,
    is_listening: AtomicBool,
}

impl Notifier {
    /// Returns a notifier for a node of `region`, which reaches other nodes through `shared`.
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

    /// Subscribes to changes of the release log of this node's region, from now on.
    #[must_use]
    pub fn subscribe_log(&self) -> watch::Receiver<()> {
        self.log.subscribe()
    }

    /// Subscribes to changes that concern the leader of rollouts, from now on.
    #[must_use]
    pub fn subscribe_lead(&self) -> watch::Receiver<()> {
        self.lead.subscribe()
    }

    /// Returns whether notifications of other nodes arrive now, so that loops can poll less often.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Relaxed)
    }

    /// Wakes the loops of this node.
    pub fn here(&self) {
        self.wake(Subject::Any);
    }

    /// Wakes the loops of all nodes. If the notification is lost, they find the change at their
    /// next poll.
    pub async fn everywhere(&self) {
        self.publish(Subject::Any).await;
    }

    /// Wakes the nodes that follow the log of `region`, and the node that leads rollouts.
    pub async fn log_changed(&self, region: &str) {
        self.publish(Subject::Log(region)).await;
    }

    /// Wakes the node that leads rollouts, because a rollout was changed or a node has reported.
    pub async fn leaders(&self) {
        self.publish(Subject::Lead).await;
    }

    async fn publish(&self, subject: Subject<'_>) {
        self.wake(subject);
        if let Some(shared) = &self.shared
            && let Err(error) = shared.tell(&subject.text()).await
        {
            tracing::debug!(%error, "other nodes were not woken");
        }
    }

    fn wake(&self, subject: Subject<'_>) {
        let concerns_log = match subject {
            Subject::Log(region) => region == self.region,
            Subject::Lead => false,
            Subject::Any => true,
        };
        if concerns_log {
            self.log.send_replace(());
        }
        self.lead.send_replace(());
    }

    /// Receives notifications of other nodes for as long as the future is polled. Never returns.
    pub async fn listen(&self) {
        let Some(shared) = &self.shared else {
            return std::future::pending().await;
        };
        loop {
            let received = |subject: &str| {
                self.is_listening.store(true, Ordering::Relaxed);
                self.wake(Subject::parse(subject));
            };
            if let Err(error) = shared.listen(received).await {
                tracing::debug!(%error, "other nodes are not heard");
            }
            self.is_listening.store(false, Ordering::Relaxed);
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }
}

/// Waits for a notification, at most for the time `longest`.
pub(in crate::rollout) async fn next(notifications: &mut watch::Receiver<()>, longest: Duration) {
    // The sender lives as long as the node; once it is dropped, only the timeout ends the wait.
    let notified = async {
        if notifications.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let _ = tokio::time::timeout(longest, notified).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_wakes_those_whom_it_concerns() {
        let notifier = Notifier::new("here", None);
        let (mut log, mut lead) = (notifier.subscribe_log(), notifier.subscribe_lead());
        let mut woken = |text: &str| {
            notifier.wake(Subject::parse(text));
            let woken = [&mut log, &mut lead].map(|notifications| {
                let changed = notifications.has_changed().expect("a sender");
                notifications.mark_unchanged();
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
    fn notifications_arrive_as_they_were_sent() {
        for subject in [Subject::Log("us-east"), Subject::Lead, Subject::Any] {
            assert_eq!(Subject::parse(&subject.text()), subject);
        }
    }
}
