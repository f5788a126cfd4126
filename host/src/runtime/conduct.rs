//! How a plugin's requests have gone of late.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The part of requests that computed for long or failed by the plugin's own
/// fault: a moving average. Counts that two requests make at once may get
/// lost.
#[derive(Debug, Default)]
pub(super) struct Conduct(AtomicU32);

/// All of the requests.
const ALL: u32 = 1 << 16;

/// The part of each request in the average: some thirty of them make up nearly
/// all.
const WEIGHT: u32 = 16;

/// From here on, the next request is taken for one like them.
const BAD: u32 = ALL / 4;

impl Conduct {
    pub(super) fn note(&self, offended: bool) {
        let so_far = self.0.load(Relaxed);
        let one = if offended { ALL } else { 0 };
        self.0
            .store(so_far - so_far / WEIGHT + one / WEIGHT, Relaxed);
    }

    pub(super) fn is_bad(&self) -> bool {
        self.0.load(Relaxed) > BAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_a_few_offences_and_is_forgotten() {
        let conduct = Conduct::default();
        let count_until = |bad: bool| {
            let noted = (0..1000).take_while(|_| {
                conduct.note(bad);
                conduct.is_bad() != bad
            });
            noted.count()
        };
        let (offences, good) = (count_until(true), count_until(false));
        assert!((3..8).contains(&offences), "{offences}");
        assert!(good < 5, "{good}");
        (0..1000).for_each(|_| conduct.note(true));
        assert!((15..40).contains(&count_until(false)));
    }

    #[test]
    fn an_offence_now_and_then_is_none() {
        let conduct = Conduct::default();
        for number in 0..10_000 {
            conduct.note(number % 10 == 0);
            assert!(!conduct.is_bad(), "{number}");
        }
    }
}
