//! Sequential test of whether the requests of one release go wrong more often
//! than those of another that answers at the same time.
//!
//! Time is cut into blocks, and each block is compared within itself: given how
//! many requests both releases had and how many of them went wrong together,
//! the number that went wrong for the canary is hypergeometric if the releases
//! are alike, whatever the error rate is at that moment. An outage that affects
//! both is therefore no evidence. The evidence of a block is the likelihood
//! ratio of an odds ratio above 1 against 1. The product over the blocks is a
//! nonnegative supermartingale under the null hypothesis, so the probability
//! that it ever exceeds `1/α` is at most `α` (Ville's inequality).

use serde::{Deserialize, Serialize};

/// Odds ratios of the alternative hypotheses, with equal weights: from a
/// release that fails twice as often to one that always fails.
const BETS: [f64; 4] = [2.0, 4.0, 16.0, 256.0];

/// Maximum factor by which one block can raise the evidence. Requests of one
/// moment are not independent of each other: a cap keeps the test valid, and
/// makes several blocks necessary for a verdict.
const MOST_PER_BLOCK: f64 = 10.0;

/// Number of requests, and of those that went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Requests answered.
    pub requests: u64,
    /// Requests that went wrong: they failed, or were too slow.
    pub bad: u64,
}

impl Count {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bad += other.bad;
    }

    /// Returns the fraction of requests that went wrong, from 0 to 1; 0 without
    /// requests.
    #[must_use]
    pub fn rate(self) -> f64 {
        real(self.bad) / real(self.requests.max(1))
    }
}

/// Counts of one test, and the strength of their evidence against the canary.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Compared requests of the canary.
    pub canary: Count,
    /// Compared requests of the active release.
    pub active: Count,
    /// Logarithms of the likelihood ratios, one for each of the bets.
    bets: [f64; BETS.len()],
    /// Sum over the blocks of the differences between the rates, weighted by
    /// what the blocks can tell (Mantel and Haenszel).
    excess: f64,
    /// Sum of the weights of the blocks in `excess`.
    weight: f64,
}

impl Evidence {
    /// Adds one block of requests that both releases answered.
    pub fn observe(&mut self, canary: Count, active: Count) {
        self.canary.add(canary);
        self.active.add(active);
        let (new, old) = (real(canary.requests), real(active.requests));
        if new == 0.0 || old == 0.0 {
            return;
        }
        let weight = new * old / (new + old);
        self.weight += weight;
        self.excess += weight * (canary.rate() - active.rate());
        for (sum, ratio) in self.bets.iter_mut().zip(log_ratios(canary, active)) {
            *sum += ratio.min(MOST_PER_BLOCK.ln());
        }
    }

    /// Adds the evidence of another node. Blocks of that node are compared within
    /// themselves too, so the ratios multiply.
    pub fn add(&mut self, other: &Self) {
        self.canary.add(other.canary);
        self.active.add(other.active);
        self.excess += other.excess;
        self.weight += other.weight;
        for (sum, more) in self.bets.iter_mut().zip(other.bets) {
            *sum += more;
        }
    }

    /// Returns the e-value, whose expectation is at most 1 at any time if the
    /// canary does no worse.
    #[must_use]
    pub fn e_value(&self) -> f64 {
        let total: f64 = self.bets.iter().map(|log| log.exp()).sum();
        total / real(BETS.len() as u64)
    }

    /// Returns the difference between the canary's rate and the active
    /// release's, from -1 to 1, as a weighted mean over the blocks.
    #[must_use]
    pub fn difference(&self) -> f64 {
        match self.weight > 0.0 {
            true => self.excess / self.weight,
            false => 0.0,
        }
    }
}

