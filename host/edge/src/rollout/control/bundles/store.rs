//! Content of bundles, which is stored whole here or as shared blobs in [`blobs`].

use bundle::{Bundle, BundleError, Digest};
use stores::sql::Value;

use super::blobs::{self, Blobs, PART};
use super::record::BundleRecord;
use crate::rollout::control::row::parse;
use crate::rollout::control::transaction::Transaction;
use crate::rollout::control::{Control, ControlError, Result, text};

/// Number of parts in the record of a bundle that is stored as blobs. An older host looks for that
/// part and reports that the bundle lacks it.
const AS_BLOBS: i64 = 1;

const PUT_PART: &str = "REPLACE INTO edge_bundle_part (digest, part, content) VALUES (?, ?, ?)";
const DROP_PARTS_FROM: &str = "DELETE FROM edge_bundle_part WHERE digest = ? AND part >= ?";
pub(super) const DROP_PARTS: &str = "DELETE FROM edge_bundle_part WHERE digest = ?";
const COUNT_PARTS: &str = "SELECT COUNT(*) FROM edge_bundle_part WHERE digest = ?";
const SET_PARTS: &str = "UPDATE edge_bundle SET parts = ? WHERE digest = ?";
const ADD: &str = "INSERT INTO edge_bundle \
    (digest, plugin, version, parts, signature, author, added_at) \
    VALUES (?, ?, ?, ?, ?, ?, {now})";
/// Selects the bundles whose content is stored as blobs.
const IN_BLOBS: &str = "SELECT digest FROM edge_bundle WHERE parts >= 0 AND EXISTS \
    (SELECT 1 FROM edge_bundle_blob s WHERE s.bundle = edge_bundle.digest) \
    AND digest > ? ORDER BY digest LIMIT ?";
const READ_PART: &str = "SELECT content FROM edge_bundle_part WHERE digest = ? AND part = ?";

/// Maximum number of attempts to store a bundle while parts or blobs of it are being collected.
const MAX_ATTEMPTS: usize = 3;

/// Storage layout of a bundle's content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each file is stored once as a blob and shared by the bundles that contain it.
    Blobs,
    /// The archive is stored in parts of its own, which hosts of every version can read.
    Whole,
}

/// Change of a bundle's record when its content is stored.
enum Change<'a> {
    /// The record is new.
    Record { signature: &'a str, author: &'a str },
    /// The record exists, and only its layout changes.
    Layout,
}

