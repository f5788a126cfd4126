//! Packing of a plugin's folder into a bundle.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::files::{MANIFEST, OPENAPI};
use super::{Bundle, BundleError, Parts};
use crate::manifest::Manifest;
use crate::migrations::{Migration, Migrations};

const MIGRATIONS: &str = "migrations";

/// Reads the manifest and the OpenAPI document in `folder`, for which the component need not be
/// built.
///
/// # Errors
/// Returns an error that names the file that is missing or invalid.
pub fn describe(folder: &Path) -> Result<(Manifest, Option<String>), BundleError> {
    let (_, _, manifest) = read_manifest(folder)?;
    Ok((manifest, optional(&folder.join(OPENAPI))?))
}

impl Bundle {
    /// Packs the plugin in `folder`.
    ///
    /// # Errors
    /// Returns an error that names the file that is missing or invalid.
    pub fn pack(folder: &Path) -> Result<Self, BundleError> {
        let (file, text, manifest) = read_manifest(folder)?;
        let path = folder.join(&manifest.component);
        let component = path.display().to_string();
        let wasm = fs::read(&path).map_err(|source| BundleError::Component {
            plugin: manifest.name,
            path,
            source,
        })?;
        let parts = Parts {
            manifest: text,
            wasm: wasm.into(),
            openapi: optional(&folder.join(OPENAPI))?,
            migrations: migrations(&folder.join(MIGRATIONS))?,
        };
        parts.into_bundle(&file, component)
    }
}

/// Reads the manifest in `folder`, and returns its path, its text and the parsed manifest.
fn read_manifest(folder: &Path) -> Result<(String, String, Manifest), BundleError> {
    let path = folder.join(MANIFEST);
    let file = path.display().to_string();
    let read = fs::read_to_string(&path).map_err(Into::into);
    let parsed = read.and_then(|text| Manifest::parse(&text).map(|manifest| (text, manifest)));
    match parsed {
        Ok((text, manifest)) => Ok((file, text, manifest)),
        Err(source) => Err(BundleError::Manifest { file, source }),
    }
}

fn optional(path: &Path) -> Result<Option<String>, BundleError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BundleError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn migrations(folder: &Path) -> Result<Migrations, BundleError> {
    let mut migrations = Migrations::default();
    for (dialect, files) in migrations.by_dialect_mut() {
        *files = files_of(&folder.join(dialect))?;
    }
    Ok(migrations)
}

/// Returns the migrations in `folder`, sorted by name. Other files beside them, such as notes, are
/// left out.
fn files_of(folder: &Path) -> Result<Vec<Migration>, BundleError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| BundleError::File { path, source }
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(at(folder)(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !Migration::is_name(&name) {
            continue;
        }
        let sql = fs::read_to_string(entry.path()).map_err(at(&entry.path()))?;
        files.extend(Migration::new(&name, sql));
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}
