//! Phrases: words that follow one another, found by their places in a chunk.

use roaring::RoaringBitmap;

use super::postings::{DESCRIPTION, Hits, POSITIONS, placed};

/// Returns the products of a chunk in which words follow one another, from the
/// places of each word in turn.
#[must_use]
pub fn find(chunk: u32, words: &[&RoaringBitmap]) -> Hits {
    let mut hits = Hits::default();
    for (product, position) in starts(words).map(|place| placed(chunk, place)) {
        match position < DESCRIPTION {
            true => hits.name.insert(product),
            false => hits.description.insert(product),
        };
    }
    hits
}

/// Returns the places of first words that all the others follow, by looking around
/// wherever the rarest word stands.
fn starts(words: &[&RoaringBitmap]) -> impl Iterator<Item = u32> {
    let distances = move || (0..).zip(words);
    let rarest = distances().min_by_key(|(_, places)| places.len());
    let starts = rarest.into_iter().flat_map(|(distance, places)| {
        let after = move |place: &u32| place % POSITIONS >= distance;
        places
            .iter()
            .filter(after)
            .map(move |place| place - distance)
    });
    // Past a product's last position is the next product's first.
    let last = (POSITIONS as usize).checked_sub(words.len());
    let fits = move |start: u32| last.is_some_and(|last| (start % POSITIONS) as usize <= last);
    starts.filter(move |&start| {
        fits(start) && distances().all(|(distance, places)| places.contains(start + distance))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::entries::Entries;

    /// Returns products in whose name, and in whose description, the phrase stands.
    fn found(phrase: &[&str], products: &[(u32, &str, &str)]) -> (Vec<u32>, Vec<u32>) {
        let mut entries = Entries::default();
        for (product, name, description) in products {
            entries.add(*product, name, description);
        }
        let (mut names, mut descriptions) = (Vec::new(), Vec::new());
        for (&chunk, words) in &entries.positions {
            let places: Option<Vec<_>> = phrase.iter().map(|word| words.get(*word)).collect();
            let hits = find(chunk, &places.unwrap_or_default());
            names.extend(hits.name);
            descriptions.extend(hits.description);
        }
        (names, descriptions)
    }

    #[test]
    fn words_must_follow_in_order() {
        let products = [
            (1, "Big Red Shirt", "none"),
            (2, "Shirt Red", "a big red shirt"),
            (600, "Red, shirt!", "red big shirt"),
        ];
        assert_eq!(found(&["red", "shirt"], &products), (vec![1, 600], vec![2]));
        assert_eq!(
            found(&["big", "red", "shirt"], &products),
            (vec![1], vec![2])
        );
        assert_eq!(found(&["shirt", "big"], &products), (vec![], vec![]));
    }

    #[test]
    fn a_phrase_is_not_the_sum_of_its_pairs() {
        let products = [(1, "", "a red hat and red blue cap; blue hat")];
        assert_eq!(found(&["red", "blue", "hat"], &products), (vec![], vec![]));
    }

    #[test]
    fn a_word_may_repeat_in_a_phrase() {
        let products = [(1, "yo yo", "yo"), (2, "yo", "yo yo yo"), (3, "yo", "yo")];
        assert_eq!(found(&["yo", "yo"], &products), (vec![1], vec![2]));
        assert_eq!(found(&["yo", "yo", "yo"], &products), (vec![], vec![2]));
    }

    #[test]
    fn no_phrase_runs_out_of_its_field() {
        let full = "word ".repeat(DESCRIPTION as usize) + "last";
        let brim = "word ".repeat(POSITIONS as usize);
        let products = [
            (1, full.as_str(), "next"),
            (2, "red", "shirt"),
            (3, "a", &brim),
            (4, "b", "c"),
        ];
        assert_eq!(found(&["word", "next"], &products), (vec![], vec![]));
        assert_eq!(found(&["red", "shirt"], &products), (vec![], vec![]));
        assert_eq!(found(&["word", "b"], &products), (vec![], vec![]));
    }
}
