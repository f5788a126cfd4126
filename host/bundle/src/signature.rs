//! Ed25519 signatures over the digests of releases.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature as Ed25519Signature, Signer, SigningKey, VerifyingKey};

use super::Digest;

/// Prefix of keys and signatures in text.
const ALGORITHM: &str = "ed25519:";

/// Prefix of the signed message, so that a signature made for another purpose is not valid for a
/// release.
const PURPOSE: &str = "edge release ";

/// Secret key that signs releases. With it, code can be deployed to all nodes that trust its public
/// key.
pub struct SecretKey(SigningKey);

/// Public key that verifies signatures, written as `ed25519:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Public key that a node trusts for every plugin, or for one alone (`reviews=ed25519:...`). A
/// plugin's name carries its grants and its permitted callers, so a key for one plugin must not
/// sign releases of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    key: PublicKey,
    plugin: Option<String>,
}

/// Public keys that a node trusts. If there are none, the node requires no signatures.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys(pub Vec<TrustedKey>);

/// Error of verifying a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The bundle is not signed.
    #[error("the bundle is not signed, and this node takes only bundles signed by a trusted key")]
    Missing,
    /// The text is not a signature.
    #[error("the signature is malformed; `edge sign` makes one")]
    Malformed,
    /// No trusted key made the signature; holds the key that did.
    #[error("the bundle is signed by {0}, which this node does not trust")]
    Untrusted(String),
    /// The key is trusted, but not for this plugin.
    #[error("the bundle is signed by {signer}, which this node does not trust with {plugin}")]
    OtherPlugin {
        /// Public key that made the signature.
        signer: String,
        /// Name of the plugin.
        plugin: String,
    },
    /// The signature is of another bundle or purpose; holds the public key in it.
    #[error("the signature by {0} is not of this bundle")]
    Wrong(String),
}

/// Error of parsing a text that is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a key: ed25519: and 64 hexadecimal digits")]
pub struct KeyTextError;

impl SecretKey {
    /// Returns a new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// Returns the key as text, which must be stored where nobody else can read it.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{ALGORITHM}{}", hex::encode(self.0.to_bytes()))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Returns a signature of the release: the public key and the signature itself, in hexadecimal
    /// digits.
    #[must_use]
    pub fn sign(&self, digest: Digest) -> String {
        let signature = self.0.sign(&message(digest));
        format!("{}:{}", self.public(), hex::encode(signature.to_bytes()))
    }
}

impl FromStr for SecretKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        Ok(Self(SigningKey::from_bytes(&key_bytes(text)?)))
    }
}

impl FromStr for PublicKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let key = VerifyingKey::from_bytes(&key_bytes(text)?);
        key.map(Self).map_err(|_| KeyTextError)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex::encode(self.0.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TrustedKeys {
    /// Checks that a key trusted for `plugin` signed the release. If no keys are trusted, an
    /// unsigned release is accepted, and one that any key signed.
    ///
    /// # Errors
    /// Returns an error that says why the signature is not accepted.
    pub fn check(
        &self,
        plugin: &str,
        digest: Digest,
        signature: &str,
    ) -> Result<(), SignatureError> {
        if signature.is_empty() {
            return match self.0.is_empty() {
                true => Ok(()),
                false => Err(SignatureError::Missing),
            };
        }
        let (signer, signature) = parse(signature.trim()).ok_or(SignatureError::Malformed)?;
        if !self.0.is_empty() {
            self.check_signer(plugin, signer)?;
        }
        // Strict verification, so that no other key or signature is accepted in place of this one.
        let verified = signer.0.verify_strict(&message(digest), &signature);
        verified.map_err(|_| SignatureError::Wrong(signer.to_string()))
    }

    fn check_signer(&self, plugin: &str, signer: PublicKey) -> Result<(), SignatureError> {
        let mut known = self.0.iter().filter(|trusted| trusted.key == signer);
        if known.clone().next().is_none() {
            return Err(SignatureError::Untrusted(signer.to_string()));
        }
        let is_for = |name: &String| name == plugin;
        match known.any(|trusted| trusted.plugin.as_ref().is_none_or(is_for)) {
            true => Ok(()),
            false => Err(SignatureError::OtherPlugin {
                signer: signer.to_string(),
                plugin: plugin.to_owned(),
            }),
        }
    }
}

impl From<PublicKey> for TrustedKey {
    fn from(key: PublicKey) -> Self {
        Self { key, plugin: None }
    }
}

impl FromStr for TrustedKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (plugin, key) = match text.split_once('=') {
            Some((plugin, key)) => (Some(plugin.trim().to_owned()), key),
            None => (None, text),
        };
        let key = key.parse()?;
        Ok(Self { key, plugin })
    }
}

