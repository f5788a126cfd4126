//! Path prefixes of requests by whole segments, and the prefix under which the
//! API is mounted.

/// Prefix under which the whole API answers too.
const MOUNT: &str = "/api/v1";

/// Returns whether `path` begins with the whole segments of `route`.
#[must_use]
pub fn is_prefix(route: &str, path: &str) -> bool {
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

/// Returns `target`, a path with or without a query, without the mount prefix.
/// A target that is the prefix alone is returned as it is.
#[must_use]
pub fn without_mount(target: &str) -> &str {
    match strip_prefix_ignoring_case(MOUNT, target) {
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
        assert_eq!(without_mount("/api/v1/products?page=2"), "/products?page=2");
        assert_eq!(without_mount("/api/v1/api/v1/products"), "/api/v1/products");
        assert_eq!(without_mount("/api/v10/products"), "/api/v10/products");
        assert_eq!(without_mount("/API/v1/products/"), "/products/");
        assert_eq!(without_mount("/api/v1"), "/api/v1");
    }
}
