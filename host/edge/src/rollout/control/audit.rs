//! Who asked for what.

use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::row::Row;
use super::{Control, ControlError, Result, text};

const ADD: &str = "INSERT INTO edge_audit (id, author, action, plugin, detail, written_at) \
    VALUES (?, ?, ?, ?, ?, {now})";
/// The order is by time and then by id, which is what a cursor names.
const PAGE: &str = "SELECT id, author, action, plugin, detail, written_at FROM edge_audit \
    WHERE written_at >= ? AND written_at < ? \
    AND (written_at < ? OR (written_at = ? AND id > ?)) \
    ORDER BY written_at DESC, id LIMIT ?";

/// One thing that somebody did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Who.
    pub author: String,
    /// What.
    pub action: String,
    /// To which plugin.
    pub plugin: String,
    /// The rest of it: from which release to which, where, and how it ended.
    pub detail: String,
    /// When.
    pub written_at: i64,
    /// Names the record for the question for those before it. Older hosts give
    /// none.
    #[serde(default)]
    pub cursor: String,
}

/// Which records.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The first time, in milliseconds since 1970.
    pub since: i64,
    /// The time after the last one, in milliseconds since 1970.
    pub until: i64,
    /// The cursor of the record that they come after, newest first.
    pub after: Option<String>,
    /// Most records.
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

/// Time and id of the record that a cursor names; `None` if it names none.
#[must_use]
pub fn parse_cursor(cursor: &str) -> Option<(i64, &str)> {
    let (time, id) = cursor.split_once('-')?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((time.parse().ok()?, id)).filter(|_| is_id)
}

impl Control {
    /// Write down that `author` did `action` to `plugin`.
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

    /// Returns a page of what was done, newest first.
    ///
    /// # Errors
    /// When the cursor is none, or the database does not answer.
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
