//! Time for which this node has seen the reports of all nodes without a gap.
//!
//! A control database that hangs silences every node at once. Silence of a node counts only while
//! its reports could have been read: while this node's own reports arrived, and its reads were
//! answered in time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::rollout::control::nodes::NodeRecord;

/// Maximum age of this node's own report, duration of a read, and time between two reads, each of
/// them several heartbeats.
const MAX_GAP: Duration = Duration::from_secs(5);

/// Observer of the nodes' reports.
pub(super) struct Observer {
    /// Name of this node.
    node: String,
    window: Mutex<Option<Window>>,
}

/// A period of observation without a gap.
#[derive(Clone, Copy)]
struct Window {
    first: Instant,
    last: Instant,
}

impl Observer {
    /// Returns an observer on the node of this name.
    pub(in crate::rollout) fn new(node: String) -> Self {
        Self {
            node,
            window: Mutex::new(None),
        }
    }

    /// Records that `nodes` was read by a query that started at `asked`. Returns the time without a
    /// gap until now, or `None` if there is a gap now, so that no node can be judged silent.
    pub(in crate::rollout) fn note(
        &self,
        nodes: &[NodeRecord],
        asked: Instant,
    ) -> Option<Duration> {
        let now = Instant::now();
        let own = nodes.iter().find(|node| node.node == self.node);
        let is_heard = own.is_some_and(|own| own.age() <= MAX_GAP);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_heard || now.duration_since(asked) > MAX_GAP {
            *window = None;
            return None;
        }
        let known = window.filter(|window| asked.duration_since(window.last) <= MAX_GAP);
        let first = known.map_or(now, |window| window.first);
        *window = Some(Window { first, last: now });
        Some(now.duration_since(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::report::Report;

    fn node(name: &str, age_ms: i64) -> NodeRecord {
        NodeRecord {
            node: name.to_owned(),
            region: "here".to_owned(),
            report: Report::default(),
            age_ms,
        }
    }

    #[test]
    fn whoever_is_not_heard_itself_sees_nobody() {
        let observer = Observer::new("a".to_owned());
        let now = Instant::now();
        assert_eq!(observer.note(&[], now), None);
        assert_eq!(observer.note(&[node("b", 0)], now), None);
        assert_eq!(observer.note(&[node("a", 5_001), node("b", 0)], now), None);
        assert!(observer.note(&[node("a", 5_000)], now).is_some());
    }

    #[test]
    fn a_gap_begins_the_observation_anew() {
        let observer = Observer::new("a".to_owned());
        let nodes = [node("a", 0)];
        let earlier = Instant::now().checked_sub(Duration::from_secs(60));
        let Some(earlier) = earlier else {
            return;
        };
        let window = |last| {
            Some(Window {
                first: earlier,
                last,
            })
        };
        *observer.window.lock().expect("a lock") = window(Instant::now());
        let seen = observer.note(&nodes, Instant::now());
        assert!(seen.is_some_and(|seen| seen >= Duration::from_secs(60)));
        // No read happened for a minute.
        *observer.window.lock().expect("a lock") = window(earlier);
        let seen = observer.note(&nodes, Instant::now());
        assert!(seen.is_some_and(|seen| seen < Duration::from_secs(60)));
        // The answer took a minute.
        *observer.window.lock().expect("a lock") = window(Instant::now());
        assert_eq!(observer.note(&nodes, earlier), None);
    }
}
