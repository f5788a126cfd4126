//! Cohorts of clients, by which a canary's share is chosen.

/// Bucket of a client, from 0 to 99: a canary of `n` percent answers the clients in buckets below
/// `n`. It is passed on with a request through every plugin, so that one request is on one side of
/// each canary, never on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cohort(u8);

impl Cohort {
    /// Cohort of work that no client asked for, which no canary answers.
    pub const NONE: Self = Self(u8::MAX);

    /// Returns the cohort of `number`, which should be evenly distributed.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(u8::try_from(number % 100).unwrap_or(u8::MAX))
    }

    /// Parses a bucket from 0 to 99, as kept in a cookie; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|bucket| *bucket < 100).map(Self)
    }

    /// Returns the bucket, from 0; 255 for [`NONE`](Self::NONE).
    #[must_use]
    pub fn bucket(self) -> u8 {
        self.0
    }

    /// Returns whether a canary of `percent` answers this client.
    #[must_use]
    pub fn is_within(self, percent: u8) -> bool {
        self.0 < percent.min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_answers_its_share_and_keeps_it_when_the_share_grows() {
        let met = |percent| (0..100).filter(move |n| Cohort::from_number(*n).is_within(percent));
        assert_eq!(met(10).count(), 10);
        assert_eq!(met(0).count(), 0);
        assert_eq!(met(100).count(), 100);
        assert!(met(10).all(|number| Cohort::from_number(number).is_within(11)));
        assert!(!Cohort::NONE.is_within(100));
    }

    #[test]
    fn a_bucket_is_parsed_as_it_is_written() {
        let cohort = Cohort::from_number(42);
        assert_eq!(Cohort::parse(&cohort.bucket().to_string()), Some(cohort));
        assert!(
            ["", "-1", "100", "255", "x"]
                .iter()
                .all(|text| Cohort::parse(text).is_none())
        );
    }
}
