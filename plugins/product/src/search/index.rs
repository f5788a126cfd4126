//! Writing the index: one product as it is made, changed and deleted, and
//! those that are not in it yet, however they came into the table, some at a
//! time.
//!
//! A row of the index is read, changed and written back, so its writers take
//! turns: [`lock`] is the first statement of every transaction that changes
//! the index or the texts it is made of.

use edge_sdk::sql::{self, Dialect, Error, Transaction, Value, column};
use serde::Deserialize;

use super::entries::Entries;
use super::merge;
use crate::statement::{bind_all, insert, padded};

/// Products that one transaction takes in at most.
pub const BATCH: usize = 4096;

/// Products whose texts one statement fetches. With the longest texts they stay
/// within the 8 MiB that the manifest asks for one call.
const TEXTS: usize = 256;

/// Products that one statement marks as taken in.
const MARKS: usize = 64;

/// Characters of a description that are searched. None that is written here
/// has more; an older shop may have some.
const SEARCHED: usize = 8000;

/// Takes the turn to write. It ends with the transaction.
pub const LOCK: &str = "UPDATE product_search_writer SET turns = turns + 1 WHERE writer_id = 1";

/// Notes that a product, by its id, is not in the index.
pub const UNMARK: &str = "DELETE FROM product_search_state WHERE product_id = ?";

/// Counts the products in the index.
pub const COUNT: &str = "SELECT COUNT(*) FROM product_search_state";

/// Selects the texts that the index has of a product, by its id.
pub const INDEXED: &str = "SELECT product_id, name, description FROM product_search_state \
     WHERE product_id = ? AND name IS NOT NULL AND description IS NOT NULL";

/// Selects products after one, by id, that are not in the index. Ids of bitmaps
/// have 32 bits.
pub const MISSING: &str = "SELECT p.product_id, p.name, SUBSTR(p.description, 1, 8000) AS description FROM product p \
     LEFT JOIN product_search_state s ON s.product_id = p.product_id \
     WHERE p.product_id > ? AND p.product_id < 4294967296 AND s.product_id IS NULL \
     ORDER BY p.product_id LIMIT 256";

/// Texts of a product, as they are indexed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Texts {
    product_id: u32,
    #[serde(deserialize_with = "column::text")]
    pub(super) name: String,
    /// The part of it that is searched.
    #[serde(deserialize_with = "column::text")]
    pub(super) description: String,
}

impl Texts {
    pub(super) fn new(product_id: u32, name: &str, description: &str) -> Self {
        Self {
            product_id,
            name: name.to_owned(),
            description: description.chars().take(SEARCHED).collect(),
        }
    }

    fn entries(&self) -> Entries {
        let mut entries = Entries::default();
        entries.add(self.product_id, &self.name, &self.description);
        entries
    }
}

/// Waits until no other transaction writes the index, and keeps others waiting
/// until this one ends. What is read before may be out of date.
///
/// # Errors
/// Those of the database.
pub fn lock(transaction: &Transaction) -> Result<(), Error> {
    let turn = transaction.query(LOCK).execute()?;
    match turn.rows_affected {
        1 => Ok(()),
        _ => Err(Error::Decode("product_search_writer has no row".to_owned())),
    }
}

/// Takes a product, which is not in the index, into it.
///
/// # Errors
/// Those of the database.
pub fn add(
    transaction: &Transaction,
    product: i64,
    name: &str,
    description: &str,
) -> Result<(), Error> {
    // Bitmaps hold no larger ids, as `MISSING` says.
    let Ok(product) = u32::try_from(product) else {
        return Ok(());
    };
    let texts = Texts::new(product, name, description);
    let entries = texts.entries();
    merge::add(transaction, entries.words)?;
    merge::add(transaction, entries.positions)?;
    mark(transaction, &[texts])
}

/// Takes a product out of the index. The texts that it was taken in with are
/// noted there, unless an older release did so: for that, they are given as
/// the product had them. If the index does not have it, nothing changes.
///
/// # Errors
/// Those of the database.
pub fn remove(
    transaction: &Transaction,
    product: i64,
    name: &str,
    description: &str,
) -> Result<(), Error> {
    let Ok(product) = u32::try_from(product) else {
        return Ok(());
    };
    let noted: Option<Texts> = transaction.query(INDEXED).bind(product).fetch_optional()?;
    let entries = noted
        .unwrap_or_else(|| Texts::new(product, name, description))
        .entries();
    merge::remove(transaction, entries.words)?;
    merge::remove(transaction, entries.positions)?;
    transaction.query(UNMARK).bind(product).execute()?;
    Ok(())
}

/// Takes some products into the index. Returns how many.
///
/// # Errors
/// Those of the database.
pub fn extend() -> Result<usize, Error> {
    // Most of the time there are none, and nobody has to wait for that.
    if sql::query(MISSING)
        .bind(0)
        .fetch_optional::<Texts>()?
        .is_none()
    {
        return Ok(0);
    }
    sql::transaction(|transaction| {
        lock(transaction)?;
        let (texts, entries) = missing(transaction)?;
        merge::add(transaction, entries.words)?;
        merge::add(transaction, entries.positions)?;
        mark(transaction, &texts)?;
        Ok(texts.len())
    })
}

/// Returns a batch of products that are not in the index, and what it is to say of
/// them.
fn missing(transaction: &Transaction) -> Result<(Vec<Texts>, Entries), Error> {
    let mut products = Vec::new();
    let mut entries = Entries::default();
    let mut last = 0;
    while products.len() < BATCH {
        let texts: Vec<Texts> = transaction.query(MISSING).bind(last).fetch_all()?;
        let is_last = texts.len() < TEXTS;
        for texts in texts {
            last = texts.product_id;
            entries.add(texts.product_id, &texts.name, &texts.description);
            products.push(texts);
        }
        if is_last {
            break;
        }
    }
    Ok((products, entries))
}

/// Returns the statement that marks products as taken in, whether they are
/// marked or not: each with its id, name and description, in however many of
/// the rows.
#[must_use]
pub fn mark_text(dialect: Dialect) -> String {
    let columns = ["product_id", "name", "description"];
    let insert = insert("product_search_state", &columns, MARKS);
    match dialect {
        Dialect::Sqlite => format!(
            "{insert} ON CONFLICT (product_id) DO UPDATE \
             SET name = excluded.name, description = excluded.description"
        ),
        Dialect::Mysql => format!(
            "{insert} ON DUPLICATE KEY UPDATE \
             name = VALUES(name), description = VALUES(description)"
        ),
    }
}

/// Notes the texts with which products were taken in.
pub(super) fn mark(transaction: &Transaction, texts: &[Texts]) -> Result<(), Error> {
    let text = mark_text(sql::dialect());
    for texts in texts.chunks(MARKS) {
        let rows = texts.iter().map(|one| -> [Value; 3] {
            let (name, description) = (one.name.as_str(), one.description.as_str());
            [one.product_id.into(), name.into(), description.into()]
        });
        let rows: Vec<_> = rows.collect();
        bind_all(transaction.query(&text), padded(&rows, MARKS).flatten()).execute()?;
    }
    Ok(())
}
