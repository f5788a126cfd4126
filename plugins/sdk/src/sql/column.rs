//! Readers of single columns, for tables that are older than the plugin, or
//! that others write too.
//!
//! A reader takes a value as whatever type the column has, and converts it.
//! NULL becomes what the reader's name says; what cannot be converted
//! is an error, for which
//! [`readable_rows`](super::Query::readable_rows) leaves the row out.
//!
//! ```
//! use edge_sdk::money::Cents;
//! use edge_sdk::sql::column;
//!
//! #[derive(serde::Deserialize)]
//! struct Book {
//!     book_id: i64,
//!     #[serde(deserialize_with = "column::text")]
//!     title: String,
//!     #[serde(deserialize_with = "column::optional_money")]
//!     price: Option<Cents>,
//! }
//! ```

mod loose;

use serde::Deserializer;
use serde::de::Error;

use crate::money::{Cents, Percentage};
use loose::Loose;

/// Reads text; NULL is the empty text.
///
/// # Errors
/// Errors of the deserializer, as with every reader.
pub fn text<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    optional_text(value).map(Option::unwrap_or_default)
}

/// Reads text, numbers and bytes included, or NULL.
///
/// # Errors
/// As [`text`].
pub fn optional_text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Loose::read(value).map(Loose::into_text)
}

/// Reads a whole number. Digits in a text are one, and so is `2.00`.
///
/// # Errors
/// For anything else, also for NULL and for a number that is out of range.
pub fn integer<'de, D: Deserializer<'de>, T: TryFrom<i64>>(value: D) -> Result<T, D::Error> {
    optional_integer(value)?.ok_or_else(|| D::Error::custom("NULL"))
}

/// Reads a whole number as [`integer`] does; NULL is 0.
///
/// # Errors
/// As [`integer`].
pub fn integer_or_zero<'de, D, T>(value: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + Default,
{
    optional_integer(value).map(Option::unwrap_or_default)
}

/// Reads a whole number as [`integer`] does, or NULL.
///
/// # Errors
/// As [`integer`].
pub fn optional_integer<'de, D, T>(value: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let value = Loose::read(value)?;
    if value.is_null() {
        return Ok(None);
    }
    let number = value.integer().and_then(|number| T::try_from(number).ok());
    number
        .map(Some)
        .ok_or_else(|| D::Error::custom("no whole number, or out of range"))
}

/// Reads an amount of money of any numeric type, or as text. It is rounded to
/// cents by its decimal digits; half a cent is rounded up.
///
/// # Errors
/// For anything else, also for NULL and for an amount below 0.
pub fn money<'de, D: Deserializer<'de>>(value: D) -> Result<Cents, D::Error> {
    optional_money(value)?.ok_or_else(|| D::Error::custom("NULL"))
}

/// Reads an amount as [`money`] does; NULL is 0.
///
/// # Errors
/// As [`money`].
pub fn money_or_zero<'de, D: Deserializer<'de>>(value: D) -> Result<Cents, D::Error> {
    optional_money(value).map(Option::unwrap_or_default)
}

/// Reads an amount as [`money`] does, or NULL.
///
/// # Errors
/// As [`money`].
pub fn optional_money<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Cents>, D::Error> {
    let Some(text) = Loose::read(value)?.into_text() else {
        return Ok(None);
    };
    let amount = Cents::rounded(text.trim());
    amount
        .map(Some)
        .ok_or_else(|| D::Error::custom("no amount of money"))
}

/// Reads a percentage of any numeric type, or as text.
///
/// # Errors
/// For anything else, also for NULL and for a number below 0.
pub fn percentage<'de, D: Deserializer<'de>>(value: D) -> Result<Percentage, D::Error> {
    let text = Loose::read(value)?.into_text().unwrap_or_default();
    let percentage = Percentage::rounded(text.trim());
    percentage.ok_or_else(|| D::Error::custom("no percentage"))
}

/// Reads an instant as ISO 8601 in UTC with milliseconds, whatever the column
/// has: a date alone is its midnight. NULL is none, and so is what is no
/// instant, such as `0000-00-00` in a text.
///
/// # Errors
/// As [`text`].
pub fn optional_instant<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = optional_text(value)?;
    Ok(text.and_then(|text| instant(text.trim())))
}

fn instant(text: &str) -> Option<String> {
    let time = match text.len() {
        10 => humantime::parse_rfc3339_weak(&format!("{text} 00:00:00")),
        _ => humantime::parse_rfc3339_weak(text),
    };
    let time = humantime::format_rfc3339_millis(time.ok()?);
    Some(time.to_string())
}

#[cfg(test)]
mod tests;
