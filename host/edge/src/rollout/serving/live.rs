//! Active releases of a node, replaced as a whole by swapping one pointer: a
//! request keeps the release that it began with.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::active::Plugins;
use super::release::Release;
use super::routes::{RouteError, RouteTable};
use super::scheduler::Scheduler;
use crate::runtime::{Directory, MissingImports, Provider, ServiceError, check};

/// Interval at which a replaced release is polled for requests that are still
/// in flight.
const POLL: Duration = Duration::from_millis(20);

/// Immutable set of plugins that a node serves, with their routes.
#[derive(Default)]
pub struct Snapshot {
    /// Plugins that serve, by name.
    pub plugins: Plugins,
    /// Routes of the plugins.
    pub routes: RouteTable,
}

/// Error when plugins are incompatible with each other.
#[derive(Debug, thiserror::Error)]
pub enum IncompatibleError {
    /// Two plugins claim the same route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// An interface that a plugin imports has no exporter or two, has other types,
    /// or does not admit the plugin as a caller.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Pointer to the plugins that a node serves, with the tasks that follow its
/// changes.
pub struct ServingState {
    serving: ArcSwap<Snapshot>,
    /// Held while the pointer is replaced, so that changes run one after
    /// another.
    changing: Mutex<()>,
    directory: Arc<Directory>,
    scheduler: OnceLock<Scheduler>,
}

impl ServingState {
    /// Returns the state of a node that serves nothing yet.
    #[must_use]
    pub fn new(directory: Arc<Directory>) -> Self {
        Self {
            serving: ArcSwap::default(),
            changing: Mutex::new(()),
            directory,
            scheduler: OnceLock::new(),
        }
    }

    /// Returns the current snapshot. The guard must not be held across an
    /// await: clone from it what is needed.
    #[must_use]
    pub fn serving(&self) -> Guard<Arc<Snapshot>> {
        self.serving.load()
    }

    /// Returns the active release of every plugin, in the order of the plugins'
    /// names.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        let serving = self.serving.load();
        let plugins = serving.plugins.values();
        plugins.map(|plugin| plugin.active.clone()).collect()
    }

    /// Replaces the plugins with the first ones. If they came from folders,
    /// every interface that they import has to be exported by one of them; if
    /// they came from the release log, an exporter may be added later.
    ///
    /// # Errors
    /// As [`change`](Self::change), and when an import is missing among plugins
    /// from folders.
    pub fn begin(&self, plugins: Plugins, from_folders: bool) -> Result<(), IncompatibleError> {
        if from_folders {
            check(&providers(&plugins), MissingImports::Refused)?;
        }
        self.change(|serving| *serving = plugins)
    }

    /// Applies `change` to the plugins and swaps the pointer. Releases that no
    /// longer serve finish their requests in flight and are closed then.
    ///
    /// # Errors
    /// When the plugins are incompatible after the change. Nothing is changed
    /// then.
    pub fn change(&self, change: impl FnOnce(&mut Plugins)) -> Result<(), IncompatibleError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.serving.load_full();
        let mut plugins = old.plugins.clone();
        change(&mut plugins);
        let routes = RouteTable::new(&old.routes, plugins.values())?;
        let before = providers(&old.plugins);
        self.directory
            .publish(&providers(&plugins), MissingImports::Since(&before))?;
        routes.keep_counts();
        let new = Arc::new(Snapshot { plugins, routes });
        self.serving.store(new.clone());
        if let Some(scheduler) = self.scheduler.get() {
            scheduler.follow(&new.plugins);
        }
        Self::retire(&old, &new);
        Ok(())
    }

    /// Checks that the plugins would be compatible after `change`, without
    /// applying it.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub fn check_compatible(
        &self,
        change: impl FnOnce(&mut Plugins),
    ) -> Result<(), IncompatibleError> {
        let mut plugins = self.serving.load().plugins.clone();
        let before = providers(&plugins);
        change(&mut plugins);
        RouteTable::new(&RouteTable::default(), plugins.values())?;
        Ok(check(&providers(&plugins), MissingImports::Since(&before))?)
    }

    /// Starts the scheduled tasks of the active releases in `scheduler`, which
    /// follows later changes.
    pub fn begin_periodic_work(&self, scheduler: Scheduler) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let scheduler = self.scheduler.get_or_init(|| scheduler);
        scheduler.follow(&self.serving.load().plugins);
    }

    /// Starts no more scheduled tasks, and waits for those that run, up to
    /// `timeout`.
    pub async fn end_periodic_work(&self, timeout: Duration) {
        if let Some(scheduler) = self.scheduler.get() {
            scheduler.stop(timeout).await;
        }
    }

    fn retire(old: &Snapshot, new: &Snapshot) {
        let serves = |release: &Arc<Release>| {
            let mut serving = new.plugins.values().flat_map(|plugin| plugin.releases());
            serving.any(|other| Arc::ptr_eq(other, release))
        };
        let gone = old.plugins.values().flat_map(|plugin| plugin.releases());
        for release in gone.filter(|release| !serves(release)) {
            tokio::spawn(retire(release.clone()));
        }
    }
}

fn providers(plugins: &Plugins) -> Vec<Provider> {
    plugins.values().map(|plugin| plugin.provider()).collect()
}

/// Waits until no request uses `release` any more, and closes its database
/// connections.
pub(in crate::rollout) async fn retire(release: Arc<Release>) {
    let is_used = || {
        Arc::strong_count(&release) > 1
            || Arc::strong_count(&release.plugin) > 1
            || !release.plugin.is_idle()
    };
    while is_used() {
        tokio::time::sleep(POLL).await;
    }
    if let Some(database) = &release.database {
        database.close().await;
    }
    tracing::info!(
        plugin = release.manifest.name,
        version = release.version,
        digest = %release.digest.short(),
        "a release that nobody uses any more is gone"
    );
}
