//! Parsers for URLs of the stores and servers that a node connects to.

use stores::redis::{REDIS_SCHEMES, split_redis_urls};

/// Checks the scheme of a database's URL; whether the database answers is found
/// out when it is opened. Error messages never quote the text, which may
/// contain a password.
pub(in crate::config) fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite:", "mysql://", "mariadb://"];
    match known.iter().any(|scheme| text.starts_with(scheme)) {
        true => Ok(text.into()),
        false => Err("is not a URL that begins with sqlite: or mysql://".into()),
    }
}

/// Checks the URL of a replica, which must be a server: a file has no replica.
pub(in crate::config) fn replica_url(text: &str) -> Result<String, String> {
    let known = ["mysql://", "mariadb://"];
    match known.iter().any(|scheme| text.starts_with(scheme)) {
        true => Ok(text.into()),
        false => Err("is not a URL that begins with mysql://".into()),
    }
}

/// Checks the schemes of one or more URLs of Redis. Error messages never quote
/// the text, which may contain a password.
pub(in crate::config) fn redis_url(text: &str) -> Result<Option<String>, String> {
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

pub(in crate::config) fn smtp_url(text: &str) -> Result<Option<String>, String> {
    match ["smtp://", "smtps://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        true => Ok(Some(text.into())),
        false => Err("is not a URL that begins with smtp:// or smtps://".into()),
    }
}

pub(in crate::config) fn admin_url(text: &str) -> Result<Option<String>, String> {
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
        assert!(redis_url("redis://:pa,ss@a").is_ok());
        assert!(redis_url("redis://a,").is_err());
    }
}
