//! Pages of lists that are answered as plain arrays. Without `page` and
//! `limit` they are as long as a shop's lists are, so that clients which know
//! nothing of pages see all of them; and yet no page is longer than a reply
//! may be, whatever merchants write.

use edge_sdk::{ArrayPage, Request, Result};

/// Rows of a page whose rows have names.
const MAX_NAMED_ROWS: u64 = 1000;

/// Rows of a page whose rows have a name and a description.
const MAX_DESCRIBED_ROWS: u64 = 500;

/// Returns the page of rows with one or two names that a request asks for.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub(crate) fn named(request: &Request) -> Result<ArrayPage> {
    request.array_page(MAX_NAMED_ROWS, MAX_NAMED_ROWS)
}

/// Returns the page of rows with a name and a description that a request asks for.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub(crate) fn described(request: &Request) -> Result<ArrayPage> {
    request.array_page(MAX_DESCRIBED_ROWS, MAX_DESCRIBED_ROWS)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::input::{MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS};
    use crate::model::{Category, ProductLocation};

    /// Limit on a reply, in bytes, by the manifest's default.
    const REPLY: usize = 4 * 1024 * 1024;

    /// Returns a number of characters, of which each takes as many bytes of
    /// JSON as any.
    fn longest(characters: usize) -> String {
        "\u{1}".repeat(characters)
    }

    fn assert_fits(row: &impl Serialize, rows: u64) {
        let bytes = serde_json::to_vec(row).unwrap().len() + 1;
        assert!(bytes * usize::try_from(rows).unwrap() < REPLY);
    }

    #[test]
    fn the_longest_pages_are_within_what_a_reply_may_have() {
        let category = Category {
            category_id: i64::MAX,
            name: longest(MAX_NAME_CHARS),
            description: Some(longest(MAX_DESCRIPTION_CHARS)),
            department_id: Some(i64::MAX),
        };
        assert_fits(&category, MAX_DESCRIBED_ROWS);
        let location = ProductLocation {
            category_id: i64::MAX,
            category_name: longest(MAX_NAME_CHARS),
            department_id: i64::MAX,
            department_name: longest(MAX_NAME_CHARS),
        };
        assert_fits(&location, MAX_NAMED_ROWS);
    }
}
