//! Cursor pagination of lists, newest first.
//!
//! A cursor names the last record of the previous page by its time and by an ID that is unique
//! among records of that time. Records that are added or deleted between two pages neither hide
//! another record nor repeat one.

use std::fmt;
use std::str::FromStr;

use stores::sql::Value;

/// Maximum number of records of one page.
pub const MOST: u32 = 1000;

/// The position of a record in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Time when the record was written, in milliseconds since 1970.
    pub time: i64,
    /// ID of the record, unique among records of the same time.
    pub id: String,
}

/// The error of a text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no cursor of a record")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.id)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (time, id) = text.split_once('-').ok_or(CursorError)?;
        let time = time.parse().map_err(|_| CursorError)?;
        match id {
            "" => Err(CursorError),
            id => Ok(Self {
                time,
                id: id.to_owned(),
            }),
        }
    }
}

/// A record of a paginated list.
pub trait Listed {
    /// Returns the cursor of the record.
    fn cursor(&self) -> Cursor;
}

/// A request for one page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// End of the time range, exclusive, in milliseconds since 1970.
    pub before: i64,
    /// Cursor of the last record of the previous page; `None` for the first page.
    pub after: Option<Cursor>,
    /// Maximum number of records.
    pub limit: u32,
}

impl Page {
    /// Returns a request for the newest records, at most `limit`.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self {
            before: i64::MAX,
            after: None,
            limit,
        }
    }

    /// Returns the time up to which records are included, and the ID below which records of exactly
    /// that time are included; an empty ID includes none of those.
    pub(super) fn bounds(&self) -> (i64, &str) {
        match &self.after {
            Some(cursor) if cursor.time < self.before => (cursor.time, &cursor.id),
            _ => (self.before, ""),
        }
    }

    /// Returns the parameters of a query that is ordered by a time and an ID, both descending: `t
    /// <= ? AND (t < ? OR id < ?) ... LIMIT ?`.
    pub(super) fn values(&self) -> [Value; 4] {
        let (time, id) = self.bounds();
        [
            Value::Integer(time),
            Value::Integer(time),
            Value::Text(id.to_owned()),
            Value::Integer(self.limit.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for id in ["0af3", "sha256:00", "7-us-east"] {
            let cursor = Cursor {
                time: 1_700_000_000_000,
                id: id.to_owned(),
            };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "x", "-x", "1-", "x-1"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }
}
