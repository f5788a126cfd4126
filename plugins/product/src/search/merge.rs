//! Changing the bitmaps in the tables of the index: adding products to them,
//! and taking products out.

use edge_sdk::sql::{self, Dialect, Error, Transaction, Value};
use roaring::RoaringBitmap;
use serde_bytes::ByteBuf;

use super::entries::Chunks;
use super::postings::{Hits, decode, encode};
use crate::statement::{bind_all, insert, padded, placeholders};

/// Rows that one statement reads or writes. With the largest bitmaps they stay
/// within the 8 MiB that the manifest asks for one call.
pub const ROWS: usize = 100;

/// A table of the index: bitmaps for each term and chunk.
pub trait Table: Clone + Default {
    /// The table's name.
    const NAME: &'static str;
    /// The columns with bitmaps.
    const COLUMNS: &'static [&'static str];

    /// Returns the bitmaps of a row, in the order of the columns.
    fn bitmaps(&mut self) -> Vec<&mut RoaringBitmap>;
}

impl Table for Hits {
    const NAME: &'static str = "product_search";
    const COLUMNS: &'static [&'static str] = &["name_hits", "description_hits"];

    fn bitmaps(&mut self) -> Vec<&mut RoaringBitmap> {
        vec![&mut self.name, &mut self.description]
    }
}

impl Table for RoaringBitmap {
    const NAME: &'static str = "product_search_position";
    const COLUMNS: &'static [&'static str] = &["places"];

    fn bitmaps(&mut self) -> Vec<&mut RoaringBitmap> {
        vec![self]
    }
}

/// Words in order, each with its bitmaps.
type Words<T> = Vec<(String, T)>;

/// Adds these bitmaps to those in the table.
pub(super) fn add<T: Table>(transaction: &Transaction, entries: Chunks<T>) -> Result<(), Error> {
    for (chunk, words) in entries {
        let mut words = Words::from_iter(words);
        for words in words.chunks_mut(ROWS) {
            for (word, row) in stored::<T>(transaction, chunk, words)? {
                if let Some(added) = find(words, &word) {
                    unite(added, row);
                }
            }
            write(transaction, chunk, words)?;
        }
    }
    Ok(())
}

/// Takes these bitmaps out of those in the table. Rows of which nothing is left
/// go with them.
pub(super) fn remove<T: Table>(transaction: &Transaction, entries: Chunks<T>) -> Result<(), Error> {
    for (chunk, words) in entries {
        let mut words = Words::from_iter(words);
        for words in words.chunks_mut(ROWS) {
            let mut rows = stored::<T>(transaction, chunk, words)?;
            for (word, row) in &mut rows {
                if let Some(removed) = find(words, word) {
                    subtract(row, removed);
                }
            }
            let (mut kept, gone): (Words<T>, Words<T>) =
                rows.into_iter().partition(|(_, row)| !is_empty(row));
            write(transaction, chunk, &mut kept)?;
            delete(transaction, chunk, &gone)?;
        }
    }
    Ok(())
}

fn find<'a, T>(words: &'a mut [(String, T)], word: &str) -> Option<&'a mut T> {
    let place = words.binary_search_by(|(known, _)| known.as_str().cmp(word));
    words.get_mut(place.ok()?).map(|(_, row)| row)
}

fn unite<T: Table>(row: &mut T, mut others: T) {
    for (bitmap, others) in row.bitmaps().into_iter().zip(others.bitmaps()) {
        *bitmap |= &*others;
    }
}

fn subtract<T: Table>(row: &mut T, others: &mut T) {
    for (bitmap, others) in row.bitmaps().into_iter().zip(others.bitmaps()) {
        *bitmap -= &*others;
    }
}

fn is_empty<T: Table>(row: &T) -> bool {
    let mut row = row.clone();
    row.bitmaps().iter().all(|bitmap| bitmap.is_empty())
}

/// Returns the rows that the table has of these words.
fn stored<T: Table>(
    transaction: &Transaction,
    chunk: u32,
    words: &[(String, T)],
) -> Result<Words<T>, Error> {
    let text = read_text::<T>();
    let query = transaction.query(&text).bind(chunk);
    let rows: Vec<Vec<ByteBuf>> = bind_all(query, padded(&terms(words), ROWS)).fetch_all()?;
    rows.iter().map(|row| read(row)).collect()
}

fn terms<T>(words: &[(String, T)]) -> Vec<Vec<u8>> {
    words
        .iter()
        .map(|(word, _)| word.clone().into_bytes())
        .collect()
}

fn read<T: Table>(row: &[ByteBuf]) -> Result<(String, T), Error> {
    let (term, columns) = row.split_first().ok_or_else(|| corrupt("no term"))?;
    let mut bitmaps = T::default();
    for (bitmap, column) in bitmaps.bitmaps().into_iter().zip(columns) {
        *bitmap = decode(column).map_err(corrupt)?;
    }
    let word = std::str::from_utf8(term).map_err(corrupt)?;
    Ok((word.to_owned(), bitmaps))
}

