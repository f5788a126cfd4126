//! Pages of lists that an API answers as plain arrays: there is no envelope
//! that could say whether more follows, so the `Link` header does.

use serde::Serialize;

use crate::sql::Readable;
use crate::{Page, Request, Response, Result};

impl Request {
    /// Reads the page of a list that is answered as a plain array: `page` (default
    /// 1) and `limit` (from 1 to `most`) of the query.
    ///
    /// # Errors
    /// 400 ([`Codes::bad_page`](crate::Codes::bad_page)) if either is not a number or out of range.
    pub fn array_page(&self, default: u64, most: u64) -> Result<ArrayPage> {
        Page::within(self, default, most).map(ArrayPage)
    }
}

/// One page of a list that is answered as a plain array.
///
/// ```
/// use edge_sdk::{Request, Response, Result, sql};
///
/// fn titles(request: &Request) -> Result<Response> {
///     let page = request.array_page(20, 100)?;
///     let titles: Vec<String> = sql::query("SELECT title FROM book ORDER BY title LIMIT ? OFFSET ?")
///         .bind(page.limit())
///         .bind(page.offset())
///         .fetch_all()?;
///     page.respond(titles)
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ArrayPage(Page);

impl ArrayPage {
    /// Returns the number of rows to ask a database for: one more than the page
    /// has, by which another page is known to follow.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.0.limit().saturating_add(1)
    }

    /// Returns the number of rows before this page, for `OFFSET`.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.offset()
    }

    /// Returns a 200 with the rows of this page as a JSON array. If another page
    /// follows, the header `link` names it as `rel="next"`, relative to the
    /// address that was asked for.
    ///
    /// # Errors
    /// As [`Response::json`].
    pub fn respond<T: Serialize>(&self, rows: impl Into<Readable<T>>) -> Result<Response> {
        let (rows, next) = self.cut(rows);
        Ok(next.link(Response::json(&rows)?))
    }

    /// Returns the rows of this page, and the next page if one follows. A row
    /// that could not be read has its place on a page, and is left out there.
    pub fn cut<T>(&self, rows: impl Into<Readable<T>>) -> (Vec<T>, Next) {
        let most = usize::try_from(self.0.limit).unwrap_or(usize::MAX);
        let rows = rows.into();
        let more = rows.found() > most;
        let next = more.then_some(Page {
            page: self.0.page.saturating_add(1),
            ..self.0
        });
        (rows.into_first(most), Next(next))
    }
}

/// The page after a page, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Next(Option<Page>);

impl Next {
    /// Adds the header `link` to a response if another page follows.
    #[must_use]
    pub fn link(self, response: Response) -> Response {
        match self.0 {
            Some(Page { page, limit }) => {
                let next = format!("<?page={page}&limit={limit}>; rel=\"next\"");
                response.header("link", next)
            }
            None => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;
    use crate::{testing, wit};

    fn page(query: &str) -> Result<ArrayPage> {
        let request = Request::from(testing::get(&format!("/?{query}")));
        request.with_codes(&DISTINCT).array_page(2, 3)
    }

    /// The body of a page of so many rows, and its `link`.
    fn answer(query: &str, rows: usize) -> (String, Option<String>) {
        let page = page(query).unwrap();
        let response = wit::Response::from(page.respond(vec![7; rows]).unwrap());
        let mut headers = response.headers.into_iter();
        let link = headers.find(|(name, _)| name == "link");
        let body = String::from_utf8(response.body).unwrap();
        (body, link.map(|(_, value)| value))
    }

    #[test]
    fn a_page_asks_for_one_row_more_than_it_shows() {
        let first = page("").unwrap();
        assert_eq!((first.limit(), first.offset()), (3, 0));
        let third = page("page=3&limit=3").unwrap();
        assert_eq!((third.limit(), third.offset()), (4, 6));
    }

    #[test]
    fn the_next_page_is_named_if_there_is_one() {
        let next = |page| Some(format!("<?page={page}&limit=2>; rel=\"next\""));
        assert_eq!(answer("", 0), ("[]".to_owned(), None));
        assert_eq!(answer("", 2), ("[7,7]".to_owned(), None));
        assert_eq!(answer("", 3), ("[7,7]".to_owned(), next(2)));
        assert_eq!(answer("page=2", 3), ("[7,7]".to_owned(), next(3)));
    }

    #[test]
    fn a_limit_past_the_most_is_refused() {
        for query in ["limit=4", "limit=0", "page=0", "page=x"] {
            let failure = page(query).unwrap_err();
            assert_eq!((failure.status(), failure.code()), (400, "BAD_PAGE"));
        }
    }
}
