//! Reading the index and the products found, in few statements of few shapes.

use std::collections::BTreeMap;

use edge_sdk::sql::{self, Error, Readable};
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::evaluation::{Evaluation, Match, PhraseTask};
use super::postings::{Hits, TermRange, decode, skip_to};
use super::query::Query;
use super::ranking::Ranking;
use crate::model::ProductSummary;
use crate::statement::{bind_all, padded, placeholders};

/// Rows that one statement fetches from the index at most. With the largest
/// bitmaps they stay within the 8 MiB that the manifest asks for one call.
pub const INDEX_ROWS: usize = 400;

/// Numbers of ranges of words that one statement fetches.
pub const RANGES: [usize; 3] = [1, 4, 16];

/// Numbers of words of a phrase, and of chunks, that one statement fetches. With
/// the largest bitmaps the rows stay within 8 MiB.
pub const WORDS_AND_CHUNKS: [(usize, usize); 4] = [(2, 50), (4, 25), (8, 12), (64, 1)];

/// Numbers of products that one statement fetches.
pub const PRODUCTS: [usize; 2] = [20, 100];

/// Returns the statement for the words of some ranges, each given by its first word
/// and the one after its last.
#[must_use]
pub fn words_text(ranges: usize) -> String {
    let ranges = vec!["(term >= ? AND term < ?)"; ranges].join(" OR ");
    format!(
        "SELECT term, name_hits, description_hits FROM product_search \
         WHERE {ranges} ORDER BY term, chunk LIMIT {INDEX_ROWS}"
    )
}

/// Returns the statement for the places of some words in some chunks: chunks first,
/// then words.
#[must_use]
pub fn positions_text(words: usize, chunks: usize) -> String {
    let (words, chunks) = (placeholders(words), placeholders(chunks));
    format!(
        "SELECT chunk, term, places FROM product_search_position \
         WHERE chunk IN ({chunks}) AND term IN ({words})"
    )
}

/// Returns the statement for products by their ids.
#[must_use]
pub fn products_text(products: usize) -> String {
    let products = placeholders(products);
    format!(
        "SELECT product_id, name, description, price, discounted_price, thumbnail \
         FROM product WHERE product_id IN ({products})"
    )
}

/// Answers a query from the index.
///
/// # Errors
/// Those of the database.
pub fn rank(query: Query, how: Match) -> Result<Ranking, Error> {
    let mut evaluation = Evaluation::new(query);
    let most = RANGES.into_iter().max().unwrap_or(1);
    for ranges in evaluation.ranges().chunks(most) {
        read_words(&mut evaluation, ranges.to_vec())?;
    }
    for task in evaluation.phrases() {
        read_positions(&mut evaluation, &task)?;
    }
    Ok(evaluation.rank(how))
}

#[derive(Deserialize)]
struct WordRow {
    term: ByteBuf,
    name_hits: ByteBuf,
    description_hits: ByteBuf,
}

/// Reads in the words of a few ranges: what fits on a page at once, the rest of
/// each by itself, for which databases need not sort.
fn read_words(evaluation: &mut Evaluation, ranges: Vec<TermRange>) -> Result<(), Error> {
    for range in read_page(evaluation, ranges)? {
        let mut rest = vec![range];
        while !rest.is_empty() {
            rest = read_page(evaluation, rest)?;
        }
    }
    Ok(())
}

/// Reads in a page of the words of these ranges. Returns what is left of them.
fn read_page(
    evaluation: &mut Evaluation,
    mut ranges: Vec<TermRange>,
) -> Result<Vec<TermRange>, Error> {
    let rows = fetch_words(&ranges)?;
    for row in &rows {
        evaluation.read_word(&row.term, &hits(row)?);
    }
    match rows.get(INDEX_ROWS - 1) {
        None => ranges.clear(),
        // The last word is read once more, which changes nothing. Below 26
        // million products it does not fill a page by itself.
        Some(last) => skip_to(&mut ranges, &last.term),
    }
    Ok(ranges)
}

fn fetch_words(ranges: &[TermRange]) -> Result<Vec<WordRow>, Error> {
    let shape = RANGES
        .into_iter()
        .find(|&shape| shape >= ranges.len())
        .unwrap_or(ranges.len());
    let bounds = padded(ranges, shape).flat_map(|range| [range.from, range.until]);
    bind_all(sql::query(&words_text(shape)), bounds).fetch_all()
}

fn hits(row: &WordRow) -> Result<Hits, Error> {
    Ok(Hits {
        name: bitmap(&row.name_hits)?,
        description: bitmap(&row.description_hits)?,
    })
}

fn bitmap(bytes: &[u8]) -> Result<RoaringBitmap, Error> {
    decode(bytes).map_err(|error| Error::Decode(format!("a bitmap of the index: {error}")))
}

#[derive(Deserialize)]
struct PositionRow {
    chunk: u32,
    term: ByteBuf,
    places: ByteBuf,
}

/// Reads in where the words of a phrase stand, some chunks at a time.
fn read_positions(evaluation: &mut Evaluation, task: &PhraseTask) -> Result<(), Error> {
    let shape = WORDS_AND_CHUNKS
        .into_iter()
        .find(|&(words, _)| words >= task.words.len());
    let (words, most) = shape.unwrap_or((task.words.len(), 1));
    let text = positions_text(words, most);
    let terms: Vec<_> = task
        .words
        .iter()
        .map(|word| word.clone().into_bytes())
        .collect();
    for chunks in task.chunks.chunks(most) {
        let query = bind_all(sql::query(&text), padded(chunks, most));
        let rows: Vec<PositionRow> = bind_all(query, padded(&terms, words)).fetch_all()?;
        for (chunk, places) in by_chunk(rows)? {
            evaluation.read_positions(task, chunk, &places);
        }
    }
    Ok(())
}

fn by_chunk(
    rows: Vec<PositionRow>,
) -> Result<BTreeMap<u32, BTreeMap<String, RoaringBitmap>>, Error> {
    let mut chunks = BTreeMap::<_, BTreeMap<_, _>>::new();
    for row in rows {
        let word = String::from_utf8_lossy(&row.term).into_owned();
        chunks
            .entry(row.chunk)
            .or_default()
            .insert(word, bitmap(&row.places)?);
    }
    Ok(chunks)
}

/// Returns the products with these ids, in this order. Those that are gone from the
/// table are left out.
///
/// # Errors
/// Those of the database.
pub fn products(ids: &[u32]) -> Result<Vec<ProductSummary>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let shape = PRODUCTS
        .into_iter()
        .find(|&shape| shape >= ids.len())
        .unwrap_or(ids.len());
    let text = products_text(shape);
    let query = bind_all(sql::query(&text), padded(ids, shape));
    let found: Readable<ProductSummary> = query.readable_rows("product", "product_id")?;
    let by_id = found
        .into_vec()
        .into_iter()
        .map(|product| (product.product_id, product));
    let mut by_id: BTreeMap<_, _> = by_id.collect();
    Ok(ids
        .iter()
        .filter_map(|&id| by_id.remove(&i64::from(id)))
        .collect())
}
