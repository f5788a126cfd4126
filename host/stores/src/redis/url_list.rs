//! Lists of Redis URLs.

/// Schemes of Redis URLs.
pub const REDIS_SCHEMES: [&str; 4] = [
    "redis://",
    "rediss://",
    "redis-cluster://",
    "rediss-cluster://",
];

/// Splits a list of Redis URLs. A comma that no scheme follows is part of a password.
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
    }
}
