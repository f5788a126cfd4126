//! The index follows what others do to the table of products: products that
//! were inserted, changed or deleted beside the shop's nodes.
//!
//! `product_search_state` has the texts that the index has of each product. A
//! piece of work compares them with the products' own, in the database, some
//! slices of products at a time, and corrects the index where they differ. The
//! next piece goes on where it ended; a round over all products is followed by
//! the next.

use edge_sdk::sql::{self, Error, Query, Transaction, column};
use serde::Deserialize;

use super::entries::Entries;
use super::index::{self, Texts};
use super::merge;
use super::postings::POSITION_CHUNK;

/// Slices that one piece of work compares, of 5000 products each. A slice takes
/// a database about 50 ms, so every ten seconds that is a fiftieth of its time.
const SLICES: usize = 4;

/// Products that one piece of work corrects at most.
const CORRECTIONS: usize = 1024;

/// Chunks of positions that one piece of work changes at most: each costs a
/// few statements.
const CHUNKS: usize = 128;

/// Bytes of texts that one piece of work compares at most: long ones have so
/// many words that 1024 products would take longer than a task may.
const TEXT_BYTES: usize = 512 * 1024;

/// Products that one statement finds: with the longest texts, they stay within
/// the bytes that the manifest asks for one call.
const PAGE: usize = 64;

/// The highest id that the index takes in: ids of bitmaps have 32 bits.
const LAST_ID: i64 = 4_294_967_295;

/// Selects the last product that was compared.
pub const CURSOR: &str = "SELECT product_id FROM product_search_round WHERE round_id = 1";

/// Notes the last product that was compared.
pub const SET_CURSOR: &str = "UPDATE product_search_round SET product_id = ? WHERE round_id = 1";

/// Selects the last product of the slice that comes after a product, by id, if
/// another slice follows.
pub const SLICE_END: &str = "SELECT product_id FROM product \
     WHERE product_id > ? AND product_id <= 4294967295 \
     ORDER BY product_id LIMIT 1 OFFSET 4999";

/// Selects what the index lacks or has wrong of the products after one and up to
/// another, by id, in their order; then the same two ids for products that are
/// gone.
pub const DIFFERENCES: &str = "SELECT product_id, is_there, name, description, indexed_name, indexed_description \
     FROM (SELECT p.product_id, 1 AS is_there, p.name, SUBSTR(p.description, 1, 8000) AS description, \
     s.name AS indexed_name, s.description AS indexed_description \
     FROM product p LEFT JOIN product_search_state s ON s.product_id = p.product_id \
     WHERE p.product_id > ? AND p.product_id <= ? \
     AND (s.name IS NULL OR s.description IS NULL OR s.name <> COALESCE(p.name, '') \
     OR s.description <> COALESCE(SUBSTR(p.description, 1, 8000), '')) \
     ORDER BY p.product_id LIMIT 64) changed \
     UNION ALL \
     SELECT product_id, is_there, name, description, indexed_name, indexed_description \
     FROM (SELECT s.product_id, 0 AS is_there, NULL AS name, NULL AS description, \
     s.name AS indexed_name, s.description AS indexed_description \
     FROM product_search_state s LEFT JOIN product p ON p.product_id = s.product_id \
     WHERE s.product_id > ? AND s.product_id <= ? AND p.product_id IS NULL \
     ORDER BY s.product_id LIMIT 64) gone \
     ORDER BY product_id LIMIT 64";

/// A product of which the index does not have what the table has.
#[derive(Debug, Deserialize)]
struct Difference {
    product_id: u32,
    is_there: bool,
    #[serde(deserialize_with = "column::text")]
    name: String,
    #[serde(deserialize_with = "column::text")]
    description: String,
    /// The texts in the index; none if it has the product not at all, or from
    /// an older release.
    #[serde(deserialize_with = "column::optional_text")]
    indexed_name: Option<String>,
    #[serde(deserialize_with = "column::optional_text")]
    indexed_description: Option<String>,
}

impl Difference {
    /// Bytes of all its texts.
    fn bytes(&self) -> usize {
        let indexed = [&self.indexed_name, &self.indexed_description];
        let indexed = indexed.into_iter().flatten().map(String::len);
        self.name.len() + self.description.len() + indexed.sum::<usize>()
    }
}

/// Compares some products, and corrects some of those that differ.
///
/// # Errors
/// Those of the database.
pub fn step() -> Result<(), Error> {
    let start: i64 = sql::query(CURSOR).fetch_one()?;
    let end = compare(start)?;
    if end != start {
        sql::query(SET_CURSOR).bind(end).execute()?;
    }
    Ok(())
}

