//! Repeatable chance: the same seed gives the same choices on every machine,
//! as it uses nothing but integers.

/// A stream of choices: the splitmix64 generator of Steele, Lea and Flood (2014).
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Begins a stream. Different seeds, even neighbours, give unrelated ones.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number in `0..bound`, all equally likely; 0 for a bound of 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let scaled = (self.next() >> 32) * u64::from(bound);
        (scaled >> 32) as u32
    }

    /// Returns true once in `odds` times.
    pub fn one_in(&mut self, odds: u32) -> bool {
        self.below(odds) == 0
    }

    /// Returns an entry of the list, all equally likely.
    #[expect(clippy::indexing_slicing, reason = "always below the list's length")]
    pub fn even<T: Copy, const N: usize>(&mut self, list: &[T; N]) -> T {
        list[self.below(N as u32) as usize]
    }

    /// Returns an entry of the list, the n-th about n times rarer than the
    /// first, as words are in any language.
    ///
    /// Zipf's law in steps: entries 1, 2-3, 4-7, 8-15 and so on get equal shares, spread evenly within each.
    #[expect(clippy::indexing_slicing, reason = "always below the list's length")]
    pub fn zipf<T: Copy, const N: usize>(&mut self, list: &[T; N]) -> T {
        let length = N as u32;
        let steps = u32::BITS - length.leading_zeros();
        let first = 1 << self.below(steps);
        let end = (2 * first).min(length + 1);
        list[(first - 1 + self.below(end - first)) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_repeats_and_its_neighbour_differs() {
        let stream = |seed| {
            let mut chance = Chance::new(seed);
            core::array::from_fn::<u32, 16, _>(|_| chance.below(1_000_000))
        };
        assert_eq!(stream(7), stream(7));
        assert_ne!(stream(7), stream(8));
    }

    #[test]
    fn the_mix_is_splitmix64() {
        let mut chance = Chance::new(0);
        assert_eq!(chance.next(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn even_choices_come_out_even() {
        let mut counts = [0; 5];
        let mut chance = Chance::new(1);
        for _ in 0..50_000 {
            counts[chance.even(&[0, 1, 2, 3, 4])] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn zipf_choices_thin_out_and_reach_the_end() {
        let list: [usize; 20] = core::array::from_fn(|index| index);
        let mut counts = [0; 20];
        let mut chance = Chance::new(1);
        for _ in 0..50_000 {
            counts[chance.zipf(&list)] += 1;
        }
        // Five steps; the last, entries 16 to 20, is cut short by the end of the list.
        for (entry, expected) in [(0, 10_000), (1, 5_000), (4, 2_500), (8, 1_250), (19, 2_000)] {
            let count: i32 = counts[entry];
            assert!((count - expected).abs() < expected / 10, "{entry}: {count}");
        }
    }
}
