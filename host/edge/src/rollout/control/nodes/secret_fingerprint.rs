//! The fingerprint of the secret with which the shop's nodes sign.

use crate::rollout::control::{Control, Result, text};

const FIND: &str = "SELECT fingerprint FROM edge_secret WHERE name = 'secret'";
/// Inserts the fingerprint. Of several first nodes, the primary key lets one succeed.
const INSERT: &str =
    "INSERT INTO edge_secret (name, fingerprint, changed_at) VALUES ('secret', ?, {now})";
const REPLACE: &str = "UPDATE edge_secret SET fingerprint = ?, changed_at = {now} \
    WHERE name = 'secret' AND fingerprint = ?";

impl Control {
    /// Returns the fingerprint of the shop's secret, if one is stored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secret(&self) -> Result<Option<String>> {
        let rows = self.query(FIND, Vec::new()).await?;
        let mut texts = rows.into_iter().map(|mut row| row.text());
        texts.next().transpose()
    }

    /// Returns the stored fingerprint of the shop's secret, after storing `own` if there was none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secret_or_insert(&self, own: &str) -> Result<String> {
        if let Some(known) = self.secret().await? {
            return Ok(known);
        }
        self.try_execute(INSERT, vec![text(own)]).await?;
        // Another node may have inserted its fingerprint first.
        Ok(self.secret().await?.unwrap_or_else(|| own.to_owned()))
    }

    /// Replaces the fingerprint of the shop's secret by `new` if it is still `old`. Returns whether
    /// it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace_secret(&self, old: &str, new: &str) -> Result<bool> {
        let replaced = self.execute(REPLACE, vec![text(new), text(old)]).await?;
        Ok(replaced.rows_affected > 0)
    }
}
