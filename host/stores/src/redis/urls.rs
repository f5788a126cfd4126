//! Parsing of Redis URLs.

use std::{fs, io};

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult,
    TlsCertificates,
};
use url::Url;

use super::SILENCE;
use crate::{redis::split_redis_urls, source::Source};

/// Parameter that names a file of certificate authorities.
const SSL_CA: &str = "ssl-ca";

/// Hint about the supported parts of a URL besides the server, the user and the password.
const KNOWN: &str =
    "known are the parameter ssl-ca, and a database's number as the path: redis://host:6379/3";

/// Schemes of clusters, and the corresponding ones of a single node.
const CLUSTERS: [(&str, &str); 2] = [
    ("redis-cluster://", "redis://"),
    ("rediss-cluster://", "rediss://"),
];

/// Error of a URL. The URL may hold a password, so no message quotes it.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The text is not a Redis URL.
    #[error(
        "the URL of Redis is not one or more of redis://host:port or rediss://host:port, or redis-cluster:// or rediss-cluster://: {0}"
    )]
    Malformed(String),
    /// The file of certificate authorities cannot be used.
    #[error("the URL of Redis has ssl-ca={path}: {why}")]
    Certificates {
        /// Path of the file.
        path: String,
        /// Error of reading the file.
        why: String,
    },
    /// The URL names certificate authorities, but is one without TLS.
    #[error("the URL of Redis has ssl-ca, but is not one of rediss:// or rediss-cluster://")]
    Plain,
    /// The URL has a parameter or fragment that is not supported.
    #[error("the URL of Redis has {0}, which means nothing here; {KNOWN}")]
    Unknown(String),
    /// The URL of a cluster names a database other than 0.
    #[error("the URL of Redis names a database, and a cluster has only database 0")]
    Database,
}

/// One server, or the nodes of a cluster that are asked for the others.
#[derive(Clone)]
pub(crate) struct Nodes {
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) certificates: Option<TlsCertificates>,
    pub(super) is_cluster: bool,
}

impl Nodes {
    /// Parses `urls`, separated by commas, and reads the certificates that they name.
    ///
    /// # Errors
    /// When a URL is malformed, or names a file without certificates.
    pub(crate) fn parse(urls: &str) -> Result<Self, UrlError> {
        let mut read = Self {
            nodes: Vec::new(),
            certificates: None,
            is_cluster: false,
        };
        for url in split_redis_urls(urls) {
            read.add(url)?;
        }
        read.is_cluster |= read.nodes.len() > 1;
        let is_other = |node: &ConnectionInfo| node.redis_settings().db() != 0;
        match read.is_cluster && read.nodes.iter().any(is_other) {
            true => Err(UrlError::Database),
            false => Ok(read),
        }
    }

    fn add(&mut self, url: &str) -> Result<(), UrlError> {
        let plain = CLUSTERS.iter().find_map(|(cluster, node)| {
            let rest = url.strip_prefix(cluster)?;
            Some(format!("{node}{rest}"))
        });
        self.is_cluster |= plain.is_some();
        let url = plain.as_deref().unwrap_or(url);
        let (url, file) = without_issuers(url);
        if let Some(unknown) = unknown_part(&url) {
            return Err(UrlError::Unknown(unknown));
        }
        if let Some(file) = file {
            if !url.starts_with("rediss://") {
                return Err(UrlError::Plain);
            }
            self.certificates = Some(issuers(&file)?);
        }
        self.nodes.push(connection_info(&url).map_err(url_error)?);
        Ok(())
    }

    /// Returns the nodes, with the user and the password of the URL that is in `source` now. The
    /// rest of that URL is ignored.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no Redis URL.
    pub(crate) fn with_login_in(&self, source: &Source) -> RedisResult<Self> {
        let fail = |why: String| io::Error::other(format!("the URL of Redis: {why}"));
        let text = source.read().map_err(fail)?;
        let current = Self::parse(&text).map_err(|error| fail(error.to_string()))?;
        let unnamed = || RedisError::from((redis::ErrorKind::InvalidClientConfig, "no node"));
        let login = current.nodes.first().ok_or_else(unnamed)?.redis_settings();
        let let_in = |node: &ConnectionInfo| {
            let own = login.clone().set_db(node.redis_settings().db());
            node.clone().set_redis_settings(own)
        };
        Ok(Self {
            nodes: self.nodes.iter().map(let_in).collect(),
            ..self.clone()
        })
    }

