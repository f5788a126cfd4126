//! Ids of shipping regions.

use edge_sdk::{Result, text};

use crate::failures::BAD_REGION;

const FIELD: &str = "shipping_region_id";

/// Returns the id that the text names. Which regions there are, the order service
/// knows: an id that it does not know makes no order.
///
/// # Errors
/// `USR_09` for what is no positive integer of the column's size.
pub fn parse(text: &str) -> Result<i32> {
    let id = text::natural(text).and_then(|id| i32::try_from(id).ok());
    id.filter(|id| *id > 0).ok_or(BAD_REGION.field(FIELD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_integers() {
        for (text, id) in [("1", 1), ("04", 4), (" 2.0 ", 2), ("2147483647", i32::MAX)] {
            assert_eq!(parse(text), Ok(id));
        }
    }

    #[test]
    fn anything_else_is_not_a_number() {
        for text in [
            "",
            " ",
            "0",
            "-1",
            "1.5",
            "1e-3",
            "NaN",
            "2147483648",
            "9223372036854775808",
            "+1",
            "0x10",
            "١",
            "1_000",
            "null",
            "true",
            "[]",
            "Europe",
            "1\0",
        ] {
            let failure = parse(text).unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "USR_09"),
                "{text:?}"
            );
            assert_eq!(failure.faulty_field(), Some("shipping_region_id"));
        }
    }
}
