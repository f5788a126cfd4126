//! Paths as logs and traces show them: without what is a key to something.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// What stands for a part that is not shown.
const MASK: &str = "***";

/// Characters from which a part of a path that leads nowhere may be a secret:
/// somebody has mistyped what stands before it.
const SUSPICIOUS: usize = 16;

/// Digits of a number that may be one nobody can guess.
const LONG_NUMBER: usize = 10;

/// Returns `path`, which the `route` of a plugin fits, without the values of
/// its `secret` parameters. Where only a prefix of the path is known, nothing
/// behind that is shown, if the plugin has secret parameters at all.
pub(super) fn masked<'a>(path: &'a str, route: &str, secret: &BTreeSet<String>) -> Cow<'a, str> {
    if secret.is_empty() {
        return Cow::Borrowed(path);
    }
    if path.split('/').count() != route.split('/').count() {
        return Cow::Owned(format!("{route}/{MASK}"));
    }
    let is_secret = |segment: &str| {
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| secret.contains(name))
    };
    if !route.split('/').any(is_secret) {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/').zip(route.split('/'));
    let shown = parts.map(|(part, template)| if is_secret(template) { MASK } else { part });
    Cow::Owned(shown.collect::<Vec<_>>().join("/"))
}

/// Returns `path`, which leads to no plugin, without parts that may be
/// secrets: they are long, and have digits.
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
        let secret = BTreeSet::from(["cart_id".to_owned()]);
        for (path, route, shown) in [
            ("/cart/abc", "/cart/{cart_id}", "/cart/***"),
            (
                "/cart/abc/items/7",
                "/cart/{cart_id}/items/{item}",
                "/cart/***/items/7",
            ),
            ("/cart/add", "/cart/add", "/cart/add"),
            ("/cart", "/cart", "/cart"),
            // No template fits, so the route is the plugin's prefix.
            ("/cart/abc/", "/cart", "/cart/***"),
            ("/cart/empty/abc/x", "/cart", "/cart/***"),
        ] {
            assert_eq!(masked(path, route, &secret), shown, "{path}");
            assert_eq!(masked(path, route, &BTreeSet::new()), path);
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
