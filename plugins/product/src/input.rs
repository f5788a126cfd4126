//! The fields of a body, held against what the columns take.

use std::ops::RangeInclusive;

use edge_sdk::{Failure, Fields, Result};
use shop_errors::CODES;

use crate::money;

/// Characters of a name, of whatever has one.
pub(crate) const MAX_NAME_CHARS: usize = 100;

/// Characters of a description.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 1000;

const BAD_NUMBER: Failure = Failure::malformed("The field is not a whole number in its range.");
const BAD_MONEY: Failure = Failure::malformed(
    "The field is not an amount from 0.00 to 99999999.99 with two decimals at most.",
);

/// Returns what the client wrote; a blank field is none.
fn written<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).filter(|text| !text.trim().is_empty())
}

/// Returns the text of a field, of at most `most` characters.
///
/// # Errors
/// `USR_02` without it, `USR_07` if it is longer.
pub(crate) fn text<'a>(fields: &'a Fields, name: &str, most: usize) -> Result<&'a str> {
    fields.required(&[name])?;
    Ok(optional_text(fields, name, most)?.unwrap_or_default())
}

/// Returns the text of a field that may be missing or blank.
///
/// # Errors
/// `USR_07` if it has more than `most` characters.
pub(crate) fn optional_text<'a>(
    fields: &'a Fields,
    name: &str,
    most: usize,
) -> Result<Option<&'a str>> {
    let text = written(fields, name);
    if text.is_some_and(|text| text.chars().nth(most).is_some()) {
        return Err(CODES.too_long(name));
    }
    Ok(text)
}

/// Returns the whole number of a field that may be missing or blank.
///
/// # Errors
/// 400 `HTTP_400` for anything else than an integer, or out of the range.
pub(crate) fn number(
    fields: &Fields,
    name: &str,
    range: RangeInclusive<i64>,
) -> Result<Option<i64>> {
    match fields.integer(name) {
        Ok(number) if number.is_none_or(|number| range.contains(&number)) => Ok(number),
        _ => Err(BAD_NUMBER.field(name)),
    }
}

/// Returns the whole number of a field.
///
/// # Errors
/// As [`number`]; `USR_02` without it.
pub(crate) fn required_number(
    fields: &Fields,
    name: &str,
    range: RangeInclusive<i64>,
) -> Result<i64> {
    fields.required(&[name])?;
    number(fields, name, range)?.ok_or_else(|| BAD_NUMBER.field(name))
}

/// Returns the cents of a field with money that may be missing or blank.
///
/// # Errors
/// 400 `HTTP_400` for anything that is not an amount.
pub(crate) fn money(fields: &Fields, name: &str) -> Result<Option<u64>> {
    let Some(text) = written(fields, name) else {
        return Ok(None);
    };
    let cents = money::cents(text);
    cents.map(Some).ok_or_else(|| BAD_MONEY.field(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use edge_sdk::{Request, testing};

    use super::*;

    /// Returns the fields of a JSON object.
    pub(crate) fn fields(json: &str) -> Fields {
        let request = testing::post("/", "application/json", json);
        let request = Request::from(request).with_codes(&CODES);
        request.fields().unwrap()
    }

    /// Returns the code of a refusal, and the field that it names.
    pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (String, String) {
        let failure = result.unwrap_err();
        let field = failure.faulty_field().unwrap_or_default().to_owned();
        (failure.code().to_owned(), field)
    }

    fn refused(code: &str, field: &str) -> (String, String) {
        (code.to_owned(), field.to_owned())
    }

    #[test]
    fn texts_are_counted_in_characters() {
        let body = fields(r#"{"name": "äöü🦄", "blank": " \t"}"#);
        assert_eq!(text(&body, "name", 4), Ok("äöü🦄"));
        assert_eq!(refusal(text(&body, "name", 3)), refused("USR_07", "name"));
        let message = text(&body, "name", 3).unwrap_err();
        assert_eq!(message.message(), "this is too long name.");
        assert_eq!(refusal(text(&body, "blank", 9)), refused("USR_02", "blank"));
        assert_eq!(refusal(text(&body, "gone", 9)), refused("USR_02", "gone"));
        assert_eq!(optional_text(&body, "blank", 0), Ok(None));
        assert_eq!(optional_text(&body, "gone", 0), Ok(None));
    }

    #[test]
    fn numbers_are_digits_within_their_range() {
        let body = fields(r#"{"five": 5, "text": " 05 ", "power": 5e0, "blank": ""}"#);
        assert_eq!(number(&body, "five", 1..=5), Ok(Some(5)));
        assert_eq!(number(&body, "text", 1..=5), Ok(Some(5)));
        assert_eq!(number(&body, "power", 1..=5), Ok(Some(5)));
        assert_eq!(number(&body, "blank", 1..=5), Ok(None));
        assert_eq!(
            refusal(number(&body, "five", 1..=4)),
            refused("HTTP_400", "five")
        );
        assert_eq!(
            refusal(required_number(&body, "blank", 1..=5)),
            refused("USR_02", "blank")
        );
        for bad in [
            "-1",
            "1.5",
            "1e-1",
            "+1",
            "x",
            "true",
            "9223372036854775808",
        ] {
            let body = fields(&format!(r#"{{"n": "{bad}"}}"#));
            let outcome = refusal(number(&body, "n", 0..=i64::MAX));
            assert_eq!(outcome, refused("HTTP_400", "n"), "{bad}");
        }
    }

    #[test]
    fn money_keeps_every_digit() {
        let body = fields(r#"{"number": 14.90, "text": "14.95", "third": 1.001, "blank": ""}"#);
        assert_eq!(money(&body, "number"), Ok(Some(1490)));
        assert_eq!(money(&body, "text"), Ok(Some(1495)));
        assert_eq!(money(&body, "blank"), Ok(None));
        assert_eq!(refusal(money(&body, "third")), refused("HTTP_400", "third"));
    }
}
