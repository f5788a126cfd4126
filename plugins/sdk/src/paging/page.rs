//! Paging and sorting of lists: `page`, `limit` and `order` of a query.

use serde::Serialize;

use crate::{Request, Result};

/// The `limit` of a query that names none, in rows.
const DEFAULT_LIMIT: u64 = 20;
/// The highest `limit` that is served, in rows.
const MAX_LIMIT: u64 = 100;

/// The highest `page` that is served, whatever the limit: a database counts no
/// further than to the rows before it.
const MAX_PAGE: u64 = i64::MAX.cast_unsigned() / MAX_LIMIT;

impl Request {
    /// Reads the page of a list that the query asks for by `page` (default 1) and
    /// `limit` (default 20, at most 100).
    ///
    /// # Errors
    /// 400 ([`Codes::bad_page`](crate::Codes::bad_page)) if either is not a number or out of range.
    pub fn page(&self) -> Result<Page> {
        Page::within(self, DEFAULT_LIMIT, MAX_LIMIT)
    }

    /// Reads the order that the query asks for: `order=field,ASC` or
    /// `field,DESC`; none if it is missing or blank.
    ///
    /// # Errors
    /// 400 if it has another form ([`Codes::bad_order`](crate::Codes::bad_order)), or if the field is not one
    /// of those allowed ([`Codes::bad_order_field`](crate::Codes::bad_order_field)).
    pub fn order_by(&self, allowed: &[&'static str]) -> Result<Option<Order>> {
        Order::from_request(self, allowed)
    }
}

/// Which part of a list the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Number of the page, from 1.
    pub page: u64,
    /// Rows of a page, 1 to 100.
    pub limit: u64,
}

impl Page {
    /// Reads `page` (default 1) and `limit` (from 1 to `most`) from the query.
    pub(super) fn within(request: &Request, default: u64, most: u64) -> Result<Self> {
        let page = Self {
            page: parameter(request, "page", 1)?,
            limit: parameter(request, "limit", default)?,
        };
        if !(1..=most).contains(&page.limit) {
            return Err(request.codes().bad_page().field("limit"));
        }
        if !(1..=MAX_PAGE).contains(&page.page) {
            return Err(request.codes().bad_page().field("page"));
        }
        Ok(page)
    }

    /// Returns the number of rows before this page, for `OFFSET`.
    #[must_use]
    pub fn offset(&self) -> i64 {
        let rows = self.page.saturating_sub(1).saturating_mul(self.limit);
        i64::try_from(rows).unwrap_or(i64::MAX)
    }

    /// Returns the number of rows of this page at most, for `LIMIT`.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

fn parameter(request: &Request, name: &'static str, default: u64) -> Result<u64> {
    let number = request.query_natural(name);
    let number = number.map_err(|_| request.codes().bad_page().field(name))?;
    Ok(number.unwrap_or(default))
}

/// By which field a list is sorted, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// One of the fields that the handler allowed, safe to put into a statement.
    pub field: &'static str,
    /// True if the highest value comes first.
    pub descending: bool,
}

impl Order {
    /// Reads `order` from the query: `field,ASC` or `field,DESC`.
    fn from_request(request: &Request, allowed: &[&'static str]) -> Result<Option<Self>> {
        let malformed = || request.codes().bad_order().field("order");
        let text = request.query("order").map_err(|_| malformed())?;
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        let (wanted, descending) = split(&text).ok_or_else(malformed)?;
        let field = allowed.iter().find(|&&field| field == wanted);
        match field {
            Some(&field) => Ok(Some(Self { field, descending })),
            None => Err(request.codes().bad_order_field().field("order")),
        }
    }
}

/// `field,(ASC|DESC)` into the field and whether it is `DESC`.
fn split(text: &str) -> Option<(&str, bool)> {
    let (field, way) = text.split_once(',')?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let descending = match way {
        "ASC" => false,
        "DESC" => true,
        _ => return None,
    };
    (!field.is_empty() && field.bytes().all(is_word)).then_some((field, descending))
}

/// One page of a list, with the number of rows over all pages: `{"count": .., "rows": [..]}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listing<T> {
    /// Rows over all pages.
    pub count: i64,
    /// The rows of this page.
    pub rows: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;
    use crate::testing;

