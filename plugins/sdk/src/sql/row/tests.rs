//! Rows that are read, and rows that are refused.

use std::collections::BTreeMap;

use rmp::encode;
use serde::Deserialize;

use super::*;
use crate::sql::Value;

#[derive(Debug, Deserialize, PartialEq)]
struct Entry {
    id: i64,
    name: String,
    note: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Id(i64);

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Debit,
    Credit,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Rows as the host packs them.
fn found(columns: &[&str], rows: &[&[Value]]) -> Vec<u8> {
    let mut packed = Vec::new();
    if rows.is_empty() {
        return packed;
    }
    encode::write_array_len(&mut packed, columns.len() as u32).unwrap();
    for name in columns {
        encode::write_str(&mut packed, name).unwrap();
    }
    for row in rows {
        encode::write_array_len(&mut packed, row.len() as u32).unwrap();
        for value in *row {
            pack(&mut packed, value);
        }
    }
    packed
}

fn pack(packed: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => encode::write_nil(packed).unwrap(),
        Value::Integer(number) => drop(encode::write_sint(packed, *number).unwrap()),
        Value::Real(number) => encode::write_f64(packed, *number).unwrap(),
        Value::Text(text) | Value::Timestamp(text) => encode::write_str(packed, text).unwrap(),
        Value::Blob(bytes) => encode::write_bin(packed, bytes).unwrap(),
    }
}

fn one_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    scalar(&found(&["value"], &[&[value]]))
}

#[track_caller]
fn assert_decode<T: std::fmt::Debug>(result: Result<T, Error>, part: &str) {
    match result.unwrap_err() {
        Error::Decode(why) => assert!(why.contains(part), "{why}"),
        error => panic!("another error: {error}"),
    }
}

#[test]
fn a_struct_takes_columns_by_name() {
    let rows = found(
        &["note", "extra", "id", "name"],
        &[
            &[Value::Null, Value::Integer(0), Value::Integer(1), text("a")],
            &[
                text(""),
                Value::Null,
                Value::Integer(i64::MIN),
                text("👕\0"),
            ],
        ],
    );
    let first = Entry {
        id: 1,
        name: "a".to_owned(),
        note: None,
    };
    let second = Entry {
        id: i64::MIN,
        name: "👕\0".to_owned(),
        note: Some(String::new()),
    };
    assert_eq!(all(&rows), Ok(vec![first, second]));
}

#[test]
fn no_rows_are_no_structs() {
    assert_eq!(all::<Entry>(&found(&["id"], &[])), Ok(vec![]));
    assert_eq!(super::first::<Entry>(&found(&["id"], &[])), Ok(None));
}

#[test]
fn the_first_row_is_enough() {
    let rows = found(&["id"], &[&[Value::Integer(1)], &[Value::Null]]);
    assert_eq!(super::first(&rows), Ok(Some(1)));
}

#[test]
fn a_tuple_takes_columns_by_position() {
    let rows = || found(&["a", "b"], &[&[Value::Integer(1), text("x")]]);
    assert_eq!(all(&rows()), Ok(vec![(1_u8, "x".to_owned())]));
    assert_decode(all::<(u8,)>(&rows()), "1 columns too many");
    assert_decode(all::<(u8, String, u8)>(&rows()), "tuple of size 3");
}

#[test]
fn a_single_column_stands_for_itself() {
    let rows = || found(&["id"], &[&[Value::Integer(1)], &[Value::Integer(2)]]);
    assert_eq!(all(&rows()), Ok(vec![1_i64, 2]));
    assert_eq!(all(&rows()), Ok(vec![Some(1_i64), Some(2)]));
    assert_eq!(all(&rows()), Ok(vec![Id(1), Id(2)]));
    assert_decode(
        all::<i64>(&found(&["a", "b"], &[&[Value::Null, Value::Null]])),
        "2 columns",
    );
}

#[test]
fn a_map_takes_everything() {
    let rows = found(&["a", "b"], &[&[Value::Integer(1), Value::Integer(2)]]);
    let map = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(all(&rows), Ok(vec![map]));
}

#[test]
fn any_json_can_be_made_of_a_row() {
    let rows = found(
        &["n", "i", "r", "t"],
        &[&[Value::Null, Value::Integer(-1), Value::Real(0.5), text("x")]],
    );
    let json = serde_json::json!({"n": null, "i": -1, "r": 0.5, "t": "x"});
    assert_eq!(all(&rows), Ok(vec![json]));
}

