//! Pages of lists that are read newest first.
//!
//! A cursor names the last record of the page before by its time and by what
//! tells it from others of that time. What comes or goes between two pages
//! neither hides a record nor shows one twice.

use std::fmt;
use std::str::FromStr;

use stores::sql::Value;

/// The most records of one page.
pub const MOST: u32 = 1000;

/// The place of a record in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When it was written, in milliseconds since 1970.
    pub time: i64,
    /// Tells it from others of that time.
    pub id: String,
}

/// The text is no cursor.
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

/// A record of a list.
pub trait Listed {
    /// Returns its place.
    fn cursor(&self) -> Cursor;
}

/// The page that is wanted.
#[derive(Debug, Clone)]
pub struct Page {
    /// The time before which its records were written, in milliseconds since
    /// 1970.
    pub before: i64,
    /// The record that they come after, newest first.
    pub after: Option<Cursor>,
    /// Most records.
    pub limit: u32,
}

impl Page {
    /// Returns the newest records, `limit` at most.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self {
            before: i64::MAX,
            after: None,
            limit,
        }
    }

    /// Returns the time up to which records are wanted, and the id that those
    /// of that very time come after: none of them where it is empty.
    pub(super) fn bounds(&self) -> (i64, &str) {
        match &self.after {
            Some(cursor) if cursor.time < self.before => (cursor.time, &cursor.id),
            _ => (self.before, ""),
        }
    }

    /// Returns the parameters of a list that is ordered by a time and an id,
    /// both descending: `t <= ? AND (t < ? OR id < ?) ... LIMIT ?`.
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
