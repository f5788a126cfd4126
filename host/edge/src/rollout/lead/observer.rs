//! For how long this node has seen all others without a gap.
//!
//! A control database that hangs silences every node at once. Whoever judges
//! nodes by their silence has to know that they could have been heard: that
//! this node's own reports arrived all the time, and its reads were answered.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::rollout::control::nodes::NodeRecord;

/// How old this node's own report may be, how long a read may take, and how
/// far two reads may be apart: some heartbeats.
const GAP: Duration = Duration::from_secs(5);

/// What this node sees of the others.
pub(super) struct Observer {
    /// The name of this node.
    node: String,
    window: Mutex<Option<Window>>,
}

/// The time of observation without a gap.
#[derive(Clone, Copy)]
struct Window {
    first: Instant,
    last: Instant,
}

impl Observer {
    /// An observer on the node of this name.
    pub(in crate::rollout) fn new(node: String) -> Self {
        Self {
            node,
            window: Mutex::new(None),
        }
    }

    /// Takes note of `nodes`, the answer to a question that was asked at
    /// `asked`. Returns for how long there was no gap, or nothing where there
    /// is one now, so that nobody can be judged.
    pub(in crate::rollout) fn note(
        &self,
        nodes: &[NodeRecord],
        asked: Instant,
    ) -> Option<Duration> {
        let now = Instant::now();
        let own = nodes.iter().find(|node| node.node == self.node);
        let is_heard = own.is_some_and(|own| own.age() <= GAP);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_heard || now.duration_since(asked) > GAP {
            *window = None;
            return None;
        }
        let known = window.filter(|window| asked.duration_since(window.last) <= GAP);
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
        // Nobody looked for a minute.
        *observer.window.lock().expect("a lock") = window(earlier);
        let seen = observer.note(&nodes, Instant::now());
        assert!(seen.is_some_and(|seen| seen < Duration::from_secs(60)));
        // The answer took a minute.
        *observer.window.lock().expect("a lock") = window(Instant::now());
        assert_eq!(observer.note(&nodes, earlier), None);
    }
}
