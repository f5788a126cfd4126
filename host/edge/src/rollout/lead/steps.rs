//! Decisions on the next step of a canary.

use std::time::Duration;

use crate::rollout::check::{Answer, Verdict};
use crate::rollout::control::rollouts::{PlanRecord, Rollout, describe_failures};

/// Number of check intervals after which the last answer of a check is too old to act on.
const FRESH: u32 = 3;

/// The next step of a canary that serves in all of its regions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The canary waits, for this reason.
    Wait(String),
    /// The canary's share is raised to this percentage of the clients.
    Raise(u8),
    /// The canary is promoted to all clients.
    Promote,
    /// The canary is withdrawn because the check says so, for this reason.
    Withdraw(String),
}

/// The inputs of the decision on a canary's next step.
pub(super) struct Situation<'a> {
    pub(super) rollout: &'a Rollout,
    pub(super) record: &'a PlanRecord,
    /// Number of the canary's requests that were compared at the current step.
    pub(super) compared: u64,
    /// Number of the canary's requests that have to be compared at each step.
    pub(super) needed: u64,
    /// Interval at which external checks are queried.
    pub(super) interval: Duration,
}

impl Situation<'_> {
    pub(super) fn next(&self) -> Next {
        let Self {
            rollout, record, ..
        } = self;
        let percent = rollout.canary_percent;
        if let Some(reason) = self.withdrawn() {
            return Next::Withdraw(reason);
        }
        if let Some(author) = &record.paused_by {
            return Next::Wait(format!("somebody to resume it: {author} paused it"));
        }
        let is_promoted = self.answered(Verdict::Promote);
        let due_after = record.plan.due_after(percent);
        let Some(due_after) = due_after.or(is_promoted.then_some(Duration::ZERO)) else {
            return Next::Wait(format!("`edge promote {}`", rollout.plugin));
        };
        let compared = self.compared;
        if compared < self.needed {
            let needed = self.needed;
            return Next::Wait(format!(
                "{needed} compared requests at this step; there are {compared}"
            ));
        }
        if is_promoted {
            return Next::Promote;
        }
        let left = due_after.saturating_sub(record.step_age(rollout));
        if !left.is_zero() {
            let left = Duration::from_secs(left.as_secs() + 1);
            return Next::Wait(format!("{} to pass", humantime::format_duration(left)));
        }
        if let Some(reason) = self.unanswered() {
            return Next::Wait(reason);
        }
        record
            .plan
            .next_step(percent)
            .map_or(Next::Promote, Next::Raise)
    }

    /// Returns the reason of the check for withdrawing the canary, if the check says so.
    fn withdrawn(&self) -> Option<String> {
        let check = self.record.plan.check.as_ref()?;
        let (answer, at) = self.record.answer.as_ref()?;
        let is_this = *at >= self.rollout.started_at && answer.verdict == Verdict::Withdraw;
        is_this.then(|| format!("the check {} says: {}", check.url(), answer.reason))
    }

    fn is_fresh(&self, at: i64) -> bool {
        let age = u64::try_from(self.record.now - at).unwrap_or(0);
        let began = self.record.stepped_at.max(self.rollout.changed_at);
        at >= began && Duration::from_millis(age) <= self.interval * FRESH
    }

    fn answered(&self, verdict: Verdict) -> bool {
        let answer = self.record.answer.as_ref();
        let answer = answer.filter(|_| self.record.plan.check.is_some());
        answer.is_some_and(|(answer, at)| answer.verdict == verdict && self.is_fresh(*at))
    }

    /// Returns a description of the answer that the canary waits for; `None` if there is no check,
    /// or its last answer is recent and says `continue`.
    fn unanswered(&self) -> Option<String> {
        let check = self.record.plan.check.as_ref()?;
        if self.answered(Verdict::Continue) {
            return None;
        }
        let url = check.url();
        Some(match self.last_answer() {
            Some(answer) if answer.verdict == Verdict::Unknown => {
                format!("the check {url}: {}", answer.reason)
            }
            _ => format!("an answer of the check {url}"),
        })
    }

    /// Returns the last answer of the check. If that answer is out of date or missing, and nodes
    /// cannot query the check, returns the reasons of those nodes.
    pub(super) fn last_answer(&self) -> Option<Answer> {
        self.record.plan.check.as_ref()?;
        let last = self.record.answer.as_ref();
        let failures = describe_failures(&self.record.failures);
        match (last, failures) {
            (Some((answer, at)), _) if self.is_fresh(*at) => Some(answer.clone()),
            (_, Some(reason)) => Some(Answer {
                verdict: Verdict::Unknown,
                reason,
            }),
            (last, None) => last.map(|(answer, _)| answer.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::check::Check;
    use crate::rollout::control::rollouts::{Phase, Plan};
    use bundle::Digest;

    fn rollout(percent: u8) -> Rollout {
        Rollout {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            digest: Some(Digest::of(b"new")),
            regions: vec!["here".to_owned()],
            canary_percent: percent,
            pause_ms: 0,
            phase: Phase::Canary,
            reason: String::new(),
            author: "tester".to_owned(),
            started_at: 1000,
            changed_at: 2000,
        }
    }

    fn record(now: i64) -> PlanRecord {
        PlanRecord {
            plan: Plan {
                steps: vec![1, 10],
                every_ms: 5000,
                promote_after_ms: Some(60_000),
                check: None,
            },
            stepped_at: 1000,
            compared: 100,
            asked_at: 0,
            answer: None,
            failures: Vec::new(),
            paused_by: None,
            now,
        }
    }

    fn next(percent: u8, record: &PlanRecord, compared: u64) -> Next {
        let situation = Situation {
            rollout: &rollout(percent),
            record,
            compared: compared - record.compared,
            needed: 50,
            interval: Duration::from_secs(10),
        };
        situation.next()
    }

    fn waits(percent: u8, record: &PlanRecord, compared: u64, reason: &str) {
        match next(percent, record, compared) {
            Next::Wait(found) => assert!(found.contains(reason), "{found}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_step_takes_its_time_and_requests() {
        waits(1, &record(6000), 150, "2s to pass");
        waits(
            1,
            &record(7001),
            149,
            "50 compared requests at this step; there are 49",
        );
        assert_eq!(next(1, &record(7001), 150), Next::Raise(10));
        waits(10, &record(61_999), 150, "to pass");
        assert_eq!(next(10, &record(62_000), 150), Next::Promote);
    }

    #[test]
    fn no_traffic_promotes_nothing() {
        waits(10, &record(i64::MAX / 2), 100, "there are 0");
    }

    #[test]
    fn without_a_time_an_operator_decides() {
        let mut record = record(1_000_000);
        record.plan.promote_after_ms = None;
        waits(10, &record, 1000, "`edge promote hello`");
    }

    #[test]
    fn a_paused_one_waits_for_somebody() {
        let mut record = record(1_000_000);
        record.paused_by = Some("ada".to_owned());
        waits(10, &record, 1000, "ada paused it");
    }

    #[test]
    fn a_check_is_heard_before_each_step() {
        let mut record = record(70_000);
        record.plan.check = Some(Check::Webhook {
            url: "http://hook".to_owned(),
        });
        waits(10, &record, 1000, "an answer of the check http://hook");
        let mut answer = |verdict, at| {
            let reason = "because".to_owned();
            record.answer = Some((Answer { verdict, reason }, at));
            next(10, &record, 1000)
        };
        assert_eq!(answer(Verdict::Continue, 65_000), Next::Promote);
        assert!(
            matches!(answer(Verdict::Continue, 30_000), Next::Wait(_)),
            "too old"
        );
        assert!(
            matches!(answer(Verdict::Unknown, 65_000), Next::Wait(reason) if reason.contains("because"))
        );
        assert!(
            matches!(answer(Verdict::Withdraw, 1500), Next::Withdraw(reason) if reason.contains("because"))
        );
        // An answer of an earlier rollout cannot occur, since rows belong to one rollout.
        record.now = 20_000;
        record.answer = Some((
            Answer {
                verdict: Verdict::Promote,
                reason: String::new(),
            },
            19_000,
        ));
        assert_eq!(next(1, &record, 1000), Next::Promote, "before it is due");
        waits(1, &record, 120, "there are 20");
    }
}