/// Returns the logarithms of the likelihood ratios of the [`BETS`] against an
/// odds ratio of 1, given the totals of the block.
fn log_ratios(canary: Count, active: Count) -> [f64; BETS.len()] {
    let bad = canary.bad + active.bad;
    let (low, high) = (
        bad.saturating_sub(active.requests),
        bad.min(canary.requests),
    );
    if low >= high {
        // No other outcome was possible.
        return [0.0; BETS.len()];
    }
    let mut null = LogSum::default();
    let mut bets = [LogSum::default(); BETS.len()];
    let mut weight = 0.0;
    for failed in low..=high {
        null.add(weight);
        for (sum, odds) in bets.iter_mut().zip(BETS) {
            sum.add(weight + real(failed) * odds.ln());
        }
        // Computes the next hypergeometric weight from this one, up to a
        // constant.
        let more = real(canary.requests - failed) * real(bad - failed);
        let less = real(failed + 1) * real(active.requests + failed + 1 - bad);
        weight += (more / less).ln();
    }
    let mut ratios = [0.0; BETS.len()];
    for ((ratio, sum), odds) in ratios.iter_mut().zip(bets).zip(BETS) {
        *ratio = real(canary.bad) * odds.ln() + null.log() - sum.log();
    }
    ratios
}

/// Sum of numbers that are given by their logarithms.
#[derive(Clone, Copy)]
struct LogSum {
    largest: f64,
    scaled: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            scaled: 0.0,
        }
    }
}

impl LogSum {
    fn add(&mut self, log: f64) {
        if log > self.largest {
            self.scaled = self.scaled * (self.largest - log).exp() + 1.0;
            self.largest = log;
        } else {
            self.scaled += (log - self.largest).exp();
        }
    }

    fn log(self) -> f64 {
        self.largest + self.scaled.ln()
    }
}

/// Returns the count as a float, exact for counts below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(requests: u64, bad: u64) -> Count {
        Count { requests, bad }
    }

    fn choose(n: u64, k: u64) -> f64 {
        (0..k).map(|i| real(n - i) / real(i + 1)).product()
    }

    /// Sums the expectation over the hypergeometric distribution term by term.
    #[test]
    fn a_block_of_equal_releases_is_expected_to_change_nothing() {
        for (new, old, bad) in [(1, 9, 1), (5, 5, 3), (10, 90, 20), (40, 3, 41), (7, 7, 14)] {
            let mut expected = [0.0; BETS.len()];
            let low = u64::saturating_sub(bad, old);
            for failed in low..=u64::min(bad, new) {
                let part = choose(new, failed) * choose(old, bad - failed) / choose(new + old, bad);
                let ratios = log_ratios(count(new, failed), count(old, bad - failed));
                for (sum, ratio) in expected.iter_mut().zip(ratios) {
                    *sum += part * ratio.exp();
                }
            }
            for sum in expected {
                assert!((sum - 1.0).abs() < 1e-9, "{new} {old} {bad}: {sum}");
            }
        }
    }

    #[test]
    fn only_a_difference_within_a_block_is_evidence() {
        let mut evidence = Evidence::default();
        evidence.observe(count(50, 50), count(450, 450));
        evidence.observe(count(50, 0), count(450, 0));
        assert!((evidence.e_value() - 1.0).abs() < 1e-9);
        assert!(evidence.difference().abs() < 1e-9);

        // One of one request failed, and none of nine: the ratio is 10 at most.
        evidence.observe(count(1, 1), count(9, 0));
        let one = evidence.e_value();
        assert!((2.0..10.0).contains(&one), "{one}");
        // One block counts as 10 at most.
        evidence.observe(count(100, 100), count(100, 0));
        assert!(evidence.e_value() <= 10.0 * one + 1e-9);
        assert!(evidence.difference() > 0.1);
    }

    #[test]
    fn a_canary_that_does_better_lowers_it() {
        let mut evidence = Evidence::default();
        for _ in 0..20 {
            evidence.observe(count(10, 0), count(90, 9));
        }
        assert!(evidence.e_value() < 0.5, "{}", evidence.e_value());
        assert!(evidence.difference() < 0.0);
    }

    #[test]
    fn it_is_sent_as_it_is() {
        let mut evidence = Evidence::default();
        evidence.observe(count(10, 3), count(90, 1));
        let sent = serde_json::to_string(&evidence).expect("JSON");
        let received: Evidence = serde_json::from_str(&sent).expect("evidence");
        assert!((received.e_value() / evidence.e_value() - 1.0).abs() < 1e-12);
        assert_eq!(received.canary, evidence.canary);
        let mut both = Evidence::default();
        both.add(&received);
        both.add(&evidence);
        assert_eq!(both.canary, count(20, 6));
        assert!(both.e_value() > received.e_value());
    }
}
