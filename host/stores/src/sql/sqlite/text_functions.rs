//! Replacements of SQLite's text functions that run in linear time.
//!
//! SQLite's own functions compare each position of one text with the whole of
//! another. That is a single instruction of its virtual machine, which no
//! deadline interrupts: two values of a few megabytes occupy a thread for
//! hours.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

use super::limits::MAX_VALUE;

/// Flags of SQLite's own functions: deterministic, and usable in indexes and
/// checks.
const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// Reason that a function has no result.
#[derive(Debug, thiserror::Error)]
enum NoResult {
    #[error("a text becomes longer than {MAX_VALUE} bytes")]
    TooLong,
    #[error("`unhex` takes one argument")]
    Ignored,
}

/// Replaces SQLite's own functions on `connection`.
pub(super) fn install(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("instr", 2, FLAGS, instr)?;
    connection.create_scalar_function("replace", 3, FLAGS, replace)?;
    connection.create_scalar_function("trim", 2, FLAGS, |call| trim(call, true, true))?;
    connection.create_scalar_function("ltrim", 2, FLAGS, |call| trim(call, true, false))?;
    connection.create_scalar_function("rtrim", 2, FLAGS, |call| trim(call, false, true))?;
    connection.create_scalar_function("unhex", 2, FLAGS, |_| -> Result<Option<Vec<u8>>> {
        Err(failed(NoResult::Ignored))
    })
}

/// Returns the position of the second argument in the first, from 1, or 0: in
/// bytes for two blobs, otherwise in characters.
fn instr(call: &Context<'_>) -> Result<Option<i64>> {
    let found = match (call.get_raw(0), call.get_raw(1)) {
        (ValueRef::Blob(within), ValueRef::Blob(wanted)) => {
            place(&characters(within), &characters(wanted))
        }
        (within, wanted) => match (text(within), text(wanted)) {
            (Some(within), Some(wanted)) => place(&within, &wanted),
            _ => return Ok(None),
        },
    };
    Ok(Some(i64::try_from(found).unwrap_or(i64::MAX)))
}

fn place(within: &str, wanted: &str) -> usize {
    match within.split_once(wanted) {
        Some((before, _)) => before.chars().count() + 1,
        None => 0,
    }
}

/// Converts each byte to one character.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn replace(call: &Context<'_>) -> Result<Option<String>> {
    let argument = |index| text(call.get_raw(index));
    let (Some(within), Some(old)) = (argument(0), argument(1)) else {
        return Ok(None);
    };
    if old.is_empty() {
        return Ok(Some(within.into_owned()));
    }
    let Some(new) = argument(2) else {
        return Ok(None);
    };
    let times = within.matches(&*old).count();
    let longest = within.len().saturating_add(times.saturating_mul(new.len()));
    match longest.saturating_sub(times * old.len()) <= MAX_VALUE as usize {
        true => Ok(Some(within.replace(&*old, &new))),
        false => Err(failed(NoResult::TooLong)),
    }
}

/// Returns the first argument without characters of the second at its start or
/// end.
fn trim(call: &Context<'_>, start: bool, end: bool) -> Result<Option<String>> {
    let (Some(whole), Some(set)) = (text(call.get_raw(0)), text(call.get_raw(1))) else {
        return Ok(None);
    };
    let set: HashSet<char> = set.chars().collect();
    let mut rest: &str = &whole;
    if start {
        rest = rest.trim_start_matches(|c| set.contains(&c));
    }
    if end {
        rest = rest.trim_end_matches(|c| set.contains(&c));
    }
    Ok(Some(rest.to_owned()))
}

/// Converts a value to text as SQLite does; `None` for NULL.
fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(real(number).into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
    }
}

/// Formats a number with 15 significant digits, as SQLite does.
fn real(number: f64) -> String {
    let number: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if number == 0.0 || (1e-4..1e15).contains(&number.abs()) {
        let plain = number.to_string();
        return match plain.contains('.') {
            true => plain,
            false => format!("{plain}.0"),
        };
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return if number > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    };
    let point = if digits.contains('.') { "" } else { ".0" };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    format!("{digits}{point}e{exponent:+03}")
}

fn failed(reason: NoResult) -> Error {
    Error::UserFunctionError(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each call returns the value of SQLite's own function.
    #[test]
    fn results_are_those_of_sqlite() {
        let (own, ours) = (open(), open());
        install(&ours).expect("functions");
        let values = [
            "NULL",
            "''",
            "'a'",
            "'äbca'",
            "'aäca a'",
            "'ca'",
            "x'6163'",
            "x'63'",
            "x''",
            "12",
            "1",
            "-0.5",
            "1.5",
            "1e20",
            "1.25e-7",
            "0.1 + 0.2",
            "9e15",
            "100.0",
        ];
        for first in values {
            for second in values {
                let mut calls = vec![
                    format!("instr({first}, {second})"),
                    format!("trim({first}, {second})"),
                    format!("ltrim({first}, {second})"),
                    format!("rtrim({first}, {second})"),
                ];
                for third in ["NULL", "''", "'xy'", "1.5"] {
                    calls.push(format!("replace({first}, {second}, {third})"));
                }
                for call in calls {
                    let text = format!("SELECT CAST({call} AS TEXT)");
                    let ask = |of: &Connection| -> Option<String> {
                        of.query_row(&text, [], |row| row.get(0)).expect(&text)
                    };
                    assert_eq!(ask(&ours), ask(&own), "{call}");
                }
            }
        }
    }

    fn open() -> Connection {
        Connection::open_in_memory().expect("a database")
    }

    /// With SQLite's own functions, each of these calls takes hours.
    #[test]
    fn no_arguments_keep_a_thread() {
        let ours = open();
        install(&ours).expect("functions");
        for call in [
            "instr(zeroblob(8000000), zeroblob(4000000) || x'01')",
            "instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')",
            "replace(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1', 'x')",
            "trim(hex(zeroblob(4000000)), replace(hex(zeroblob(2000000)), '0', 'a') || '0')",
        ] {
            let text = format!("SELECT length({call}) >= 0");
            let done: bool = ours.query_row(&text, [], |row| row.get(0)).expect(call);
            assert!(done);
        }
    }

    #[test]
    fn a_text_that_grows_too_long_is_refused() {
        let ours = open();
        install(&ours).expect("functions");
        let grown = "SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(100000)))";
        assert!(ours.query_row(grown, [], |_| Ok(())).is_err());
    }
}
