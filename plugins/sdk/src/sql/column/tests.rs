//! Each reader with each kind of value.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

mod read {
    use super::*;

    macro_rules! reader {
        ($name:ident, $path:literal, $type:ty) => {
            pub(super) fn $name(value: Value) -> Option<$type> {
                #[derive(Deserialize)]
                struct Row {
                    #[serde(deserialize_with = $path)]
                    value: $type,
                }
                let row = Row::deserialize(json!({ "value": value }));
                row.ok().map(|row| row.value)
            }
        };
    }

    reader!(text, "crate::sql::column::text", String);
    reader!(integer, "crate::sql::column::integer", u32);
    reader!(integer_or_zero, "crate::sql::column::integer_or_zero", i64);
    reader!(
        optional_integer,
        "crate::sql::column::optional_integer",
        Option<i64>
    );
    reader!(money, "crate::sql::column::money", Cents);
    reader!(money_or_zero, "crate::sql::column::money_or_zero", Cents);
    reader!(
        optional_money,
        "crate::sql::column::optional_money",
        Option<Cents>
    );
    reader!(percentage, "crate::sql::column::percentage", Percentage);
    reader!(
        optional_instant,
        "crate::sql::column::optional_instant",
        Option<String>
    );
}

#[test]
fn text_is_made_of_everything() {
    for (value, expected) in [
        (json!("a"), "a"),
        (json!(null), ""),
        (json!(14), "14"),
        (json!(14.5), "14.5"),
    ] {
        assert_eq!(
            read::text(value.clone()).as_deref(),
            Some(expected),
            "{value}"
        );
    }
}

#[test]
fn a_whole_number_may_be_written_in_many_ways() {
    for value in [
        json!(2),
        json!("2"),
        json!(" 2 "),
        json!("2.00"),
        json!(2.0),
    ] {
        assert_eq!(read::integer(value.clone()), Some(2), "{value}");
    }
    for value in [
        json!(null),
        json!("two"),
        json!(""),
        json!("2.5"),
        json!(2.5),
        json!(-1),
        json!(4_294_967_296_i64),
        json!(1e300),
    ] {
        assert_eq!(read::integer(value.clone()), None, "{value}");
    }
    assert_eq!(read::integer_or_zero(json!(null)), Some(0));
    assert_eq!(read::integer_or_zero(json!("x")), None);
    assert_eq!(read::integer_or_zero(json!(-7)), Some(-7));
    assert_eq!(read::optional_integer(json!(null)), Some(None));
    assert_eq!(read::optional_integer(json!(7)), Some(Some(7)));
}

#[test]
fn money_is_rounded_by_its_decimal_digits() {
    for (value, cents) in [
        (json!("14.99"), 1499),
        (json!("14.9"), 1490),
        (json!("14.9900"), 1499),
        (json!("14.9950"), 1500),
        (json!("14.9949"), 1499),
        (json!(14.99), 1499),
        (json!(0.1), 10),
        (json!(1.005), 101),
        (json!(2.675), 268),
        (json!(15), 1500),
        (json!("-0.00"), 0),
        (json!(99_999_999.99), 9_999_999_999),
    ] {
        assert_eq!(read::money(value.clone()), Some(Cents(cents)), "{value}");
    }
    for value in [
        json!(null),
        json!("free"),
        json!(-1),
        json!("-0.01"),
        json!("14,99"),
        json!(""),
    ] {
        assert_eq!(read::money(value.clone()), None, "{value}");
    }
    assert_eq!(read::money_or_zero(json!(null)), Some(Cents(0)));
    assert_eq!(read::money_or_zero(json!("free")), None);
    assert_eq!(read::optional_money(json!(null)), Some(None));
    assert_eq!(read::optional_money(json!(0.5)), Some(Some(Cents(50))));
}

#[test]
fn a_percentage_keeps_what_two_decimals_do_not_hold() {
    for (value, shown) in [
        (json!("8.50"), "8.50"),
        (json!(8.5), "8.50"),
        (json!("8.8750"), "8.875"),
        (json!(0), "0.00"),
    ] {
        let percentage = read::percentage(value.clone()).map(|read| read.to_string());
        assert_eq!(percentage.as_deref(), Some(shown), "{value}");
    }
    assert_eq!(read::percentage(json!(null)), None);
    assert_eq!(read::percentage(json!(-1)), None);
}

#[test]
fn an_instant_has_one_form() {
    for (value, expected) in [
        (
            json!("2019-07-21T08:56:02.000Z"),
            Some("2019-07-21T08:56:02.000Z"),
        ),
        (
            json!("2019-07-21 08:56:02"),
            Some("2019-07-21T08:56:02.000Z"),
        ),
        (
            json!("2019-07-21 08:56:02.123456"),
            Some("2019-07-21T08:56:02.123Z"),
        ),
        (json!("2019-07-21"), Some("2019-07-21T00:00:00.000Z")),
        (json!("0000-00-00 00:00:00"), None),
        (json!("2019-00-00"), None),
        (json!("yesterday"), None),
        (json!(1_563_699_362), None),
        (json!(null), None),
    ] {
        let read = read::optional_instant(value.clone());
        assert_eq!(read, Some(expected.map(str::to_owned)), "{value}");
    }
}
