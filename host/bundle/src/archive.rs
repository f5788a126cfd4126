//! Reading and writing of bundles as tar archives.

use std::io::{self, Read};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};

use super::files::{COMPONENT, Files, MANIFEST, MIGRATIONS, OPENAPI};
use super::{Bundle, BundleError, Digest, LONGEST, Parts};
use crate::manifest::Manifest;
use crate::migrations::Migration;

/// File mode of all entries: readable by all, without an owner.
const MODE: u32 = 0o644;

/// Length of an entry's header in bytes; contents are padded to a multiple of it.
const BLOCK: usize = 512;

impl Bundle {
    /// Parses a bundle from an untrusted source.
    ///
    /// # Errors
    /// Returns an error if the archive is not byte for byte as `edge bundle` writes it, or if its
    /// manifest is invalid.
    pub fn parse(archive: Bytes) -> Result<Self, BundleError> {
        check_length(&archive)?;
        let digest = Digest::of(&archive);
        Self::read(digest, archive)
    }

    /// Parses the bundle whose digest has to be `named`.
    ///
    /// # Errors
    /// Returns [`BundleError::OtherDigest`] if the digest is another one, and the errors of
    /// [`parse`](Self::parse) otherwise.
    pub fn parse_named(named: Digest, archive: Bytes) -> Result<Self, BundleError> {
        check_length(&archive)?;
        let found = Digest::of(&archive);
        if found != named {
            return Err(BundleError::OtherDigest { named, found });
        }
        Self::read(named, archive)
    }

    /// Parses an archive whose digest is known.
    fn read(digest: Digest, archive: Bytes) -> Result<Self, BundleError> {
        let parts = read(&archive)?;
        let written = parts.write()?;
        let component = format!("of the bundle {}", digest.short());
        let bundle = parts.with_archive(MANIFEST, component, archive, digest)?;
        match bundle.archive == written {
            true => Ok(bundle),
            false => Err(BundleError::NotCanonical),
        }
    }

    /// Returns the archive split into segments: manifest, component, OpenAPI document if there is
    /// one, and the rest. Their concatenation is the archive. A file that is equal in two bundles
    /// makes equal segments.
    #[must_use]
    pub fn segments(&self) -> Vec<Bytes> {
        let openapi = self.openapi.as_ref().map(String::len);
        let lengths = [self.manifest_text.len(), self.wasm.len()];
        let mut rest = self.archive.clone();
        let mut segments = Vec::new();
        for length in lengths.into_iter().chain(openapi) {
            let entry = BLOCK + length.next_multiple_of(BLOCK);
            segments.push(rest.split_to(entry.min(rest.len())));
        }
        segments.push(rest);
        segments
    }
}

fn check_length(archive: &Bytes) -> Result<(), BundleError> {
    match archive.len() {
        0..=LONGEST => Ok(()),
        long => Err(BundleError::TooLong(long)),
    }
}

impl Parts {
    /// Packs the parts. `manifest` and `component` name these two files in messages.
    pub(super) fn into_bundle(
        self,
        manifest: &str,
        component: String,
    ) -> Result<Bundle, BundleError> {
        let archive = Bytes::from(self.write()?);
        check_length(&archive)?;
        let digest = Digest::of(&archive);
        self.with_archive(manifest, component, archive, digest)
    }

    /// Returns the bundle with an archive that was made already.
    fn with_archive(
        self,
        manifest: &str,
        component: String,
        archive: Bytes,
        digest: Digest,
    ) -> Result<Bundle, BundleError> {
        let file = manifest.to_owned();
        let parsed = Manifest::parse(&self.manifest);
        let manifest = parsed.map_err(|source| BundleError::Manifest { file, source })?;
        Ok(Bundle {
            digest,
            archive,
            manifest,
            manifest_text: self.manifest,
            component,
            wasm: self.wasm,
            openapi: self.openapi,
            migrations: self.migrations,
        })
    }

    fn write(&self) -> io::Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        append(&mut builder, MANIFEST, self.manifest.as_bytes())?;
        append(&mut builder, COMPONENT, &self.wasm)?;
        if let Some(openapi) = &self.openapi {
            append(&mut builder, OPENAPI, openapi.as_bytes())?;
        }
        for (dialect, migrations) in self.migrations.by_dialect() {
            for Migration { name, sql } in migrations {
                let name = format!("{MIGRATIONS}{dialect}/{name}");
                append(&mut builder, &name, sql.as_bytes())?;
            }
        }
        builder.into_inner()
    }
}

fn append(builder: &mut Builder<Vec<u8>>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(MODE);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, name, content)
}

fn read(archive: &[u8]) -> Result<Parts, BundleError> {
    let mut files = Files::default();
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        // The archive is in memory and its length bounded, so its entries are bounded too.
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.add(&name, content.into())?;
    }
    files.into_parts()
}
