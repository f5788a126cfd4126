//! Leading the release log to where a rollout wants it, region by region.
//!
//! Every node does this, and none is special: what there is to do follows from
//! the rollout, the log and the nodes' reports, all in the control database,
//! and each step is one statement that succeeds for one node alone. A node
//! that ends in the middle of a rollout is missed by nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::control::log::{Entry, Wanted, WantedCanary};
use super::control::nodes::NodeRecord;
use super::control::rollouts::{Phase, Rollout};
use super::control::{Control, ControlError};
use super::judge::{Margins, Record};
use super::progress::{Follows, behind, follows};
use super::together;
use super::undo::{UNDONE, failed, is_changed, is_undone};
use super::wake::{Wake, next};

/// How often rollouts are looked at without being woken.
const POLL: Duration = Duration::from_secs(1);

/// How often one that waits for nothing but time is looked at.
const PAUSING: Duration = Duration::from_millis(50);

/// How long a node that reports may take to serve, or refuse, a release.
const LONGEST: Duration = Duration::from_secs(150);

/// How long nodes may take to follow back before a rollout that failed is over
/// without them.
const BACK: Duration = Duration::from_mins(1);

/// Leads rollouts.
pub struct Driver {
    control: Arc<Control>,
    wake: Arc<Wake>,
    margins: Margins,
}

/// What became of one step.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Something was written; there may be more to do.
    Done,
    /// A node has to report first.
    Wait,
    /// Some time has to pass first.
    Pause,
}

/// How far a region is.
enum Progress {
    Served,
    Wait,
    Pause,
    Failed(String),
}

impl Driver {
    /// A driver over `control`.
    #[must_use]
    pub fn new(control: Arc<Control>, wake: Arc<Wake>, margins: Margins) -> Self {
        Self {
            control,
            wake,
            margins,
        }
    }

    /// Lead rollouts, for as long as this is polled.
    pub async fn drive(&self) {
        let mut words = self.wake.subscribe();
        loop {
            let longest = match self.look().await {
                Ok(Step::Pause) => PAUSING,
                Ok(_) => POLL,
                Err(error) => {
                    tracing::warn!("rollouts cannot be led: {error}");
                    POLL
                }
            };
            next(&mut words, longest).await;
        }
    }

    /// Lead every rollout as far as it goes now.
    async fn look(&self) -> Result<Step, ControlError> {
        let mut outcome = Step::Wait;
        for rollout in self.control.open_rollouts().await? {
            let mut rollout = Some(rollout);
            while let Some(open) = rollout {
                match self.step(&open).await? {
                    Step::Done => {
                        self.wake.everywhere().await;
                        let again = self.control.rollout(&open.id).await?;
                        rollout = again.filter(|rollout| !rollout.phase.is_final());
                    }
                    Step::Pause => {
                        outcome = Step::Pause;
                        rollout = None;
                    }
                    Step::Wait => rollout = None,
                }
            }
        }
        Ok(outcome)
    }

    async fn step(&self, rollout: &Rollout) -> Result<Step, ControlError> {
        let heads = self.control.wanted_of(&rollout.plugin).await?;
        match rollout.phase {
            Phase::Running | Phase::Canary | Phase::Promoting => self.lead(rollout, &heads).await,
            Phase::Failing => {
                let failed = failed(rollout, &heads);
                self.lead_back(rollout, &heads, failed, Phase::Failed).await
            }
            Phase::Aborting => {
                let changed = heads.values().find(|head| is_changed(rollout, head));
                self.lead_back(rollout, &heads, changed, Phase::Aborted)
                    .await
            }
            Phase::Done | Phase::Failed | Phase::Aborted => Ok(Step::Wait),
        }
    }

    /// Lead the first region on that is not where it should be.
    async fn lead(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
    ) -> Result<Step, ControlError> {
        let nodes = self.control.nodes().await?;
        if rollout.phase != Phase::Promoting
            && let Some(reason) = together::verdict(&self.margins, rollout, heads, &nodes)
        {
            return self.withdraw(rollout, &reason).await;
        }
        for region in &rollout.regions {
            let head = heads.get(region);
            let wanted = wanted(rollout, head);
            let Some(head) = head.filter(|head| head.wanted == wanted) else {
                return self.write(rollout, region, head, wanted, "").await;
            };
            match self.progress(rollout, head, &nodes) {
                Progress::Served => {}
                Progress::Wait => return Ok(Step::Wait),
                Progress::Pause => return Ok(Step::Pause),
                Progress::Failed(reason) => {
                    let reason = format!("region {region}: {reason}");
                    self.control
                        .move_rollout(rollout, Phase::Failing, &reason)
                        .await?;
                    return Ok(Step::Done);
                }
            }
        }
        let on_trial = |head: &Entry| head.rollout == rollout.id && head.wanted.canary.is_some();
        let next = match rollout.phase {
            Phase::Running if heads.values().any(on_trial) => Phase::Canary,
            Phase::Canary => return Ok(Step::Wait),
            _ => Phase::Done,
        };
        self.control.move_rollout(rollout, next, "").await?;
        Ok(Step::Done)
    }

