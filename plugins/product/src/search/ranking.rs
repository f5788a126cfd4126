//! Found products, best first, without sorting them: scores are kept as
//! bitmaps, one for each binary digit.

use roaring::RoaringBitmap;

/// A number for each product, counted up by whole bitmaps at once.
#[derive(Debug, Default)]
pub struct Tally {
    /// The products whose number has this binary digit, lowest digit first.
    digits: Vec<RoaringBitmap>,
}

impl Tally {
    /// Adds the value of a binary digit (0 is one, 1 is two) to these products.
    pub fn add(&mut self, digit: usize, products: RoaringBitmap) {
        let mut carry = products;
        for digit in digit.. {
            if carry.is_empty() {
                return;
            }
            if self.digits.len() <= digit {
                self.digits.resize_with(digit + 1, RoaringBitmap::new);
            }
            let Some(place) = self.digits.get_mut(digit) else {
                return;
            };
            let overflow = &*place & &carry;
            *place ^= &carry;
            carry = overflow;
        }
    }
}

/// The products that a search found, in order.
#[derive(Debug, Default)]
pub struct Ranking {
    found: RoaringBitmap,
    /// Digits that decide the order, the weightiest first.
    digits: Vec<RoaringBitmap>,
}

impl Ranking {
    /// Orders these products by the tallies, the weightiest first, the highest
    /// number first; those alike in all by their id.
    #[must_use]
    pub fn new(found: RoaringBitmap, tallies: impl IntoIterator<Item = Tally>) -> Self {
        let digits = tallies
            .into_iter()
            .flat_map(|tally| tally.digits.into_iter().rev());
        Self {
            found,
            digits: digits.collect(),
        }
    }

    /// Returns how many were found.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.found.len()
    }

    /// Returns a piece of the list: at most `limit` products after the first
    /// `offset`.
    #[must_use]
    pub fn page(&self, offset: u64, limit: usize) -> Vec<u32> {
        let mut page = Page {
            skip: offset,
            limit,
            products: Vec::new(),
        };
        page.take(self.found.clone(), &self.digits);
        page.products
    }
}

/// A piece of a ranking that is being gathered.
struct Page {
    /// Products still to be passed over.
    skip: u64,
    limit: usize,
    products: Vec<u32>,
}

impl Page {
    /// Takes from products that are alike in every digit but these.
    fn take(&mut self, alike: RoaringBitmap, digits: &[RoaringBitmap]) {
        if self.products.len() == self.limit {
            return;
        }
        if self.skip >= alike.len() {
            self.skip -= alike.len();
            return;
        }
        match digits.split_first() {
            Some((digit, rest)) => {
                self.take(&alike & digit, rest);
                self.take(alike - digit, rest);
            }
            None => self.take_in_order(&alike),
        }
    }

    /// Takes from products that are alike in everything.
    fn take_in_order(&mut self, alike: &RoaringBitmap) {
        let mut products = alike.iter();
        // The products to pass over are fewer than these, so they fit a u32.
        let first = u32::try_from(self.skip)
            .ok()
            .and_then(|skip| alike.select(skip));
        products.advance_to(first.unwrap_or_default());
        self.skip = 0;
        let room = self.limit - self.products.len();
        self.products.extend(products.take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what `Ranking` must agree with: sort by score, then by id.
    fn sorted(scores: &[(u32, u64)]) -> Vec<u32> {
        let mut scores = scores.to_vec();
        scores.sort_by_key(|&(product, score)| (std::cmp::Reverse(score), product));
        scores.into_iter().map(|(product, _)| product).collect()
    }

    fn tally(scores: &[(u32, u64)]) -> Tally {
        let mut tally = Tally::default();
        for digit in 0..64 {
            let has = |&&(_, score): &&(u32, u64)| score >> digit & 1 == 1;
            tally.add(
                digit,
                scores
                    .iter()
                    .filter(has)
                    .map(|&(product, _)| product)
                    .collect(),
            );
        }
        tally
    }

    /// Returns different scores, seemingly at random, for products 3, 6, 9, ...
    fn scores(count: u32) -> Vec<(u32, u64)> {
        let score = |n: u32| u64::from(n.wrapping_mul(2_654_435_761) >> 27);
        (1..=count).map(|n| (n * 3, score(n))).collect()
    }

    #[test]
    fn every_page_is_a_piece_of_the_sorted_list() {
        let scores = scores(500);
        let found = scores.iter().map(|&(product, _)| product).collect();
        let ranking = Ranking::new(found, [tally(&scores)]);
        let expected = sorted(&scores);
        assert_eq!(ranking.count(), 500);
        assert_eq!(ranking.page(0, 1000), expected);
        for offset in 0..510 {
            let page = ranking.page(offset, 7);
            let rest = expected.get(offset as usize..).unwrap_or_default();
            assert_eq!(page, rest.iter().take(7).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_tally_adds_up() {
        let mut tally = Tally::default();
        let mut sums = vec![(7, 0), (8, 0), (9, 0)];
        for (round, digit) in [(1, 0), (3, 1), (2, 0), (7, 1), (6, 0), (7, 0), (5, 3)] {
            let products = sums.iter().enumerate().filter(|(i, _)| round >> i & 1 == 1);
            tally.add(digit, products.map(|(_, &(product, _))| product).collect());
            for (i, (_, sum)) in sums.iter_mut().enumerate() {
                *sum += (round >> i & 1) << digit;
            }
        }
        let digit = |digit: usize, product| {
            u64::from(
                tally
                    .digits
                    .get(digit)
                    .is_some_and(|set| set.contains(product)),
            ) << digit
        };
        for (product, sum) in sums {
            assert_eq!((0..8).map(|place| digit(place, product)).sum::<u64>(), sum);
        }
    }

    #[test]
    fn the_first_tally_outweighs_the_second() {
        let found = RoaringBitmap::from_iter([1, 2, 3]);
        let first = tally(&[(1, 1), (2, 2), (3, 1)]);
        let second = tally(&[(1, 5), (2, 0), (3, 9)]);
        assert_eq!(Ranking::new(found, [first, second]).page(0, 10), [2, 3, 1]);
    }

    #[test]
    fn a_page_past_the_end_is_empty() {
        let ranking = Ranking::new(RoaringBitmap::from_iter([1, 2]), []);
        assert!(ranking.page(2, 10).is_empty());
        assert!(ranking.page(u64::MAX, 10).is_empty());
        assert!(Ranking::default().page(0, 10).is_empty());
    }
}