/// Writes these rows in place of those that the table has.
fn write<T: Table>(
    transaction: &Transaction,
    chunk: u32,
    words: &mut [(String, T)],
) -> Result<(), Error> {
    if words.is_empty() {
        return Ok(());
    }
    let text = write_text::<T>(sql::dialect());
    let rows = words.iter_mut().map(|(word, row)| values(chunk, word, row));
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    bind_all(transaction.query(&text), padded(&rows, ROWS).flatten()).execute()?;
    Ok(())
}

fn values<T: Table>(chunk: u32, word: &str, row: &mut T) -> Result<Vec<Value>, Error> {
    let mut values = vec![word.as_bytes().to_vec().into(), chunk.into()];
    for bitmap in row.bitmaps() {
        values.push(encode(bitmap).map_err(corrupt)?.into());
    }
    Ok(values)
}

fn delete<T: Table>(
    transaction: &Transaction,
    chunk: u32,
    words: &[(String, T)],
) -> Result<(), Error> {
    if words.is_empty() {
        return Ok(());
    }
    let text = delete_text::<T>();
    let query = transaction.query(&text).bind(chunk);
    bind_all(query, padded(&terms(words), ROWS)).execute()?;
    Ok(())
}

fn corrupt(why: impl std::fmt::Display) -> Error {
    Error::Decode(format!("a row of the index: {why}"))
}

/// Returns the statement that reads the rows of [`ROWS`] terms in a chunk.
#[must_use]
pub fn read_text<T: Table>() -> String {
    let (table, columns, terms) = (T::NAME, T::COLUMNS.join(", "), placeholders(ROWS));
    format!("SELECT term, {columns} FROM {table} WHERE chunk = ? AND term IN ({terms})")
}

/// Returns the statement that deletes the rows of [`ROWS`] terms in a chunk.
#[must_use]
pub fn delete_text<T: Table>() -> String {
    let (table, terms) = (T::NAME, placeholders(ROWS));
    format!("DELETE FROM {table} WHERE chunk = ? AND term IN ({terms})")
}

/// Returns the statement that writes [`ROWS`] rows, whether they are there or not.
#[must_use]
pub fn write_text<T: Table>(dialect: Dialect) -> String {
    let columns = [&["term", "chunk"], T::COLUMNS].concat();
    let insert = insert(T::NAME, &columns, ROWS);
    let set = |new: fn(&str) -> String| {
        let set = T::COLUMNS
            .iter()
            .map(|column| format!("{column} = {}", new(column)));
        set.collect::<Vec<_>>().join(", ")
    };
    match dialect {
        Dialect::Sqlite => {
            let set = set(|column| format!("excluded.{column}"));
            format!("{insert} ON CONFLICT (term, chunk) DO UPDATE SET {set}")
        }
        Dialect::Mysql => {
            let set = set(|column| format!("VALUES({column})"));
            format!("{insert} ON DUPLICATE KEY UPDATE {set}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::entries::tests::entries;

    /// Returns the rows with others added to them, then those others taken out
    /// again.
    fn there_and_back<T: Table>(rows: Chunks<T>, others: &Chunks<T>) -> Chunks<T> {
        let mut changed = rows;
        for (chunk, words) in others {
            for (word, other) in words {
                let words = changed.entry(*chunk).or_default();
                unite(words.entry(word.clone()).or_default(), other.clone());
            }
        }
        for (chunk, words) in others {
            for (word, other) in words {
                let words = changed.entry(*chunk).or_default();
                subtract(words.entry(word.clone()).or_default(), &mut other.clone());
            }
        }
        for words in changed.values_mut() {
            words.retain(|_, row| !is_empty(row));
        }
        changed.retain(|_, words| !words.is_empty());
        changed
    }

    #[test]
    fn a_product_that_goes_takes_only_its_own_with_it() {
        let stay = entries(&[(1, "Red T-Shirt", "A shirt."), (513, "Scarf", "Red wool.")]);
        let go = entries(&[(2, "Blue T-Shirt", "A red shirt."), (514, "Scarf", "Silk.")]);
        assert_eq!(there_and_back(stay.words.clone(), &go.words), stay.words);
        assert_eq!(
            there_and_back(stay.positions.clone(), &go.positions),
            stay.positions
        );
    }

    #[test]
    fn nothing_is_left_of_the_last_product() {
        let go = entries(&[(7, "Arc d'Triomphe", "Twelve avenues.")]);
        assert_eq!(there_and_back(Chunks::new(), &go.words), Chunks::new());
        assert_eq!(there_and_back(Chunks::new(), &go.positions), Chunks::new());
    }

    #[test]
    fn words_are_found_in_their_order() {
        let mut words = vec![("arc".to_owned(), 1), ("beach".to_owned(), 2)];
        assert_eq!(find(&mut words, "beach"), Some(&mut 2));
        assert_eq!(find(&mut words, "b"), None);
    }
}
