//! The bundles of every release that was ever taken in: their records, and their
//! content, whole ones here and those that share it in [`blobs`].

use bundle::{ALGORITHM, Bundle, BundleError, Digest};
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::blobs::{self, Blobs, PART};
use super::gc::COLLECTED;
use super::pages::{Cursor, Listed, Page};
use super::row::Row;
use super::transaction::Transaction;
use super::{Control, ControlError, Result, text};

/// What the record of a bundle that is stored as blobs says of the number of its
/// parts. An older host looks for that part, and says that the bundle lacks it.
const AS_BLOBS: i64 = 1;

const PUT_PART: &str = "REPLACE INTO edge_bundle_part (digest, part, content) VALUES (?, ?, ?)";
const DROP_PARTS_FROM: &str = "DELETE FROM edge_bundle_part WHERE digest = ? AND part >= ?";
pub(super) const DROP_PARTS: &str = "DELETE FROM edge_bundle_part WHERE digest = ?";
const COUNT_PARTS: &str = "SELECT COUNT(*) FROM edge_bundle_part WHERE digest = ?";
const SET_PARTS: &str = "UPDATE edge_bundle SET parts = ? WHERE digest = ?";
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
/// The bundles whose content is there, as blobs.
const IN_BLOBS: &str = "SELECT digest FROM edge_bundle WHERE parts >= 0 AND EXISTS \
    (SELECT 1 FROM edge_bundle_blob s WHERE s.bundle = edge_bundle.digest) ORDER BY digest";
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

/// How often a bundle is stored anew because a blob was collected meanwhile.
const ATTEMPTS: usize = 3;

/// How the content of a bundle is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each file once, whatever bundles have it.
    Blobs,
    /// By itself, as hosts of every version read it.
    Whole,
}

/// What changes of a bundle's record when its content is stored.
enum Change<'a> {
    /// All of its record.
    Record { signature: &'a str, author: &'a str },
    /// How it is stored: the record is there.
    Layout,
}

impl Control {
    /// Keep `bundle`, unless it is kept already.
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

    /// Put a bundle that is kept back as it was, if it was changed, or if there
    /// are nodes that cannot read how it is stored. Returns whether it was.
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

    /// Stores every bundle that is kept as blobs whole instead, so that hosts
    /// read it that know no blobs. Returns how many those were.
    ///
    /// # Errors
    /// When the database does not answer, or a bundle was changed.
    pub async fn store_whole(&self) -> Result<usize> {
        let mut stored = 0;
        for mut row in self.query(IN_BLOBS, Vec::new()).await? {
            let (bundle, _) = self.bundle(row.parsed()?).await?;
            self.store(&bundle, Layout::Whole, Change::Layout).await?;
            stored += 1;
        }
        Ok(stored)
    }

    /// Returns the layout that every node reads which was there within the last
    /// hour.
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

    /// Writes the parts first, each by itself. Where a collection took some of
    /// them before the record said that the bundle is there again, they are
    /// written once more.
    async fn store_whole_bundle(&self, bundle: &Bundle, change: &Change<'_>) -> Result<()> {
        let digest = bundle.digest();
        for _ in 0..ATTEMPTS {
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

    /// Writes the parts of a whole bundle, in place of those that may be there,
    /// and returns how many those are.
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
        // An older version wrote parts of another size.
        let more = vec![text(bundle.digest()), Value::Integer(parts)];
        self.execute(DROP_PARTS_FROM, more).await?;
        Ok(parts)
    }

    async fn store_blobs(&self, bundle: &Bundle, change: &Change<'_>) -> Result<()> {
        let (digest, blobs) = (bundle.digest(), Blobs::new(bundle));
        for _ in 0..ATTEMPTS {
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

/// Writes what is to be written of the bundle's record. Returns `false` if
/// another node has written it meanwhile.
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
