//! What a node serves when it starts: what the release log says, and what its
//! plugin folders hold that the log does not know yet.
//!
//! Where a plugin has no entry for the region, its folder is the first. A
//! node alone (its control database is a file) also takes in a folder with a
//! release that has never served: who builds and starts again means that.
//! Where nodes share the log, nothing but a deployment changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::bundle::{Digest, SignatureError, TrustedKeys};
use super::control::log::{Entry, NewEntry, Wanted};
use super::control::{Control, ControlError};
use super::load::LoadError;
use super::source::Source;

/// The author of entries that come from folders.
const AUTHOR: &str = "folder";

/// What a node is to serve of one plugin when it starts.
pub struct Desired {
    /// What is to run.
    pub wanted: Wanted,
    /// The release that serves.
    pub active: Source,
    /// The release on trial.
    pub canary: Option<Source>,
    /// The log's revision that says so, or that this is to follow.
    pub revision: i64,
    /// The folder that it came from, if the log does not know it yet.
    pub folder: Option<PathBuf>,
}

/// It is not known what to serve.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The log cannot be read or written.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A release is broken.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Two folders hold the same plugin, and only one can serve.
    #[error("the plugin {plugin} is in {} and in {}", one.display(), other.display())]
    Twice {
        /// The plugin.
        plugin: String,
        /// A folder.
        one: PathBuf,
        /// Another.
        other: PathBuf,
    },
    /// The log asks for another plugin's release.
    #[error("the release {digest} is of the plugin {found}, not of {wanted}")]
    OtherPlugin {
        /// The release.
        digest: Digest,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Nobody vouches for a release.
    #[error("plugin {plugin}: {source}")]
    Signature {
        /// The plugin.
        plugin: String,
        /// What is missing.
        source: SignatureError,
    },
}

/// A plugin's folder and what was found in it.
pub type Folder = (PathBuf, Source);

impl Desired {
    /// What a node of `region` with these folders is to serve.
    ///
    /// # Errors
    /// When the log cannot be read, or a release in it is broken.
    pub async fn of(
        control: &Control,
        region: &str,
        folders: Vec<Folder>,
        trusted: &TrustedKeys,
    ) -> Result<Vec<Self>, AdoptError> {
        check_names(&folders)?;
        let mut entries = control.wanted_in(region).await?;
        let mut desired = Vec::new();
        for (folder, source) in folders {
            let plugin = source.bundle.manifest.name.clone();
            let entry = entries.remove(&plugin);
            let is_new = match &entry {
                None => true,
                Some(entry) => is_changed(control, entry, source.bundle.digest()).await?,
            };
            if is_new {
                trusted
                    .check(&plugin, source.bundle.digest(), "")
                    .map_err(|source| AdoptError::Signature { plugin, source })?;
                desired.push(Self {
                    wanted: Wanted::only(Some(source.bundle.digest())),
                    active: source,
                    canary: None,
                    revision: entry.map_or(0, |entry| entry.revision),
                    folder: Some(folder),
                });
            } else if let Some(entry) = entry {
                let known = BTreeMap::from([(source.bundle.digest(), source)]);
                desired.extend(Self::logged(control, &entry, known, trusted).await?);
            }
        }
        for entry in entries.values() {
            desired.extend(Self::logged(control, entry, BTreeMap::new(), trusted).await?);
        }
        Ok(desired)
    }

    async fn logged(
        control: &Control,
        entry: &Entry,
        mut known: BTreeMap<Digest, Source>,
        trusted: &TrustedKeys,
    ) -> Result<Option<Self>, AdoptError> {
        let mut source = async |digest: Digest| {
            let record = control.bundle_record(digest).await?;
            let signature = record.map(|record| record.signature);
            let plugin = &entry.plugin;
            let checked = trusted.check(plugin, digest, &signature.unwrap_or_default());
            checked.map_err(|source| AdoptError::Signature {
                plugin: entry.plugin.clone(),
                source,
            })?;
            let source = match known.remove(&digest) {
                Some(source) => source,
                None => Source::of(control.bundle(digest).await?.0)?,
            };
            match &source.bundle.manifest.name {
                name if *name == entry.plugin => Ok::<_, AdoptError>(source),
                name => Err(AdoptError::OtherPlugin {
                    digest,
                    found: name.clone(),
                    wanted: entry.plugin.clone(),
                }),
            }
        };
        let Some(active) = entry.wanted.active else {
            return Ok(None);
        };
        let active = source(active).await?;
        let canary = match &entry.wanted.canary {
            Some(canary) => Some(source(canary.digest).await?),
            None => None,
        };
        Ok(Some(Self {
            wanted: entry.wanted.clone(),
            active,
            canary,
            revision: entry.revision,
            folder: None,
        }))
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.active.bundle.manifest.name
    }

    /// The releases that it takes.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.active).chain(&self.canary)
    }

    /// Write what came from a folder into the log, now that it is known to
    /// serve. Returns the log's revision that this node serves; 0 if another
    /// node wrote first, and something else.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn adopt(&self, control: &Control, region: &str) -> Result<i64, ControlError> {
        let Some(folder) = &self.folder else {
            return Ok(self.revision);
        };
        control.add_bundle(&self.active.bundle, "", AUTHOR).await?;
        let entry = NewEntry {
            region,
            plugin: self.plugin(),
            after: self.revision,
            wanted: self.wanted.clone(),
            rollout: "",
            author: AUTHOR,
            reason: &format!("found in {}", folder.display()),
        };
        if control.append(entry).await? {
            return Ok(self.revision + 1);
        }
        let entries = control.wanted_in(region).await?;
        let same = entries
            .get(self.plugin())
            .filter(|entry| entry.wanted == self.wanted);
        Ok(same.map_or(0, |entry| entry.revision))
    }
}

/// A name is a plugin's alone: a second folder with it must not take the first
/// one's place unseen.
fn check_names(folders: &[Folder]) -> Result<(), AdoptError> {
    let mut known = BTreeMap::new();
    for (folder, source) in folders {
        let plugin = &source.bundle.manifest.name;
        if let Some(one) = known.insert(plugin, folder) {
            return Err(AdoptError::Twice {
                plugin: plugin.clone(),
                one: one.clone(),
                other: folder.clone(),
            });
        }
    }
    Ok(())
}

/// Whether a folder with this digest is to replace what `entry` says.
async fn is_changed(
    control: &Control,
    entry: &Entry,
    digest: Digest,
) -> Result<bool, ControlError> {
    if entry.wanted.active == Some(digest) {
        return Ok(false);
    }
    if !control.is_shared() && !control.has_served(&entry.plugin, digest).await? {
        return Ok(true);
    }
    tracing::warn!(
        plugin = entry.plugin,
        active = entry.wanted.active.map(|digest| digest.short()),
        folder = %digest.short(),
        "the plugin's folder holds another release than the one that is active in this region; \
         `edge deploy` makes it serve"
    );
    Ok(false)
}