    /// End the trial of a release that does worse.
    async fn withdraw(&self, rollout: &Rollout, reason: &str) -> Result<Step, ControlError> {
        let control = &self.control;
        if control
            .move_rollout(rollout, Phase::Failing, reason)
            .await?
        {
            tracing::warn!(plugin = rollout.plugin, "{reason}; it is withdrawn");
        }
        Ok(Step::Done)
    }

    /// Undo the change of one region; once there is none left, and the nodes
    /// have followed, the rollout is over.
    async fn lead_back(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
        changed: Option<&Entry>,
        end: Phase,
    ) -> Result<Step, ControlError> {
        if let Some(head) = changed {
            return self.undo(rollout, head, &rollout.reason).await;
        }
        let mut reason = rollout.reason.clone();
        let undone = heads.values().filter(|head| is_undone(rollout, head));
        let nodes = self.control.nodes().await?;
        for head in undone {
            let behind = behind(rollout, head, &nodes);
            if behind.is_empty() {
                continue;
            }
            if head.age() < BACK {
                return Ok(Step::Wait);
            }
            let (region, limit) = (&head.region, BACK.as_secs());
            let behind = behind.join(", ");
            reason += &format!("; in region {region}, within {limit} s, did not go back: {behind}");
        }
        self.control.move_rollout(rollout, end, &reason).await?;
        Ok(Step::Done)
    }

    async fn undo(
        &self,
        rollout: &Rollout,
        head: &Entry,
        reason: &str,
    ) -> Result<Step, ControlError> {
        let wanted = self.control.wanted_before(rollout, head).await?;
        let reason = format!("{UNDONE}{reason}");
        self.write(rollout, &head.region, Some(head), wanted, &reason)
            .await
    }

    async fn write(
        &self,
        rollout: &Rollout,
        region: &str,
        head: Option<&Entry>,
        wanted: Wanted,
        reason: &str,
    ) -> Result<Step, ControlError> {
        // If another node was faster, the log has moved all the same.
        let after = head.map_or(0, |head| head.revision);
        self.control
            .append_for(rollout, region, after, wanted, reason)
            .await?;
        Ok(Step::Done)
    }

    fn progress(&self, rollout: &Rollout, head: &Entry, nodes: &[NodeRecord]) -> Progress {
        let pause = rollout.pause();
        let (mut new, mut old) = (Record::default(), Record::default());
        let mut paused = true;
        let of_region = nodes
            .iter()
            .filter(|node| node.region == head.region && node.is_live());
        for node in of_region {
            let report = node.report.plugins.get(&rollout.plugin);
            match follows(report, head) {
                Follows::Yes => {}
                Follows::No(reason) => {
                    return Progress::Failed(format!("node {}: {reason}", node.node));
                }
                Follows::NotYet if head.age() > LONGEST => {
                    let limit = LONGEST.as_secs();
                    return Progress::Failed(format!(
                        "node {} was not ready in {limit} s",
                        node.node
                    ));
                }
                Follows::NotYet => return Progress::Wait,
            }
            if let Some(report) = report {
                paused &= u128::from(report.for_ms) + u128::from(node.age_ms.unsigned_abs())
                    >= pause.as_millis();
                let active = report.active.as_ref().map(|release| release.record());
                let before = report.before.as_ref().map(|release| release.record());
                new = new.and(active.unwrap_or_default());
                old = old.and(before.unwrap_or_default());
            }
        }
        // A region that was there before the rollout is not judged by it.
        let is_new = head.rollout == rollout.id && head.wanted.canary.is_none();
        match self
            .margins
            .judge(new, old)
            .filter(|_| is_new && !pause.is_zero())
        {
            Some(reason) => Progress::Failed(reason),
            None if paused => Progress::Served,
            None => Progress::Pause,
        }
    }
}

/// What a region is to run while the rollout goes on.
fn wanted(rollout: &Rollout, head: Option<&Entry>) -> Wanted {
    let active = head.and_then(|head| head.wanted.active);
    let is_trial = rollout.is_trial() && rollout.phase != Phase::Promoting;
    match rollout.digest.filter(|_| is_trial && active.is_some()) {
        // Nothing to try: it serves already.
        Some(digest) if active == Some(digest) => Wanted::only(active),
        Some(digest) => Wanted {
            active,
            canary: Some(WantedCanary {
                digest,
                percent: rollout.canary_percent,
            }),
        },
        // Where nothing serves there is nothing to compare with.
        None => Wanted::only(rollout.digest),
    }
}
