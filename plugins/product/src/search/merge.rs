//! Merging new bitmaps into the tables of the index.

use edge_sdk::sql::{self, Dialect, Error, Transaction, Value};
use roaring::RoaringBitmap;
use serde_bytes::ByteBuf;

use super::entries::Chunks;
use super::postings::{Hits, decode, encode};
use crate::statement::{bind_all, insert, padded, placeholders};

/// Rows that one statement reads or writes. With the largest bitmaps they stay
/// within the 8 MiB that the manifest asks for one call.
const ROWS: usize = 100;

/// A table of the index: bitmaps for each term and chunk.
pub(super) trait Table {
    const NAME: &'static str;
    /// The columns with bitmaps.
    const COLUMNS: &'static [&'static str];

    /// The bitmaps of a row, in the order of the columns.
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

/// Add these bitmaps to those in the table.
pub(super) fn merge<T: Table>(transaction: &Transaction, entries: Chunks<T>) -> Result<(), Error> {
    let (read, write) = (read_text::<T>(), write_text::<T>(sql::dialect()));
    for (chunk, words) in entries {
        let mut words: Vec<_> = words.into_iter().collect();
        for words in words.chunks_mut(ROWS) {
            add_stored(transaction, &read, chunk, words)?;
            let rows = words.iter_mut().map(|(word, row)| values(chunk, word, row));
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            let values = padded(&rows, ROWS).flatten();
            bind_all(transaction.query(&write), values).execute()?;
        }
    }
    Ok(())
}

/// Add what the table has of these words, which are in order.
fn add_stored<T: Table>(
    transaction: &Transaction,
    text: &str,
    chunk: u32,
    words: &mut [(String, T)],
) -> Result<(), Error> {
    let terms: Vec<_> = words
        .iter()
        .map(|(word, _)| word.clone().into_bytes())
        .collect();
    let query = bind_all(transaction.query(text).bind(chunk), padded(&terms, ROWS));
    let stored: Vec<Vec<ByteBuf>> = query.rows()?;
    for row in &stored {
        let Some((term, columns)) = row.split_first() else {
            continue;
        };
        let place = words.binary_search_by(|(word, _)| word.as_bytes().cmp(term));
        let Some((_, entry)) = place.ok().and_then(|place| words.get_mut(place)) else {
            continue;
        };
        for (bitmap, stored) in entry.bitmaps().into_iter().zip(columns) {
            *bitmap |= decode(stored).map_err(corrupt)?;
        }
    }
    Ok(())
}

fn values<T: Table>(chunk: u32, word: &str, row: &mut T) -> Result<Vec<Value>, Error> {
    let mut values = vec![word.as_bytes().to_vec().into(), chunk.into()];
    for bitmap in row.bitmaps() {
        values.push(encode(bitmap).map_err(corrupt)?.into());
    }
    Ok(values)
}

fn corrupt(error: std::io::Error) -> Error {
    Error::Decode(format!("a bitmap of the index: {error}"))
}

fn read_text<T: Table>() -> String {
    let (table, columns, terms) = (T::NAME, T::COLUMNS.join(", "), placeholders(ROWS));
    format!("SELECT term, {columns} FROM {table} WHERE chunk = ? AND term IN ({terms})")
}

fn write_text<T: Table>(dialect: Dialect) -> String {
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
