//! Files of a bundle, by their names in it.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;

use super::{Bundle, BundleError, Parts};
use crate::migrations::{Migration, Migrations};

pub(super) const MANIFEST: &str = "plugin.toml";
pub(super) const COMPONENT: &str = "component.wasm";
pub(super) const OPENAPI: &str = "openapi.yaml";
pub(super) const MIGRATIONS: &str = "migrations/";

/// Files collected for a bundle.
#[derive(Default)]
pub(super) struct Files {
    manifest: Option<String>,
    wasm: Option<Bytes>,
    openapi: Option<String>,
    migrations: Migrations,
}

impl Files {
    /// Adds a file.
    ///
    /// # Errors
    /// Returns an error if no such file belongs in a bundle, if the bundle has it already, or if it
    /// is a text file that is not UTF-8.
    pub(super) fn add(&mut self, name: &str, content: Bytes) -> Result<(), BundleError> {
        let unknown = || BundleError::Unknown(name.to_owned());
        let is_fresh = match name {
            MANIFEST => self.manifest.replace(text(content)?).is_none(),
            COMPONENT => self.wasm.replace(content).is_none(),
            OPENAPI => self.openapi.replace(text(content)?).is_none(),
            _ => {
                let path = name.strip_prefix(MIGRATIONS).ok_or_else(unknown)?;
                let (dialect, file) = path.split_once('/').ok_or_else(unknown)?;
                let migrations = self.migrations.of_mut(dialect).ok_or_else(unknown)?;
                let migration = Migration::new(file, text(content)?).ok_or_else(unknown)?;
                migrations.push(migration);
                true
            }
        };
        is_fresh.then_some(()).ok_or_else(unknown)
    }

    /// Returns the bundle's parts, after all files were added.
    ///
    /// # Errors
    /// Returns an error if a required file is missing, or a migration was added twice.
    pub(super) fn into_parts(mut self) -> Result<Parts, BundleError> {
        for (_, migrations) in self.migrations.by_dialect_mut() {
            migrations.sort_by(|one, other| one.name.cmp(&other.name));
            let twice = migrations
                .windows(2)
                .find(|pair| matches!(pair, [a, b] if a.name == b.name));
            if let Some([migration, ..]) = twice {
                return Err(BundleError::Unknown(migration.name.clone()));
            }
        }
        Ok(Parts {
            manifest: self.manifest.ok_or(BundleError::Missing(MANIFEST))?,
            wasm: self.wasm.ok_or(BundleError::Missing(COMPONENT))?,
            openapi: self.openapi,
            migrations: self.migrations,
        })
    }
}

impl Bundle {
    /// Returns all files but the component; all of them are text.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let manifest = (MANIFEST.to_owned(), self.manifest_text.clone());
        let openapi = self.openapi.clone().map(|text| (OPENAPI.to_owned(), text));
        let migrations = self.migrations.by_dialect().into_iter();
        let migrations = migrations.flat_map(|(dialect, migrations)| {
            migrations.iter().map(move |Migration { name, sql }| {
                (format!("{MIGRATIONS}{dialect}/{name}"), sql.clone())
            })
        });
        std::iter::once(manifest)
            .chain(openapi)
            .chain(migrations)
            .collect()
    }
}

fn text(content: Bytes) -> io::Result<String> {
    String::from_utf8(content.into())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
