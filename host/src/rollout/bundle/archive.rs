//! The bundle as a tar archive.

use std::io::{self, Read};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};

use super::files::{COMPONENT, Files, MANIFEST, MIGRATIONS, OPENAPI};
use super::{Bundle, BundleError, Digest, LONGEST, Parts};
use crate::rollout::manifest::Manifest;
use crate::stores::sql::Migration;

/// Nobody's, readable by all.
const MODE: u32 = 0o644;

impl Bundle {
    /// Read a bundle, wherever it came from.
    ///
    /// # Errors
    /// When it is not what `edge bundle` writes, byte for byte, or its
    /// manifest is wrong.
    pub fn parse(archive: Bytes) -> Result<Self, BundleError> {
        if archive.len() > LONGEST {
            return Err(BundleError::TooLong(archive.len()));
        }
        let parts = read(&archive)?;
        let component = format!("of the bundle {}", Digest::of(&archive).short());
        let bundle = parts.into_bundle(MANIFEST, component)?;
        if bundle.archive == archive {
            Ok(bundle)
        } else {
            Err(BundleError::NotCanonical)
        }
    }
}

impl Parts {
    /// `manifest` and `component` name the two for messages.
    pub(super) fn into_bundle(
        self,
        manifest: &str,
        component: String,
    ) -> Result<Bundle, BundleError> {
        let file = manifest.to_owned();
        let parsed = Manifest::parse(&self.manifest);
        let manifest = parsed.map_err(|source| BundleError::Manifest { file, source })?;
        let archive = Bytes::from(self.write()?);
        if archive.len() > LONGEST {
            return Err(BundleError::TooLong(archive.len()));
        }
        Ok(Bundle {
            digest: Digest::of(&archive),
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
        // The archive is in memory and bounded, so its entries are.
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.add(&name, content.into())?;
    }
    files.into_parts()
}
