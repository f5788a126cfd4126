//! Cursor of a listing of keys over all primaries of a cluster.

use std::fmt;

/// Slots of a cluster.
const SLOTS: u16 = 16384;

/// Position in the listing of all primaries, which are ordered by their lowest slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Lowest slot of the primary, which names it.
    pub(super) slot: u16,
    /// Cursor that the primary's `SCAN` has returned.
    pub(super) position: u64,
}

impl Cursor {
    /// Returns the beginning of the first of `primaries`.
    pub(super) fn first(primaries: &[u16]) -> Option<Self> {
        let slot = *primaries.first()?;
        Some(Self { slot, position: 0 })
    }

    /// Returns the position after a `SCAN` that returned `position`: on this primary until that is
    /// 0, then on the next one; `None` after the last.
    pub(super) fn after(self, position: u64, primaries: &[u16]) -> Option<Self> {
        if position != 0 {
            return Some(Self { position, ..self });
        }
        let slot = *primaries.iter().find(|slot| **slot > self.slot)?;
        Some(Self { slot, position: 0 })
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (slot, position) = text.split_once('-')?;
        let slot = slot.parse().ok().filter(|slot| *slot < SLOTS)?;
        let position = position.parse().ok()?;
        Some(Self { slot, position })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.slot, self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_primary_is_visited_once() {
        let primaries = [0, 5461, 10923];
        let first = Cursor::first(&primaries).expect("three");
        let within = first.after(17, &primaries).expect("more on this one");
        assert_eq!((within.slot, within.position), (0, 17));
        let second = within.after(0, &primaries).expect("a second");
        let third = second.after(0, &primaries).expect("a third");
        assert_eq!((third.slot, third.position), (10923, 0));
        assert_eq!(third.after(0, &primaries), None);
        assert_eq!(Cursor::first(&[]), None);
    }

    #[test]
    fn only_its_own_text_is_a_cursor() {
        let cursor = Cursor {
            slot: 5461,
            position: u64::MAX,
        };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            "-",
            "1",
            "16384-0",
            "0-x",
            "0--1",
            "a-0",
            "0-18446744073709551616",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
