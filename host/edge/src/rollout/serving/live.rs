//! What a node serves right now. It is replaced as a whole, by one pointer: a
//! request that began with one release ends with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::active::ActivePlugin;
use super::release::Release;
use super::routes::{RouteError, RouteTable};
use super::scheduler::Scheduler;
use crate::runtime::{Directory, MissingImports, Provider, ServiceError, check};

/// How often a release that was replaced is asked whether it is done.
const POLL: Duration = Duration::from_millis(20);

/// Plugins by name.
pub type Plugins = BTreeMap<String, Arc<ActivePlugin>>;

/// What a node serves at one time.
#[derive(Default)]
pub struct Snapshot {
    /// Its plugins.
    pub plugins: Plugins,
    /// Their routes.
    pub routes: RouteTable,
}

/// Plugins that cannot serve together.
#[derive(Debug, thiserror::Error)]
pub enum IncompatibleError {
    /// They claim the same route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// They do not offer each other what they call.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What a node serves.
pub struct ServingState {
    serving: ArcSwap<Snapshot>,
    /// Held while the pointer is moved.
    changing: Mutex<()>,
    directory: Arc<Directory>,
    scheduler: OnceLock<Scheduler>,
}

impl ServingState {
    /// A node that serves nothing yet.
    #[must_use]
    pub fn new(directory: Arc<Directory>) -> Self {
        Self {
            serving: ArcSwap::default(),
            changing: Mutex::new(()),
            directory,
            scheduler: OnceLock::new(),
        }
    }

    /// What serves right now. Not to be kept over a wait: take out of it what
    /// is needed.
    #[must_use]
    pub fn serving(&self) -> Guard<Arc<Snapshot>> {
        self.serving.load()
    }

    /// The active release of every plugin, by name.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        let serving = self.serving.load();
        let plugins = serving.plugins.values();
        plugins.map(|plugin| plugin.active.clone()).collect()
    }

    /// Serve these plugins, the first ones. Where their folders brought them,
    /// all that they call has to be there; where the log did, it may come
    /// later.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub fn begin(&self, plugins: Plugins, from_folders: bool) -> Result<(), IncompatibleError> {
        if from_folders {
            check(&providers(&plugins), MissingImports::Refused)?;
        }
        self.change(|serving| *serving = plugins)
    }

    /// Serve `change`d plugins from now on. Releases that no longer serve
    /// finish what they began, and are gone then.
    ///
    /// # Errors
    /// When the plugins do not fit together. Everything is as before then.
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

    /// Whether the plugins would fit together after `change`.
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

    /// Let `scheduler` do the periodic work of whatever serves, from now on.
    pub fn begin_periodic_work(&self, scheduler: Scheduler) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let scheduler = self.scheduler.get_or_init(|| scheduler);
        scheduler.follow(&self.serving.load().plugins);
    }

    /// Begin no more periodic work, and let what runs finish, for as long as
    /// `patience`.
    pub async fn end_periodic_work(&self, patience: Duration) {
        if let Some(scheduler) = self.scheduler.get() {
            scheduler.stop(patience).await;
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

/// Wait until nobody uses `release` any more, and close what it held open.
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
