//! Content-addressed storage of bundles, in which each file is stored once.
//!
//! A bundle's archive is cut between its files (`Bundle::segments`). Each segment is a blob, named
//! by the SHA-256 of its content, so releases that have a component in common share its blob.
//! `edge_bundle_blob` lists the blobs of a bundle in order. `edge_blob` says which upload has a
//! blob's content, and `edge_blob_part` holds the parts of that upload. An upload is complete
//! before a row refers to it and is never changed, so nodes that upload the same blob concurrently
//! do not interfere.
//!
//! A blob is garbage-collected once no bundle lists it and an hour has passed since the last bundle
//! with it was stored ([`gc`](super::gc)). A node that stores a bundle renews that time in the
//! transaction that lists the blobs: either the collection waits for the transaction and finds the
//! blob in use, or the transaction finds the blob deleted and the node uploads it again.

use std::collections::BTreeMap;

use bundle::{Bundle, Digest};
use bytes::Bytes;
use stores::sql::Value;

use crate::rollout::control::transaction::Transaction;
use crate::rollout::control::{Control, ControlError, Result, text};

/// Size of one part, in bytes. With its statement, a part is smaller than the smallest packet size
/// that a server can be configured to accept. Earlier versions wrote parts of 1 MiB.
pub(super) const PART: usize = 256 << 10;

/// Number of parts that one statement reads.
const PARTS_AT_ONCE: i64 = 4;

const BLOBS: &str = "SELECT s.blob_digest, b.upload, COALESCE(b.parts, 0) FROM edge_bundle_blob s \
    LEFT JOIN edge_blob b ON b.digest = s.blob_digest WHERE s.bundle = ? ORDER BY s.position";
const COUNT_BLOBS: &str = "SELECT COUNT(*) FROM edge_bundle_blob WHERE bundle = ?";
const FIND: &str = "SELECT upload, parts FROM edge_blob WHERE digest = ?";
const READ_PARTS: &str = "SELECT content FROM edge_blob_part \
    WHERE upload = ? AND part >= ? AND part < ? ORDER BY part";
const ADD_PART: &str =
    "INSERT INTO edge_blob_part (upload, part, written_at, content) VALUES (?, ?, {now}, ?)";
const ADD: &str = "INSERT INTO edge_blob (upload, parts, digest, used_at) VALUES (?, ?, ?, {now})";
const REPLACE: &str =
    "UPDATE edge_blob SET upload = ?, parts = ?, used_at = {now} WHERE digest = ? AND upload = ?";
const USE: &str = "UPDATE edge_blob SET used_at = {now} WHERE digest = ?";
const LIST: &str = "INSERT INTO edge_bundle_blob (bundle, position, blob_digest) VALUES (?, ?, ?)";
const UNLIST: &str = "DELETE FROM edge_bundle_blob WHERE bundle = ?";
pub(super) const DROP_UPLOAD: &str = "DELETE FROM edge_blob_part WHERE upload = ?";

/// The upload that holds a blob's content.
struct Upload {
    name: String,
    parts: i64,
}

/// The blobs of a bundle: their digests in order, and the content of each once.
pub(super) struct Blobs {
    order: Vec<Digest>,
    contents: BTreeMap<Digest, Bytes>,
}

impl Blobs {
    pub(super) fn new(bundle: &Bundle) -> Self {
        let segments = bundle.segments();
        let order: Vec<_> = segments.iter().map(|it| Digest::of(it)).collect();
        let contents = order.iter().copied().zip(segments).collect();
        Self { order, contents }
    }
}

