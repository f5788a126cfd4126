//! Cart ids: secrets that clients keep, and the short handles by which carts
//! are stored.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use edge_sdk::{Failure, Result};
use sha2::{Digest, Sha256};

/// Refusal of an id that no cart can have.
pub const NO_CART: Failure = Failure::new(404, "SHP_01", "Don't exist cart with this ID.");

const NO_RANDOM: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

/// Characters of an id.
const LENGTH: std::ops::RangeInclusive<usize> = 18..=32;

/// The id of a cart. Whoever knows it can change the cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartId(String);

impl CartId {
    /// Makes a new id: 24 random bytes in 32 characters.
    ///
    /// # Errors
    /// 500 if there is no randomness.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0; 24];
        fill(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads an id that a client sent.
    ///
    /// # Errors
    /// `SHP_01` unless it is 18 to 32 letters, digits, `-` or `_`.
    pub fn parse(text: &str) -> Result<Self> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if LENGTH.contains(&text.len()) && text.bytes().all(is_safe) {
            return Ok(Self(text.to_owned()));
        }
        Err(NO_CART.field("cart_id"))
    }

    /// Returns the characters of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the handle under which the cart is stored.
    #[must_use]
    pub fn handle(&self) -> Handle {
        let digest = Sha256::digest(&self.0);
        let top = digest.iter().take(8);
        let top = top.fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        Handle(top >> (u64::BITS - Handle::BITS))
    }
}

/// Stands for a cart in item ids and in the store, without giving its id away:
/// the top bits of the id's SHA-256. Two carts may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(u64);

impl Handle {
    /// Bits of a handle: with a line number, an item id stays below 2^53.
    pub const BITS: u32 = 44;

    /// Returns the handle of this number, of which only the low bits count.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number & ((1 << Self::BITS) - 1))
    }

    /// Returns the number of the handle.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Writes the handle as the key in the store.
impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:011x}", self.0)
    }
}

/// Returns a random number, by which one content of a cart is told from the next.
///
/// # Errors
/// 500 if there is no randomness.
pub fn generation() -> Result<i64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(i64::from_be_bytes(bytes))
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        eprintln!("randomness: {error}");
        NO_RANDOM
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_ids_are_well_formed_and_distinct() {
        let ids: HashSet<_> = (0..1000)
            .map(|_| CartId::generate().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(ids.len(), 1000);
        for id in &ids {
            assert_eq!(id.len(), 32);
            assert!(CartId::parse(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn lengths_have_bounds() {
        for (length, well) in [(0, false), (17, false), (18, true), (32, true), (33, false)] {
            assert_eq!(CartId::parse(&"a".repeat(length)).is_ok(), well, "{length}");
        }
    }

    #[test]
    fn only_safe_characters_reach_the_store() {
        for bad in [':', '*', '\n', '\0', ' ', '/', '%', '+', '=', '.', 'é', '{'] {
            let failure = CartId::parse(&format!("{bad}{}", "a".repeat(20))).unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (404, "SHP_01"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn handles_are_the_top_bits_of_the_digest() {
        let id = CartId::parse("aaaaaaaaaaaaaaaaaa").unwrap();
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest("aaaaaaaaaaaaaaaaaa"));
        assert_eq!(id.handle().to_string(), digest[..11]);
        assert_eq!(Handle::new(u64::MAX).to_string(), "fffffffffff");
        assert_eq!(Handle::new(1).to_string(), "00000000001");
    }
}
