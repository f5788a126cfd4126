//! Decides if a column type can hold the values of another.

use std::cmp::Ordering;

use super::column_type::ColumnType;

/// Largest number of digits of a DECIMAL.
const MAX_PRECISION: u32 = 65;

/// Suitability of an existing column's type for an expected type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// Holds every value of the expected type.
    Holds,
    /// Too narrow; the given type holds the values of both.
    Widened(ColumnType),
    /// Holds money only approximately; the given type is exact, if no value has
    /// more decimals.
    Exact(ColumnType),
    /// Holds numbers, which the given type keeps as text.
    AsText(ColumnType),
    /// Has another meaning, but keeps written values in its own form: numbers
    /// as text, text as bytes.
    Loose,
    /// No type suits both.
    Apart,
}

impl ColumnType {
    /// Returns the suitability of an existing column of this type for the
    /// `expected` type.
    pub(super) fn fit(&self, expected: &Self) -> Fit {
        self.fit_text(expected)
            .or_else(|| self.fit_binary(expected))
            .or_else(|| self.fit_number(expected))
            .or_else(|| self.fit_time(expected))
            .unwrap_or_else(|| self.fit_other_kind(expected))
    }

    /// Compares two types of text; `None` if one of the types is another.
    fn fit_text(&self, expected: &Self) -> Option<Fit> {
        let (own, other) = (self.characters()?, expected.characters()?);
        Some(match (self, expected) {
            (Self::Enum(values), Self::Enum(needed)) => {
                let has_all = needed.iter().all(|value| values.contains(value));
                holds_or(has_all, &Self::Varchar(own.max(other)))
            }
            (Self::Enum(_), _) if own >= other => Fit::Widened(Self::Varchar(own)),
            (Self::Enum(_), _) => Fit::Widened(expected.clone()),
            _ => holds_or(own >= other, expected),
        })
    }

    /// Compares two types of bytes; `None` if one of the types is another.
    fn fit_binary(&self, expected: &Self) -> Option<Fit> {
        let (own, other) = (self.bytes()?, expected.bytes()?);
        Some(holds_or(own >= other, expected))
    }

    /// Compares two types of numbers; `None` if one of the types is another, or
    /// holds the other at best as it is written.
    fn fit_number(&self, expected: &Self) -> Option<Fit> {
        Some(match (self, expected) {
            (
                Self::Integer { bytes, unsigned },
                Self::Integer {
                    bytes: expected_bytes,
                    unsigned: expects_unsigned,
                },
            ) => match (bytes.cmp(expected_bytes), !unsigned && *expects_unsigned) {
                (Ordering::Greater, _) | (Ordering::Equal, false) => Fit::Holds,
                (Ordering::Less, false) => Fit::Widened(expected.clone()),
                // Half of the values of each type are not in the other.
                (_, true) => Fit::Widened(Self::Decimal {
                    precision: 20,
                    scale: 0,
                }),
            },
            (
                Self::Decimal { precision, scale },
                Self::Decimal {
                    precision: other_precision,
                    scale: other_scale,
                },
            ) => fit_decimal((*precision, *scale), (*other_precision, *other_scale)),
            (Self::Float { .. }, Self::Decimal { .. }) => Fit::Exact(expected.clone()),
            (Self::Float { is_double: own }, Self::Float { is_double: other }) => {
                holds_or(own >= other, expected)
            }
            _ => return None,
        })
    }

    /// Compares two types of dates and times; `None` if one of the types is
    /// another, or has no room for the other.
    fn fit_time(&self, expected: &Self) -> Option<Fit> {
        match (self, expected) {
            (Self::Date, Self::Date) => Some(Fit::Holds),
            (Self::Date, Self::DateTime { .. }) => Some(Fit::Widened(expected.clone())),
            (
                Self::DateTime {
                    fraction,
                    is_timestamp,
                },
                Self::DateTime {
                    fraction: other, ..
                },
            ) => {
                let wider = Self::DateTime {
                    fraction: *other,
                    is_timestamp: *is_timestamp,
                };
                Some(holds_or(fraction >= other, &wider))
            }
            _ => None,
        }
    }

    /// Compares types of different kinds, of which one may hold what is written
    /// into the other.
    fn fit_other_kind(&self, expected: &Self) -> Fit {
        match (self, expected) {
            (Self::Other(own), Self::Other(other)) if own == other => Fit::Holds,
            (Self::Integer { .. } | Self::Decimal { .. }, _)
                if expected.characters() >= Some(self.letters()) =>
            {
                Fit::AsText(expected.clone())
            }
            _ if self.holds_written(expected) => Fit::Loose,
            _ => Fit::Apart,
        }
    }

    /// Returns the largest number of characters of a number or a time as text.
    fn letters(&self) -> u64 {
        match self {
            Self::Integer { bytes: 1, .. } => 3,
            Self::Integer { bytes: 2, .. } => 5,
            Self::Integer { bytes: 3, .. } => 8,
            Self::Integer { bytes: 4, .. } => 10,
            Self::Integer { .. } => 20,
            Self::Decimal { precision, .. } => u64::from(*precision) + 1,
            Self::Date => 10,
            Self::DateTime { fraction: 0, .. } => 19,
            Self::DateTime { fraction, .. } => 20 + u64::from(*fraction),
            _ => u64::MAX,
        }
    }

