//! History of a plugin in the release log, newest first, page by page.

use stores::sql::Value;

use super::entry::Entry;
use crate::rollout::control::pages::{Cursor, Listed, Page};
use crate::rollout::control::{Control, ControlError, Result, text};

/// Selects a page of entries. The order matches the columns of the index
/// `edge_release_log_written`.
const HISTORY: &str = select!(
    "WHERE l.plugin = ? AND l.written_at <= ? \
     AND (l.written_at < ? OR l.revision < ? OR (l.revision = ? AND l.region < ?)) \
     ORDER BY l.written_at DESC, l.revision DESC, l.region DESC LIMIT ?"
);

impl Listed for Entry {
    fn cursor(&self) -> Cursor {
        Cursor {
            time: self.written_at,
            id: format!("{}-{}", self.revision, self.region),
        }
    }
}

/// Returns the revision and the region that a cursor's ID names, or `None` if its format is
/// another.
fn parse_place(id: &str) -> Option<(i64, &str)> {
    let (revision, region) = id.split_once('-')?;
    Some((revision.parse().ok()?, region))
}

/// Returns whether the cursor has the format of a release log cursor, with a revision and a region.
#[must_use]
pub fn is_of_entry(cursor: &Cursor) -> bool {
    parse_place(&cursor.id).is_some()
}

impl Control {
    /// Returns a page of the entries of `plugin` in all regions, newest first.
    ///
    /// # Errors
    /// When the cursor is not one of the release log, or the database does not answer.
    pub async fn history(&self, plugin: &str, page: &Page) -> Result<Vec<Entry>> {
        let (time, id) = page.bounds();
        let (revision, region) = match id {
            "" => (0, ""),
            id => parse_place(id)
                .ok_or_else(|| ControlError::Unreadable(format!("{id:?} names no entry")))?,
        };
        let values = vec![
            text(plugin),
            Value::Integer(time),
            Value::Integer(time),
            Value::Integer(revision),
            Value::Integer(revision),
            text(region),
            Value::Integer(page.limit.into()),
        ];
        let rows = self.query(HISTORY, values).await?;
        rows.into_iter().map(Entry::read).collect()
    }
}
