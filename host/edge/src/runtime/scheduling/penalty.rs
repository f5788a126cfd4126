//! Penalty of a plugin whose recent requests computed for long or failed by its own fault.

use super::ewma::MovingAverage;

/// Moving average of the share of requests that computed for long, made a host call that is not
/// granted, or failed by the plugin's own fault.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Penalty(MovingAverage);

/// Value of the average when all requests are penalized.
const MAX: u64 = 1 << 16;

/// Value of the average above which the next request starts at low priority: a quarter of the
/// requests.
const THRESHOLD: u64 = MAX / 4;

impl Penalty {
    pub(in crate::runtime) fn note(&self, penalize: bool) {
        self.0.note(if penalize { MAX } else { 0 });
    }

    pub(in crate::runtime) fn is_penalized(&self) -> bool {
        self.0.get() > THRESHOLD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_requests_penalize_and_a_few_end_it() {
        let penalty = Penalty::default();
        let count_until = |penalize: bool| {
            let noted = (0..1000).take_while(|_| {
                penalty.note(penalize);
                penalty.is_penalized() != penalize
            });
            noted.count()
        };
        let (until_set, until_reset) = (count_until(true), count_until(false));
        assert!((3..8).contains(&until_set), "{until_set}");
        assert!(until_reset < 5, "{until_reset}");
        (0..1000).for_each(|_| penalty.note(true));
        assert!((15..40).contains(&count_until(false)));
    }

    #[test]
    fn a_tenth_of_the_requests_does_not_penalize() {
        let penalty = Penalty::default();
        for number in 0..10_000 {
            penalty.note(number % 10 == 0);
            assert!(!penalty.is_penalized(), "{number}");
        }
    }
}
