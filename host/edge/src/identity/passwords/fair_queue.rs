//! A bounded queue that clients share fairly.

use std::collections::{HashMap, VecDeque};

/// Queue of items, one line for each client. Clients take turns. When the queue is full, the
/// longest line loses its last item, so that a client with many items can neither fill the queue
/// nor delay clients with one item.
pub(super) struct FairQueue<T> {
    lines: HashMap<String, VecDeque<T>>,
    /// Clients with items in their lines, the next one first.
    turns: VecDeque<String>,
    waiting: usize,
    capacity: usize,
}

impl<T> FairQueue<T> {
    /// Creates an empty queue for at most `capacity` items.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lines: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            capacity,
        }
    }

    /// Adds an item to the line of `client`. Returns the item that is displaced if the queue is
    /// full: this one if no line is longer than the client's own.
    pub(super) fn push(&mut self, client: &str, item: T) -> Option<T> {
        let displaced = if self.waiting < self.capacity {
            None
        } else {
            let own = self.lines.get(client).map_or(0, VecDeque::len);
            let Some(other) = self.take_from_line_longer_than(own + 1) else {
                return Some(item);
            };
            Some(other)
        };
        let line = self.lines.entry(client.to_owned()).or_default();
        if line.is_empty() {
            self.turns.push_back(client.to_owned());
        }
        line.push_back(item);
        self.waiting += 1;
        displaced
    }

    /// Takes the first item of the client whose turn is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        let client = self.turns.pop_front()?;
        let line = self.lines.get_mut(&client)?;
        let item = line.pop_front()?;
        self.waiting -= 1;
        if line.is_empty() {
            self.lines.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        Some(item)
    }

    /// Takes the last item of the longest line, if it has more than `length`. At least one item is
    /// left, so that its client keeps its turn.
    fn take_from_line_longer_than(&mut self, length: usize) -> Option<T> {
        let longest = self.lines.values_mut().max_by_key(|line| line.len())?;
        if longest.len() <= length {
            return None;
        }
        self.waiting -= 1;
        longest.pop_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn clients_take_turns() {
        let mut queue = FairQueue::new(10);
        for item in ["a1", "a2", "a3"] {
            assert_eq!(queue.push("a", item), None);
        }
        assert_eq!(queue.push("b", "b1"), None);
        assert_eq!(queue.push("c", "c1"), None);
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2", "a3"]);
        assert_eq!(queue.push("a", "a4"), None);
        assert_eq!(drain(&mut queue), ["a4"]);
    }

    #[test]
    fn the_longest_line_makes_room() {
        let mut queue = FairQueue::new(4);
        for item in ["a1", "a2", "a3", "a4"] {
            assert_eq!(queue.push("a", item), None);
        }
        assert_eq!(queue.push("a", "a5"), Some("a5"));
        assert_eq!(queue.push("b", "b1"), Some("a4"));
        assert_eq!(queue.push("c", "c1"), Some("a3"));
        // Both lines would have two then, so no item is displaced.
        assert_eq!(queue.push("b", "b2"), Some("b2"));
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2"]);
    }

    #[test]
    fn nobody_gives_way_to_an_equal() {
        let mut queue = FairQueue::new(2);
        assert_eq!(queue.push("a", "a1"), None);
        assert_eq!(queue.push("b", "b1"), None);
        assert_eq!(queue.push("c", "c1"), Some("c1"));
        assert_eq!(drain(&mut queue), ["a1", "b1"]);
    }

    #[test]
    fn clients_that_are_done_leave_nothing_behind() {
        let mut queue = FairQueue::new(4);
        for round in 0..100 {
            assert_eq!(queue.push(&format!("client {round}"), "item"), None);
            assert_eq!(queue.pop(), Some("item"));
        }
        assert!(queue.lines.is_empty() && queue.turns.is_empty());
        assert_eq!(queue.waiting, 0);
    }
}
