//! Column types of MySQL and their sizes.

use std::fmt;

/// Type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnType {
    Integer {
        bytes: u8,
        unsigned: bool,
    },
    Decimal {
        precision: u32,
        scale: u32,
    },
    Float {
        is_double: bool,
    },
    Char(u64),
    Varchar(u64),
    Text(Size),
    /// ENUM, with its values.
    Enum(Vec<String>),
    Binary(u64),
    Varbinary(u64),
    Blob(Size),
    Date,
    DateTime {
        fraction: u32,
        is_timestamp: bool,
    },
    /// A type that only an identical one can hold.
    Other(String),
}

/// Size of a TEXT or BLOB type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    Tiny,
    Usual,
    Medium,
    Long,
}

impl Size {
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Tiny => 255,
            Self::Usual => 65_535,
            Self::Medium => 16_777_215,
            Self::Long => 4_294_967_295,
        }
    }

    /// Returns the next larger size, or the largest.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Tiny => Self::Usual,
            Self::Usual => Self::Medium,
            Self::Medium | Self::Long => Self::Long,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Tiny => "TINY",
            Self::Usual => "",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        }
    }
}

impl ColumnType {
    /// Parses a type such as `varchar(100)` or `INT(11) UNSIGNED`.
    pub(super) fn parse(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let name_end = lower
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(lower.len());
        let (name, rest) = lower.split_at(name_end);
        let numbers = numbers(rest);
        let first = numbers.first().copied();
        let unsigned = rest.contains("unsigned") || rest.contains("zerofill");
        let integer = |bytes| Self::Integer { bytes, unsigned };
        match name {
            "bool" | "boolean" | "tinyint" => integer(1),
            "smallint" => integer(2),
            "mediumint" => integer(3),
            "int" | "integer" => integer(4),
            "bigint" => integer(8),
            "decimal" | "numeric" | "dec" | "fixed" => Self::Decimal {
                precision: small(first.unwrap_or(10)),
                scale: small(numbers.get(1).copied().unwrap_or(0)),
            },
            "float" => Self::Float { is_double: false },
            "double" | "real" => Self::Float { is_double: true },
            "char" => Self::Char(first.unwrap_or(1)),
            "varchar" => Self::Varchar(first.unwrap_or(0)),
            "tinytext" => Self::Text(Size::Tiny),
            "text" => Self::Text(Size::Usual),
            "mediumtext" => Self::Text(Size::Medium),
            "longtext" => Self::Text(Size::Long),
            "enum" => Self::Enum(listed_values(text)),
            "binary" => Self::Binary(first.unwrap_or(1)),
            "varbinary" => Self::Varbinary(first.unwrap_or(0)),
            "tinyblob" => Self::Blob(Size::Tiny),
            "blob" => Self::Blob(Size::Usual),
            "mediumblob" => Self::Blob(Size::Medium),
            "longblob" => Self::Blob(Size::Long),
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::DateTime {
                fraction: small(first.unwrap_or(0)),
                is_timestamp: name == "timestamp",
            },
            _ => Self::Other(lower),
        }
    }

    /// Returns whether values are text, which has a character set.
    pub(super) fn is_text(&self) -> bool {
        self.characters().is_some()
    }

