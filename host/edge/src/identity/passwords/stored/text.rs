//! Encodings of the parts of stored hashes.

use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64_NOPAD, BitOrder, Encoding, HEXLOWER_PERMISSIVE, Specification};
use subtle::ConstantTimeEq;

/// Base64 with the alphabet of bcrypt.
static BCRYPT: LazyLock<Option<Encoding>> =
    LazyLock::new(|| encoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"));

/// Base64 with the alphabet of passlib, which has `.` instead of `+`.
static PASSLIB: LazyLock<Option<Encoding>> =
    LazyLock::new(|| encoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./"));

fn encoding(symbols: &str) -> Option<Encoding> {
    let mut specification = Specification::new();
    specification.symbols.push_str(symbols);
    specification.bit_order = BitOrder::MostSignificantFirst;
    // Some back ends leave unused bits that are not zero at the end.
    specification.check_trailing_bits = false;
    specification.encoding().ok()
}

/// Splits `text` into exactly `N` parts.
pub(super) fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let fields: Vec<_> = text.split(separator).collect();
    fields.try_into().ok()
}

/// Decodes hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

/// Decodes base64 with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let padded = text.ends_with('=').then_some(BASE64);
    let encoding = padded.unwrap_or(BASE64_NOPAD);
    encoding.decode(text.as_bytes()).ok()
}

/// Decodes passlib's base64, and the standard one too.
pub(super) fn passlib_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.replace('+', ".");
    PASSLIB.as_ref()?.decode(text.as_bytes()).ok()
}

/// Decodes bcrypt's base64.
pub(super) fn bcrypt_base64(text: &str) -> Option<Vec<u8>> {
    BCRYPT.as_ref()?.decode(text.as_bytes()).ok()
}

/// Compares in constant time.
pub(super) fn are_equal(computed: &[u8], stored: &[u8]) -> bool {
    computed.ct_eq(stored).into()
}
