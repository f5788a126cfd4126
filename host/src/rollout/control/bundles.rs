//! The bundles of every release that was ever taken in.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::gc::COLLECTED;
use super::pages::{Cursor, Listed, Page};
use super::row::Row;
use super::{Control, ControlError, Result, text};
use crate::bindings::sql::Value;
use crate::rollout::bundle::{ALGORITHM, Bundle, Digest};

/// Bytes of one part: with its statement, less than the smallest packet that a
/// server may be set to take. Versions before this one wrote parts of 1 MiB.
const PART: usize = 256 << 10;

const ADD_PART: &str = "INSERT INTO edge_bundle_part (digest, part, content) VALUES (?, ?, ?)";
const REPLACE_PART: &str = "UPDATE edge_bundle_part SET content = ? \
    WHERE digest = ? AND part = ? AND LENGTH(content) <> ?";
const DROP_PARTS: &str = "DELETE FROM edge_bundle_part WHERE digest = ?";
const COUNT_PARTS: &str = "UPDATE edge_bundle SET parts = ? WHERE digest = ?";
const ADD: &str = "INSERT INTO edge_bundle \
    (digest, plugin, version, parts, signature, author, added_at) \
    VALUES (?, ?, ?, ?, ?, ?, {now})";
const SIGN: &str = "UPDATE edge_bundle SET signature = ? WHERE digest = ?";
const FIND: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE digest = ?";
const OF_PLUGIN: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE plugin = ? AND added_at <= ? AND (added_at < ? OR digest < ?) \
    ORDER BY added_at DESC, digest DESC LIMIT ?";
const BY_NAME: &str = "SELECT digest, plugin, version, parts, signature, author, added_at \
    FROM edge_bundle WHERE plugin = ? AND (version = ? OR digest LIKE ?) \
    ORDER BY added_at DESC LIMIT 1";
const READ_PART: &str = "SELECT content FROM edge_bundle_part WHERE digest = ? AND part = ?";

/// What is known of a bundle without reading it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundleRecord {
    /// Names the release.
    pub digest: Digest,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The signature that it came with, if any.
    pub signature: String,
    /// Who brought it.
    pub author: String,
    /// When.
    pub added_at: i64,
    /// Whether it was collected: its record is there, and nothing else of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collected: bool,
    #[serde(skip)]
    parts: i64,
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

    /// Reads the record from a row that may have more columns.
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
    /// Keep `bundle`, unless it is kept already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_bundle(&self, bundle: &Bundle, signature: &str, author: &str) -> Result<()> {
        let digest = bundle.digest();
        if self.bundle_record(digest).await?.is_some() {
            return Ok(());
        }
        let parts = self.add_parts(bundle).await?;
        let record = vec![
            text(digest),
            text(&bundle.manifest.name),
            text(&bundle.manifest.version),
            Value::Integer(parts),
            text(signature),
            text(author),
        ];
        self.try_execute(ADD, record).await?;
        Ok(())
    }

    /// Put a bundle that is kept back as it was, if it was changed. Returns
    /// whether it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mend_bundle(&self, bundle: &Bundle) -> Result<bool> {
        let digest = bundle.digest();
        match self.bundle(digest).await {
            Ok(_) => return Ok(false),
            Err(ControlError::Bundle { .. }) => {}
            Err(error) => return Err(error),
        }
        self.execute(DROP_PARTS, vec![text(digest)]).await?;
        let parts = self.add_parts(bundle).await?;
        let count = vec![Value::Integer(parts), text(digest)];
        self.execute(COUNT_PARTS, count).await?;
        Ok(true)
    }

    async fn add_parts(&self, bundle: &Bundle) -> Result<i64> {
        let mut parts = 0;
        for content in bundle.bytes().chunks(PART) {
            self.add_part(bundle.digest(), parts, content).await?;
            parts += 1;
        }
        Ok(parts)
    }

    /// A part that is there is the same, since the digest is, unless a version
    /// that made parts of another size was cut off at it.
    async fn add_part(&self, digest: Digest, part: i64, content: &[u8]) -> Result<()> {
        let bytes = Value::Blob(content.to_vec());
        let values = vec![text(digest), Value::Integer(part), bytes.clone()];
        if self.try_execute(ADD_PART, values).await?.is_some() {
            return Ok(());
        }
        let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let values = vec![
            bytes,
            text(digest),
            Value::Integer(part),
            Value::Integer(length),
        ];
        self.execute(REPLACE_PART, values).await?;
        Ok(())
    }

    /// Replace the signature of a bundle that is kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_bundle(&self, digest: Digest, signature: &str) -> Result<()> {
        let values = vec![text(signature), text(digest)];
        self.execute(SIGN, values).await.map(|_| ())
    }

    /// What is known of the bundle `digest`.
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

    /// Returns the newest release of `plugin` whose version is `name`, or whose
    /// digest begins with it in at least six hexadecimal digits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_bundle(&self, plugin: &str, name: &str) -> Result<Option<Digest>> {
        let digits = name.strip_prefix(ALGORITHM).unwrap_or(name);
        let is_digest = digits.len() >= 6
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        // Without digits, a pattern that no digest has.
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

    /// The bundle `digest`, whole and unchanged, and its signature.
    ///
    /// # Errors
    /// When it is not there, or not what its digest says.
    pub async fn bundle(&self, digest: Digest) -> Result<(Bundle, String)> {
        let broken = |why| ControlError::Bundle { digest, why };
        let record = self.bundle_record(digest).await?;
        let record = record.ok_or_else(|| broken("is not in the control database".to_owned()))?;
        if record.collected {
            return Err(broken(
                "was collected by `edge gc`; deploy its file or folder to bring it back".to_owned(),
            ));
        }
        let mut archive = Vec::new();
        for part in 0..record.parts {
            let key = vec![text(digest), Value::Integer(part)];
            let mut rows = self.query(READ_PART, key).await?.into_iter();
            let mut row = rows
                .next()
                .ok_or_else(|| broken(format!("lacks part {part} in the control database")))?;
            archive.extend(row.bytes()?);
        }
        let archive = Bytes::from(archive);
        if Digest::of(&archive) != digest {
            return Err(broken("was changed in the control database".to_owned()));
        }
        let bundle = Bundle::parse(archive).map_err(|error| broken(error.to_string()))?;
        Ok((bundle, record.signature))
    }
}
