//! Parts of stored hashes, as back ends write them.

use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64_NOPAD, BitOrder, Encoding, HEXLOWER_PERMISSIVE, Specification};
use subtle::ConstantTimeEq;

/// Bcrypt's own base64.
static BCRYPT: LazyLock<Option<Encoding>> =
    LazyLock::new(|| encoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"));

/// Passlib's base64, where a point stands for the plus.
static PASSLIB: LazyLock<Option<Encoding>> =
    LazyLock::new(|| encoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./"));

fn encoding(symbols: &str) -> Option<Encoding> {
    let mut specification = Specification::new();
    specification.symbols.push_str(symbols);
    specification.bit_order = BitOrder::MostSignificantFirst;
    // Some back ends leave bits at the end that stand for nothing.
    specification.check_trailing_bits = false;
    specification.encoding().ok()
}

/// Splits `text` into exactly so many parts.
pub(super) fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let fields: Vec<_> = text.split(separator).collect();
    fields.try_into().ok()
}

/// Reads hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

/// Reads base64 with padding or without.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let padded = text.ends_with('=').then_some(BASE64);
    let encoding = padded.unwrap_or(BASE64_NOPAD);
    encoding.decode(text.as_bytes()).ok()
}

/// Reads passlib's base64; the usual one is read as well.
pub(super) fn passlib_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.replace('+', ".");
    PASSLIB.as_ref()?.decode(text.as_bytes()).ok()
}

/// Reads bcrypt's base64.
pub(super) fn bcrypt_base64(text: &str) -> Option<Vec<u8>> {
    BCRYPT.as_ref()?.decode(text.as_bytes()).ok()
}

/// Compares in a time that does not tell where the two differ.
pub(super) fn are_equal(computed: &[u8], stored: &[u8]) -> bool {
    computed.ct_eq(stored).into()
}
