//! Search: an inverted index of our own, so that every database gives the
//! same answers and nobody's text is ever database search syntax.
//!
//! - [`text`] makes words of text, for products and queries alike.
//! - [`query`] reads what a person asks.
//! - [`entries`] says what the index holds of a product, [`postings`] how.
//! - [`evaluation`] and [`ranking`] answer a query from rows of the index.
//! - [`store`] fetches those rows, [`index`] and [`merge`] write them, and
//!   [`reconcile`] when others changed a product.

pub mod entries;
pub mod evaluation;
pub mod index;
pub mod merge;
mod phrase;
pub mod postings;
pub mod query;
pub mod ranking;
pub mod reconcile;
pub mod store;
pub mod text;

use edge_sdk::{Failure, Request, Response, Result};
use shop_errors::CODES;

use crate::products::{description_length, listing};
use evaluation::Match;
use query::Query;

const BAD_SWITCH: Failure = Failure::malformed("Whether all words must match is either on or off.");

/// GET `/products/search`.
///
/// # Errors
/// `USR_02` without a `query_string`, `PAG_03` for a malformed page.
pub fn search(request: &Request) -> Result<Response> {
    let text = query_string(request)?;
    let how = all_words(request)?;
    let page = request.page()?;
    let length = description_length(request)?;

    let ranking = store::rank(Query::parse(&text), how)?;
    let offset = u64::try_from(page.offset()).unwrap_or(u64::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let products = store::products(&ranking.page(offset, limit))?;
    let count = i64::try_from(ranking.count()).unwrap_or(i64::MAX);
    listing(request, count, products.into(), length)
}

fn query_string(request: &Request) -> Result<String> {
    const NAME: &str = "query_string";
    let text = request.query(NAME)?.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| CODES.missing(&[NAME]))
}

fn all_words(request: &Request) -> Result<Match> {
    const NAME: &str = "all_words";
    let all = request.query_switch(NAME);
    match all.map_err(|_| BAD_SWITCH.field(NAME))? {
        None | Some(true) => Ok(Match::All),
        Some(false) => Ok(Match::Any),
    }
}

#[cfg(test)]
mod tests;
