//! Paths of requests: what they begin with, and the mount.

/// The whole API also answers under this prefix.
const MOUNT: &str = "/api/v1";

/// Whether `path` begins with the whole segments of `route`.
#[must_use]
pub fn is_prefix(route: &str, path: &str) -> bool {
    path.strip_prefix(route)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `target` (a path, perhaps with a query) without the mount.
#[must_use]
pub fn without_mount(target: &str) -> &str {
    match target.strip_prefix(MOUNT) {
        Some(rest) if rest.starts_with('/') => rest,
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
    fn the_mount_is_taken_off_once() {
        assert_eq!(without_mount("/api/v1/products?page=2"), "/products?page=2");
        assert_eq!(without_mount("/api/v1/api/v1/products"), "/api/v1/products");
        assert_eq!(without_mount("/api/v10/products"), "/api/v10/products");
        assert_eq!(without_mount("/api/v1"), "/api/v1");
    }
}
