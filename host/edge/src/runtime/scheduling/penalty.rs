//! Penalty of a plugin whose recent requests computed for long or failed by its own fault.

use super::ewma::MovingAverage;

/// Moving average of the share of requests that computed for long, made a host call that is not
/// granted, or failed by the plugin's own fault.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Penalty(MovingAverage);

/// Value of the average when all requests are penalized.
const ALL: u64 = 1 << 16;

/// Value of the average above which the next request starts at low priority: a quarter of the
/// requests.
const BAD: u64 = ALL / 4;

impl Penalty {
    pub(in crate::runtime) fn note(&self, penalize: bool) {
        self.0.note(if penalize { ALL } else { 0 });
    }

    pub(in crate::runtime) fn is_penalized(&self) -> bool {
        self.0.get() > BAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_a_few_offences_and_is_forgotten() {
        let penalty = Penalty::default();
        let count_until = |bad: bool| {
            let noted = (0..1000).take_while(|_| {
                penalty.note(bad);
                penalty.is_penalized() != bad
            });
            noted.count()
        };
        let (offences, good) = (count_until(true), count_until(false));
        assert!((3..8).contains(&offences), "{offences}");
        assert!(good < 5, "{good}");
        (0..1000).for_each(|_| penalty.note(true));
        assert!((15..40).contains(&count_until(false)));
    }

    #[test]
    fn an_offence_now_and_then_is_none() {
        let penalty = Penalty::default();
        for number in 0..10_000 {
            penalty.note(number % 10 == 0);
            assert!(!penalty.is_penalized(), "{number}");
        }
    }
}
