//! Path prefixes of requests by whole segments, and the prefix under which all
//! routes are mounted.

/// Returns whether `path` begins with the whole segments of `route`.
#[must_use]
pub(crate) fn is_prefix(route: &str, path: &str) -> bool {
    path.strip_prefix(route)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the rest of `path` after the whole segments of `route`, compared
/// without regard to ASCII case; `None` if `path` does not begin with them.
#[must_use]
pub fn strip_prefix_ignoring_case<'p>(route: &str, path: &'p str) -> Option<&'p str> {
    let (head, rest) = path.split_at_checked(route.len())?;
    let is_prefix = head.eq_ignore_ascii_case(route) && (rest.is_empty() || rest.starts_with('/'));
    is_prefix.then_some(rest)
}

/// Returns `target`, a path with or without a query, without the prefix `mount`,
/// if there is one. A target that is the prefix alone is returned as it is.
#[must_use]
pub fn without_mount<'t>(mount: Option<&str>, target: &'t str) -> &'t str {
    match mount.and_then(|mount| strip_prefix_ignoring_case(mount, target)) {
        Some(rest) if !rest.is_empty() => rest,
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_whole_segments() {
        assert!(is_prefix("/products", "/products"));
        assert!(is_prefix("/products", "/products/1"));
        assert!(!is_prefix("/products", "/productsale"));
        assert!(!is_prefix("/products/1", "/products"));
    }

    #[test]
    fn prefixes_in_any_case_are_whole_segments() {
        let strip = strip_prefix_ignoring_case;
        assert_eq!(strip("/products", "/Products"), Some(""));
        assert_eq!(strip("/Products", "/products/In"), Some("/In"));
        assert_eq!(strip("/products", "/productsale"), None);
        assert_eq!(strip("/products", "/prod"), None);
        assert_eq!(strip("/abc", "/ab\u{e9}"), None);
    }

    #[test]
    fn the_mount_is_taken_off_once() {
        let path = |target| without_mount(Some("/api/v1"), target);
        assert_eq!(path("/api/v1/products?page=2"), "/products?page=2");
        assert_eq!(path("/api/v1/api/v1/products"), "/api/v1/products");
        assert_eq!(path("/api/v10/products"), "/api/v10/products");
        assert_eq!(path("/API/v1/products/"), "/products/");
        assert_eq!(path("/api/v1"), "/api/v1");
    }

    #[test]
    fn without_a_mount_paths_stay_as_they_are() {
        assert_eq!(without_mount(None, "/api/v1/products"), "/api/v1/products");
        assert_eq!(without_mount(Some("/shop"), "/shop/products"), "/products");
        let other = without_mount(Some("/shop"), "/api/v1/products");
        assert_eq!(other, "/api/v1/products");
    }
}
