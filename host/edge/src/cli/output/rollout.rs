//! Text of rollouts, in progress or ended.

use std::time::Duration;

use super::tell;
use crate::printable;
use crate::rollout::control::rollouts::Rollout;
use crate::rollout::{CanaryProgress, RolloutProgress};

/// Prints the state of a rollout, in progress or ended.
pub(in crate::cli) fn tell_rollout(rollout: &Rollout, took: Option<Duration>) {
    let Rollout {
        id,
        plugin,
        phase,
        reason,
        ..
    } = rollout;
    let took = took.map_or(String::new(), |took| format!("  after {took:.1?}"));
    let reason = match reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let line = format!("{plugin}  rollout {id}  {phase}{took}{reason}");
    tell(format_args!("{}\n", printable::line(&line)));
}

/// Returns a line about a rollout in progress.
pub(in crate::cli) fn open_rollout(rollout: &Rollout) -> String {
    format!(
        "rollout {} of {} by {}: {}, {}\n",
        rollout.id,
        rollout.plugin,
        printable::line(&rollout.author),
        rollout.phase,
        printable::line(&rollout.regions.join(" then "))
    )
}

/// Returns the state of a rollout, in lines for `edge status`, and with every
/// route for `edge rollout show`.
pub(in crate::cli) fn describe(progress: &RolloutProgress, with_routes: bool) -> String {
    let mut text = String::new();
    if let Some(author) = &progress.paused_by {
        text += &format!("  paused by {}\n", printable::line(author));
    }
    if let Some(problem) = &progress.problem {
        let problem = printable::line(problem);
        text += &format!("  this node cannot lead it, nor say how it goes on: {problem}\n");
    }
    let Some(canary) = &progress.canary else {
        return text;
    };
    for line in canary_lines(canary) {
        text += &format!("  {}\n", printable::line(&line));
    }
    for (route, errors) in canary.routes.iter().filter(|_| with_routes) {
        let (new, old) = (errors.canary, errors.active);
        let route = printable::line(route);
        let (new_bad, old_bad) = (new.bad, old.bad);
        text += &format!(
            "    {route}  errors: {new_bad}/{} vs {old_bad}/{}\n",
            new.requests, old.requests
        );
    }
    text
}

fn canary_lines(canary: &CanaryProgress) -> Vec<String> {
    let steps: Vec<_> = canary.steps.iter().map(|step| format!("{step}%")).collect();
    let steps = match steps.len() {
        0 | 1 => String::new(),
        _ => format!(" of the steps {}", steps.join(" ")),
    };
    let healthy = Duration::from_secs(canary.healthy_ms / 1000);
    let mut lines = vec![
        format!(
            "canary: {}%{steps}, healthy for {} on {} node(s), {} of its requests compared, {} at \
             this step ({} needed)",
            canary.percent,
            humantime::format_duration(healthy),
            canary.nodes,
            canary.compared,
            canary.compared_at_step,
            canary.needed
        ),
        format!("evidence, canary vs active: {}", canary.evidence),
    ];
    if let Some(answer) = &canary.check {
        lines.push(format!("check: {}, {}", answer.verdict, answer.reason));
    }
    lines.push(format!("waits for {}", canary.waits_for));
    lines
}