#[test]
fn a_scalar_is_one_row_of_one_column() {
    assert_eq!(one_value(Value::Integer(7)), Ok(7_i64));
    assert_decode(scalar::<i64>(&found(&["a"], &[])), "0 rows");
    let one: &[Value] = &[Value::Null];
    assert_decode(scalar::<i64>(&found(&["a"], &[one, one])), "2 rows");
    assert_decode(
        scalar::<i64>(&found(&["a", "b"], &[&[Value::Null, Value::Null]])),
        "2 columns",
    );
    assert_decode(scalar::<i64>(&found(&[], &[&[]])), "0 columns");
}

#[test]
fn integers_are_checked_for_range() {
    assert_eq!(one_value(Value::Integer(255)), Ok(255_u8));
    assert_eq!(one_value(Value::Integer(i64::MAX)), Ok(i64::MAX as u64));
    assert_decode(one_value::<u8>(Value::Integer(256)), "256");
    assert_decode(one_value::<u64>(Value::Integer(-1)), "-1");
    assert_decode(
        one_value::<i32>(Value::Integer(2_147_483_648)),
        "2147483648",
    );
}

#[test]
fn nought_and_one_are_booleans() {
    assert_eq!(one_value(Value::Integer(0)), Ok(false));
    assert_eq!(one_value(Value::Integer(1)), Ok(true));
    assert_decode(one_value::<bool>(Value::Integer(2)), "integer `2`");
    assert_decode(one_value::<bool>(text("true")), "string");
}

#[test]
fn the_other_kinds_become_what_they_are() {
    assert_eq!(one_value(Value::Real(0.5)), Ok(0.5_f64));
    assert_eq!(one_value(Value::Integer(2)), Ok(2.0_f64));
    assert_eq!(one_value(Value::Blob(vec![0, 255])), Ok(vec![0_u8, 255]));
    assert_eq!(one_value(text("14.90")), Ok("14.90".to_owned()));
    assert_eq!(one_value(text("credit")), Ok(Kind::Credit));
    assert_eq!(one_value(Value::Null), Ok(None::<Kind>));
    assert_eq!(one_value(text("debit")), Ok(Some(Kind::Debit)));
}

#[test]
fn kinds_are_never_mixed_up() {
    assert_decode(one_value::<String>(Value::Null), "unit");
    assert_decode(one_value::<String>(Value::Integer(1)), "integer");
    assert_decode(one_value::<i64>(text("1")), "string");
    assert_decode(one_value::<i64>(Value::Real(1.0)), "floating point");
    assert_decode(one_value::<f64>(text("14.90")), "string");
    assert_decode(one_value::<Vec<u8>>(text("x")), "string");
    assert_decode(one_value::<Kind>(Value::Integer(1)), "integer");
    assert_decode(one_value::<Kind>(text("loan")), "loan");
}

#[test]
fn an_error_names_the_column() {
    let rows = || found(&["id", "name"], &[&[Value::Integer(1), Value::Null]]);
    assert_decode(all::<Entry>(&rows()), "column name: ");
    assert_decode(all::<(i64, String)>(&rows()), "column name: ");
}

#[test]
fn a_missing_or_doubled_column_is_an_error() {
    let rows = found(&["id"], &[&[Value::Integer(1)]]);
    assert_decode(all::<Entry>(&rows), "missing field `name`");
    let rows = found(&["id", "id"], &[&[Value::Integer(1), Value::Integer(2)]]);
    assert_decode(all::<Entry>(&rows), "duplicate field `id`");
}

#[test]
fn what_breaks_off_or_is_no_row_is_an_error() {
    let rows = found(&["id", "name"], &[&[Value::Integer(300), text("abc")]]);
    for end in 1..rows.len() {
        // Names without a row are a result all the same.
        let whole = end == found(&["id", "name"], &[&[]]).len() - 1;
        assert_eq!(all::<(i64, String)>(&rows[..end]).is_ok(), whole, "{end}");
    }
    assert_decode(all::<i64>(b"\x91\xa1a\x91\xc3"), "not packed rows");
    assert_decode(all::<String>(b"\x91\xa1a\x91\xa1\xff"), "not packed rows");
}