    fn request(query: &str) -> Request {
        Request::from(testing::get(&format!("/?{query}"))).with_codes(&DISTINCT)
    }

    fn page(query: &str) -> Result<Page> {
        request(query).page()
    }

    fn order(query: &str) -> Result<Option<Order>> {
        request(query).order_by(&["name", "category_id"])
    }

    #[track_caller]
    fn assert_failure<T: std::fmt::Debug>(result: Result<T>, code: &str, field: &str) {
        let failure = result.unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, code));
        assert_eq!(failure.faulty_field(), Some(field));
    }

    #[test]
    fn the_first_twenty_rows_by_default() {
        let first = page("").unwrap();
        assert_eq!(first, Page { page: 1, limit: 20 });
        assert_eq!((first.offset(), first.limit()), (0, 20));
    }

    #[test]
    fn numbers_are_read_as_in_bodies() {
        let third = Page { page: 3, limit: 20 };
        for query in [
            "page=3&limit=20.0",
            "page=%203+&limit=2e1",
            "page=3.0&limit=",
            "page=3&limit=%20",
            "page=03&limit",
        ] {
            assert_eq!(page(query), Ok(third), "{query}");
        }
        assert_eq!(page("page=&limit="), page(""));
    }

    #[test]
    fn later_pages_skip_the_earlier_rows() {
        let third = page("page=3&limit=100").unwrap();
        assert_eq!((third.offset(), third.limit()), (200, 100));
        assert_eq!(page("limit=1").unwrap().limit(), 1);
    }

    #[test]
    fn what_is_no_number_in_range_is_refused() {
        let bad = [
            "0",
            "-1",
            "1.5",
            "15e-1",
            "1e309",
            "NaN",
            "%2B1",
            "1+1",
            "0x10",
            "%D9%A1",
            "1_000",
            "null",
            "true",
            "[]",
            "{}",
            "%ff",
            "18446744073709551616",
        ];
        for value in bad {
            assert_failure(page(&format!("page={value}")), "BAD_PAGE", "page");
            assert_failure(page(&format!("limit={value}")), "BAD_PAGE", "limit");
        }
        assert_failure(page("limit=101"), "BAD_PAGE", "limit");
        assert_failure(page("limit=1000000000"), "BAD_PAGE", "limit");
    }

    #[test]
    fn a_page_beyond_counting_is_refused() {
        let last = 92_233_720_368_547_758_u64;
        for limit in [1, 100] {
            let query = |page: u64| format!("page={page}&limit={limit}");
            assert!(page(&query(last)).is_ok());
            assert_failure(page(&query(last + 1)), "BAD_PAGE", "page");
        }
        assert_failure(page(&format!("page={}", u64::MAX)), "BAD_PAGE", "page");
        let unreal = Page {
            page: u64::MAX,
            limit: 100,
        };
        assert_eq!(unreal.offset(), i64::MAX);
    }

    #[test]
    fn order_names_a_field_and_a_way() {
        let by_name = Order {
            field: "name",
            descending: false,
        };
        assert_eq!(order("order=name,ASC"), Ok(Some(by_name)));
        assert_eq!(
            order("order=name%2CDESC"),
            Ok(Some(Order {
                descending: true,
                ..by_name
            }))
        );
        for none in ["page=2", "order", "order=", "order=%20"] {
            assert_eq!(order(none), Ok(None), "{none}");
        }
    }

    #[test]
    fn an_order_of_another_form_is_refused() {
        for value in [
            "name",
            "name,",
            ",ASC",
            "name,asc",
            "name,ASC,",
            "name,ASC ",
            "name;ASC",
            "a b,ASC",
            "%ff,ASC",
            "name,DESC--",
        ] {
            assert_failure(order(&format!("order={value}")), "BAD_ORDER", "order");
        }
    }

    #[test]
    fn an_order_by_another_field_is_refused() {
        assert_failure(order("order=price,ASC"), "BAD_ORDER_FIELD", "order");
        assert_failure(order("order=NAME,ASC"), "BAD_ORDER_FIELD", "order");
    }

    #[test]
    fn a_listing_has_count_and_rows() {
        let listing = Listing {
            count: 3,
            rows: vec!["a"],
        };
        assert_eq!(
            serde_json::to_string(&listing).unwrap(),
            r#"{"count":3,"rows":["a"]}"#
        );
    }
}
