//! Reading of all keys that a statement selects, page by page, since one query of the host returns a
//! bounded number of rows.

use stores::sql::Value;

use super::{Control, Result, text};

/// Number of rows of one page.
pub(super) const PAGE: usize = 1000;

/// Returns the value of a `LIMIT ?` for one page.
pub(super) fn page_limit() -> Value {
    Value::Integer(i64::try_from(PAGE).unwrap_or(i64::MAX))
}

impl Control {
    /// Returns the keys that `statement` selects. The statement selects a text, its last conditions
    /// are `key > ? ORDER BY key LIMIT ?`, and `values` are its parameters before those.
    pub(super) async fn scan_keys(
        &self,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut last = String::new();
        loop {
            let page = [values.clone(), vec![text(&last), page_limit()]].concat();
            let rows = self.query(statement, page).await?;
            let is_last = rows.len() < PAGE;
            for mut row in rows {
                last = row.text()?;
                keys.push(last.clone());
            }
            if is_last {
                return Ok(keys);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::testing;

    const ADD: &str = "INSERT INTO edge_secret (name, fingerprint, changed_at) VALUES";
    const KEYS: &str = "SELECT name FROM edge_secret \
        WHERE fingerprint = ? AND name > ? ORDER BY name LIMIT ?";

    #[tokio::test]
    async fn all_keys_are_read_and_each_once() {
        let (_folder, control) = testing::control().await;
        for count in [0, 1, PAGE - 1, PAGE, 2 * PAGE + 1, 10 * PAGE + 1] {
            let names: Vec<_> = (0..count).map(|number| format!("{number:05}")).collect();
            let fingerprint = format!("of {count}");
            let row = |name: &String| {
                let name = format!("{count} {name}");
                vec![text(name), text(&fingerprint), Value::Integer(0)]
            };
            let rows: Vec<_> = names.iter().map(row).collect();
            testing::insert(&control, ADD, &rows).await;
            let keys = control.scan_keys(KEYS, vec![text(&fingerprint)]).await;
            let keys = keys.expect("keys");
            let expected: Vec<_> = names.iter().map(|name| format!("{count} {name}")).collect();
            assert_eq!(keys, expected, "{count}");
        }
    }
}
