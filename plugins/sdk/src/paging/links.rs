//! The header field `link` of one page of a list (RFC 8288): where the first,
//! the previous, the next and the last page are.

use form_urlencoded::Serializer;

use crate::{Page, Request, Response};

/// Bytes of a query that is repeated in the links: proxies take a few KiB of
/// header fields.
const LONGEST_QUERY: usize = 512;

impl Page {
    /// Adds the header field `link` (RFC 8288) to the answer to `request`: the
    /// first, previous, next and last page of a list of `count` rows.
    #[must_use]
    pub fn link(&self, request: &Request, count: i64, response: Response) -> Response {
        match to_pages(request, *self, count) {
            Some(links) => response.header("link", links),
            None => response,
        }
    }
}

/// Returns the value of `link` for a page of a list of so many rows; none where
/// all of the list is one page, or the query is too long to repeat. Targets are
/// relative to the request's own, and keep the rest of its query.
fn to_pages(request: &Request, page: Page, count: i64) -> Option<String> {
    let count = u64::try_from(count).unwrap_or(0);
    let last = count.div_ceil(page.limit.max(1)).max(1);
    let previous = page.page.checked_sub(1).filter(|previous| *previous > 0);
    let next = page.page.checked_add(1).filter(|next| *next <= last);
    if last == 1 && page.page == 1 {
        return None;
    }
    let relations = [
        ("first", Some(1)),
        // Past the end, the page before is the last one.
        ("prev", previous.map(|previous| previous.min(last))),
        ("next", next),
        ("last", Some(last)),
    ];
    let rest = rest_of_query(request);
    if rest.len() > LONGEST_QUERY {
        return None;
    }
    let links = relations.iter().filter_map(|(relation, number)| {
        let number = (*number)?;
        let limit = page.limit;
        Some(format!(
            "<?{rest}page={number}&limit={limit}>; rel=\"{relation}\""
        ))
    });
    Some(links.collect::<Vec<_>>().join(", "))
}

/// Returns the query without the page, to be put before it.
fn rest_of_query(request: &Request) -> String {
    let query = request.query_string().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut rest = Serializer::new(String::new());
    rest.extend_pairs(pairs.filter(|(name, _)| name != "page" && name != "limit"));
    let mut rest = rest.finish();
    if !rest.is_empty() {
        rest.push('&');
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn links(query: &str, count: i64) -> Option<String> {
        let request = Request::from(testing::get(&format!("/products?{query}")));
        let page = request.page().unwrap();
        to_pages(&request, page, count)
    }

    #[test]
    fn each_page_names_its_neighbours() {
        let all = "<?page=1&limit=10>; rel=\"first\", <?page=1&limit=10>; rel=\"prev\", \
                   <?page=3&limit=10>; rel=\"next\", <?page=3&limit=10>; rel=\"last\"";
        assert_eq!(links("page=2&limit=10", 21).as_deref(), Some(all));
        let first = "<?page=1&limit=20>; rel=\"first\", <?page=2&limit=20>; rel=\"next\", \
                     <?page=2&limit=20>; rel=\"last\"";
        assert_eq!(links("", 40).as_deref(), Some(first));
        let past = "<?page=1&limit=20>; rel=\"first\", <?page=2&limit=20>; rel=\"prev\", \
                    <?page=2&limit=20>; rel=\"last\"";
        assert_eq!(links("page=9", 40).as_deref(), Some(past));
    }

    #[test]
    fn a_list_of_one_page_has_none() {
        assert_eq!(links("", 20), None);
        assert_eq!(links("", 0), None);
        assert_eq!(links("", -1), None);
    }

    #[test]
    fn the_rest_of_the_query_is_kept() {
        let links = links(
            "query_string=caf%C3%A9+%3E%22&page=1&limit=1&order=name,ASC",
            2,
        );
        let start = "<?query_string=caf%C3%A9+%3E%22&order=name%2CASC&page=1&limit=1>;";
        assert!(links.as_deref().unwrap().starts_with(start), "{links:?}");
    }

    #[test]
    fn no_number_of_rows_is_too_large() {
        let links = links("page=1&limit=1", i64::MAX).unwrap();
        assert!(
            links.ends_with("<?page=9223372036854775807&limit=1>; rel=\"last\""),
            "{links}"
        );
    }
}
