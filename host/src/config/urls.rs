//! The URLs of what a node talks to.

/// Only the scheme is judged here: whether the database answers is found out
/// when it is opened. The text may hold a password, so no message quotes it.
pub(super) fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite:", "mysql://", "mariadb://"];
    match known.iter().any(|scheme| text.starts_with(scheme)) {
        true => Ok(text.into()),
        false => Err("is not a URL that begins with sqlite: or mysql://".into()),
    }
}

/// A replica is a server: a file has none.
pub(super) fn replica_url(text: &str) -> Result<String, String> {
    let known = ["mysql://", "mariadb://"];
    match known.iter().any(|scheme| text.starts_with(scheme)) {
        true => Ok(text.into()),
        false => Err("is not a URL that begins with mysql://".into()),
    }
}

/// What a URL of Redis begins with.
const REDIS_SCHEMES: [&str; 4] = [
    "redis://",
    "rediss://",
    "redis-cluster://",
    "rediss-cluster://",
];

/// Returns the URLs of Redis in a list. A comma that no scheme follows is part of a
/// password.
pub fn split_redis_urls(urls: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(urls);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_end = |at: &usize| {
            let after = text.get(at + 1..).unwrap_or_default().trim_start();
            after.is_empty() || REDIS_SCHEMES.iter().any(|scheme| after.starts_with(scheme))
        };
        let commas = text.match_indices(',').map(|(at, _)| at);
        let end = commas.into_iter().find(is_end);
        let (url, others) = match end {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = others;
        Some(url.trim())
    })
}

/// As with databases, only the scheme is judged, and nothing is quoted.
pub(super) fn redis_url(text: &str) -> Result<Option<String>, String> {
    let is_sentinel =
        |url: &str| url.trim_start().starts_with("redis") && url.contains("sentinel://");
    if text.split(',').any(is_sentinel) {
        return Err("names a Sentinel, which is not supported; name the primary, by a proxy or a DNS name that follows it".into());
    }
    let is_known = |url: &str| REDIS_SCHEMES.iter().any(|scheme| url.starts_with(scheme));
    match split_redis_urls(text).all(is_known) {
        true => Ok(Some(text.into())),
        false => Err(
            "is not a URL that begins with redis://, rediss://, redis-cluster:// or rediss-cluster://, or several with commas between"
                .into(),
        ),
    }
}

pub(super) fn smtp_url(text: &str) -> Result<Option<String>, String> {
    match ["smtp://", "smtps://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        true => Ok(Some(text.into())),
        false => Err("is not a URL that begins with smtp:// or smtps://".into()),
    }
}

pub(super) fn admin_url(text: &str) -> Result<Option<String>, String> {
    match ["http://", "https://"].iter().any(|s| text.starts_with(s)) {
        true => Ok(Some(text.into())),
        false => Err("is not a URL that begins with http:// or https://".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_a_comma() {
        let urls = |text| split_redis_urls(text).collect::<Vec<_>>();
        assert_eq!(urls("redis://:pa,ss@a"), ["redis://:pa,ss@a"]);
        assert_eq!(
            urls("redis://:pa,ss@a:1, redis-cluster://b"),
            ["redis://:pa,ss@a:1", "redis-cluster://b"]
        );
        assert_eq!(urls("redis://a,"), ["redis://a", ""]);
        assert!(redis_url("redis://:pa,ss@a").is_ok());
        assert!(redis_url("redis://a,").is_err());
    }
}
