//! The fingerprint of the secret that the shop's nodes sign with.

use super::{Control, Result, text};

const FIND: &str = "SELECT fingerprint FROM edge_secret WHERE name = 'secret'";
/// The primary key lets one of many first nodes through.
const INSERT: &str =
    "INSERT INTO edge_secret (name, fingerprint, changed_at) VALUES ('secret', ?, {now})";
const REPLACE: &str = "UPDATE edge_secret SET fingerprint = ?, changed_at = {now} \
    WHERE name = 'secret' AND fingerprint = ?";

impl Control {
    /// Returns the fingerprint of the shop's secret, if a node has had one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secret(&self) -> Result<Option<String>> {
        let rows = self.query(FIND, Vec::new()).await?;
        let mut texts = rows.into_iter().map(|mut row| row.text());
        texts.next().transpose()
    }

    /// Returns the fingerprint of the shop's secret, which is `own` if there was
    /// none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secret_or_insert(&self, own: &str) -> Result<String> {
        if let Some(known) = self.secret().await? {
            return Ok(known);
        }
        self.try_execute(INSERT, vec![text(own)]).await?;
        // Another node may have been faster.
        Ok(self.secret().await?.unwrap_or_else(|| own.to_owned()))
    }

    /// Makes `new` the fingerprint of the shop's secret if it is still `old`.
    /// Returns whether it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace_secret(&self, old: &str, new: &str) -> Result<bool> {
        let replaced = self.execute(REPLACE, vec![text(new), text(old)]).await?;
        Ok(replaced.rows_affected > 0)
    }
}
