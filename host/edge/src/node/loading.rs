//! Loading of the plugins that the settings and the release log ask for, without serving them.

use std::sync::Arc;
use std::time::Duration;

use bundle::TrustedKeys;
use futures_util::future::join_all;

use super::StartError;
use super::deploying::{OnUnanswered, begin, check_tables, defer, defer_unreadable, deploy};
use crate::config::{Settings, secrets};
use crate::ingress::Server;
use crate::rollout::control::Control;
use crate::rollout::{
    Activator, AllDesired, Backends, BackendsError, Deferred, Desired, KeyRings, Keys, LoadError,
    Loader, Migrator, Release, Scheduler, SeedError, ServingState, Source, runtime_for, token_keys,
};
use crate::runtime::Runtime;
use crate::runtime::engine::artifacts::Artifacts;
use crate::telemetry::NodeWarnings;
use crate::telemetry::traces::Traces;

/// First pause before a control database that did not answer is tried again. Pauses grow up to
/// [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Time limit for running periodic work to finish when the node stops.
const TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for the databases to close their connections: one that hangs must not keep a node
/// from exiting.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Plugins that are ready but not yet served.
pub struct Loaded {
    pub(super) settings: Arc<Settings>,
    pub(super) services: Arc<Backends>,
    pub(super) control: Arc<Control>,
    pub(super) activator: Arc<Activator>,
    pub(super) live: Arc<ServingState>,
    pub(super) desired: Vec<Desired>,
    /// Plugins that could not be prepared, or not with their canary.
    pub(super) deferred: Vec<Deferred>,
    /// Keys of the node; `None` for a command.
    pub(super) keys: Option<Arc<Keys>>,
    // Keeping the runtime also keeps the epochs of its engines advancing.
    pub(super) runtime: Arc<Runtime>,
    pub(super) warnings: Arc<NodeWarnings>,
    /// Id of the node, for as long as it runs.
    pub(super) node: String,
}

/// Loads the plugins of `settings` once the control database answers. While it does not, the node's
/// ports answer probes.
pub(super) async fn load_once_possible(
    settings: &Settings,
    server: Server,
    warnings: &Arc<NodeWarnings>,
) -> Result<(Server, Loaded), StartError> {
    let first = load_or(settings, Role::Node, OnUnanswered::Defer, warnings).await;
    let Err(error) = first else {
        return Ok((server, first?));
    };
    if !error.is_transient() {
        return Err(error);
    }
    tracing::error!("nothing is served yet: {error}; the node waits and tries again");
    let loading = Box::pin(load_again(settings, warnings));
    let (server, loaded) = server.answer_probes_during(loading).await?;
    tracing::info!("the control database answers");
    Ok((server, loaded?))
}

async fn load_again(
    settings: &Settings,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        match load_or(settings, Role::Node, OnUnanswered::Defer, warnings).await {
            Err(error) if error.is_transient() => tracing::warn!("still waiting: {error}"),
            loaded => return loaded,
        }
    }
}

/// Purpose for which a process loads plugins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A node that is going to serve, whose keys must match those of the other nodes.
    Node,
    /// A command, which signs nothing.
    Command,
}

/// Returns the fingerprints of the keys that a node with these settings has.
///
/// # Errors
/// When the secret cannot be read, or a key is malformed.
pub fn key_rings(settings: &Settings) -> Result<KeyRings, BackendsError> {
    let master = settings.master_secret()?;
    let tokens = token_keys(settings, &master)?.ring();
    let secret = master.ring();
    Ok(KeyRings { secret, tokens })
}

/// Loads every plugin of `settings` without serving them.
///
/// # Errors
/// As [`Node::start`](crate::node::Node::start), and when a store of any plugin does not answer.
pub async fn load(settings: &Settings) -> Result<Loaded, StartError> {
    load_or(settings, Role::Command, OnUnanswered::Fail, &Arc::default()).await
}

