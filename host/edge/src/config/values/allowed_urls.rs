//! URLs that a node may call to check a canary.

use std::str::FromStr;

use url::Url;

/// URLs that are allowed, each with all paths below it.
#[derive(Debug, Clone, Default)]
pub struct AllowedUrls(Vec<Url>);

impl AllowedUrls {
    /// Parses `text` and returns the URL if it is allowed.
    ///
    /// # Errors
    /// When the text is not a plain HTTP URL, or is not below an allowed one.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        let url = plain(text)?;
        match self.0.iter().any(|allowed| is_below(allowed, &url)) {
            true => Ok(url),
            false => Err(format!(
                "{text} is not below any address of the setting canary_check_urls"
            )),
        }
    }
}

impl FromStr for AllowedUrls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let urls = text.split(',').map(str::trim).map(plain);
        urls.collect::<Result<_, _>>().map(Self)
    }
}

/// Parses a URL without a login, a query or a fragment, which could make it
/// lead elsewhere than it seems. Error messages do not quote the text, which
/// may contain a password.
fn plain(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|error| format!("is not a URL: {error}"))?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_http {
        return Err("is not a URL that begins with http:// or https://".to_owned());
    }
    let has_login = !url.username().is_empty() || url.password().is_some();
    if has_login || url.query().is_some() || url.fragment().is_some() {
        return Err("is a URL with a login, a query or a fragment".to_owned());
    }
    Ok(url)
}

/// Returns whether `url` is `allowed` or a path below it. The parser has
/// resolved `..` already.
fn is_below(allowed: &Url, url: &Url) -> bool {
    let path = allowed.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(path);
    allowed.origin() == url.origin()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_an_allowed_address_may_be_asked() {
        let allowed: AllowedUrls = "http://prometheus:9090, https://hooks.example/edge/"
            .parse()
            .expect("addresses");
        for url in [
            "http://prometheus:9090",
            "http://prometheus:9090/api",
            "https://hooks.example/edge",
            "https://hooks.example/edge/canary",
            "https://HOOKS.example:443/edge/canary",
        ] {
            assert!(allowed.check(url).is_ok(), "{url}");
        }
        for url in [
            "http://prometheus:9091",
            "https://prometheus:9090",
            "http://prometheus:9090@evil.example/",
            "http://prometheus:9090.evil.example/",
            "https://hooks.example/edges",
            "https://hooks.example/edge/../admin",
            "https://hooks.example/edge/%2e%2e/admin",
            "https://hooks.example/",
            "https://user:password@hooks.example/edge",
            "https://hooks.example/edge?to=elsewhere",
            "file:///etc/passwd",
            "hooks.example/edge",
        ] {
            assert!(allowed.check(url).is_err(), "{url}");
        }
        assert!(
            AllowedUrls::default()
                .check("http://prometheus:9090")
                .is_err()
        );
        assert!("ftp://a".parse::<AllowedUrls>().is_err());
    }
}
