//! Which clients meet a release on trial.

/// A client's place among a hundred: a trial of so many percent is met by the
/// clients below that number. It goes with a request through every plugin on
/// its way, so that one request meets either side of each trial, never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cohort(u8);

impl Cohort {
    /// Of work that no client asked for: it meets no trial.
    pub const NONE: Self = Self(u8::MAX);

    /// The place that belongs to `number`, which should be evenly spread.
    #[must_use]
    pub fn of(number: u64) -> Self {
        Self(u8::try_from(number % 100).unwrap_or(u8::MAX))
    }

    /// The same place again, as it was written down.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|place| *place < 100).map(Self)
    }

    /// The place, from 0.
    #[must_use]
    pub fn place(self) -> u8 {
        self.0
    }

    /// Whether this client meets a trial of so many percent.
    #[must_use]
    pub fn is_within(self, percent: u8) -> bool {
        self.0 < percent.min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_met_by_its_share_and_who_met_it_meets_a_larger_one() {
        let met = |percent| (0..100).filter(move |n| Cohort::of(*n).is_within(percent));
        assert_eq!(met(10).count(), 10);
        assert_eq!(met(0).count(), 0);
        assert_eq!(met(100).count(), 100);
        assert!(met(10).all(|number| Cohort::of(number).is_within(11)));
        assert!(!Cohort::NONE.is_within(100));
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let draw = Cohort::of(42);
        assert_eq!(Cohort::parse(&draw.place().to_string()), Some(draw));
        assert!(
            ["", "-1", "100", "255", "x"]
                .iter()
                .all(|text| Cohort::parse(text).is_none())
        );
    }
}
