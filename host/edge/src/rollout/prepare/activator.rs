//! Prepares a release to serve, in the background and beside the releases that
//! serve.
//!
//! The steps are: read the bundle and check its digest and signature; check
//! imports against grants; compile; make a first instance; check that the
//! release is compatible with the others that serve; run migrations; fill empty
//! tables; request the health path. Any of them may fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bundle::{Bundle, Digest, SignatureError, TrustedKeys};
use bytes::Bytes;
use http::StatusCode;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::load::Loader;
use super::load_error::LoadError;
use super::migration::{MigrationError, Migrator};
use super::seed::SeedError;
use super::source::Source;
use crate::guest::{Call, CallError};
use crate::printable;
use crate::rollout::control::log::Wanted;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::serving::active::{ActivePlugin, Canary, Plugins};
use crate::rollout::serving::live::{IncompatibleError, ServingState, retire};
use crate::rollout::serving::release::Release;
use crate::runtime::engine::artifacts::Artifacts;
use crate::runtime::{Answer, Urgency};

/// Time limit for the reply of the health path.
const HEALTH: Duration = Duration::from_secs(10);

/// Time that a prepared release is kept until something asks for it.
const KEPT: Duration = Duration::from_secs(60);

/// Error when a release cannot be prepared to serve.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The bundle cannot be read now, since the control database does not
    /// answer.
    #[error(transparent)]
    Control(ControlError),
    /// The bundle is missing or unreadable in the control database.
    #[error("{0}")]
    Bundle(ControlError),
    /// No trusted key signed the release.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The bundle cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A migration was refused or failed.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// The migrations still run after the time limit for preparing a release.
    #[error(
        "the migrations of plugin {0} still run; `edge migrations {0}` shows how far they are: \
         deploy again when they are done"
    )]
    Migrating(String),
    /// The release is incompatible with the other plugins.
    #[error(transparent)]
    Incompatible(#[from] IncompatibleError),
    /// Seeding of the release's empty tables failed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The health path did not answer 200 or 204.
    #[error("plugin {plugin}: the smoke check of {target} failed: {problem}")]
    Health {
        /// Name of the plugin.
        plugin: String,
        /// Health path of the manifest.
        target: String,
        /// Reply or error that came instead.
        problem: String,
    },
    /// A newer revision of the release log replaced the one that asks for the
    /// release.
    #[error("the release is not wanted any more")]
    Superseded,
    /// Preparing the release exceeded its time limit.
    #[error(
        "the release was not ready within {}, the node's activation_timeout; what is compiled by \
         then is kept, so a second attempt takes less",
        humantime::format_duration(*limit)
    )]
    TooSlow {
        /// Time limit, the setting `activation_timeout`.
        limit: Duration,
    },
    /// The task that prepares the release panicked: a fault of the host.
    #[error("making the release ready: {0}")]
    Panicked(#[from] JoinError),
    /// The digest names a release of another plugin.
    #[error("the release {digest} is of the plugin {found}, not of {wanted}")]
    OtherPlugin {
        /// Digest of the release.
        digest: Digest,
        /// Plugin to which the release belongs.
        found: String,
        /// Plugin for which the release was asked.
        wanted: String,
    },
}

impl From<ControlError> for ActivateError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Bundle { .. } => Self::Bundle(error),
            error => Self::Control(error),
        }
    }
}

impl ActivateError {
    /// Returns whether the release failed because a store that it needs cannot be
    /// reached, so that a retry may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Load(error) => error.is_transient() || error.is_about_database(),
            Self::Migrate(error) => error.is_transient(),
            _ => false,
        }
    }
}

/// Context in which a release is prepared.
#[derive(Clone)]
struct Order {
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
    /// Prepared releases that do not serve yet, and the time since when each is
    /// ready.
    ready: Mutex<HashMap<Digest, (Arc<Release>, Instant)>>,
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
            ready: Mutex::default(),
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

