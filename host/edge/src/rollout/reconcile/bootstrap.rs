//! Determines the releases that a node serves when it starts, from the release
//! log and from plugin folders that the log does not know yet.
//!
//! If a plugin has no entry for the region, its folder becomes the first one.
//! On a single node, whose control database is a file, a folder with a release
//! that has never served is taken too: whoever builds and restarts expects
//! that. If nodes share the log, only a deployment changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bundle::{Digest, SignatureError, TrustedKeys};

use crate::rollout::control::log::{DesiredState, Entry, NewEntry};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::prepare::load_error::LoadError;
use crate::rollout::prepare::source::Source;

/// Author of log entries that come from folders.
const AUTHOR: &str = "folder";

/// Desired state of one plugin when a node starts.
pub struct Desired {
    /// Releases that the region is to serve.
    pub state: DesiredState,
    /// Bundle of the active release.
    pub active: Source,
    /// Bundle of the canary, or the reason why it cannot be read, which does
    /// not keep the active release from serving.
    pub canary: Option<Result<Source, String>>,
    /// Revision of the log that asks for these releases, or, for a new folder,
    /// the revision that its entry is to follow.
    pub revision: i64,
    /// Time at which the entry was written, by the control database's clock;
    /// `i64::MAX` if there is none.
    pub written_at: i64,
    /// Folder that the release came from, if the log has no entry for it yet.
    pub folder: Option<PathBuf>,
}

/// Desired state of all plugins when a node starts.
pub struct AllDesired {
    /// Plugins whose active release can be read.
    pub desired: Vec<Desired>,
    /// Plugins whose active release cannot be read, which does not keep the
    /// others from serving.
    pub unreadable: Vec<Unreadable>,
}

/// Plugin that the log asks for and whose active release cannot be read.
pub struct Unreadable {
    /// Name of the plugin.
    pub plugin: String,
    /// Revision of the log that asks for the release.
    pub revision: i64,
    /// Cause of the failure.
    pub error: AdoptError,
}

/// Error when the desired state of a node cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The control database cannot be read or written.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A release cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Two folders hold the same plugin.
    #[error("the plugin {plugin} is in {} and in {}", one.display(), other.display())]
    Twice {
        /// Name of the plugin.
        plugin: String,
        /// First folder with the plugin.
        one: PathBuf,
        /// Second folder with the plugin.
        other: PathBuf,
    },
    /// The log names a release of another plugin.
    #[error("the release {digest} is of the plugin {found}, not of {expected}")]
    OtherPlugin {
        /// Digest of the release.
        digest: Digest,
        /// Plugin to which the release belongs.
        found: String,
        /// Plugin for which the log names the release.
        expected: String,
    },
    /// No trusted key signed a release.
    #[error("plugin {plugin}: {source}")]
    Signature {
        /// Name of the plugin.
        plugin: String,
        /// Reason why the signature is refused.
        source: SignatureError,
    },
}

impl AdoptError {
    /// Returns whether the control database did not answer, so that a retry may
    /// succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Control(error) if error.is_transient())
    }
}

/// Path of a plugin's folder, and the bundle read from it.
pub type Folder = (PathBuf, Source);