impl Control {
    /// Stores `bundle`, unless it is stored already. A collected bundle is stored again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_bundle(&self, bundle: &Bundle, signature: &str, author: &str) -> Result<()> {
        let change = match self.bundle_record(bundle.digest()).await? {
            None => Change::Record { signature, author },
            Some(record) if record.collected => Change::Layout,
            Some(_) => return Ok(()),
        };
        self.store(bundle, self.layout().await?, change).await
    }

    /// Stores a bundle again if its stored content was changed, or if there are nodes that cannot
    /// read its layout. Returns whether that was necessary.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mend_bundle(&self, bundle: &Bundle) -> Result<bool> {
        let layout = self.layout().await?;
        let is_right = match self.bundle(bundle.digest()).await {
            Ok(_) => layout == Layout::Blobs || !self.is_in_blobs(bundle.digest()).await?,
            Err(ControlError::Bundle { .. }) => false,
            Err(error) => return Err(error),
        };
        if !is_right {
            self.store(bundle, layout, Change::Layout).await?;
        }
        Ok(!is_right)
    }

    /// Converts every bundle that is stored as blobs to the whole layout, for hosts that cannot
    /// read blobs. Returns the number of converted bundles.
    ///
    /// # Errors
    /// When the database does not answer, or a bundle was changed.
    pub async fn store_whole(&self) -> Result<usize> {
        let mut stored = 0;
        for digest in self.scan_keys(IN_BLOBS, Vec::new()).await? {
            let (bundle, _) = self.bundle(parse(&digest)?).await?;
            self.store(&bundle, Layout::Whole, Change::Layout).await?;
            stored += 1;
        }
        Ok(stored)
    }

    /// Returns the layout that every node seen within the last hour can read.
    async fn layout(&self) -> Result<Layout> {
        match self.lately_lacks_blobs().await? {
            true => Ok(Layout::Whole),
            false => Ok(Layout::Blobs),
        }
    }

    async fn store(&self, bundle: &Bundle, layout: Layout, change: Change<'_>) -> Result<()> {
        let change = &change;
        match layout {
            Layout::Blobs => self.store_blobs(bundle, change).await,
            Layout::Whole => self.store_whole_bundle(bundle, change).await,
        }
    }

    /// Stores a bundle whole: its parts first, each by a statement of its own, then its record. If
    /// a collection deleted parts before the record was written, the parts are written again.
    async fn store_whole_bundle(&self, bundle: &Bundle, change: &Change<'_>) -> Result<()> {
        let digest = bundle.digest();
        for _ in 0..MAX_ATTEMPTS {
            let parts = self.write_parts(bundle).await?;
            let mut transaction = self.begin().await?;
            if !write_record(&mut transaction, bundle, parts, change).await? {
                return transaction.rollback().await;
            }
            match transaction.count(COUNT_PARTS, vec![text(digest)]).await? {
                count if count == parts => return transaction.commit().await,
                _ => transaction.rollback().await?,
            }
        }
        let why = "could not be stored: it is being collected".to_owned();
        Err(ControlError::Bundle { digest, why })
    }

    /// Writes the parts of a whole bundle over existing ones, and returns their number.
    async fn write_parts(&self, bundle: &Bundle) -> Result<i64> {
        let mut parts = 0;
        for content in bundle.bytes().chunks(PART) {
            let values = vec![
                text(bundle.digest()),
                Value::Integer(parts),
                Value::Blob(content.to_vec()),
            ];
            self.execute(PUT_PART, values).await?;
            parts += 1;
        }
        // Older versions wrote parts of another size, of which there may be more.
        let more = vec![text(bundle.digest()), Value::Integer(parts)];
        self.execute(DROP_PARTS_FROM, more).await?;
        Ok(parts)
    }

    async fn store_blobs(&self, bundle: &Bundle, change: &Change<'_>) -> Result<()> {
        let (digest, blobs) = (bundle.digest(), Blobs::new(bundle));
        for _ in 0..MAX_ATTEMPTS {
            self.upload_blobs(&blobs).await?;
            let mut transaction = self.begin().await?;
            if !write_record(&mut transaction, bundle, AS_BLOBS, change).await? {
                return transaction.rollback().await;
            }
            transaction.execute(DROP_PARTS, vec![text(digest)]).await?;
            match blobs::list(&mut transaction, digest, &blobs).await? {
                true => return transaction.commit().await,
                false => transaction.rollback().await?,
            }
        }
        let why = "could not be stored: its blobs are being collected".to_owned();
        Err(ControlError::Bundle { digest, why })
    }

    /// Returns the bundle `digest`, verified against its digest, and its signature.
    ///
    /// # Errors
    /// When the bundle is missing, was collected or does not match its digest, or the database does
    /// not answer.
    pub async fn bundle(&self, digest: Digest) -> Result<(Bundle, String)> {
        let broken = |why| ControlError::Bundle { digest, why };
        let record = self.bundle_record(digest).await?;
        let record = record.ok_or_else(|| broken("is not in the control database".to_owned()))?;
        if record.collected {
            return Err(broken(
                "was collected by `edge gc`; deploy its file or folder to bring it back".to_owned(),
            ));
        }
        let archive = match self.read_blobs(digest).await? {
            Some(archive) => archive,
            None => self.read_parts(&record).await?,
        };
        let bundle = Bundle::parse_named(digest, archive.into());
        let bundle = bundle.map_err(|error| match error {
            BundleError::OtherDigest { .. } => {
                broken("was changed in the control database".to_owned())
            }
            error => broken(error.to_string()),
        })?;
        Ok((bundle, record.signature))
    }

    /// Returns the archive of a bundle that is stored whole.
    async fn read_parts(&self, record: &BundleRecord) -> Result<Vec<u8>> {
        let mut archive = Vec::new();
        for part in 0..record.parts {
            let key = vec![text(record.digest), Value::Integer(part)];
            let mut rows = self.query(READ_PART, key).await?.into_iter();
            let mut row = rows.next().ok_or_else(|| ControlError::Bundle {
                digest: record.digest,
                why: format!("lacks part {part} in the control database"),
            })?;
            archive.extend(row.bytes()?);
        }
        Ok(archive)
    }
}

/// Writes the change of a bundle's record. Returns `false` if another node has added the record
/// first.
async fn write_record(
    transaction: &mut Transaction<'_>,
    bundle: &Bundle,
    parts: i64,
    change: &Change<'_>,
) -> Result<bool> {
    let digest = bundle.digest();
    let Change::Record { signature, author } = change else {
        let count = vec![Value::Integer(parts), text(digest)];
        transaction.execute(SET_PARTS, count).await?;
        blobs::unlist(transaction, digest).await?;
        return Ok(true);
    };
    let record = vec![
        text(digest),
        text(&bundle.manifest.name),
        text(&bundle.manifest.version),
        Value::Integer(parts),
        text(signature),
        text(author),
    ];
    let added = transaction.try_execute(ADD, record).await?;
    Ok(added.is_some())
}
