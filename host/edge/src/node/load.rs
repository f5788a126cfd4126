//! Loading of the plugins that the settings and the release log ask for, without serving them.

use std::sync::Arc;

use bundle::TrustedKeys;

use super::deploying::{check_tables, defer_unreadable};
use super::error::StartError;
use super::loaded::Loaded;
use super::preparer::Preparer;
use super::role::Role;
use super::shared::Shared;
use crate::config::{Settings, secrets};
use crate::rollout::{AllDesired, Deferred, Desired, Folder, LoadError, Source, Unreadable};
use crate::telemetry::NodeWarnings;

/// Loads every plugin of `settings` without serving them.
///
/// # Errors
/// As [`Node::start`](crate::node::Node::start), and when a store of any plugin does not answer.
pub async fn load(settings: &Settings) -> Result<Loaded, StartError> {
    load_as(Role::Command, settings, &Arc::default()).await
}

/// Loads the plugins of `settings` that a process with this role needs, without serving them.
pub(super) async fn load_as(
    role: Role,
    settings: &Settings,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    make_data_folder(settings, warnings);
    let folders = read_folders(settings)?;
    let trusted = trusted_keys(settings)?;
    let shared = Shared::open(settings, role).await?;
    let all = Desired::of(&shared.control, &settings.region, folders, &trusted).await?;
    let AllDesired {
        desired,
        unreadable,
    } = all;
    let mut deferred = defer_all(unreadable, role)?;
    let preparer = Preparer::new(shared, &desired, trusted, warnings)?;
    check_tables(settings, &desired).await?;
    let is_whole = deferred.is_empty();
    deferred.extend(preparer.activate(&desired, role, is_whole).await?);
    Ok(preparer.into_loaded(desired, deferred, warnings.clone()))
}

/// Creates the data folder. A node whose stores and secrets are elsewhere can do without it, so a
/// failure is only a warning: code that needs a file in it reports an error of its own.
fn make_data_folder(settings: &Settings, warnings: &NodeWarnings) {
    if let Err(error) = secrets::make_folder(&settings.data_dir) {
        let text = format!("the data folder cannot be made: {error}");
        warnings.raise("data-folder", text);
    }
}

fn read_folders(settings: &Settings) -> Result<Vec<Folder>, LoadError> {
    let folders = settings.plugins.iter();
    folders
        .map(|folder| Ok((folder.clone(), Source::read(folder)?)))
        .collect()
}

fn trusted_keys(settings: &Settings) -> Result<TrustedKeys, bundle::KeyTextError> {
    let keys = settings.releases.trusted_keys.iter().map(|key| key.parse());
    keys.collect::<Result<_, _>>().map(TrustedKeys)
}

/// Defers plugins whose releases cannot be read, or fails if the process needs them.
fn defer_all(unreadable: Vec<Unreadable>, role: Role) -> Result<Vec<Deferred>, StartError> {
    let deferred = unreadable.into_iter().map(|plugin| match role {
        Role::Command => Err(plugin.error.into()),
        Role::Node => Ok(defer_unreadable(plugin)),
    });
    deferred.collect()
}
