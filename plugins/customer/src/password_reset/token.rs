//! Tokens that reset a password: each names an account and the time at which it
//! ends, and is authenticated by HMAC-SHA256 with a secret of the shop. The
//! database has nothing that a token could be made of.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use edge_sdk::config;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The secret: 32 bytes in hexadecimal digits.
const KEY: &str = "PASSWORD_RESET_KEY";

/// Further keys, with commas between, while the shop's secret is changed: other
/// nodes make tokens with them.
const FALLBACKS: &str = "PASSWORD_RESET_KEY_FALLBACKS";

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
const NUMBER_BYTES: usize = 8;

/// Tells these tags from others that might be made with the key.
const PURPOSE: &[u8] = b"password reset 1";

/// Random bytes of a series.
const SERIES_BYTES: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The setting cannot be read.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A key is missing or malformed.
    #[error("{KEY} and {FALLBACKS} must be of {KEY_BYTES} bytes in hexadecimal digits")]
    Malformed,
}

/// The keys of tokens: the first makes them, all of them are believed.
pub(super) struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// Reads those of this shop.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub(super) fn configured() -> Result<Self, KeyError> {
        let key = config::get(KEY)?.ok_or(KeyError::Malformed)?;
        // Hosts that know of no fallbacks refuse to tell them.
        let fallbacks = config::get(FALLBACKS).unwrap_or_default();
        Self::new(&key, fallbacks.as_deref()).ok_or(KeyError::Malformed)
    }

    fn new(digits: &str, fallbacks: Option<&str>) -> Option<Self> {
        let fallbacks = fallbacks.into_iter().flat_map(|keys| keys.split(','));
        let keys = std::iter::once(digits).chain(fallbacks).map(|digits| {
            let key = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
            (key.len() == KEY_BYTES).then_some(key)
        });
        keys.collect::<Option<_>>().map(Self)
    }
}

/// Group of all tokens of an account that are not used up: they end
/// together when the row of the series is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// The random text that the database has for the series.
    pub(super) id: String,
    /// The account.
    pub(super) customer_id: i64,
    /// The address that the tokens are sent to, as it is compared.
    pub(super) email_key: String,
}

impl Series {
    /// Makes the id of a new series.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn new_id() -> Result<String, getrandom::Error> {
        let mut bytes = [0; SERIES_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(HEXLOWER.encode(&bytes))
    }

    fn mac(&self, key: &[u8], expires: u64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(PURPOSE);
        mac.update(&self.customer_id.to_be_bytes());
        mac.update(&expires.to_be_bytes());
        // Only the last part has no fixed length.
        mac.update(&Sha256::digest(&self.id));
        mac.update(self.email_key.as_bytes());
        Some(mac)
    }
}

/// The secret of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResetToken {
    /// The account that it is for.
    pub(super) customer_id: i64,
    /// When it ends, in seconds since 1970.
    pub(super) expires: u64,
    tag: [u8; TAG_BYTES],
}

impl ResetToken {
    /// Makes one of a series.
    pub(super) fn new(keys: &Keys, series: &Series, expires: u64) -> Option<Self> {
        let mac = series.mac(keys.0.first()?, expires)?;
        Some(Self {
            customer_id: series.customer_id,
            expires,
            tag: mac.finalize().into_bytes().into(),
        })
    }

    /// Reads what a client sent; `None` for what is no token. Blanks around it
    /// come from copying.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.trim().as_bytes()).ok()?;
        let (customer_id, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        let (expires, tag) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        Some(Self {
            customer_id: i64::from_be_bytes(*customer_id),
            expires: u64::from_be_bytes(*expires),
            tag: tag.try_into().ok()?,
        })
    }

    /// Returns the characters that a mail has of it.
    pub(super) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(2 * NUMBER_BYTES + TAG_BYTES);
        bytes.extend(self.customer_id.to_be_bytes());
        bytes.extend(self.expires.to_be_bytes());
        bytes.extend(self.tag);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Returns whether the shop made it for this series, and it has not ended
    /// at this time in seconds since 1970.
    pub(super) fn holds(&self, keys: &Keys, series: &Series, now: u64) -> bool {
        now < self.expires && self.is_signed_for(keys, series)
    }

    fn is_signed_for(&self, keys: &Keys, series: &Series) -> bool {
        let is_by = |key: &Vec<u8>| {
            let mac = series.mac(key, self.expires);
            mac.is_some_and(|mac| mac.verify_slice(&self.tag).is_ok())
        };
        self.customer_id == series.customer_id && keys.0.iter().any(is_by)
    }
}

/// Returns the digest that the database has of a token which an earlier release
/// sent: those were random, and have the id of a series for themselves.
pub(super) fn digest(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.trim()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const FIRST: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SECOND: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn series() -> Series {
        Series {
            id: "ab".repeat(32),
            customer_id: 7,
            email_key: "ada@example.com".to_owned(),
        }
    }

    fn keys(digits: &str, fallbacks: Option<&str>) -> Keys {
        Keys::new(digits, fallbacks).unwrap()
    }

    /// Returns a token, for tests of mails.
    pub(in crate::password_reset) fn token() -> ResetToken {
        ResetToken::new(&keys(FIRST, None), &series(), 1_700_000_000).unwrap()
    }

    #[test]
    fn a_token_is_of_its_series_alone() {
        let keys = keys(FIRST, None);
        let text = token().text();
        assert_eq!(text.len(), 64);
        let read = ResetToken::parse(&format!(" {text}\n")).unwrap();
        assert_eq!(read, token());
        assert!(read.is_signed_for(&keys, &series()));
        for other in [
            Series {
                id: "cd".repeat(32),
                ..series()
            },
            Series {
                customer_id: 8,
                ..series()
            },
            Series {
                email_key: "eve@example.com".to_owned(),
                ..series()
            },
        ] {
            assert!(!read.is_signed_for(&keys, &other), "{other:?}");
        }
    }

    /// Also when its series goes on, for mails that were sent after it.
    #[test]
    fn a_token_ends_when_its_time_is_over() {
        let (keys, expires) = (keys(FIRST, None), token().expires);
        assert!(token().holds(&keys, &series(), expires - 1));
        assert!(!token().holds(&keys, &series(), expires));
    }

    #[test]
    fn nobody_makes_a_token_last_longer() {
        let longer = ResetToken {
            expires: token().expires + 1,
            ..token()
        };
        assert!(!longer.is_signed_for(&keys(FIRST, None), &series()));
    }

    #[test]
    fn keys_may_be_changed() {
        let sent = token();
        assert!(sent.is_signed_for(&keys(SECOND, Some(FIRST)), &series()));
        assert!(!sent.is_signed_for(&keys(SECOND, None), &series()));
        for bad in ["", "00", "no digits"] {
            assert!(Keys::new(bad, None).is_none(), "{bad:?}");
            assert!(Keys::new(FIRST, Some(bad)).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        let mut cut = token().text();
        cut.pop();
        for text in ["", "secret", &cut, &format!("{}AAAA", token().text()), "ü"] {
            assert_eq!(ResetToken::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_two_series_are_the_same() {
        let first = Series::new_id().unwrap();
        assert_eq!(first.len(), 64);
        assert_ne!(first, Series::new_id().unwrap());
    }

    #[test]
    fn tokens_of_an_earlier_release_are_found_by_their_digest() {
        let sha256_of_secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(digest(" secret\n"), sha256_of_secret);
    }
}
