//! Values of tables that an older shop made: their columns may have other types
//! than ours, and hold what ours refuse. No such value fails a whole row.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// The shipping region of customers who have none, as its column's default has
/// it.
const DEFAULT_REGION: i64 = 1;

/// Reads a value of any type as text; `None` for NULL.
///
/// # Errors
/// None that a value of a row can cause.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(TextVisitor)
}

/// Reads a value of any type as text without blanks around it; empty for NULL.
///
/// # Errors
/// As [`text`].
pub fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = text(deserializer)?.unwrap_or_default();
    Ok(text.trim().to_owned())
}

/// Reads the id of a shipping region; that of the column's default for what is
/// none.
///
/// # Errors
/// As [`text`].
pub fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = text(deserializer)?.unwrap_or_default();
    let id = text.trim().parse().ok().filter(|id| *id > 0);
    Ok(id.unwrap_or(DEFAULT_REGION))
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a row")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::{BytesDeserializer, Error as ValueError, UnitDeserializer};

    use super::*;

    fn value<'de, T: IntoDeserializer<'de, ValueError>>(value: T) -> T::Deserializer {
        value.into_deserializer()
    }

    #[test]
    fn values_of_any_type_are_text() {
        assert_eq!(text(value("Ada ")), Ok(Some("Ada ".to_owned())));
        assert_eq!(text(value(42_i64)), Ok(Some("42".to_owned())));
        assert_eq!(text(value(1.5_f64)), Ok(Some("1.5".to_owned())));
        let bytes = BytesDeserializer::<ValueError>::new(b"Zo\xeb");
        assert_eq!(text(bytes), Ok(Some("Zo\u{fffd}".to_owned())));
        assert_eq!(text(UnitDeserializer::<ValueError>::new()), Ok(None));
    }

    #[test]
    fn blanks_around_a_text_do_not_count() {
        assert_eq!(trimmed(value(" a@b.co\t")), Ok("a@b.co".to_owned()));
        assert_eq!(
            trimmed(UnitDeserializer::<ValueError>::new()),
            Ok(String::new())
        );
    }

    #[test]
    fn what_is_no_region_is_the_default() {
        assert_eq!(region(value(3_i64)), Ok(3));
        assert_eq!(region(value(" 4 ")), Ok(4));
        for wrong in ["", "0", "-1", "Europe", "2.5", "99999999999999999999"] {
            assert_eq!(region(value(wrong)), Ok(1), "{wrong}");
        }
        assert_eq!(region(UnitDeserializer::<ValueError>::new()), Ok(1));
    }
}
