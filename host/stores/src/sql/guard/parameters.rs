//! Counts the parameters that a statement takes.
//!
//! SQLite takes a missing parameter for NULL, and to MySQL's driver a wrong
//! number of them is a protocol error, after which the connection is unusable.

use std::ops::ControlFlow;

use sqlparser::ast::{Statement, Value, ValueWithSpan, Visit, Visitor};

/// Returns the number of `?` in `statement`.
///
/// # Errors
/// When a parameter is written in a way that only one of the databases knows.
pub(super) fn count(statement: &Statement) -> Result<usize, String> {
    let mut counter = Counter(0);
    match statement.visit(&mut counter) {
        ControlFlow::Continue(()) => Ok(counter.0),
        ControlFlow::Break(reason) => Err(reason),
    }
}

struct Counter(usize);

impl Visitor for Counter {
    type Break = String;

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<String> {
        match &value.value {
            Value::Placeholder(name) if name == "?" => self.0 += 1,
            Value::Placeholder(name) => {
                return ControlFlow::Break(format!("a parameter is written `?`, not `{name}`"));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
