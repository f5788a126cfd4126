//! Prepares a release to serve, in the background and beside the releases that
//! serve.
//!
//! The steps are: read the bundle and check its digest and signature; check
//! imports against grants; compile; make a first instance; check that the
//! release is compatible with the others that serve; run migrations; fill empty
//! tables; request the health path. Any of them may fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bundle::{Bundle, Digest, TrustedKeys};
use tokio_util::sync::CancellationToken;

use super::activate_error::ActivateError;
use super::health::check_health;
use super::load::Loader;
use super::migration::Migrator;
use super::prepared::PreparedReleases;
use super::source::Source;
use crate::rollout::control::log::DesiredState;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::serving::active::{ActivePlugin, Canary, Plugins};
use crate::rollout::serving::live::{ServingState, retire};
use crate::rollout::serving::release::Release;
use crate::runtime::Urgency;
use crate::runtime::engine::artifacts::Artifacts;

/// Context in which a release is prepared.
#[derive(Clone)]
struct Request {
    /// Author in whose name the migrations run.
    author: String,
    /// Revision of the region's log that asks for the release; `None` if none
    /// does yet.
    revision: Option<i64>,
    /// Cancelled once a newer revision replaces the one that asks for the
    /// release.
    superseded: CancellationToken,
}

/// Prepares releases on one node.
pub struct Activator {
    control: Arc<Control>,
    loader: Arc<Loader>,
    migrator: Arc<Migrator>,
    /// Time limit for preparing one release.
    longest: Duration,
    trusted: TrustedKeys,
    /// True if plugins fill their empty tables.
    seed: bool,
    live: Arc<ServingState>,
    prepared: PreparedReleases,
    made: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

impl Activator {
    /// Returns an activator that prepares releases for `live`, each within the
    /// time limit `longest`.
    #[must_use]
    pub fn new(
        control: Arc<Control>,
        loader: Arc<Loader>,
        migrator: Arc<Migrator>,
        longest: Duration,
        trusted: TrustedKeys,
        seed: bool,
        live: Arc<ServingState>,
    ) -> Self {
        Self {
            control,
            loader,
            migrator,
            longest,
            trusted,
            seed,
            live,
            prepared: PreparedReleases::default(),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// Returns the number of preparations since the node started, by outcome.
    #[must_use]
    pub fn preparations(&self) -> [(&'static str, u64); 3] {
        [
            ("done", self.made.load(Relaxed)),
            ("failed", self.failed.load(Relaxed)),
            ("abandoned", self.abandoned.load(Relaxed)),
        ]
    }

    /// Returns the node's cache of compiled code.
    #[must_use]
    pub fn artifacts(&self) -> &Artifacts {
        self.loader.artifacts()
    }

    /// Returns the migrator, which runs migrations on this node.
    #[must_use]
    pub fn migrator(&self) -> &Arc<Migrator> {
        &self.migrator
    }

    /// Returns the keys that this node trusts to sign releases.
    #[must_use]
    pub fn trusted(&self) -> &TrustedKeys {
        &self.trusted
    }

    /// Prepares the releases that `desired` asks for; `None` if no release is to
    /// serve. Once `superseded` is cancelled, a compilation in progress is
    /// abandoned and its reserved slots are freed.
    ///
    /// # Errors
    /// When a step of the preparation fails; the error names it.
    pub async fn deployed(
        self: &Arc<Self>,
        plugin: &str,
        revision: i64,
        desired: &DesiredState,
        superseded: &CancellationToken,
    ) -> Result<Option<ActivePlugin>, ActivateError> {
        let Some(active) = desired.active else {
            return Ok(None);
        };
        let request = Request {
            author: self.migrator.author(),
            revision: Some(revision),
            superseded: superseded.clone(),
        };
        let active = self.release(plugin, active, &request).await?;
        let canary = match &desired.canary {
            Some(canary) => {
                let release = self.release(plugin, canary.digest, &request).await?;
                let thresholds = self.loader.thresholds();
                Some(Canary::new(release, canary.percent, &active, thresholds))
            }
            None => None,
        };
        Ok(Some(ActivePlugin::new(
            revision,
            desired.clone(),
            active,
            canary,
        )))
    }

    /// Prepares the release and keeps it for 60 s without serving it, so that a
    /// failure is known before a rollout begins. Migrations run in the name of
    /// `author`.
    ///
    /// # Errors
    /// When a step of the preparation fails; the error names it.
    pub async fn prepare(
        self: &Arc<Self>,
        plugin: &str,
        digest: Digest,
        author: &str,
    ) -> Result<(), ActivateError> {
        let request = Request {
            author: author.to_owned(),
            revision: None,
            superseded: CancellationToken::new(),
        };
        let release = self.release(plugin, digest, &request).await?;
        // A release that serves already is not kept here, which would keep it
        // from being retired.
        if !self.serves(&release) {
            self.prepared.keep(release);
        }
        Ok(())
    }

    /// Drops prepared releases that nothing asked for within 60 s.
    pub fn forget_expired(&self) {
        for release in self.prepared.take_expired() {
            // A release that serves by now is retired when it is replaced.
            if !self.serves(&release) {
                tokio::spawn(retire(release));
            }
        }
    }

    /// Drops prepared releases that are not to serve after all.
    pub fn discard(&self, deployed: &ActivePlugin) {
        for release in deployed.releases() {
            if !self.serves(release) {
                tokio::spawn(retire(release.clone()));
            }
        }
    }

    fn serves(&self, release: &Arc<Release>) -> bool {
        let serving = self.live.serving();
        let mut releases = serving
            .plugins
            .values()
            .flat_map(|plugin| plugin.releases());
        releases.any(|other| Arc::ptr_eq(other, release))
    }

    /// Returns the release if it serves or is prepared already, or else
    /// prepares it.
    async fn release(
        self: &Arc<Self>,
        plugin: &str,
        digest: Digest,
        request: &Request,
    ) -> Result<Arc<Release>, ActivateError> {
        if let Some(release) = self.serving(plugin, digest) {
            return Ok(release);
        }
        if let Some(release) = self.prepared.take(digest) {
            return Ok(release);
        }
        let (this, name, request) = (self.clone(), plugin.to_owned(), request.clone());
        let making = async move { this.make(&name, digest, &request).await };
        let making = self.loader.runtime().in_background(making);
        let made = match tokio::time::timeout(self.longest, making).await {
            Ok(made) => made.map_err(ActivateError::from).flatten(),
            Err(_) if self.migrator.runs(digest) => {
                Err(ActivateError::Migrating(plugin.to_owned()))
            }
            Err(_) => Err(ActivateError::TooSlow {
                limit: self.longest,
            }),
        };
        let count = match &made {
            Ok(_) => &self.made,
            Err(ActivateError::Superseded) => &self.abandoned,
            Err(_) => &self.failed,
        };
        count.fetch_add(1, Relaxed);
        made
    }

    fn serving(&self, plugin: &str, digest: Digest) -> Option<Arc<Release>> {
        let serving = self.live.serving();
        let mut releases = serving.plugins.get(plugin)?.releases();
        releases.find(|release| release.digest == digest).cloned()
    }

    async fn make(
        &self,
        plugin: &str,
        digest: Digest,
        request: &Request,
    ) -> Result<Arc<Release>, ActivateError> {
        let bundle = self.trusted_bundle(plugin, digest).await?;
        let source = Source::of(bundle)?;
        let urgency = self.urgency(plugin, digest, request.revision).await?;
        // Dropping the load abandons nothing but a compilation, which is
        // completed elsewhere and its result kept.
        let release = tokio::select! {
            loaded = self.loader.load_as(&source, urgency) => Arc::new(loaded?),
            () = request.superseded.cancelled() => return Err(ActivateError::Superseded),
        };
        release.log_warnings();
        match self
            .smoke_test(&release, &source.bundle, &request.author)
            .await
        {
            Ok(()) => Ok(release),
            Err(error) => {
                tokio::spawn(retire(release));
                Err(error)
            }
        }
    }

    /// Returns the urgency of the compilation: a release that has served before
    /// is urgent, since the shop goes back to it.
    async fn urgency(
        &self,
        plugin: &str,
        digest: Digest,
        revision: Option<i64>,
    ) -> Result<Urgency, ControlError> {
        let (control, region) = (&self.control, self.migrator.region());
        let has_served = match revision {
            Some(revision) => {
                let asking = control.has_served_before(plugin, digest, region, revision);
                asking.await?
            }
            None => control.has_served(plugin, digest).await?,
        };
        Ok(match has_served {
            true => Urgency::Back,
            false => Urgency::New,
        })
    }

    /// Returns the bundle of a release, after checking that it is signed by a
    /// trusted key and belongs to `plugin`.
    async fn trusted_bundle(&self, plugin: &str, digest: Digest) -> Result<Bundle, ActivateError> {
        let (bundle, signature) = self.control.bundle(digest).await?;
        let named = &bundle.manifest.name;
        self.trusted.check(named, digest, &signature)?;
        if bundle.manifest.name != plugin {
            return Err(ActivateError::OtherPlugin {
                digest,
                found: bundle.manifest.name,
                expected: plugin.to_owned(),
            });
        }
        Ok(bundle)
    }

    /// Checks that the release can serve, as far as that can be known before
    /// its migrations have run, and returns its bundle.
    ///
    /// # Errors
    /// When a step of the check fails; the error names it.
    pub async fn check(
        self: &Arc<Self>,
        plugin: &str,
        digest: Digest,
    ) -> Result<Bundle, ActivateError> {
        let bundle = self.trusted_bundle(plugin, digest).await?;
        if self.serving(plugin, digest).is_some() {
            return Ok(bundle);
        }
        let (this, source) = (self.clone(), Source::of(bundle)?);
        let checking = async move {
            let release = Arc::new(this.loader.load(&source).await?);
            let fits = this
                .live
                .check_compatible(|plugins| replace(plugins, &release));
            if let Some(database) = &release.database {
                database.close().await;
            }
            // Frees the slots before the rollout reserves them again.
            drop(release);
            fits?;
            Ok(source.bundle)
        };
        let checking = self.loader.runtime().in_background(checking);
        match tokio::time::timeout(self.longest, checking).await {
            Ok(checked) => checked.map_err(ActivateError::from).flatten(),
            Err(_) => Err(ActivateError::TooSlow {
                limit: self.longest,
            }),
        }
    }

    /// Checks compatibility, runs pending migrations, seeds empty tables if
    /// enabled, and requests the health path, before the release gets any
    /// request of a client.
    async fn smoke_test(
        &self,
        release: &Arc<Release>,
        bundle: &Bundle,
        author: &str,
    ) -> Result<(), ActivateError> {
        self.live
            .check_compatible(|plugins| replace(plugins, release))?;
        self.migrator.ensure(bundle, author).await?;
        release.read_schema().await?;
        if self.seed && release.plugin.exports().can_seed {
            release.seed(None, |_, _| {}).await?;
        }
        let Some(target) = &release.manifest.health else {
            return Ok(());
        };
        check_health(release, target)
            .await
            .map_err(|problem| ActivateError::Health {
                plugin: release.manifest.name.clone(),
                target: target.clone(),
                problem,
            })
    }
}

/// Replaces the release's plugin with `release` alone, without a canary.
fn replace(plugins: &mut Plugins, release: &Arc<Release>) {
    let desired = DesiredState::only(Some(release.digest));
    let deployed = ActivePlugin::new(0, desired, release.clone(), None);
    plugins.insert(release.manifest.name.clone(), Arc::new(deployed));
}