impl Control {
    /// Returns the archive of a bundle that is stored as blobs; `None` if the bundle lists no
    /// blobs.
    pub(super) async fn read_blobs(&self, bundle: Digest) -> Result<Option<Vec<u8>>> {
        let rows = self.query(BLOBS, vec![text(bundle)]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut archive = Vec::new();
        for mut row in rows {
            let blob: Digest = row.parsed()?;
            let upload = row.optional::<String>()?.zip(Some(row.integer()?));
            let content = match upload {
                Some((name, parts)) => self.read_upload(&Upload { name, parts }).await?,
                None => None,
            };
            let content = content.ok_or_else(|| ControlError::Bundle {
                digest: bundle,
                why: format!("lacks the blob {} in the control database", blob.short()),
            })?;
            archive.extend(content);
        }
        Ok(Some(archive))
    }

    /// Returns the content of an upload; `None` if a part of it is missing.
    async fn read_upload(&self, upload: &Upload) -> Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        let mut read = 0;
        while read < upload.parts {
            let end = read + PARTS_AT_ONCE;
            let range = [read, end].map(Value::Integer);
            let values = std::iter::once(text(&upload.name)).chain(range);
            let rows = self.query(READ_PARTS, values.collect()).await?;
            for mut row in rows {
                content.extend(row.bytes()?);
                read += 1;
            }
            if read < end.min(upload.parts) {
                return Ok(None);
            }
        }
        Ok(Some(content))
    }

    /// Returns whether the bundle is stored as blobs.
    pub(super) async fn is_in_blobs(&self, bundle: Digest) -> Result<bool> {
        let rows = self.query(COUNT_BLOBS, vec![text(bundle)]).await?;
        let count = rows.into_iter().next().map(|mut row| row.integer());
        Ok(count.transpose()?.unwrap_or(0) > 0)
    }

    /// Uploads the blobs that are missing or whose stored content differs.
    pub(super) async fn upload_blobs(&self, blobs: &Blobs) -> Result<()> {
        for (digest, content) in &blobs.contents {
            self.upload_blob(*digest, content).await?;
        }
        Ok(())
    }

    async fn upload_blob(&self, digest: Digest, content: &Bytes) -> Result<()> {
        let known = self.find_upload(digest).await?;
        if let Some(known) = &known {
            let kept = self.read_upload(known).await?;
            if kept.is_some_and(|kept| kept == *content) {
                return Ok(());
            }
        }
        let upload = self.upload(content).await?;
        let mut values = vec![
            text(&upload.name),
            Value::Integer(upload.parts),
            text(digest),
        ];
        let (is_taken, superfluous) = match known {
            None => (self.try_execute(ADD, values).await?.is_some(), None),
            Some(known) => {
                values.push(text(&known.name));
                let replaced = self.execute(REPLACE, values).await?.rows_affected == 1;
                (replaced, Some(known))
            }
        };
        // Another node was first to upload the same content.
        let superfluous = match is_taken {
            true => superfluous,
            false => Some(upload),
        };
        if let Some(superfluous) = superfluous {
            self.execute(DROP_UPLOAD, vec![text(superfluous.name)])
                .await?;
        }
        Ok(())
    }

    async fn find_upload(&self, digest: Digest) -> Result<Option<Upload>> {
        let rows = self.query(FIND, vec![text(digest)]).await?;
        let Some(mut row) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(Upload {
            name: row.text()?,
            parts: row.integer()?,
        }))
    }

    async fn upload(&self, content: &Bytes) -> Result<Upload> {
        let mut upload = Upload {
            name: hex::encode(rand::random::<[u8; 16]>()),
            parts: 0,
        };
        for part in content.chunks(PART) {
            let values = vec![
                text(&upload.name),
                Value::Integer(upload.parts),
                Value::Blob(part.to_vec()),
            ];
            self.execute(ADD_PART, values).await?;
            upload.parts += 1;
        }
        Ok(upload)
    }
}

/// Lists the uploaded blobs of a bundle and renews their time of use. Returns `false` if one of
/// them was deleted meanwhile.
pub(super) async fn list(
    transaction: &mut Transaction<'_>,
    bundle: Digest,
    blobs: &Blobs,
) -> Result<bool> {
    // The order by digest prevents deadlocks between transactions that store bundles concurrently.
    for digest in blobs.contents.keys() {
        let used = transaction.execute(USE, vec![text(digest)]).await?;
        if used.rows_affected == 0 {
            return Ok(false);
        }
    }
    for (position, digest) in (0..).zip(&blobs.order) {
        let values = vec![text(bundle), Value::Integer(position), text(digest)];
        transaction.execute(LIST, values).await?;
    }
    Ok(true)
}

/// Deletes the list of a bundle's blobs.
pub(super) async fn unlist(transaction: &mut Transaction<'_>, bundle: Digest) -> Result<()> {
    let values = vec![text(bundle)];
    transaction.execute(UNLIST, values).await.map(|_| ())
}
