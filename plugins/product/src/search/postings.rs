//! The layout of the index: which bitmap holds what, and which rows a query
//! needs.
//!
//! The table `product_search` says in which products a word stands, and
//! `product_search_position` where in them. Both are cut into chunks of
//! products, so that every row stays small and a change touches few of them.

use std::io;

use roaring::RoaringBitmap;

use super::query::Pattern;

/// Products of one row of `product_search`: as many as one container of a
/// Roaring bitmap, so a row has at most 8 KiB for each field.
pub const WORD_CHUNK: u32 = 1 << 16;

/// Products of one row of `product_search_position`, which has at most 64 KiB.
pub const POSITION_CHUNK: u32 = 512;

/// Words of a product whose positions are known. Later ones are found, but not
/// in phrases.
pub const POSITIONS: u32 = 1024;

/// The position of a description's first word. The name has those before,
/// except the last: no phrase runs from the name into the description.
pub const DESCRIPTION: u32 = 128;

/// In which products a word stands, by field. Bitmaps hold product ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    /// Products whose name has the word.
    pub name: RoaringBitmap,
    /// Products whose description has the word.
    pub description: RoaringBitmap,
}

impl Hits {
    /// Takes in the products of others.
    pub fn merge(&mut self, others: &Self) {
        self.name |= &others.name;
        self.description |= &others.description;
    }

    /// Returns products that have the word in either field.
    #[must_use]
    pub fn any(&self) -> RoaringBitmap {
        &self.name | &self.description
    }
}

/// Ratio of products to others from which on it is faster to look
/// for each of those than to go through both.
const MANY: u64 = 16;

/// Returns the products that are among both. `few` should be the smaller set.
#[must_use]
pub fn common(many: &RoaringBitmap, few: &RoaringBitmap) -> RoaringBitmap {
    if few.len() * MANY < many.len() {
        few.iter()
            .filter(|&product| many.contains(product))
            .collect()
    } else {
        many & few
    }
}

/// Returns where a word of a product stands, as a number within the product's
/// chunk.
#[must_use]
pub fn place(product: u32, position: u32) -> u32 {
    (product % POSITION_CHUNK) * POSITIONS + position
}

/// Returns the product and the position of a [`place`] in a chunk.
#[must_use]
pub fn placed(chunk: u32, place: u32) -> (u32, u32) {
    (
        chunk * POSITION_CHUNK + place / POSITIONS,
        place % POSITIONS,
    )
}

/// Words from one up to, but not including, another, in the order of bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermRange {
    /// The first word.
    pub from: Vec<u8>,
    /// The word after the last.
    pub until: Vec<u8>,
}

impl TermRange {
    /// Returns the range of a single word.
    #[must_use]
    pub fn whole(term: &str) -> Self {
        let from = term.as_bytes().to_vec();
        let until = [term.as_bytes(), &[0]].concat();
        Self { from, until }
    }

    /// Returns the range of all words that begin like this.
    #[must_use]
    pub fn prefix(term: &str) -> Self {
        let from = term.as_bytes().to_vec();
        let mut until = from.clone();
        // No byte of UTF-8 is the highest one.
        if let Some(last) = until.last_mut() {
            *last = last.saturating_add(1);
        }
        Self { from, until }
    }
}

impl From<&Pattern> for TermRange {
    fn from(pattern: &Pattern) -> Self {
        match pattern.prefix {
            true => Self::prefix(&pattern.text),
            false => Self::whole(&pattern.text),
        }
    }
}

/// Returns ranges of the same words, as few as possible, in order.
#[must_use]
pub fn merged(mut ranges: Vec<TermRange>) -> Vec<TermRange> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, range| {
        let overlap = next.from <= range.until;
        if overlap && next.until > range.until {
            range.until.clone_from(&next.until);
        }
        overlap
    });
    ranges
}

/// Cuts ranges to what is left to read after a page that ended with this word.
/// The word may go on, so it is still among them.
pub fn skip_to(ranges: &mut Vec<TermRange>, last: &[u8]) {
    ranges.retain_mut(|range| {
        if *range.from < *last {
            range.from = last.to_vec();
        }
        range.from < range.until
    });
}