    /// Returns whether a column of this type takes every value of an expected
    /// type of another kind, and returns it unchanged.
    fn holds_written(&self, expected: &Self) -> bool {
        let letters = expected.letters();
        let is_list = matches!(self, Self::Enum(_));
        match (self.characters(), self.bytes(), self, expected) {
            (Some(characters), ..) => !is_list && characters >= letters,
            (None, Some(bytes), ..) => {
                let needed = expected.characters().map(|characters| characters * 4);
                bytes >= needed.unwrap_or(u64::MAX)
            }
            (None, None, Self::Decimal { precision, scale }, Self::Integer { .. }) => {
                u64::from(precision.saturating_sub(*scale)) >= letters
            }
            (None, None, Self::Float { is_double: true }, Self::Integer { bytes, .. }) => {
                *bytes <= 4
            }
            _ => false,
        }
    }
}

/// Returns that a type holds what is expected, or else has to become `wider`.
fn holds_or(holds: bool, wider: &ColumnType) -> Fit {
    match holds {
        true => Fit::Holds,
        false => Fit::Widened(wider.clone()),
    }
}

/// Compares two types of exact decimals, each with its precision and scale.
fn fit_decimal(own: (u32, u32), expected: (u32, u32)) -> Fit {
    let whole = |(precision, scale): (u32, u32)| precision.saturating_sub(scale);
    let (scale_both, whole_both) = (own.1.max(expected.1), whole(own).max(whole(expected)));
    let precision = whole_both + scale_both;
    match (own.1, whole(own)) == (scale_both, whole_both) {
        true => Fit::Holds,
        false if precision > MAX_PRECISION => Fit::Apart,
        false => Fit::Widened(ColumnType::Decimal {
            precision,
            scale: scale_both,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(live: &str, expected: &str) -> Fit {
        ColumnType::parse(live).fit(&ColumnType::parse(expected))
    }

    #[test]
    fn a_type_that_is_wider_holds_what_is_expected() {
        for (live, expected) in [
            ("varchar(255)", "VARCHAR(100)"),
            ("char(32)", "VARCHAR(32)"),
            ("text", "VARCHAR(1000)"),
            ("mediumtext", "TEXT"),
            ("int(11) unsigned", "INT"),
            ("bigint(20)", "INT"),
            ("decimal(12,4)", "DECIMAL(10, 2)"),
            ("datetime(6)", "DATETIME(3)"),
            ("timestamp", "DATETIME"),
            ("double", "FLOAT"),
            ("json", "JSON"),
            ("enum('b','a','c')", "ENUM('a', 'b')"),
            ("bigint(20)", "INT UNSIGNED"),
        ] {
            assert_eq!(fit(live, expected), Fit::Holds, "{live} for {expected}");
        }
    }

    #[test]
    fn a_type_that_is_narrower_is_widened_to_both() {
        for (live, expected, both) in [
            ("varchar(50)", "VARCHAR(100)", "VARCHAR(100)"),
            ("tinyint(1)", "SMALLINT", "SMALLINT"),
            ("int(10) unsigned", "BIGINT", "BIGINT"),
            ("decimal(12,0)", "DECIMAL(10,2)", "DECIMAL(14, 2)"),
            ("decimal(6,4)", "DECIMAL(10,2)", "DECIMAL(12, 4)"),
            ("enum('customer','admin')", "VARCHAR(20)", "VARCHAR(20)"),
            ("enum('a','b')", "ENUM('a', 'bcd')", "VARCHAR(3)"),
            ("int(11)", "INT UNSIGNED", "DECIMAL(20, 0)"),
            ("date", "DATETIME", "DATETIME"),
            ("datetime", "DATETIME(3)", "DATETIME(3)"),
            ("varbinary(16)", "VARBINARY(64)", "VARBINARY(64)"),
        ] {
            match fit(live, expected) {
                Fit::Widened(widened) => assert_eq!(widened.to_string(), both, "{live}"),
                other => panic!("{live} for {expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn types_of_other_meanings_are_apart() {
        for (live, expected) in [
            ("bigint(20)", "VARCHAR(10)"),
            ("varchar(10)", "DECIMAL(10,2)"),
            ("varchar(4)", "SMALLINT"),
            ("enum('0','1')", "SMALLINT"),
            ("tinyblob", "VARCHAR(150)"),
            ("int(11)", "DATETIME"),
            ("int(11)", "DECIMAL(10,2)"),
            ("decimal(65,0)", "DECIMAL(10,2)"),
        ] {
            assert_eq!(fit(live, expected), Fit::Apart, "{live} for {expected}");
        }
        assert!(matches!(fit("float", "DECIMAL(10,2)"), Fit::Exact(_)));
    }

    #[test]
    fn numbers_become_text_where_text_is_needed() {
        for live in ["int(11)", "bigint(20) unsigned", "decimal(12,0)"] {
            let text = Fit::AsText(ColumnType::Varchar(100));
            assert_eq!(fit(live, "VARCHAR(100)"), text, "{live}");
        }
    }

    #[test]
    fn numbers_may_be_text_and_texts_bytes() {
        for (live, expected) in [
            ("varchar(10)", "INT"),
            ("varchar(5)", "SMALLINT"),
            ("varchar(11)", "DECIMAL(10, 2)"),
            ("char(19)", "DATETIME"),
            ("blob", "VARCHAR(150)"),
            ("blob", "TEXT"),
            ("decimal(10,0)", "INT"),
        ] {
            assert_eq!(fit(live, expected), Fit::Loose, "{live} for {expected}");
        }
    }
}