impl Desired {
    /// Returns the desired state of a node of `region` with these folders.
    ///
    /// # Errors
    /// When two folders hold the same plugin, a new folder's release is not
    /// signed by a trusted key, or the control database does not answer.
    pub async fn of(
        control: &Control,
        region: &str,
        folders: Vec<Folder>,
        trusted: &TrustedKeys,
    ) -> Result<AllDesired, AdoptError> {
        check_names(&folders)?;
        let mut entries = control.desired_in(region).await?;
        let (mut desired, mut logged) = (Vec::new(), Vec::new());
        for (folder, source) in folders {
            let entry = entries.remove(&source.bundle.manifest.name);
            match entry {
                Some(entry) if !is_changed(control, &entry, source.bundle.digest()).await? => {
                    logged.push((entry, Some(source)));
                }
                entry => desired.push(Self::from_folder(folder, source, entry, trusted)?),
            }
        }
        logged.extend(entries.into_values().map(|entry| (entry, None)));
        let mut unreadable = Vec::new();
        for (entry, source) in logged {
            let reader = EntryReader {
                control,
                trusted,
                entry: &entry,
                folder: source,
            };
            match Self::from_log(reader).await {
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

    /// Returns the desired state of a plugin whose folder holds a new release,
    /// which is to follow `entry`.
    fn from_folder(
        folder: PathBuf,
        source: Source,
        entry: Option<Entry>,
        trusted: &TrustedKeys,
    ) -> Result<Self, AdoptError> {
        let digest = source.bundle.digest();
        check_signature(trusted, &source.bundle.manifest.name, digest, "")?;
        Ok(Self {
            state: DesiredState::only(Some(digest)),
            active: source,
            canary: None,
            revision: entry.as_ref().map_or(0, |entry| entry.revision),
            written_at: entry.map_or(i64::MAX, |entry| entry.written_at),
            folder: Some(folder),
        })
    }

    /// Returns the desired state that an entry of the log asks for; `None` if
    /// it removed the plugin.
    async fn from_log(mut reader: EntryReader<'_>) -> Result<Option<Self>, AdoptError> {
        let entry = reader.entry;
        let Some(active) = entry.desired.active else {
            return Ok(None);
        };
        let active = reader.read(active).await?;
        let canary = match &entry.desired.canary {
            Some(canary) => match reader.read(canary.digest).await {
                Err(error) if error.is_transient() => return Err(error),
                found => Some(found.map_err(|error| error.to_string())),
            },
            None => None,
        };
        Ok(Some(Self {
            state: entry.desired.clone(),
            active,
            canary,
            revision: entry.revision,
            written_at: entry.written_at,
            folder: None,
        }))
    }

    /// Returns the name of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.active.bundle.manifest.name
    }

    /// Returns the bundles of the active release and, if it can be read, of the
    /// canary.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let canary = self.canary.iter().flatten();
        std::iter::once(&self.active).chain(canary)
    }

    /// Writes an entry for a release that came from a folder into the log,
    /// after it was found to serve. Returns the revision of the log that this
    /// node serves, or 0 if another node wrote a different entry first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn adopt(&self, control: &Control, region: &str) -> Result<i64, ControlError> {
        let Some(folder) = &self.folder else {
            return Ok(self.revision);
        };
        control.add_bundle(&self.active.bundle, "", AUTHOR).await?;
        let entry = NewEntry {
            region,
            plugin: self.plugin(),
            after: self.revision,
            desired: self.state.clone(),
            rollout: "",
            author: AUTHOR,
            reason: &format!("found in {}", folder.display()),
        };
        if control.append(entry).await? {
            return Ok(self.revision + 1);
        }
        let entries = control.desired_in(region).await?;
        let same = entries
            .get(self.plugin())
            .filter(|entry| entry.desired == self.state);
        Ok(same.map_or(0, |entry| entry.revision))
    }
}

/// Reader of the bundles that one entry of the log names.
struct EntryReader<'a> {
    control: &'a Control,
    trusted: &'a TrustedKeys,
    entry: &'a Entry,
    /// Bundle of the plugin's folder, which need not be read again.
    folder: Option<Source>,
}

impl EntryReader<'_> {
    /// Returns a bundle, after checking that it is signed by a trusted key and
    /// belongs to the entry's plugin.
    async fn read(&mut self, digest: Digest) -> Result<Source, AdoptError> {
        let plugin = &self.entry.plugin;
        let record = self.control.bundle_record(digest).await?;
        let signature = record.map(|record| record.signature).unwrap_or_default();
        check_signature(self.trusted, plugin, digest, &signature)?;
        let is_this = |source: &mut Source| source.bundle.digest() == digest;
        let source = match self.folder.take_if(is_this) {
            Some(source) => source,
            None => Source::of(self.control.bundle(digest).await?.0)?,
        };
        match &source.bundle.manifest.name {
            name if name == plugin => Ok(source),
            name => Err(AdoptError::OtherPlugin {
                digest,
                found: name.clone(),
                expected: plugin.clone(),
            }),
        }
    }
}

fn check_signature(
    trusted: &TrustedKeys,
    plugin: &str,
    digest: Digest,
    signature: &str,
) -> Result<(), AdoptError> {
    let checked = trusted.check(plugin, digest, signature);
    checked.map_err(|source| AdoptError::Signature {
        plugin: plugin.to_owned(),
        source,
    })
}

/// Checks that no two folders hold the same plugin, so that one does not
/// silently replace the other.
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

/// Returns whether a folder's release, with this digest, replaces the active
/// release of `entry`; logs a warning if it differs and does not.
async fn is_changed(
    control: &Control,
    entry: &Entry,
    digest: Digest,
) -> Result<bool, ControlError> {
    if entry.desired.active == Some(digest) {
        return Ok(false);
    }
    if !control.is_shared() && !control.has_served(&entry.plugin, digest).await? {
        return Ok(true);
    }
    tracing::warn!(
        plugin = entry.plugin,
        active = entry.desired.active.map(|digest| digest.short()),
        folder = %digest.short(),
        "the plugin's folder holds another release than the one that is active in this region; \
         `edge deploy` makes it serve"
    );
    Ok(false)
}
