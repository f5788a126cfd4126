//! Paths in logs and traces, with secret parts masked.

use std::borrow::Cow;

/// Replacement of a part that is not shown.
const MASK: &str = "***";

/// Length in characters from which a segment with digits may be a secret, in a path without a
/// route, such as one whose prefix was mistyped.
const SUSPICIOUS: usize = 16;

/// Digits from which a number may be a secret.
const LONG_NUMBER: usize = 10;

/// Returns `path`, which matches the `route` of a plugin, with the segments at the indexes
/// `secrets` masked; `None` stands for a plugin without secret parameters. If the route is only a
/// prefix of the path, everything behind it is masked.
pub(super) fn masked<'a>(path: &'a str, route: &str, secrets: Option<&[usize]>) -> Cow<'a, str> {
    let Some(secrets) = secrets else {
        return Cow::Borrowed(path);
    };
    if path.split('/').count() != route.split('/').count() {
        return Cow::Owned(format!("{route}/{MASK}"));
    }
    if secrets.is_empty() {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/').enumerate();
    let shown = parts.map(|(place, part)| match secrets.contains(&place) {
        true => MASK,
        false => part,
    });
    Cow::Owned(shown.collect::<Vec<_>>().join("/"))
}

/// Returns `path`, which has no route, with long segments that have digits masked, since they may
/// be secrets.
pub(super) fn masked_unrouted(path: &str) -> Cow<'_, str> {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_suspicious = |part: &str| {
        (part.len() >= SUSPICIOUS && part.contains(|c: char| c.is_ascii_digit()))
            || (part.len() >= LONG_NUMBER && is_number(part))
    };
    if !path.split('/').any(is_suspicious) {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/');
    let shown = parts.map(|part| if is_suspicious(part) { MASK } else { part });
    Cow::Owned(shown.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_parameters_are_not_shown() {
        for (path, route, secrets, shown) in [
            ("/cart/abc", "/cart/{cart_id}", &[2][..], "/cart/***"),
            (
                "/cart/abc/items/7",
                "/cart/{cart_id}/items/{item}",
                &[2],
                "/cart/***/items/7",
            ),
            ("/cart/add", "/cart/add", &[], "/cart/add"),
            ("/cart", "/cart", &[], "/cart"),
            // No template fits, so the route is the plugin's prefix.
            ("/cart/abc/", "/cart", &[], "/cart/***"),
            ("/cart/empty/abc/x", "/cart", &[], "/cart/***"),
        ] {
            assert_eq!(masked(path, route, Some(secrets)), shown, "{path}");
            assert_eq!(masked(path, route, None), path);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_not_shown_where_nothing_is_known() {
        for (path, shown) in [
            ("/nowhere/7", "/nowhere/7"),
            ("/a-long-name-of-a-page", "/a-long-name-of-a-page"),
            ("/Cart/q7Xl0b2mVt4KcW9eRzYh1JfPdN8sGaUo", "/Cart/***"),
        ] {
            assert_eq!(masked_unrouted(path), shown);
        }
    }
}
