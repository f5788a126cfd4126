//! A value of a column, of whatever type it is.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// The largest whole number that a float holds without gaps.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value as the database has it.
#[derive(Debug, PartialEq)]
pub(super) enum Loose<'de> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'de, str>),
}

impl<'de> Loose<'de> {
    pub(super) fn read<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(AnyValue)
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// Returns the text of the value; a float's is the shortest one that
    /// stands for it, without an exponent.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Integer(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.into_owned()),
        }
    }

    /// Returns the whole number that the value stands for.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Null => None,
            Self::Integer(number) => Some(*number),
            Self::Real(number) => whole(*number),
            Self::Text(text) => digits(text.trim()),
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() <= EXACT;
    // Within these bounds, nothing is cut.
    is_whole.then(|| format!("{number:.0}").parse().ok())?
}

/// The number in a text such as `2` and, as decimals are written, `2.00`.
fn digits(text: &str) -> Option<i64> {
    let (number, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = decimals.bytes().all(|digit| digit == b'0');
    is_whole.then(|| number.parse().ok())?
}

/// Takes a value of any type.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Loose<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of a column")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Loose::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let integer = i64::try_from(number).map(Loose::Integer);
        Ok(integer.unwrap_or_else(|_| Loose::Text(number.to_string().into())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Loose::Real(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(text.to_owned().into()))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Loose::Text(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Ok(Loose::Text(text.into()))
    }
}
