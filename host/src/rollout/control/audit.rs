//! Who asked for what.

use serde::{Deserialize, Serialize};

use super::row::Row;
use super::{Control, Result, text};

const ADD: &str = "INSERT INTO edge_audit (id, author, action, plugin, detail, written_at) \
    VALUES (?, ?, ?, ?, ?, {now})";
const LAST: &str = "SELECT author, action, plugin, detail, written_at FROM edge_audit \
    ORDER BY written_at DESC, id LIMIT 500";

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
}

impl AuditRecord {
    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            author: row.text()?,
            action: row.text()?,
            plugin: row.text()?,
            detail: row.text()?,
            written_at: row.integer()?,
        })
    }
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

    /// What was done last, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audited(&self) -> Result<Vec<AuditRecord>> {
        let rows = self.query(LAST, Vec::new()).await?;
        rows.into_iter().map(AuditRecord::read).collect()
    }
}