async fn load_or(
    settings: &Settings,
    role: Role,
    on_unanswered: OnUnanswered,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    make_data_folder(settings, warnings);
    let folders: Result<Vec<_>, LoadError> = settings
        .plugins
        .iter()
        .map(|folder| Ok((folder.clone(), Source::read(folder)?)))
        .collect();
    let folders = folders?;
    let keys: Result<_, _> = settings
        .trusted_keys
        .iter()
        .map(|key| key.parse())
        .collect();
    let trusted = TrustedKeys(keys?);
    let settings = Arc::new(settings.clone());
    let services = Arc::new(Backends::open(&settings).await?);
    let control = Control::open(
        services.databases(),
        &settings.control_url,
        services.clock().clone(),
    );
    let control = control.await?;
    let control = Arc::new(control.forgetting_nodes_after(settings.forget_after.node));
    // Keys are compared before anything is changed in the shop's databases.
    let keys = match role {
        Role::Node => Some(Arc::new(Keys::join(key_rings(&settings)?, &control).await?)),
        Role::Command => None,
    };
    let AllDesired {
        desired,
        unreadable,
    } = Desired::of(&control, &settings.region, folders, &trusted).await?;
    let mut deferred = Vec::new();
    for plugin in unreadable {
        match on_unanswered {
            OnUnanswered::Fail => return Err(plugin.error.into()),
            OnUnanswered::Defer => deferred.push(defer_unreadable(plugin)),
        }
    }

    let sources = desired.iter().flat_map(Desired::sources);
    let runtime = Arc::new(runtime_for(sources, settings.spare_instances)?);
    let artifacts = Arc::new(Artifacts::new(&settings.data_dir, warnings.clone()));
    let loader = Arc::new(Loader::new(
        settings.clone(),
        runtime.clone(),
        artifacts,
        services.clone(),
    ));
    let node = format!("{:08x}", rand::random::<u32>());
    let migrator = Migrator::new(
        control.clone(),
        loader.clone(),
        node.clone(),
        settings.region.clone(),
        trusted.clone(),
    );
    let live = Arc::new(ServingState::new(runtime.directory().clone()));
    let mut ready = Vec::new();
    check_tables(&settings, &desired).await?;
    for plugin in &desired {
        match deploy(&loader, &migrator, plugin).await {
            Ok((deployed, without_canary)) => {
                ready.push((plugin, deployed));
                deferred.extend(without_canary);
            }
            Err(error) if on_unanswered.defers(plugin, &error) => {
                deferred.push(defer(plugin, &error));
            }
            Err(error) => return Err(error),
        }
    }
    let is_whole = deferred.is_empty();
    deferred.extend(begin(&live, ready, is_whole, on_unanswered).await?);
    let activator = Activator::new(
        control.clone(),
        loader,
        migrator,
        settings.activation_timeout,
        trusted,
        settings.seed,
        live.clone(),
    );
    Ok(Loaded {
        settings,
        services,
        control,
        activator: Arc::new(activator),
        live,
        desired,
        deferred,
        keys,
        runtime,
        warnings: warnings.clone(),
        node,
    })
}

/// Creates the data folder. A node whose stores and secrets are elsewhere can do without it, so a
/// failure is only a warning: code that needs a file in it reports an error of its own.
fn make_data_folder(settings: &Settings, warnings: &NodeWarnings) {
    if let Err(error) = secrets::make_folder(&settings.data_dir) {
        let text = format!("the data folder cannot be made: {error}");
        warnings.raise("data-folder", text);
    }
}

impl Loaded {
    /// Returns the releases that are ready.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.live.releases()
    }

    /// Writes the plugins that came from folders into the release log.
    pub(super) async fn adopt(&mut self) -> Result<(), StartError> {
        for desired in self
            .desired
            .iter()
            .filter(|desired| desired.folder.is_some())
        {
            let revision = desired.adopt(&self.control, &self.settings.region).await?;
            let mut deferred = self.deferred.iter_mut();
            if let Some(deferred) = deferred.find(|one| one.plugin == desired.plugin()) {
                deferred.revision = revision;
            }
            self.live.change(|plugins| {
                if let Some(plugin) = plugins.get_mut(desired.plugin()) {
                    *plugin = Arc::new(plugin.at_revision(revision));
                }
            })?;
        }
        Ok(())
    }

    /// Fills the empty tables of every plugin. For a plugin that is new to the shop, a failure is
    /// an error; for one that served before, it is a warning.
    pub(super) async fn fill_empty_tables(&self) -> Result<(), SeedError> {
        let is_new = |plugin: &str| {
            let mut folders = self.desired.iter().filter(|it| it.folder.is_some());
            folders.any(|it| it.plugin() == plugin)
        };
        let mut failures = Vec::new();
        for release in self.releases() {
            if release.plugin.exports().can_seed {
                let report = |done, total| log_progress(&release, done, total);
                match release.seed(None, report).await {
                    Err(error) if is_new(&release.manifest.name) => return Err(error),
                    Err(error) => failures.push(error.to_string()),
                    Ok(_) => {}
                }
            }
        }
        if !failures.is_empty() {
            let failures = failures.join("; ");
            let text = format!("tables may lack their starter data: {failures}");
            self.warnings.raise("starter-data", text);
        }
        Ok(())
    }

    pub(super) fn begin_periodic_work(&self, traces: Option<Arc<Traces>>) {
        let scheduler = Scheduler::new(self.settings.clone(), self.services.clone(), traces);
        self.live.begin_periodic_work(scheduler);
    }

    /// Finishes periodic work, and closes the databases.
    pub(super) async fn close(self, node: &str) {
        self.live.end_periodic_work(TASK_TIMEOUT).await;
        let releases = self.releases();
        let closing = async {
            if let Err(error) = self.control.leave(node).await {
                tracing::debug!("this node could not say that it ends: {error}");
            }
            let databases = releases
                .iter()
                .filter_map(|release| release.database.as_ref());
            join_all(databases.map(|database| database.close())).await;
            self.control.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("a database does not let go of its connections; leaving them");
        }
    }
}

fn log_progress(release: &Release, done: u64, total: u64) {
    if total > 0 {
        tracing::info!(
            plugin = release.manifest.name,
            done,
            total,
            "filling tables"
        );
    }
}
