//! Writing the index: one product as it is made, changed and deleted, and
//! those that are not in it yet, however they came into the table, some at a
//! time.
//!
//! A row of the index is read, changed and written back, so its writers take
//! turns: [`lock`] is the first statement of every transaction that changes
//! the index or the texts it is made of.

use edge_sdk::sql::{self, Error, Transaction};
use serde::Deserialize;

use super::entries::Entries;
use super::merge;
use crate::statement::{bind_all, padded, placeholders};

/// Products that one transaction takes in at most.
pub const BATCH: usize = 4096;

/// Products whose texts one statement fetches.
const TEXTS: usize = 1024;

/// Products that one statement marks as taken in.
const MARKS: usize = 256;

/// Take the turn to write. It ends with the transaction.
pub const LOCK: &str = "UPDATE product_search_writer SET turns = turns + 1 WHERE writer_id = 1";

/// Note that a product, by its id, is not in the index.
pub const UNMARK: &str = "DELETE FROM product_search_state WHERE product_id = ?";

/// How many products are in the index.
pub const COUNT: &str = "SELECT COUNT(*) FROM product_search_state";

/// Products after one, by id, that are not in the index. Ids of bitmaps have
/// 32 bits.
pub const MISSING: &str = "SELECT p.product_id, p.name, p.description FROM product p \
     LEFT JOIN product_search_state s ON s.product_id = p.product_id \
     WHERE p.product_id > ? AND p.product_id < 4294967296 AND s.product_id IS NULL \
     ORDER BY p.product_id LIMIT 1024";

#[derive(Deserialize)]
struct Text {
    product_id: u32,
    name: String,
    description: String,
}

/// Wait until no other transaction writes the index, and keep others waiting
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

/// Take a product, which is not in the index, into it.
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
    let mut entries = Entries::default();
    entries.add(product, name, description);
    merge::add(transaction, entries.words)?;
    merge::add(transaction, entries.positions)?;
    // A row that was deleted behind our back may have left its mark.
    transaction.query(UNMARK).bind(product).execute()?;
    mark(transaction, &[product])
}

/// Take a product, given by the texts that it was taken in with, out of the
/// index. If the index does not have it, nothing changes.
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
    let mut entries = Entries::default();
    entries.add(product, name, description);
    merge::remove(transaction, entries.words)?;
    merge::remove(transaction, entries.positions)?;
    transaction.query(UNMARK).bind(product).execute()?;
    Ok(())
}

/// Take some products into the index, and say how many.
///
/// # Errors
/// Those of the database.
pub fn extend() -> Result<usize, Error> {
    // Most of the time there are none, and nobody has to wait for that.
    if sql::query(MISSING).bind(0).first::<Text>()?.is_none() {
        return Ok(0);
    }
    sql::transaction(|transaction| {
        lock(transaction)?;
        let (products, entries) = missing(transaction)?;
        merge::add(transaction, entries.words)?;
        merge::add(transaction, entries.positions)?;
        mark(transaction, &products)?;
        Ok(products.len())
    })
}

/// A batch of products that are not in the index, and what it is to say of
/// them.
fn missing(transaction: &Transaction) -> Result<(Vec<u32>, Entries), Error> {
    let mut products = Vec::new();
    let mut entries = Entries::default();
    while products.len() < BATCH {
        let last = products.last().copied().unwrap_or_default();
        let texts: Vec<Text> = transaction.query(MISSING).bind(last).rows()?;
        for text in &texts {
            entries.add(text.product_id, &text.name, &text.description);
            products.push(text.product_id);
        }
        if texts.len() < TEXTS {
            break;
        }
    }
    Ok((products, entries))
}

/// The statement that marks products, by their ids, as taken in. It inserts
/// each once, even if the list repeats it.
#[must_use]
pub fn mark_text(products: usize) -> String {
    let products = placeholders(products);
    format!(
        "INSERT INTO product_search_state (product_id) \
         SELECT product_id FROM product WHERE product_id IN ({products})"
    )
}

fn mark(transaction: &Transaction, products: &[u32]) -> Result<(), Error> {
    let text = mark_text(MARKS);
    for products in products.chunks(MARKS) {
        bind_all(transaction.query(&text), padded(products, MARKS)).execute()?;
    }
    Ok(())
}
