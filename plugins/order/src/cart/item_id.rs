//! Item ids: integers that lead to their cart, and that only this shop can make.
//!
//! An id is the pair of a cart's handle and a line's number, encrypted by FF1
//! (NIST SP 800-38G, AES-256) over strings of 53 bits. So it is below 2^53,
//! unique, says nothing about any other id, and needs no look-up of its own.
//!
//! The strings are integers here, without any allocation: one id takes about
//! 1 µs with AES instructions and 6 µs without, where the crate's own strings
//! of digits take 14 µs and 18 µs.

use std::sync::OnceLock;

use aes::Aes256;
use data_encoding::HEXLOWER_PERMISSIVE;
use edge_sdk::{Failure, Result, config};
use fpe::ff1::{FF1, NumeralString, Operations};

use super::id::Handle;

/// The secret: 32 bytes in hexadecimal digits.
const KEY: &str = "CART_ITEM_KEY";
const KEY_BYTES: usize = 32;

/// Further keys, with commas between, while the shop's secret is changed: other
/// nodes make ids with them.
const FALLBACKS: &str = "CART_ITEM_KEY_FALLBACKS";

/// Bits of a line's number.
const LINE_BITS: u32 = 9;
/// Bits of an id.
const BITS: u32 = Handle::BITS + LINE_BITS;

const RADIX: u32 = 2;

/// Lines that the items of one handle are told apart by.
pub const LINES: u16 = 1 << LINE_BITS;

const BAD_KEY: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

/// Makes and reads item ids.
pub struct ItemIds {
    key: FF1<Aes256>,
    fallbacks: Vec<FF1<Aes256>>,
}

impl ItemIds {
    /// Returns the cipher with the keys of this shop. The key is read once for
    /// each instance.
    ///
    /// # Errors
    /// 500 if the key is missing or malformed.
    pub fn configured() -> Result<&'static Self> {
        static CONFIGURED: OnceLock<ItemIds> = OnceLock::new();
        if let Some(ids) = CONFIGURED.get() {
            return Ok(ids);
        }
        let key = config::get(KEY)?;
        // Hosts that know of no fallbacks refuse to tell them.
        let fallbacks = config::get(FALLBACKS).unwrap_or_default();
        let ids = key.and_then(|digits| Self::new(&digits, fallbacks.as_deref()));
        let ids = ids.ok_or_else(|| {
            eprintln!("{KEY} and {FALLBACKS} must be of {KEY_BYTES} bytes in hexadecimal digits");
            BAD_KEY
        })?;
        Ok(CONFIGURED.get_or_init(|| ids))
    }

    /// Makes a cipher with this key, and others that only read; `None` if one
    /// is not 64 hexadecimal digits.
    #[must_use]
    pub fn new(digits: &str, fallbacks: Option<&str>) -> Option<Self> {
        let fallbacks = fallbacks.into_iter().flat_map(|keys| keys.split(','));
        Some(Self {
            key: cipher(digits)?,
            fallbacks: fallbacks.map(cipher).collect::<Option<_>>()?,
        })
    }

    /// Returns the id of a line of a cart with this handle.
    #[must_use]
    pub fn encode(&self, handle: Handle, line: u16) -> Option<u64> {
        let pair = handle.number() << LINE_BITS | u64::from(line % LINES);
        Some(self.key.encrypt(&[], &Bits(pair)).ok()?.0)
    }

    /// Returns the handle and the line's number behind an id, by each key: by
    /// those that did not make it, they are of no cart. None for a number that
    /// is no id.
    pub fn decode(&self, id: u64) -> impl Iterator<Item = (Handle, u16)> {
        let keys = std::iter::once(&self.key).chain(&self.fallbacks);
        keys.filter_map(move |key| {
            let pair = key.decrypt(&[], &Bits(id)).ok()?.0;
            let line = u16::try_from(pair % u64::from(LINES)).ok()?;
            Some((Handle::new(pair >> LINE_BITS), line))
        })
    }
}

fn cipher(digits: &str) -> Option<FF1<Aes256>> {
    let key = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
    let cipher = (key.len() == KEY_BYTES).then(|| FF1::new(&key, RADIX))?;
    cipher.ok()
}

/// A string of [`BITS`] binary digits, the most significant first.
struct Bits(u64);

/// One of the halves that FF1 works on.
struct Half {
    digits: u64,
    count: usize,
}

impl Half {
    /// Returns the low digits of a number.
    fn new(number: u64, count: usize) -> Self {
        let digits = number & !(u64::MAX << count);
        Self { digits, count }
    }
}