/// Compares some slices of products after one, by id, until some had to be
/// corrected. Returns where the next piece of work begins.
fn compare(mut after: i64) -> Result<i64, Error> {
    for _ in 0..SLICES {
        let end: Option<i64> = sql::query(SLICE_END).bind(after).fetch_optional()?;
        let until = end.unwrap_or(LAST_ID);
        // Most of the time nothing differs, and nobody has to wait for that.
        if !page(sql::query(DIFFERENCES), after, until)?.is_empty() {
            let corrected = sql::transaction(|transaction| correct(transaction, after, until))?;
            return Ok(corrected.or(end).unwrap_or_default());
        }
        match end {
            Some(end) => after = end,
            None => return Ok(0),
        }
    }
    Ok(after)
}

/// Corrects the index where it differs in a slice of products. Returns the last
/// product that was corrected, if there may be more in the slice.
fn correct(transaction: &Transaction, after: i64, until: i64) -> Result<Option<i64>, Error> {
    index::lock(transaction)?;
    let (differences, last) = differences(transaction, after, until)?;
    let Corrections { before, now, texts } = Corrections::from_differences(&differences);
    merge::remove(transaction, before.words)?;
    merge::remove(transaction, before.positions)?;
    merge::add(transaction, now.words)?;
    merge::add(transaction, now.positions)?;
    for gone in differences.iter().filter(|one| !one.is_there) {
        transaction
            .query(index::UNMARK)
            .bind(gone.product_id)
            .execute()?;
    }
    index::mark(transaction, &texts)?;
    Ok(last)
}

/// Returns as many differences as one piece of work corrects, and the last
/// product of them if there may be more.
fn differences(
    transaction: &Transaction,
    mut after: i64,
    until: i64,
) -> Result<(Vec<Difference>, Option<i64>), Error> {
    let mut differences = Vec::new();
    let mut chunks = 0;
    let mut chunk = None;
    let mut bytes = 0;
    while differences.len() < CORRECTIONS && chunks < CHUNKS && bytes < TEXT_BYTES {
        let page = page(transaction.query(DIFFERENCES), after, until)?;
        let is_last = page.len() < PAGE;
        for difference in page {
            after = difference.product_id.into();
            let place = Some(difference.product_id / POSITION_CHUNK);
            chunks += usize::from(chunk != place);
            chunk = place;
            bytes += difference.bytes();
            differences.push(difference);
        }
        if is_last {
            return Ok((differences, None));
        }
    }
    Ok((differences, Some(after)))
}

fn page(query: Query<'_>, after: i64, until: i64) -> Result<Vec<Difference>, Error> {
    let ids = [after, until, after, until];
    ids.into_iter().fold(query, Query::bind).fetch_all()
}

/// Changes to the index that remove some differences.
#[derive(Default)]
struct Corrections {
    /// Entries that the index has too many.
    before: Entries,
    /// Entries that the index lacks.
    now: Entries,
    /// The texts that it has from now on.
    texts: Vec<Texts>,
}

impl Corrections {
    fn from_differences(differences: &[Difference]) -> Self {
        let mut corrections = Self::default();
        for difference in differences {
            corrections.add(difference);
        }
        corrections
    }

    fn add(&mut self, difference: &Difference) {
        let id = difference.product_id;
        match (&difference.indexed_name, &difference.indexed_description) {
            (Some(name), Some(description)) => self.before.add(id, name, description),
            _ if difference.is_there => {}
            _ => eprintln!(
                "WARN: the search index may still find the words of product {id}, which is gone: \
                 an older release took it in"
            ),
        }
        if difference.is_there {
            let texts = Texts::new(id, &difference.name, &difference.description);
            self.now.add(id, &texts.name, &texts.description);
            self.texts.push(texts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(now: Option<(&str, &str)>, indexed: Option<(&str, &str)>) -> Difference {
        let (name, description) = now.unwrap_or_default();
        Difference {
            product_id: 7,
            is_there: now.is_some(),
            name: name.to_owned(),
            description: description.to_owned(),
            indexed_name: indexed.map(|(name, _)| name.to_owned()),
            indexed_description: indexed.map(|(_, description)| description.to_owned()),
        }
    }

    fn entries(name: &str, description: &str) -> Entries {
        let mut entries = Entries::default();
        entries.add(7, name, description);
        entries
    }

    #[test]
    fn what_changed_is_taken_out_as_it_was_and_in_as_it_is() {
        let renamed = difference(Some(("New", "Text.")), Some(("Old", "Text.")));
        let corrections = Corrections::from_differences(&[renamed]);
        assert_eq!(corrections.before.words, entries("Old", "Text.").words);
        assert_eq!(corrections.now.words, entries("New", "Text.").words);
        assert_eq!(corrections.texts.len(), 1);
    }

    #[test]
    fn what_is_new_is_taken_in_and_what_is_gone_is_taken_out() {
        let new = Corrections::from_differences(&[difference(Some(("New", "")), None)]);
        assert!(new.before.words.is_empty());
        assert_eq!(new.now.words, entries("New", "").words);
        let gone = Corrections::from_differences(&[difference(None, Some(("Old", "")))]);
        assert_eq!(gone.before.words, entries("Old", "").words);
        assert!(gone.now.words.is_empty() && gone.texts.is_empty());
    }
}
