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

/// As with databases, only the scheme is judged, and nothing is quoted.
pub(super) fn redis_url(text: &str) -> Result<Option<String>, String> {
    let is_sentinel =
        |url: &str| url.trim_start().starts_with("redis") && url.contains("sentinel://");
    if text.split(',').any(is_sentinel) {
        return Err("names a Sentinel, which is not supported; name the primary, by a proxy or a DNS name that follows it".into());
    }
    let known = |url: &str| {
        [
            "redis://",
            "rediss://",
            "redis-cluster://",
            "rediss-cluster://",
        ]
        .iter()
        .any(|s| url.trim().starts_with(s))
    };
    match text.split(',').all(known) {
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