    /// Returns whether a key on the column needs a prefix length.
    pub(super) fn needs_key_length(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Blob(_))
    }

    /// Returns whether values are dates, which may be zero.
    pub(super) fn is_date(&self) -> bool {
        matches!(self, Self::Date | Self::DateTime { .. })
    }

    /// Returns whether values are numbers.
    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Integer { .. } | Self::Decimal { .. } | Self::Float { .. }
        )
    }

    /// Returns whether values are bits or years, which are no numbers but
    /// convert to the number that they stand for.
    pub(super) fn is_counted(&self) -> bool {
        match self {
            Self::Other(text) => ["bit", "year"].iter().any(|name| text.starts_with(name)),
            _ => false,
        }
    }

    /// Returns the largest number of characters of a text, each of which may
    /// take four bytes.
    pub(super) fn characters(&self) -> Option<u64> {
        match self {
            Self::Char(length) | Self::Varchar(length) => Some(*length),
            Self::Enum(values) => {
                let lengths = values.iter().map(|value| value.chars().count());
                Some(lengths.max().unwrap_or_default() as u64)
            }
            Self::Text(size) => Some(size.bytes() / 4),
            _ => None,
        }
    }

    /// Returns the largest number of bytes of a binary value.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Binary(length) | Self::Varbinary(length) => Some(*length),
            Self::Blob(size) => Some(size.bytes()),
            _ => None,
        }
    }

    /// Returns the column's share of the longest possible row, in bytes, with
    /// four bytes for each character.
    pub(super) fn row_bytes(&self) -> u64 {
        match self {
            Self::Char(length) => length * 4,
            Self::Varchar(length) => length * 4 + 2,
            Self::Binary(length) => *length,
            Self::Varbinary(length) => length + 2,
            Self::Text(_) | Self::Blob(_) => 12,
            Self::Integer { bytes, .. } => u64::from(*bytes),
            Self::Decimal { precision, .. } => u64::from(*precision) / 2 + 1,
            _ => 8,
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { bytes, unsigned } => {
                let name = match bytes {
                    1 => "TINYINT",
                    2 => "SMALLINT",
                    3 => "MEDIUMINT",
                    4 => "INT",
                    _ => "BIGINT",
                };
                let sign = if *unsigned { " UNSIGNED" } else { "" };
                write!(f, "{name}{sign}")
            }
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Self::Float { is_double: true } => f.write_str("DOUBLE"),
            Self::Float { is_double: false } => f.write_str("FLOAT"),
            Self::Char(length) => write!(f, "CHAR({length})"),
            Self::Varchar(length) => write!(f, "VARCHAR({length})"),
            Self::Text(size) => write!(f, "{}TEXT", size.prefix()),
            Self::Enum(_) => f.write_str("ENUM"),
            Self::Binary(length) => write!(f, "BINARY({length})"),
            Self::Varbinary(length) => write!(f, "VARBINARY({length})"),
            Self::Blob(size) => write!(f, "{}BLOB", size.prefix()),
            Self::Date => f.write_str("DATE"),
            Self::DateTime {
                fraction,
                is_timestamp,
            } => {
                f.write_str(if *is_timestamp {
                    "TIMESTAMP"
                } else {
                    "DATETIME"
                })?;
                match fraction {
                    0 => Ok(()),
                    digits => write!(f, "({digits})"),
                }
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Returns the smallest and the largest number of an integer type.
pub(super) fn integer_range(bytes: u8, unsigned: bool) -> (i128, i128) {
    let values = 1_i128 << (u32::from(bytes) * 8);
    match unsigned {
        true => (0, values - 1),
        false => (-values / 2, values / 2 - 1),
    }
}

/// Returns the numbers within the first parentheses.
fn numbers(text: &str) -> Vec<u64> {
    let Some((_, rest)) = text.split_once('(') else {
        return Vec::new();
    };
    let inner = rest.split(')').next().unwrap_or_default();
    let parts = inner.split(',').map(str::trim);
    parts.map_while(|part| part.parse().ok()).collect()
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Returns the values of `enum('a','b')`. Within a value, a quote is doubled.
fn listed_values(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once('\'') {
        let Some((value, after)) = quoted_value(begun) else {
            break;
        };
        values.push(value);
        rest = after;
    }
    values
}

/// Returns the value before the quote that ends it, and what follows the quote.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value += part;
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_an_enum_may_hold_quotes_and_commas() {
        let values = |text| listed_values(text);
        assert_eq!(values("enum('a','b')"), ["a", "b"]);
        assert_eq!(values("enum('a'',b','','(c)')"), ["a',b", "", "(c)"]);
        assert_eq!(values("enum('it''s')"), ["it's"]);
        assert!(values("enum(").is_empty());
    }
}
