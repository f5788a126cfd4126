//! Records of the bundles of all releases, without their content.

use bundle::{ALGORITHM, Digest};
use serde::{Deserialize, Serialize};

use crate::rollout::control::pages::{Cursor, Listed, Page};
use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, text};

/// Number of parts in the record of a collected bundle. Older hosts report such a bundle as
/// changed.
const COLLECTED: i64 = -1;

const SIGN: &str = "UPDATE edge_bundle SET signature = ? WHERE digest = ?";
const FIND: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE digest = ?";
const OF_PLUGIN: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE plugin = ? AND added_at <= ? AND (added_at < ? OR digest < ?) \
    ORDER BY added_at DESC, digest DESC LIMIT ?";
const BY_NAME: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE plugin = ? AND (version = ? OR digest LIKE ?) \
    ORDER BY added_at DESC LIMIT 1";

/// The record of a bundle, without its content.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundleRecord {
    /// SHA-256 digest of the bundle, which names the release.
    pub digest: Digest,
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the plugin, from the manifest.
    pub version: String,
    /// Signature of the bundle; empty if it came without one.
    pub signature: String,
    /// Operator or node that added the bundle.
    pub author: String,
    /// Time when the bundle was added, in milliseconds since 1970.
    pub added_at: i64,
    /// True if the bundle was garbage-collected: the record is kept and the content deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collected: bool,
    /// Number of parts of a bundle that is stored whole.
    #[serde(skip)]
    pub(super) parts: i64,
}

impl Listed for BundleRecord {
    fn cursor(&self) -> Cursor {
        Cursor {
            time: self.added_at,
            id: self.digest.to_string(),
        }
    }
}

impl BundleRecord {
    fn read(mut row: Row) -> Result<Self> {
        Self::read_columns(&mut row)
    }

    /// Reads a record from the first columns of a row, which may have more.
    pub(super) fn read_columns(row: &mut Row) -> Result<Self> {
        let (digest, plugin, version) = (row.parsed()?, row.text()?, row.text()?);
        let parts = row.integer()?;
        Ok(Self {
            digest,
            plugin,
            version,
            parts,
            collected: parts == COLLECTED,
            signature: row.text()?,
            author: row.text()?,
            added_at: row.integer()?,
        })
    }
}

impl Control {
    /// Replaces the signature of a stored bundle.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_bundle(&self, digest: Digest, signature: &str) -> Result<()> {
        let values = vec![text(signature), text(digest)];
        self.execute(SIGN, values).await.map(|_| ())
    }

    /// Returns the record of the bundle `digest`, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bundle_record(&self, digest: Digest) -> Result<Option<BundleRecord>> {
        let rows = self.query(FIND, vec![text(digest)]).await?;
        rows.into_iter().next().map(BundleRecord::read).transpose()
    }

    /// Returns a page of the bundles of `plugin`, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bundles_of(&self, plugin: &str, page: &Page) -> Result<Vec<BundleRecord>> {
        let values = [text(plugin)].into_iter().chain(page.values());
        let rows = self.query(OF_PLUGIN, values.collect()).await?;
        rows.into_iter().map(BundleRecord::read).collect()
    }

    /// Returns the newest release of `plugin` whose version is `name`, or whose digest begins with
    /// `name` if that has at least six hexadecimal digits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_bundle(&self, plugin: &str, name: &str) -> Result<Option<Digest>> {
        let digits = name.strip_prefix(ALGORITHM).unwrap_or(name);
        let is_digest = digits.len() >= 6
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        // The empty pattern matches no digest.
        let pattern = match is_digest {
            true => format!("{ALGORITHM}{digits}%"),
            false => String::new(),
        };
        let values = vec![text(plugin), text(name), text(pattern)];
        let rows = self.query(BY_NAME, values).await?;
        let record = rows
            .into_iter()
            .next()
            .map(BundleRecord::read)
            .transpose()?;
        Ok(record.map(|record| record.digest))
    }
}