/// Returns a bitmap as it is stored: the portable format of Roaring bitmaps.
///
/// # Errors
/// None in practice: it writes to memory.
pub fn encode(bitmap: &RoaringBitmap) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap.serialize_into(&mut bytes)?;
    Ok(bytes)
}

/// Returns a stored bitmap.
///
/// # Errors
/// If the bytes are not what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> io::Result<RoaringBitmap> {
    RoaringBitmap::deserialize_from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_is_found_by_either_way() {
        let every = |step: usize| (0..200_000).step_by(step).collect::<RoaringBitmap>();
        for (many, few) in [(3, 2), (2, 30_000), (7, 5_000), (1, 1)] {
            let both = every(many) & every(few);
            assert_eq!(common(&every(many), &every(few)), both, "{many}, {few}");
            assert_eq!(common(&every(few), &every(many)), both, "{few}, {many}");
        }
        assert!(common(&every(1), &RoaringBitmap::new()).is_empty());
    }

    #[test]
    fn a_range_holds_what_its_pattern_matches() {
        let words = ["shir", "shirt", "shirts", "shis", "shirt🦄", "zz"];
        for prefix in [true, false] {
            let pattern = Pattern {
                text: "shirt".into(),
                prefix,
            };
            let range = TermRange::from(&pattern);
            for word in words {
                let inside = range.from.as_slice() <= word.as_bytes()
                    && word.as_bytes() < range.until.as_slice();
                assert_eq!(inside, pattern.matches(word.as_bytes()), "{word} {prefix}");
            }
        }
    }

    #[test]
    fn overlapping_ranges_become_one() {
        let ranges = vec![
            TermRange::prefix("beaut"),
            TermRange::whole("z"),
            TermRange::prefix("bea"),
            TermRange::whole("a"),
            TermRange::whole("beach"),
            TermRange::whole("z"),
        ];
        let expected = [
            TermRange::whole("a"),
            TermRange::prefix("bea"),
            TermRange::whole("z"),
        ];
        assert_eq!(merged(ranges), expected);
    }

    #[test]
    fn reading_goes_on_with_the_last_word() {
        let mut ranges = vec![
            TermRange::whole("arc"),
            TermRange::prefix("bea"),
            TermRange::whole("z"),
        ];
        skip_to(&mut ranges, b"beauty");
        let from = |range: &TermRange| range.from.clone();
        assert_eq!(
            ranges.iter().map(from).collect::<Vec<_>>(),
            [&b"beauty"[..], b"z"]
        );
        skip_to(&mut ranges, b"z");
        assert_eq!(ranges, [TermRange::whole("z")]);
    }

    #[test]
    fn rows_stay_within_their_bounds() {
        let mut name = RoaringBitmap::new();
        name.insert_range(WORD_CHUNK..2 * WORD_CHUNK);
        name.remove(WORD_CHUNK + 7);
        assert!(encode(&name).is_ok_and(|bytes| bytes.len() <= 8 * 1024 + 16));
        let mut places = RoaringBitmap::new();
        places.insert_range(0..POSITION_CHUNK * POSITIONS);
        places.remove(7);
        assert!(encode(&places).is_ok_and(|bytes| bytes.len() <= 64 * 1024 + 80));
    }

    #[test]
    fn stored_bitmaps_come_back() {
        let bitmap = RoaringBitmap::from_iter([0, 1, 65_535, 65_536, u32::MAX]);
        let stored = encode(&bitmap).and_then(|bytes| decode(&bytes));
        assert_eq!(stored.ok(), Some(bitmap));
        assert!(decode(b"no bitmap").is_err());
    }

    #[test]
    fn places_name_their_product_and_position() {
        for (product, position) in [(1, 0), (512, 1023), (100_000, 128)] {
            let chunk = product / POSITION_CHUNK;
            assert_eq!(placed(chunk, place(product, position)), (product, position));
        }
    }
}