impl NumeralString for Bits {
    type Ops = Half;

    fn is_valid(&self, radix: u32) -> bool {
        radix == RADIX && self.0 >> BITS == 0
    }

    fn numeral_count(&self) -> usize {
        BITS as usize
    }

    fn split(&self) -> (Half, Half) {
        const LEFT: usize = (BITS / 2) as usize;
        const RIGHT: usize = BITS as usize - LEFT;
        (Half::new(self.0 >> RIGHT, LEFT), Half::new(self.0, RIGHT))
    }

    fn concat(left: Half, right: Half) -> Self {
        Self(left.digits << right.count | right.digits)
    }
}

impl Operations for Half {
    type Bytes = [u8; 4];

    fn numeral_count(&self) -> usize {
        self.count
    }

    /// Halves of 26 and 27 digits are always asked for in four bytes.
    fn to_be_bytes(&self, _: u32, _: usize) -> [u8; 4] {
        (self.digits as u32).to_be_bytes()
    }

    fn add_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, count: usize) -> Self {
        Self::new(self.digits.wrapping_add(number(other)), count)
    }

    fn sub_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, count: usize) -> Self {
        Self::new(self.digits.wrapping_sub(number(other)), count)
    }
}

/// Returns the number in these bytes, the most significant first; of a longer
/// one, its low end.
fn number(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0, |number, byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use fpe::ff1::FlexibleNumeralString;

    use super::*;

    const DIGITS: &str = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";

    fn ids() -> ItemIds {
        ItemIds::new(DIGITS, None).unwrap()
    }

    #[test]
    fn an_id_leads_back_to_its_line() {
        let ids = ids();
        for handle in [0, 1, 0x123_4567_89ab, (1 << 44) - 1].map(Handle::new) {
            for line in [0, 1, 255, 256, 511] {
                let id = ids.encode(handle, line).unwrap();
                assert!(id < 1 << 53);
                assert_eq!(ids.decode(id).collect::<Vec<_>>(), [(handle, line)]);
            }
        }
    }

    #[test]
    fn an_id_of_another_key_is_read_while_that_is_a_fallback() {
        let old = DIGITS.replace('2', "3");
        let made = ItemIds::new(&old, None).unwrap();
        let place = (Handle::new(0x123_4567_89ab), 7);
        let id = made.encode(place.0, place.1).unwrap();
        let both = ItemIds::new(DIGITS, Some(&old)).unwrap();
        assert_eq!(both.decode(id).nth(1), Some(place));
        assert!(!ids().decode(id).any(|other| other == place));
        let own = ids().encode(place.0, place.1);
        assert_eq!(both.encode(place.0, place.1), own);
    }

    #[test]
    fn ids_are_distinct_and_far_apart() {
        let ids = ids();
        let handle = Handle::new(7);
        let all: Vec<_> = (0..LINES)
            .filter_map(|line| ids.encode(handle, line))
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), usize::from(LINES));
        let near = all
            .windows(2)
            .filter(|pair| pair[0].abs_diff(pair[1]) < 1 << 32);
        assert_eq!(near.count(), 0);
    }

    /// The crate's own strings are proven by the standard's test vectors.
    #[test]
    fn ids_are_those_of_the_crates_own_strings() {
        let ids = ids();
        for line in 0..LINES {
            let pair = 0x123_4567_89ab << LINE_BITS | u64::from(line);
            let digits: Vec<_> = (0..BITS)
                .rev()
                .map(|bit| (pair >> bit & 1) as u16)
                .collect();
            let digits = FlexibleNumeralString::from(digits);
            let id: Vec<u16> = ids.key.encrypt(&[], &digits).unwrap().into();
            let id = id.into_iter().fold(0, |id, bit| id << 1 | u64::from(bit));
            assert_eq!(ids.encode(Handle::new(0x123_4567_89ab), line), Some(id));
        }
    }

    #[test]
    fn numbers_past_the_range_are_no_ids() {
        for id in [1 << 53, u64::MAX] {
            assert_eq!(ids().decode(id).next(), None);
        }
    }

    #[test]
    fn keys_are_64_digits() {
        assert!(ItemIds::new(&DIGITS.to_uppercase(), None).is_some());
        for bad in [
            "",
            "00",
            &DIGITS[1..],
            &format!("{DIGITS}00"),
            &"x".repeat(64),
        ] {
            assert!(ItemIds::new(bad, None).is_none(), "{bad}");
            assert!(ItemIds::new(DIGITS, Some(bad)).is_none(), "{bad}");
        }
    }
}
