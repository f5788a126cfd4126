//! Preparing and activating the plugins of a node at start. A plugin that the release log asks for
//! and that cannot be served now does not stop the others.

use std::sync::Arc;

use stores::sql::Obstacles;

use super::error::StartError;
use super::role::Role;
use crate::config::Settings;
use crate::rollout::control::log::DesiredState;
use crate::rollout::{
    ActivePlugin, Canary, Deferred, Desired, Loader, Migrator, Release, ServingState, Source,
    Unreadable, check_adoption,
};

/// Returns whether a store did not answer or refused the plugin, so that the node tries again soon.
fn is_about_store(error: &StartError) -> bool {
    match error {
        StartError::Load(error) => error.is_transient() || error.is_about_database(),
        StartError::Migrate(error) => error.is_transient(),
        StartError::Schema(_) => true,
        _ => false,
    }
}

/// Compares existing tables with the migrations of all plugins that are new to the log, before the
/// first of them is migrated.
///
/// # Errors
/// When a table prevents a migration. Other faults of a plugin are reported when it is loaded.
pub(super) async fn check_tables(
    settings: &Settings,
    desired: &[Desired],
) -> Result<(), StartError> {
    let mut obstacles = Vec::new();
    for plugin in desired.iter().filter(|plugin| plugin.folder.is_some()) {
        let bundle = std::slice::from_ref(&plugin.active.bundle);
        let Ok(checked) = check_adoption(settings, bundle).await else {
            continue;
        };
        let found = checked.iter().flat_map(|one| one.report.obstacles());
        obstacles.extend(found.cloned());
    }
    match obstacles.is_empty() {
        true => Ok(()),
        false => Err(Obstacles(obstacles).into()),
    }
}

/// Prepares the active release of a plugin and its canary. If the canary fails, the active release
/// is served alone, with revision 0, since no revision of the log asks for that.
pub(super) async fn deploy(
    loader: &Loader,
    migrator: &Arc<Migrator>,
    desired: &Desired,
) -> Result<(ActivePlugin, Option<Deferred>), StartError> {
    let active = ready(loader, migrator, &desired.active).await?;
    let (revision, state) = (desired.revision, desired.state.clone());
    let Some((source, canary)) = desired.canary.as_ref().zip(state.canary.as_ref()) else {
        return Ok((ActivePlugin::new(revision, state, active, None), None));
    };
    let failure = match source {
        Err(error) => defer_canary(desired, error.clone(), false),
        Ok(source) => match ready(loader, migrator, source).await {
            Ok(release) => {
                let canary = Canary::new(release, canary.percent, &active, loader.thresholds());
                return Ok((
                    ActivePlugin::new(revision, state, active, Some(canary)),
                    None,
                ));
            }
            Err(error) => defer_canary(desired, error.to_string(), is_about_store(&error)),
        },
    };
    let state = DesiredState::only(state.active);
    Ok((ActivePlugin::new(0, state, active, None), Some(failure)))
}

/// Loads a release and brings its tables up to date.
async fn ready(
    loader: &Loader,
    migrator: &Arc<Migrator>,
    source: &Source,
) -> Result<Arc<Release>, StartError> {
    let release = Arc::new(loader.load(source).await?);
    migrator.ensure(&source.bundle, &migrator.author()).await?;
    release.read_schema().await?;
    Ok(release)
}

/// Activates the plugins that are ready. Plugins that are not compatible with the others are
/// deferred: earlier entries of the log take precedence.
pub(super) async fn begin(
    live: &ServingState,
    mut ready: Vec<(&Desired, ActivePlugin)>,
    is_whole: bool,
    role: Role,
) -> Result<Vec<Deferred>, StartError> {
    let is_new = |desired: &Desired| desired.folder.is_some();
    let from_folders = is_whole && ready.iter().all(|(desired, _)| is_new(desired));
    let named = |plugin: ActivePlugin| (plugin.name().to_owned(), Arc::new(plugin));
    if from_folders || role == Role::Command {
        let plugins = ready.into_iter().map(|(_, plugin)| named(plugin));
        live.begin(plugins.collect(), from_folders)?;
        return Ok(Vec::new());
    }
    ready.sort_by_key(|(desired, _)| (is_new(desired), desired.written_at));
    let mut deferred = Vec::new();
    for (desired, plugin) in ready {
        let (name, plugin) = named(plugin);
        let changed = live.change(|plugins| {
            plugins.insert(name, plugin.clone());
        });
        match changed {
            Ok(()) => {}
            Err(error) if is_new(desired) => return Err(error.into()),
            Err(error) => {
                deferred.push(defer(desired, &error.into()));
                close(&plugin).await;
            }
        }
    }
    Ok(deferred)
}

async fn close(plugin: &ActivePlugin) {
    for release in plugin.releases() {
        if let Some(database) = &release.database {
            database.close().await;
        }
    }
}

pub(super) fn defer(desired: &Desired, error: &StartError) -> Deferred {
    let plugin = desired.plugin();
    tracing::error!(plugin, "not served yet: {error}; the node tries again");
    Deferred {
        plugin: plugin.to_owned(),
        revision: desired.revision,
        routes: desired.active.bundle.manifest.routes.clone(),
        error: error.to_string(),
        transient: is_about_store(error),
    }
}

pub(super) fn defer_unreadable(unreadable: Unreadable) -> Deferred {
    let Unreadable {
        plugin,
        revision,
        error,
    } = unreadable;
    tracing::error!(plugin, "not served yet: {error}; the node tries again");
    Deferred {
        plugin,
        revision,
        // The routes are in the release, which cannot be read.
        routes: Vec::new(),
        error: error.to_string(),
        transient: false,
    }
}

fn defer_canary(desired: &Desired, error: String, transient: bool) -> Deferred {
    let plugin = desired.plugin();
    tracing::error!(
        plugin,
        "the active release serves without its canary: {error}; the node tries again"
    );
    Deferred {
        plugin: plugin.to_owned(),
        revision: desired.revision,
        routes: Vec::new(),
        error,
        transient,
    }
}
