//! Where carts are kept: one value of the bucket for each handle.

use edge_sdk::{Failure, Result, keyvalue::Bucket};

use super::entry::CartEntry;
use super::id::Handle;

const BUCKET: &str = "carts";

/// Longest value of the bucket, in bytes, as the manifest grants it.
const MAX_BYTES: usize = 64 * 1024;

/// Refusal of an addition to a full cart.
pub const FULL: Failure = Failure::new(400, "SHP_04", "The cart is full.");

/// Marker that ends a change which changes nothing; clients never see it.
const UNCHANGED: Failure = Failure::new(409, "HTTP_409", "There is nothing to change.");

const UNREADABLE: Failure = Failure::new(500, "HTTP_500", "The cart could not be read.");

/// Returns the carts with this handle: one round trip.
///
/// # Errors
/// 503 while the store is not available, 500 for a value that is no entry.
pub fn read(handle: Handle) -> Result<CartEntry> {
    decode(Bucket::open(BUCKET)?.get(&handle.to_string())?)
}

/// Changes the carts with this handle: two round trips when nobody else does at
/// the same time. Otherwise `change` is asked again, with their change made.
///
/// # Errors
/// Those of `change` and of [`read`]; [`FULL`] if there would be too much.
/// Nothing is written then, unless the store does not answer.
pub fn change<T>(handle: Handle, mut change: impl FnMut(&mut CartEntry) -> Result<T>) -> Result<T> {
    Bucket::open(BUCKET)?.update(&handle.to_string(), |value| {
        let mut entry = decode(value)?;
        let outcome = change(&mut entry)?;
        Ok((encode(&entry)?, outcome))
    })
}

/// Changes the carts with this handle if `change_if` returns something, and writes
/// nothing otherwise; see [`change`].
///
/// # Errors
/// As [`change`].
pub fn change_if<T>(
    handle: Handle,
    mut change_if: impl FnMut(&mut CartEntry) -> Result<Option<T>>,
) -> Result<Option<T>> {
    match change(handle, |entry| change_if(entry)?.ok_or(UNCHANGED)) {
        Ok(outcome) => Ok(Some(outcome)),
        Err(failure) if failure == UNCHANGED => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn decode(value: Option<Vec<u8>>) -> Result<CartEntry> {
    let entry = value
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose();
    Ok(entry.map_err(unreadable)?.unwrap_or_default())
}

fn encode(entry: &CartEntry) -> Result<Vec<u8>> {
    let value = serde_json::to_vec(entry).map_err(unreadable)?;
    if value.len() > MAX_BYTES {
        return Err(FULL);
    }
    Ok(value)
}

fn unreadable(error: serde_json::Error) -> Failure {
    eprintln!("a cart: {error}");
    UNREADABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::CartId;

    #[test]
    fn no_value_is_an_empty_entry() {
        assert_eq!(decode(None), Ok(CartEntry::default()));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error() {
        for value in [
            "",
            "{}",
            "null",
            "[]",
            "{\"next\":0}",
            "{\"next\":0,\"carts\":[{}]}",
        ] {
            let failure = decode(Some(value.into())).map_err(|failure| failure.status());
            assert_eq!(failure, Err(500), "{value:?}");
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let cart_id = CartId::parse(&"a".repeat(20)).unwrap();
        let mut entry = CartEntry::default();
        entry.add(&cart_id, 1, "L\0\u{202e}👕\"", i64::MIN).unwrap();
        assert_eq!(decode(Some(encode(&entry).unwrap())), Ok(entry));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cart_id = CartId::parse(&"a".repeat(20)).unwrap();
        let mut entry = CartEntry::default();
        for product_id in 1..=100 {
            entry
                .add(&cart_id, product_id, &"👕".repeat(1000), 1)
                .unwrap();
        }
        assert_eq!(encode(&entry), Err(FULL));
    }
}
