//! Decodes the values of a result for a plugin. A table of another program may
//! hold anything that its types allow, so no value makes a result fail.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlRow, MySqlTypeInfo, MySqlValueRef};
use sqlx::{Column, Decode, MySql, Row, Type, TypeInfo, ValueRef};

use crate::sql::Result;
use crate::sql::error::mysql::typed;
use crate::sql::rows::timestamp::INSTANT;
use crate::sql::rows::{Cell, text};

/// Decoder of a column's values, chosen once for a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Unsigned,
    Float,
    Double,
    Text,
    Blob,
    Date,
    DateTime,
    Timestamp,
    Time,
}

/// Returns the decoder of each column of a row.
pub(super) fn kinds(row: &MySqlRow) -> Vec<Kind> {
    let columns = row.columns().iter();
    columns.map(|column| Kind::of(column.type_info())).collect()
}

/// Decodes the values of a row, whose columns have these `kinds`.
pub(super) fn cells<'a>(
    row: &'a MySqlRow,
    kinds: &[Kind],
) -> impl Iterator<Item = Result<Cell<'a>>> {
    let kinds = kinds.iter().enumerate();
    kinds.map(|(index, kind)| {
        let raw = row.try_get_raw(index).map_err(typed)?;
        kind.decode(raw)
            .map_err(|error| typed(sqlx::Error::Decode(error)))
    })
}

impl Kind {
    fn of(column: &MySqlTypeInfo) -> Self {
        // The name of a text type is that of a binary type if its collation
        // compares bytes (`utf8mb4_bin`).
        if <str as Type<MySql>>::compatible(column) {
            return Self::Text;
        }
        // A TINYINT(1) is named BOOLEAN, signed or not.
        if <u64 as Type<MySql>>::compatible(column) {
            return Self::Unsigned;
        }
        match column.name() {
            "YEAR" | "BIT" => Self::Unsigned,
            "BIGINT" | "INT" | "MEDIUMINT" | "SMALLINT" | "TINYINT" | "BOOLEAN" => Self::Integer,
            "FLOAT" => Self::Float,
            "DOUBLE" => Self::Double,
            "BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BINARY" | "VARBINARY"
            | "GEOMETRY" => Self::Blob,
            "DATE" => Self::Date,
            "DATETIME" => Self::DateTime,
            "TIMESTAMP" => Self::Timestamp,
            "TIME" => Self::Time,
            // DECIMAL is text in the protocol, so it is returned as it was
            // stored.
            _ => Self::Text,
        }
    }

    fn decode(self, raw: MySqlValueRef<'_>) -> std::result::Result<Cell<'_>, BoxDynError> {
        if raw.is_null() {
            return Ok(Cell::Null);
        }
        Ok(match self {
            Self::Integer => Cell::Integer(Decode::<MySql>::decode(raw)?),
            Self::Unsigned => unsigned(Decode::<MySql>::decode(raw)?),
            Self::Float => Cell::Real(widened(Decode::<MySql>::decode(raw)?)),
            Self::Double => Cell::Real(Decode::<MySql>::decode(raw)?),
            Self::Text => Cell::Text(String::from_utf8_lossy(bytes(raw)?)),
            Self::Blob => Cell::Blob(bytes(raw)?),
            Self::Date => existing(raw, |date: NaiveDate| date.to_string()),
            Self::DateTime => existing(raw, |instant: NaiveDateTime| {
                instant.format(INSTANT).to_string()
            }),
            Self::Timestamp => existing(raw, |instant: DateTime<Utc>| {
                instant.format(INSTANT).to_string()
            }),
            Self::Time => Cell::Text(time(bytes(raw)?).ok_or("not a TIME of the protocol")?),
        })
    }
}

fn bytes(raw: MySqlValueRef<'_>) -> std::result::Result<&[u8], BoxDynError> {
    Decode::<MySql>::decode(raw)
}

/// Decodes a date or timestamp as text. Dates that do not exist become NULL:
/// servers store `2019-00-00` and, with some settings, 31 February.
fn existing<'r, T: Decode<'r, MySql>>(
    raw: MySqlValueRef<'r>,
    format: impl Fn(T) -> String,
) -> Cell<'r> {
    T::decode(raw).map_or(Cell::Null, |value| text(format(value)))
}

/// Converts an unsigned number. Numbers beyond a signed 64-bit integer become
/// text, which keeps them exact.
fn unsigned<'a>(number: u64) -> Cell<'a> {
    i64::try_from(number).map_or_else(|_| text(number.to_string()), Cell::Integer)
}

/// Returns the number that was written into a FLOAT: 14.99, where the exact
/// value of the stored bits is 14.989999771118164.
fn widened(number: f32) -> f64 {
    let written = number.to_string().parse();
    written.unwrap_or_else(|_| number.into())
}

/// Formats a TIME, which may be negative and have more than 24 hours, as in
/// `-838:59:59`. The fraction has 3 or 6 digits, or is left out if it is 0. See
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>.
fn time(value: &[u8]) -> Option<Cow<'_, str>> {
    let (&length, rest) = value.split_first()?;
    if length > 12 {
        // The text protocol has no length byte.
        return Some(String::from_utf8_lossy(value));
    }
    if rest.is_empty() {
        return Some(Cow::Borrowed("00:00:00"));
    }
    let (&[is_negative, a, b, c, d, hours, minutes, seconds], fraction) =
        rest.split_first_chunk()?;
    let hours = u64::from(u32::from_le_bytes([a, b, c, d])) * 24 + u64::from(hours);
    let sign = if is_negative == 0 { "" } else { "-" };
    let micros = match fraction {
        [] => 0,
        fraction => u32::from_le_bytes(fraction.try_into().ok()?),
    };
    let fraction = match (micros / 1000, micros % 1000) {
        (0, 0) => String::new(),
        (millis, 0) => format!(".{millis:03}"),
        _ => format!(".{micros:06}"),
    };
    Some(Cow::Owned(format!(
        "{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_what_was_written() {
        for (number, expected) in [(14.99_f32, 14.99), (0.1, 0.1), (-2.5, -2.5), (1e30, 1e30)] {
            assert_eq!(widened(number).to_string(), f64::to_string(&expected));
        }
        assert_eq!(widened(f32::MAX), 3.4028235e38);
    }

    #[test]
    fn times_have_signs_days_and_fractions() {
        let cases: [(&[u8], &str); 6] = [
            (&[0], "00:00:00"),
            (&[8, 0, 0, 0, 0, 0, 8, 56, 2], "08:56:02"),
            (&[8, 1, 34, 0, 0, 0, 22, 59, 59], "-838:59:59"),
            (
                &[12, 0, 0, 0, 0, 0, 1, 2, 3, 0x20, 0xa1, 0x07, 0],
                "01:02:03.500",
            ),
            (
                &[12, 0, 34, 0, 0, 0, 22, 59, 59, 0x3f, 0x42, 0x0f, 0],
                "838:59:59.999999",
            ),
            (b"-08:56:02", "-08:56:02"),
        ];
        for (value, expected) in cases {
            assert_eq!(time(value).as_deref(), Some(expected), "{value:?}");
        }
        for broken in [&[][..], &[8, 0, 0], &[9, 0, 0, 0, 0, 0, 1, 2, 3, 4]] {
            assert_eq!(time(broken), None, "{broken:?}");
        }
    }
}
