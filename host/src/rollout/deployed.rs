//! A plugin as a node serves it: its active release, and perhaps another one
//! on trial.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::control::log::Wanted;
use super::judge::{Margins, Record};
use super::release::Release;
use super::report::ReleaseReport;
use crate::runtime::{Draw, Provider, Sample};

/// A plugin that serves.
pub struct Deployed {
    /// The log's revision that asked for it; 0 if none did.
    pub revision: i64,
    /// What it asked for.
    pub wanted: Wanted,
    /// The release that serves.
    pub active: Arc<Release>,
    /// Another one on trial.
    pub trial: Option<Trial>,
    /// What served before, as it was when it no longer did.
    pub before: Option<ReleaseReport>,
    /// Since when this serves.
    pub since: Instant,
}

/// A release on trial.
pub struct Trial {
    /// The release.
    pub release: Arc<Release>,
    /// Of a hundred clients, so many meet it.
    pub percent: u8,
    /// What it, and the active release, had answered when the trial began.
    began: (Sample, Sample),
    /// It was found worse, for this reason, and answers nobody any more.
    withdrawn: OnceLock<String>,
}

impl Trial {
    /// Begin the trial of `release` beside `active`.
    #[must_use]
    pub fn new(release: Arc<Release>, percent: u8, active: &Release) -> Self {
        let began = (
            release.plugin.stats().sample(),
            active.plugin.stats().sample(),
        );
        Self {
            release,
            percent,
            began,
            withdrawn: OnceLock::new(),
        }
    }
}

impl Deployed {
    /// A plugin that serves from now on, as the log's `revision` asks for it.
    #[must_use]
    pub fn new(revision: i64, wanted: Wanted, active: Arc<Release>, trial: Option<Trial>) -> Self {
        Self {
            revision,
            wanted,
            active,
            trial,
            before: None,
            since: Instant::now(),
        }
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.active.manifest.name
    }

    /// The same, as that revision of the log asks for it.
    #[must_use]
    pub fn at_revision(&self, revision: i64) -> Self {
        Self {
            revision,
            wanted: self.wanted.clone(),
            active: self.active.clone(),
            trial: self
                .trial
                .as_ref()
                .map(|trial| Trial::new(trial.release.clone(), trial.percent, &self.active)),
            before: self.before.clone(),
            since: self.since,
        }
    }

    /// The releases that serve.
    pub fn releases(&self) -> impl Iterator<Item = &Arc<Release>> {
        let trial = self.trial.as_ref().map(|trial| &trial.release);
        std::iter::once(&self.active).chain(trial)
    }

    /// The release that answers `path` to a client with this draw; none if
    /// its manifest does not claim the path.
    #[must_use]
    pub fn choose(&self, path: &str, draw: Draw) -> Option<&Arc<Release>> {
        let Some(trial) = &self.trial else {
            return Some(&self.active);
        };
        let meets = draw.is_within(trial.percent) && trial.withdrawn.get().is_none();
        let release = if meets { &trial.release } else { &self.active };
        release.claims(path).then_some(release)
    }

    /// As other plugins find it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let trial = self.trial.as_ref();
        Provider {
            active: self.active.plugin.clone(),
            trial: trial.map(|trial| (trial.release.plugin.clone(), trial.percent)),
        }
    }

    /// What the release on trial and the active one have answered since the
    /// trial began.
    #[must_use]
    pub fn compared(&self) -> Option<(Sample, Sample)> {
        let trial = self.trial.as_ref()?;
        let (new, old) = &trial.began;
        Some((
            trial.release.plugin.stats().sample().since(new),
            self.active.plugin.stats().sample().since(old),
        ))
    }

    /// Look whether errors alone are reason enough to end the trial, and let
    /// it answer nobody any more if so: asked after every failure, since the
    /// next request would be one too many. Returns whether it was ended now.
    #[must_use]
    pub fn withdraw_for_errors(&self, margins: &Margins) -> bool {
        let Some(trial) = &self.trial else {
            return false;
        };
        let of = |(requests, errors): (u64, u64), began: &Sample| Record {
            requests: requests.saturating_sub(began.requests),
            errors: errors.saturating_sub(began.errors),
            ..Record::default()
        };
        let new = of(trial.release.plugin.stats().counts(), &trial.began.0);
        let old = of(self.active.plugin.stats().counts(), &trial.began.1);
        let reason = margins.judge(new, old);
        reason.is_some_and(|reason| trial.withdrawn.set(reason).is_ok())
    }

    /// In what way the release on trial is worse, if it is.
    #[must_use]
    pub fn verdict(&self, margins: &Margins) -> Option<String> {
        // What it answers no more cannot make it better.
        let withdrawn = self.trial.as_ref()?.withdrawn.get();
        if let Some(reason) = withdrawn {
            return Some(reason.clone());
        }
        let (new, old) = self.compared()?;
        margins.judge((&new).into(), (&old).into())
    }
}