    /// Returns a client of the first node.
    pub(crate) fn first(&self) -> RedisResult<Client> {
        let unnamed = || RedisError::from((redis::ErrorKind::InvalidClientConfig, "no node"));
        self.client(self.nodes.first().ok_or_else(unnamed)?.clone())
    }

    /// Returns a client of `node`, with the certificate authorities of all nodes.
    pub(super) fn client(&self, node: ConnectionInfo) -> RedisResult<Client> {
        match &self.certificates {
            None => Client::open(node),
            Some(certificates) => Client::build_with_tls(node, certificates.clone()),
        }
    }
}

/// Returns a parameter or fragment of a URL, which the driver would ignore: if a database was named
/// in it, another one would be used.
fn unknown_part(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let parameter = url.query_pairs().next();
    let parameter = parameter.map(|(key, _)| format!("the parameter {key}"));
    parameter.or_else(|| url.fragment().map(|_| "a fragment (#)".to_owned()))
}

/// Returns `url` without its parameter `ssl-ca`, which the driver does not know, and the value of
/// that parameter.
fn without_issuers(url: &str) -> (String, Option<String>) {
    let unchanged = || (url.to_owned(), None);
    let Ok(mut parsed) = Url::parse(url) else {
        return unchanged();
    };
    let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
    let Some((_, file)) = pairs.iter().find(|(key, _)| key == SSL_CA).cloned() else {
        return unchanged();
    };
    let others: Vec<_> = pairs.into_iter().filter(|(key, _)| key != SSL_CA).collect();
    parsed.set_query(None);
    if !others.is_empty() {
        parsed.query_pairs_mut().extend_pairs(others);
    }
    (parsed.into(), Some(file))
}

/// Reads the certificate authorities, which are then the only trusted ones.
fn issuers(file: &str) -> Result<TlsCertificates, UrlError> {
    let fail = |why: String| UrlError::Certificates {
        path: file.to_owned(),
        why,
    };
    let pem = fs::read(file).map_err(|error| fail(error.to_string()))?;
    if !pem
        .windows(CERTIFICATE.len())
        .any(|text| text == CERTIFICATE)
    {
        return Err(fail("it holds no certificate".to_owned()));
    }
    Ok(TlsCertificates {
        client_tls: None,
        root_cert: Some(pem),
    })
}

/// First line of a certificate in PEM.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Returns the connection settings of a URL, with RESP3, in which the driver reestablishes a broken
/// connection before the next command.
fn connection_info(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone();
    Ok(info
        .set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3))
        .set_tcp_settings(tcp_settings()))
}

pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(SILENCE);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
        .set_user_timeout(SILENCE)
}

pub(crate) fn url_error(error: RedisError) -> UrlError {
    UrlError::Malformed(error.category().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(urls: &str) -> String {
        Nodes::parse(urls).err().expect(urls).to_string()
    }

    #[test]
    fn one_url_is_a_server_and_several_or_its_scheme_are_a_cluster() {
        let is_cluster = |urls: &str| Nodes::parse(urls).map(|nodes| nodes.is_cluster).ok();
        for url in ["redis://a", "rediss://user:secret@a:6380/2"] {
            assert_eq!(is_cluster(url), Some(false), "{url}");
        }
        for urls in [
            "redis://a, redis://b",
            "redis-cluster://a",
            "rediss-cluster://user:secret@a:6380",
            "redis-cluster://a,redis-cluster://b",
        ] {
            assert_eq!(is_cluster(urls), Some(true), "{urls}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(refusal("redis-cluster://a/2").contains("database 0"));
        assert!(refusal("redis://a/0,redis://b/1").contains("database 0"));
        assert!(refusal("redis://a?ssl-ca=/dev/null").contains("rediss://"));
        assert!(refusal("rediss://a?ssl-ca=/no/file").contains("/no/file"));
        assert!(refusal("rediss://a?ssl-ca=/dev/null").contains("no certificate"));
        assert!(refusal("http://a").contains("redis-cluster://"));
        for (url, part) in [
            ("redis://a?db=3", "the parameter db"),
            (
                "rediss://a?ssl_cert_reqs=none",
                "the parameter ssl_cert_reqs",
            ),
            ("rediss://a/#insecure", "a fragment"),
        ] {
            assert!(refusal(url).contains(part), "{url}");
        }
    }
}
