//! What a node serves when it starts: what the release log says, and what its
//! plugin folders hold that the log does not know yet.
//!
//! Where a plugin has no entry for the region, its folder is the first. A
//! node alone (its control database is a file) also takes in a folder with a
//! release that has never served: who builds and starts again means that.
//! Where nodes share the log, nothing but a deployment changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bundle::{Digest, SignatureError, TrustedKeys};

use crate::rollout::control::log::{Entry, NewEntry, Wanted};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::prepare::load::LoadError;
use crate::rollout::prepare::source::Source;

/// The author of entries that come from folders.
const AUTHOR: &str = "folder";

/// What a node is to serve of one plugin when it starts.
pub struct Desired {
    /// What is to run.
    pub wanted: Wanted,
    /// The release that serves.
    pub active: Source,
    /// The release on trial, or why it cannot be had: that is no reason not to
    /// serve the active one.
    pub canary: Option<Result<Source, String>>,
    /// The log's revision that says so, or that this is to follow.
    pub revision: i64,
    /// When the log was told so, by its own clock.
    pub written_at: i64,
    /// The folder that it came from, if the log does not know it yet.
    pub folder: Option<PathBuf>,
}

/// What a node is to serve when it starts.
pub struct AllDesired {
    /// Plugins whose active release is at hand.
    pub desired: Vec<Desired>,
    /// Those whose release cannot be had, which are no reason to serve no others.
    pub unreadable: Vec<Unreadable>,
}

/// A plugin that the log asks for and whose active release cannot be had.
pub struct Unreadable {
    /// The plugin.
    pub plugin: String,
    /// The log's revision that asks for it.
    pub revision: i64,
    /// Why it cannot be had.
    pub error: AdoptError,
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

impl AdoptError {
    /// Whether the control database did not answer: the same attempt may well
    /// succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Control(error) if error.is_transient())
    }
}

/// A plugin's folder and what was found in it.
pub type Folder = (PathBuf, Source);

impl Desired {
    /// Returns what a node of `region` with these folders is to serve.
    ///
    /// # Errors
    /// When the log cannot be read, or a folder is not to be served.
    pub async fn of(
        control: &Control,
        region: &str,
        folders: Vec<Folder>,
        trusted: &TrustedKeys,
    ) -> Result<AllDesired, AdoptError> {
        check_names(&folders)?;
        let mut entries = control.wanted_in(region).await?;
        let mut logged = Vec::new();
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
                    revision: entry.as_ref().map_or(0, |entry| entry.revision),
                    written_at: entry.map_or(i64::MAX, |entry| entry.written_at),
                    folder: Some(folder),
                });
            } else if let Some(entry) = entry {
                let known = BTreeMap::from([(source.bundle.digest(), source)]);
                logged.push((entry, known));
            }
        }
        let others = entries.into_values();
        logged.extend(others.map(|entry| (entry, BTreeMap::new())));
        let mut unreadable = Vec::new();
        for (entry, known) in logged {
            match Self::logged(control, &entry, known, trusted).await {
                Ok(found) => desired.extend(found),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => unreadable.push(Unreadable {
                    plugin: entry.plugin,
                    revision: entry.revision,
                    error,
                }),
            }
        }
        Ok(AllDesired {
            desired,
            unreadable,
        })
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
            Some(canary) => match source(canary.digest).await {
                Err(error) if error.is_transient() => return Err(error),
                found => Some(found.map_err(|error| error.to_string())),
            },
            None => None,
        };
        Ok(Some(Self {
            wanted: entry.wanted.clone(),
            active,
            canary,
            revision: entry.revision,
            written_at: entry.written_at,
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
        let canary = self.canary.iter().flatten();
        std::iter::once(&self.active).chain(canary)
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
