//! Making a release ready to serve, whichever step of the way may fail.
//!
//! The steps: read the bundle and check its digest and signature; check
//! imports against grants; compile; make a first instance; check that the
//! release fits the others that serve; migrate; fill empty tables; ask its
//! health path. What serves meanwhile knows nothing of it: all of it is done in
//! the background.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bundle::{Bundle, Digest, SignatureError, TrustedKeys};
use bytes::Bytes;
use http::StatusCode;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::load::{LoadError, Loader};
use super::migrator::{MigrationError, Migrator};
use super::seed::SeedError;
use super::source::Source;
use crate::guest::{Call, CallError};
use crate::printable;
use crate::rollout::control::log::Wanted;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::serving::active::{ActivePlugin, Canary};
use crate::rollout::serving::live::{IncompatibleError, Plugins, ServingState, retire};
use crate::rollout::serving::release::Release;
use crate::runtime::engine::artifacts::Artifacts;
use crate::runtime::{Answer, Urgency};

/// How long a health path may take to answer.
const HEALTH: Duration = Duration::from_secs(10);

/// How long a release that was made ready waits to be wanted.
const KEPT: Duration = Duration::from_secs(60);

/// A release cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// Its bundle cannot be had now.
    #[error(transparent)]
    Control(ControlError),
    /// Its bundle cannot be had at all.
    #[error("{0}")]
    Bundle(ControlError),
    /// Nobody vouches for it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It cannot be made ready.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its tables cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// Its migrations take longer than a node waits for them.
    #[error(
        "the migrations of plugin {0} still run; `edge migrations {0}` shows how far they are: \
         deploy again when they are done"
    )]
    Migrating(String),
    /// It does not fit the others.
    #[error(transparent)]
    Incompatible(#[from] IncompatibleError),
    /// Its empty tables cannot be filled.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// It does not answer as it says it would.
    #[error("plugin {plugin}: the smoke check of {target} failed: {problem}")]
    Health {
        /// The plugin.
        plugin: String,
        /// Its health path.
        target: String,
        /// What came instead of an answer.
        problem: String,
    },
    /// Another revision is wanted meanwhile.
    #[error("the release is not wanted any more")]
    Superseded,
    /// It takes too long.
    #[error(
        "the release was not ready within {}, the node's activation_timeout; what is compiled by \
         then is kept, so a second attempt takes less",
        humantime::format_duration(*limit)
    )]
    TooSlow {
        /// How long it might take.
        limit: Duration,
    },
    /// The host's own mistake.
    #[error("making the release ready: {0}")]
    Panicked(#[from] JoinError),
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
    /// Whether a store that the release needs does not answer: the same
    /// attempt may well succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Load(error) => error.is_transient() || error.is_about_database(),
            Self::Migrate(error) => error.is_transient(),
            _ => false,
        }
    }
}

/// For whom a release is made ready.
#[derive(Clone)]
struct Order {
    /// In whose name its migrations run.
    author: String,
    /// The revision of the region's log that asks for it; none where nobody has
    /// written one yet.
    revision: Option<i64>,
    /// Told once it is not wanted any more.
    superseded: CancellationToken,
}

/// Makes releases ready on one node.
pub struct Activator {
    control: Arc<Control>,
    loader: Arc<Loader>,
    migrator: Arc<Migrator>,
    /// How long that may take.
    longest: Duration,
    trusted: TrustedKeys,
    /// Whether plugins fill their empty tables.
    seed: bool,
    live: Arc<ServingState>,
    /// Releases that are ready and do not serve, and since when.
    ready: Mutex<HashMap<Digest, (Arc<Release>, Instant)>>,
    made: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

impl Activator {
    /// Makes releases ready for `live`.
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

    /// How often a release was made ready, by the outcome.
    #[must_use]
    pub fn preparations(&self) -> [(&'static str, u64); 3] {
        [
            ("done", self.made.load(Relaxed)),
            ("failed", self.failed.load(Relaxed)),
            ("abandoned", self.abandoned.load(Relaxed)),
        ]
    }

    /// The node's cache of compiled code.
    #[must_use]
    pub fn artifacts(&self) -> &Artifacts {
        self.loader.artifacts()
    }

    /// Runs migrations on this node.
    #[must_use]
    pub fn migrator(&self) -> &Arc<Migrator> {
        &self.migrator
    }

    /// The keys that this node trusts.
    #[must_use]
    pub fn trusted(&self) -> &TrustedKeys {
        &self.trusted
    }

    /// What `wanted` asks for, ready to serve; `None` if nothing is to serve.
    /// Once it is `superseded`, nobody waits for a compilation any more, and
    /// the room that it had is free.
    ///
    /// # Errors
    /// Says which step failed.
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

    /// Make the release ready, and keep it so for a while: whether it can
    /// serve is known then, and nobody has met it. Its migrations run in the
    /// name of `author`.
    ///
    /// # Errors
    /// Says which step failed.
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
        // One that serves already is not to be kept from being retired.
        if !self.serves(&release) {
            self.ready().insert(digest, (release, Instant::now()));
        }
        Ok(())
    }

    /// Let go of releases that were made ready and that nobody wanted.
    pub fn forget_unwanted(&self) {
        let unwanted: Vec<_> = self
            .ready()
            .extract_if(|_, (_, since)| since.elapsed() > KEPT)
            .collect();
        for (_, (release, _)) in unwanted {
            // One that serves meanwhile is retired when it no longer does.
            if !self.serves(&release) {
                tokio::spawn(retire(release));
            }
        }
    }

    /// Let go of what was made ready and is not to serve after all.
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

    /// One that serves already, one that is ready, or a new one.
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
        // Nothing of it has begun but a compilation, which goes on by itself,
        // and whose result is kept.
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

    /// Whether the shop goes back to the release.
    async fn urgency(
        &self,
        plugin: &str,
        digest: Digest,
        revision: Option<i64>,
    ) -> Result<Urgency, ControlError> {
        let (control, region) = (&self.control, &self.migrator.region);
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

    /// The bundle of a release of `plugin` that somebody vouches for.
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
    /// its migrations ran, and returns its bundle.
    ///
    /// # Errors
    /// Says which step failed.
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
            // Its room is free before the rollout asks for it.
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

    /// What nobody has met yet brings its tables up to date, fills them, and
    /// says whether it works.
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

/// `release` alone in its plugin's place.
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

/// A trap with its backtrace, for a message on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
