//! The copy of the revocations in memory.

use std::collections::HashMap;

/// Last second of each principal whose tokens are revoked.
#[derive(Debug, Default)]
pub(super) struct Cutoffs(HashMap<i64, u64>);

impl Cutoffs {
    /// Revokes the tokens that were issued to `principal` up to the end of the second `cutoff`.
    pub(super) fn revoke(&mut self, principal: i64, cutoff: u64) {
        let known = self.0.entry(principal).or_default();
        *known = (*known).max(cutoff);
    }

    /// Adds revocations, in any order and any number of times.
    pub(super) fn extend(&mut self, revoked: impl IntoIterator<Item = (i64, u64)>) {
        for (principal, cutoff) in revoked {
            self.revoke(principal, cutoff);
        }
    }

    /// Returns whether a token of `principal` that was issued in the second `issued_at` is revoked.
    pub(super) fn covers(&self, principal: i64, issued_at: u64) -> bool {
        self.0
            .get(&principal)
            .is_some_and(|cutoff| issued_at <= *cutoff)
    }

    /// Forgets revocations with a cutoff before `second`, whose tokens have expired.
    pub(super) fn forget_before(&mut self, second: u64) {
        self.0.retain(|_, cutoff| *cutoff >= second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_covers_its_own_second_and_no_later_one() {
        let mut cutoffs = Cutoffs::default();
        cutoffs.extend([(7, 100), (7, 90)]);
        assert!(cutoffs.covers(7, 99));
        assert!(cutoffs.covers(7, 100));
        assert!(!cutoffs.covers(7, 101));
        assert!(!cutoffs.covers(8, 1));
    }

    #[test]
    fn only_what_has_expired_is_forgotten() {
        let mut cutoffs = Cutoffs::default();
        cutoffs.extend([(7, 100), (8, 200)]);
        cutoffs.forget_before(200);
        assert!(!cutoffs.covers(7, 1));
        assert!(cutoffs.covers(8, 200));
    }
}
