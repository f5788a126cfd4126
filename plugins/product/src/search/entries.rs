//! Entries of the index for some products, ready to be merged into its tables.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::postings::{DESCRIPTION, Hits, POSITION_CHUNK, POSITIONS, WORD_CHUNK, place};
use super::text::units;

/// By chunk, then by word.
pub type Chunks<T> = BTreeMap<u32, BTreeMap<String, T>>;

/// The index of some products.
#[derive(Debug, Default)]
pub struct Entries {
    /// Rows of `product_search`.
    pub words: Chunks<Hits>,
    /// Rows of `product_search_position`: [`place`]s.
    pub positions: Chunks<RoaringBitmap>,
}

/// A field, with what differs between the two.
struct Field {
    /// The first position and the one after the last.
    positions: std::ops::Range<u32>,
    hits: fn(&mut Hits) -> &mut RoaringBitmap,
}

const NAME_FIELD: Field = Field {
    positions: 0..DESCRIPTION - 1,
    hits: |hits| &mut hits.name,
};

const DESCRIPTION_FIELD: Field = Field {
    positions: DESCRIPTION..POSITIONS,
    hits: |hits| &mut hits.description,
};

impl Entries {
    /// Takes in a product.
    pub fn add(&mut self, product: u32, name: &str, description: &str) {
        self.add_field(product, name, &NAME_FIELD);
        self.add_field(product, description, &DESCRIPTION_FIELD);
    }

    fn add_field(&mut self, product: u32, text: &str, field: &Field) {
        let words = self.words.entry(product / WORD_CHUNK).or_default();
        let positions = self.positions.entry(product / POSITION_CHUNK).or_default();
        let mut free = field.positions.clone();
        for unit in units(text) {
            for word in unit.parts.iter().chain(&unit.joined) {
                (field.hits)(words.entry(word.clone()).or_default()).insert(product);
            }
            for word in unit.parts {
                if let Some(position) = free.next() {
                    positions
                        .entry(word)
                        .or_default()
                        .insert(place(product, position));
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the entries of products: id, name, description.
    pub(in crate::search) fn entries(products: &[(u32, &str, &str)]) -> Entries {
        let mut entries = Entries::default();
        for (product, name, description) in products {
            entries.add(*product, name, description);
        }
        entries
    }

    #[test]
    fn words_know_their_products_by_field() {
        let entries = entries(&[(1, "Red T-Shirt", "A shirt."), (70_000, "Shirt", "Red!")]);
        let chunk = |chunk: u32, word: &str| entries.words.get(&chunk)?.get(word).cloned();
        let hits = |name: &[u32], description: &[u32]| {
            let (name, description) = (name.iter().collect(), description.iter().collect());
            Some(Hits { name, description })
        };
        assert_eq!(chunk(0, "shirt"), hits(&[1], &[1]));
        assert_eq!(chunk(0, "tshirt"), hits(&[1], &[]));
        assert_eq!(chunk(0, "a"), hits(&[], &[1]));
        assert_eq!(chunk(1, "shirt"), hits(&[70_000], &[]));
        assert_eq!(chunk(1, "red"), hits(&[], &[70_000]));
        assert_eq!(chunk(1, "tshirt"), None);
    }

    #[test]
    fn words_know_their_places() {
        let entries = entries(&[(513, "Red T-Shirt", "A shirt."), (514, "", "shirt")]);
        let shirt = entries
            .positions
            .get(&1)
            .and_then(|words| words.get("shirt"));
        let expected = [
            place(513, 2),
            place(513, DESCRIPTION + 1),
            place(514, DESCRIPTION),
        ];
        assert_eq!(shirt, Some(&RoaringBitmap::from_iter(expected)));
    }

    #[test]
    fn a_long_text_is_found_but_has_no_more_places() {
        let text = "word ".repeat(2000) + "end";
        let entries = entries(&[(1, &text, &text)]);
        let words = entries.words.get(&0).map(|words| words.contains_key("end"));
        let positions = entries.positions.get(&0);
        assert_eq!(words, Some(true));
        assert_eq!(
            positions.map(|words| words.contains_key("end")),
            Some(false)
        );
        let places = positions.and_then(|words| words.get("word"));
        assert_eq!(
            places.map(RoaringBitmap::len),
            Some(u64::from(POSITIONS) - 1)
        );
    }
}
