//! Location of a bundle in a registry: `oci://host/repository:tag`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use oci_client::Reference;

use bundle::Digest;

/// URL scheme that tells a registry from a file.
const SCHEME: &str = "oci://";

/// Location of a bundle in a registry, by tag or by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(Box<Reference>);

/// Error of a text that is not a location in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no bundle in a registry: {reason}")]
pub struct LocationError {
    text: String,
    reason: &'static str,
}

impl Location {
    /// Returns whether a text is meant as a registry location, and not as a file.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Returns the host of the registry, perhaps with a port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.resolve_registry()
    }

    /// Returns the repository, which has all versions of the bundle.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// Returns the tag; `None` if the location has only a digest.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.0.tag()
    }

    /// Returns the digest that the manifest must have, if the location names one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.0.digest()?.parse().ok()
    }

    /// Returns whether the registry is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host().split(':').next().unwrap_or_default();
        let is_loopback = |address: IpAddr| address.is_loopback();
        host == "localhost" || host.parse().is_ok_and(is_loopback)
    }

    /// Returns the location with a digest, which cannot be moved as a tag can.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        let (host, repository) = (self.0.registry(), self.0.repository());
        let (host, repository) = (host.to_owned(), repository.to_owned());
        let digest = digest.to_string();
        let reference = match self.0.tag() {
            Some(tag) => Reference::with_tag_and_digest(host, repository, tag.to_owned(), digest),
            None => Reference::with_digest(host, repository, digest),
        };
        Self(Box::new(reference))
    }

    /// Returns the reference for the client. A digest replaces the tag.
    pub(super) fn reference(&self) -> Reference {
        match self.0.digest() {
            Some(digest) => self.0.clone_with_digest(digest.to_owned()),
            None => Reference::clone(&self.0),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let refuse = |reason| LocationError {
            text: text.to_owned(),
            reason,
        };
        let form = "it takes a form such as oci://registry.example/shop/product:1.0.0";
        let rest = text.strip_prefix(SCHEME).ok_or(refuse(form))?;
        let reference: Reference = rest.parse().map_err(|_| refuse(form))?;
        // Docker would take a name without a host for one of its own registry.
        if !rest.starts_with(&format!("{}/", reference.registry())) {
            let reason = "its host has neither a dot nor a port, nor is it localhost";
            return Err(refuse(reason));
        }
        let tagged = reference
            .tag()
            .is_some_and(|tag| rest.contains(&format!(":{tag}")));
        match reference.digest() {
            Some(digest) if digest.parse::<Digest>().is_err() => Err(refuse(
                "its digest is not sha256: and 64 hexadecimal digits",
            )),
            // Docker would take the tag `latest`, which changes over time.
            None if !tagged => Err(refuse("it names neither a tag nor a digest")),
            _ => Ok(Self(Box::new(reference))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Location {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_location_is_read_as_it_is_written() {
        let digest = Digest::of(b"a manifest");
        for text in [
            "oci://registry.example/shop/product:1.0.0".to_owned(),
            "oci://127.0.0.1:5000/product:latest".to_owned(),
            format!("oci://localhost:5000/shop/product@{digest}"),
            format!("oci://registry.example:8443/product:1.0.0@{digest}"),
        ] {
            assert_eq!(location(&text).to_string(), text);
        }
        let tagged = location("oci://registry.example/product:1.0.0");
        let pinned = tagged.pinned(digest);
        assert_eq!(pinned.digest(), Some(digest));
        let whole = format!("oci://registry.example/product:1.0.0@{digest}");
        assert_eq!(pinned.to_string(), whole);
    }

    #[test]
    fn what_is_left_out_is_never_guessed() {
        for (text, reason) in [
            ("product.bundle", "form"),
            ("oci://", "form"),
            ("oci://registry.example", "neither a dot nor a port"),
            ("oci://registry.example/Shop:1", "form"),
            ("oci://registry.example/product", "neither a tag nor"),
            ("oci://registry.example:5000/product", "neither a tag nor"),
            ("oci://registry/product:1", "neither a dot nor a port"),
            ("oci://registry.example/product@sha256:00", "form"),
            ("oci://user:password@registry.example/product:1", "form"),
        ] {
            match text.parse::<Location>() {
                Ok(location) => panic!("{text} is {location}"),
                Err(error) => assert!(error.to_string().contains(reason), "{error}"),
            }
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, is_loopback) in [
            ("127.0.0.1:5000", true),
            ("127.8.0.1:5000", true),
            ("localhost:5000", true),
            ("localhost.example:5000", false),
            ("127.0.0.1.example", false),
            ("10.0.0.1:5000", false),
        ] {
            let location = location(&format!("oci://{host}/product:1"));
            assert_eq!(location.is_loopback(), is_loopback, "{host}");
        }
    }
}
