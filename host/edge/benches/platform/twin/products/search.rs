//! The twin of the plugin's search, for queries of plain words: the index has
//! the same rows in either, and only the fetching is written anew.

use std::collections::BTreeMap;

use anyhow::Context;
use product::search::evaluation::{Evaluation, Match};
use product::search::postings::{Hits, TermRange, decode};
use product::search::query::Query;
use product::search::store::{INDEX_ROWS, PRODUCTS, RANGES, products_text, words_text};
use sqlx::AssertSqlSafe;

use super::{LIMIT, Listing, summary};
use crate::twin::database::{Database, Parameter, Row};

/// The first page of what matches every word.
pub async fn search(database: &Database, text: &str) -> anyhow::Result<Listing> {
    let mut evaluation = Evaluation::new(Query::parse(text));
    read_words(database, &mut evaluation).await?;
    anyhow::ensure!(evaluation.phrases().is_empty(), "the twin knows no phrases");
    let ranking = evaluation.rank(Match::All);
    let ids = ranking.page(0, usize::try_from(LIMIT)?);
    let shape = shape_of(&PRODUCTS, ids.len())?;
    let parameters = padded(&ids, shape)
        .map(|id| Parameter::Integer(id.into()))
        .collect();
    let found = database
        .rows(AssertSqlSafe(products_text(shape)), parameters, summary)
        .await?;
    let mut by_id: BTreeMap<_, _> = found
        .into_iter()
        .map(|product| (product.product_id, product))
        .collect();
    let rows = ids
        .iter()
        .filter_map(|&id| by_id.remove(&i64::from(id)))
        .collect();
    Ok(Listing::new(i64::try_from(ranking.count())?, rows))
}

/// The columns of a row of the index.
type Word = (Vec<u8>, Vec<u8>, Vec<u8>);

async fn read_words(database: &Database, evaluation: &mut Evaluation) -> anyhow::Result<()> {
    let mut ranges = evaluation.ranges();
    while !ranges.is_empty() {
        let shape = shape_of(&RANGES, ranges.len())?;
        let bounds = padded(&ranges, shape).flat_map(|range| [range.from, range.until]);
        let parameters = bounds.map(Parameter::Bytes).collect();
        let rows = database
            .rows(AssertSqlSafe(words_text(shape)), parameters, word)
            .await?;
        for (term, name, description) in &rows {
            let hits = Hits {
                name: decode(name)?,
                description: decode(description)?,
            };
            evaluation.read_word(term, &hits);
        }
        let Some((last, ..)) = rows.get(INDEX_ROWS - 1) else {
            break;
        };
        ranges = ranges
            .into_iter()
            .filter_map(|range| after(range, last))
            .collect();
    }
    Ok(())
}

fn word(row: &Row) -> sqlx::Result<Word> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// What is left of a range once the words before `last` are read.
fn after(range: TermRange, last: &[u8]) -> Option<TermRange> {
    let from = range.from.max(last.to_vec());
    (from < range.until).then_some(TermRange {
        from,
        until: range.until,
    })
}

/// The smallest statement that takes so many values.
fn shape_of(shapes: &[usize], values: usize) -> anyhow::Result<usize> {
    let shape = shapes.iter().copied().find(|&shape| shape >= values);
    shape.context("more than one statement takes")
}

/// The values, and the last one again until there are so many.
fn padded<T: Clone>(values: &[T], length: usize) -> impl Iterator<Item = T> {
    let last = values.last().into_iter().cycle();
    values.iter().chain(last).take(length).cloned()
}