fn parse(text: &str) -> Option<(PublicKey, Ed25519Signature)> {
    let (key, signature) = text.rsplit_once(':')?;
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature, &mut bytes).ok()?;
    Some((key.parse().ok()?, Ed25519Signature::from_bytes(&bytes)))
}

fn key_bytes(text: &str) -> Result<[u8; 32], KeyTextError> {
    let digits = text.trim().strip_prefix(ALGORITHM).ok_or(KeyTextError)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| KeyTextError)?;
    Ok(bytes)
}

fn message(digest: Digest) -> Vec<u8> {
    format!("{PURPOSE}{digest}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_keys_signature_of_this_release_will_do() {
        let (ours, theirs) = (SecretKey::generate(), SecretKey::generate());
        let trusted = TrustedKeys(vec![ours.public().into()]);
        let (release, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(trusted.check("a", release, &ours.sign(release)), Ok(()));
        assert_eq!(
            trusted.check("a", release, ""),
            Err(SignatureError::Missing)
        );
        assert_eq!(
            trusted.check("a", release, "x"),
            Err(SignatureError::Malformed)
        );
        let wrong = trusted.check("a", release, &ours.sign(other));
        assert!(matches!(wrong, Err(SignatureError::Wrong(_))), "{wrong:?}");
        let untrusted = trusted.check("a", release, &theirs.sign(release));
        assert!(matches!(untrusted, Err(SignatureError::Untrusted(_))));
        // Signature by another key, under the name of the trusted one.
        let forged = theirs
            .sign(release)
            .replace(&theirs.public().to_string(), &ours.public().to_string());
        assert!(matches!(
            trusted.check("a", release, &forged),
            Err(SignatureError::Wrong(_))
        ));
        let anybody = TrustedKeys::default();
        assert_eq!(anybody.check("a", release, ""), Ok(()));
        assert_eq!(anybody.check("a", release, &theirs.sign(release)), Ok(()));
        assert!(anybody.check("a", release, &theirs.sign(other)).is_err());
    }

    #[test]
    fn a_key_for_one_plugin_signs_no_release_of_another() {
        let (ours, vendors) = (SecretKey::generate(), SecretKey::generate());
        let texts = [
            ours.public().to_string(),
            format!("reviews={}", vendors.public()),
            format!("stars = {}", vendors.public()),
        ];
        let keys: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
        let trusted = TrustedKeys(keys.expect("keys"));
        let release = Digest::of(b"one");
        for plugin in ["reviews", "stars"] {
            assert_eq!(
                trusted.check(plugin, release, &vendors.sign(release)),
                Ok(())
            );
        }
        for plugin in ["payment", "review", "", "reviews=ed25519"] {
            let refused = trusted.check(plugin, release, &vendors.sign(release));
            assert!(
                matches!(refused, Err(SignatureError::OtherPlugin { .. })),
                "{plugin}: {refused:?}"
            );
            assert_eq!(trusted.check(plugin, release, &ours.sign(release)), Ok(()));
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = SecretKey::generate();
        let again: SecretKey = key.to_text().parse().expect("a key");
        assert_eq!(again.public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        assert!("ed25519:00".parse::<PublicKey>().is_err());
        assert!("".parse::<SecretKey>().is_err());
    }
}
