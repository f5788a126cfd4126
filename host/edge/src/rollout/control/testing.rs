//! A control database for unit tests, in a file of its own.

use std::sync::Arc;

use stores::sql::{Databases, Value};
use tempfile::TempDir;

use super::Control;

/// Number of rows of one `INSERT`.
const ROWS_AT_ONCE: usize = 250;

/// Returns an empty control database, and the folder that it lives in.
pub(super) async fn control() -> (TempDir, Control) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("control.sqlite").display());
    let control = Control::open(&Databases::default(), &url, Arc::default()).await;
    (folder, control.expect("a control database"))
}

/// Inserts rows by `insert`, a statement up to and with `VALUES`.
pub(super) async fn insert(control: &Control, insert: &str, rows: &[Vec<Value>]) {
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let places: Vec<_> = rows
            .iter()
            .map(|row| format!("({})", vec!["?"; row.len()].join(", ")))
            .collect();
        let statement = format!("{insert} {}", places.join(", "));
        let inserted = control.execute(&statement, rows.concat()).await;
        inserted.expect("rows");
    }
}
