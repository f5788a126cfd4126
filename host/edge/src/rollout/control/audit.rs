//! The audit log: which operator or node did what to which plugin.

use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::row::Row;
use super::{Control, ControlError, Result, text};

const ADD: &str = "INSERT INTO edge_audit (id, author, action, plugin, detail, written_at) \
    VALUES (?, ?, ?, ?, ?, {now})";
/// Selects a page of records, ordered by time and then by ID, the two parts of a cursor.
const PAGE: &str = "SELECT id, author, action, plugin, detail, written_at FROM edge_audit \
    WHERE written_at >= ? AND written_at < ? \
    AND (written_at < ? OR (written_at = ? AND id > ?)) \
    ORDER BY written_at DESC, id LIMIT ?";

/// One record of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Operator or node that did it.
    pub author: String,
    /// Name of the action, such as `rollback`.
    pub action: String,
    /// Plugin that the action concerns; empty for none.
    pub plugin: String,
    /// Details for people: from which release to which, in which regions, and the outcome.
    pub detail: String,
    /// Time of the record, in milliseconds since 1970.
    pub written_at: i64,
    /// Cursor of the record, by which the records before it are asked for. Empty from older hosts.
    #[serde(default)]
    pub cursor: String,
}

/// A page of the audit log.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// Start of the time range, inclusive, in milliseconds since 1970.
    pub since: i64,
    /// End of the time range, exclusive, in milliseconds since 1970.
    pub until: i64,
    /// Cursor of the last record of the previous page, newest first; `None` for the first page.
    pub after: Option<String>,
    /// Maximum number of records.
    pub limit: u32,
}

impl AuditRecord {
    fn read(mut row: Row) -> Result<Self> {
        let id = row.text()?;
        let mut record = Self {
            author: row.text()?,
            action: row.text()?,
            plugin: row.text()?,
            detail: row.text()?,
            written_at: row.integer()?,
            cursor: String::new(),
        };
        record.cursor = format!("{}-{id}", record.written_at);
        Ok(record)
    }
}

/// Returns the time and the ID of the record that a cursor names; `None` if its format is another.
#[must_use]
pub fn parse_cursor(cursor: &str) -> Option<(i64, &str)> {
    let (time, id) = cursor.split_once('-')?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((time.parse().ok()?, id)).filter(|_| is_id)
}

impl Control {
    /// Adds a record that `author` did `action` to `plugin`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit(
        &self,
        author: &str,
        action: &str,
        plugin: &str,
        detail: &str,
    ) -> Result<()> {
        let id = format!("{:032x}", rand::random::<u128>());
        let values = vec![
            text(id),
            text(author),
            text(action),
            text(plugin),
            text(detail),
        ];
        self.execute(ADD, values).await.map(|_| ())
    }

    /// Returns a page of audit records, newest first.
    ///
    /// # Errors
    /// When the cursor is malformed, or the database does not answer.
    pub async fn audited(&self, page: &AuditPage) -> Result<Vec<AuditRecord>> {
        let (time, id) = match &page.after {
            None => (i64::MAX, ""),
            Some(cursor) => parse_cursor(cursor)
                .ok_or_else(|| ControlError::Unreadable(format!("{cursor:?} is no cursor")))?,
        };
        let values = vec![
            Value::Integer(page.since),
            Value::Integer(page.until),
            Value::Integer(time),
            Value::Integer(time),
            text(id),
            Value::Integer(page.limit.into()),
        ];
        let rows = self.query(PAGE, values).await?;
        rows.into_iter().map(AuditRecord::read).collect()
    }
}