    /// Prepares the releases that `wanted` asks for; `None` if no release is to
    /// serve. Once `superseded` is cancelled, a compilation in progress is
    /// abandoned and its reserved slots are freed.
    ///
    /// # Errors
    /// When a step of the preparation fails; the error names it.
    pub async fn deployed(
        self: &Arc<Self>,
        plugin: &str,
        revision: i64,
        wanted: &Wanted,
        superseded: &CancellationToken,
    ) -> Result<Option<ActivePlugin>, ActivateError> {
        let Some(active) = wanted.active else {
            return Ok(None);
        };
        let order = Order {
            author: self.migrator.author(),
            revision: Some(revision),
            superseded: superseded.clone(),
        };
        let active = self.release(plugin, active, &order).await?;
        let trial = match &wanted.canary {
            Some(canary) => {
                let release = self.release(plugin, canary.digest, &order).await?;
                let thresholds = self.loader.thresholds();
                Some(Canary::new(release, canary.percent, &active, thresholds))
            }
            None => None,
        };
        Ok(Some(ActivePlugin::new(
            revision,
            wanted.clone(),
            active,
            trial,
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
        let order = Order {
            author: author.to_owned(),
            revision: None,
            superseded: CancellationToken::new(),
        };
        let release = self.release(plugin, digest, &order).await?;
        // A release that serves already is not kept here, which would keep it
        // from being retired.
        if !self.serves(&release) {
            self.ready().insert(digest, (release, Instant::now()));
        }
        Ok(())
    }

    /// Drops prepared releases that nothing asked for within 60 s.
    pub fn forget_unwanted(&self) {
        let unwanted: Vec<_> = self
            .ready()
            .extract_if(|_, (_, since)| since.elapsed() > KEPT)
            .collect();
        for (_, (release, _)) in unwanted {
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

    fn ready(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, (Arc<Release>, Instant)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
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
        order: &Order,
    ) -> Result<Arc<Release>, ActivateError> {
        if let Some(release) = self.serving(plugin, digest) {
            return Ok(release);
        }
        if let Some((release, _)) = self.ready().remove(&digest) {
            return Ok(release);
        }
        let (this, named, order) = (self.clone(), plugin.to_owned(), order.clone());
        let making = async move { this.make(&named, digest, &order).await };
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
        order: &Order,
    ) -> Result<Arc<Release>, ActivateError> {
        let bundle = self.trusted_bundle(plugin, digest).await?;
        let source = Source::of(bundle)?;
        let urgency = self.urgency(plugin, digest, order.revision).await?;
        // Dropping the load abandons nothing but a compilation, which is
        // completed elsewhere and its result kept.
        let release = tokio::select! {
            loaded = self.loader.load_as(&source, urgency) => Arc::new(loaded?),
            () = order.superseded.cancelled() => return Err(ActivateError::Superseded),
        };
        release.log_warnings();
        match self
            .smoke_test(&release, &source.bundle, &order.author)
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
                wanted: plugin.to_owned(),
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
        if self.seed && release.plugin.exports().can_seed {
            release.seed(None, |_, _| {}).await?;
        }
        let Some(target) = &release.manifest.health else {
            return Ok(());
        };
        ask_health(release, target)
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
    let wanted = Wanted::only(Some(release.digest));
    let deployed = ActivePlugin::new(0, wanted, release.clone(), None);
    plugins.insert(release.manifest.name.clone(), Arc::new(deployed));
}

async fn ask_health(release: &Release, target: &str) -> Result<(), String> {
    let request = http::Request::get(target)
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let patience = HEALTH.min(release.plugin.deadline());
    let call = Call::internal("health".to_owned(), Instant::now() + patience);
    let status = match release.plugin.handle(call, request).await {
        Ok(Answer::Response(response)) => response.status(),
        Ok(Answer::Failure(failure)) => {
            let told = format!("{} {}: {}", failure.status, failure.code, failure.message);
            return Err(printable::line(&told).into_owned());
        }
        Err(error @ CallError::Trap(_)) => return Err(one_line(&error.to_string())),
        Err(error) => return Err(error.to_string()),
    };
    match status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
        other => Err(format!("it answers {other}")),
    }
}

/// Joins a trap and its backtrace into one line, for a message.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
