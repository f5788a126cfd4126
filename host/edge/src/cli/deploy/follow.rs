//! Waiting for a rollout, with a line for each change of its state.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::admin::api::Status;
use crate::cli::client::Client;
use crate::cli::output;
use crate::cli::output::exit::Exit;
use crate::cli::output::rollout::tell_rollout;
use crate::printable;
use crate::rollout::State;
use crate::rollout::control::rollouts::{Phase, Rollout};

/// Interval of polling while waiting for a rollout.
pub(in crate::cli) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Arguments of commands that begin or change a rollout.
#[derive(Clone, clap::Args)]
pub(in crate::cli) struct Waiting {
    /// Wait until the rollout is over, or its canary waits for a decision.
    #[arg(long)]
    pub(in crate::cli) wait: bool,
    /// True if a canary needs no decision, and is waited for too.
    #[arg(skip)]
    pub(in crate::cli) until_over: bool,
    /// How long to wait.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(in crate::cli) timeout: Duration,
    /// Print JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Prints the progress of the rollout, until it ends if that is asked for.
/// Fails if the rollout failed, or was aborted although `wanted` is another
/// end.
pub(super) async fn follow(
    client: &Client,
    rollout: Rollout,
    waiting: &Waiting,
    began: Instant,
    wanted: Phase,
) -> anyhow::Result<()> {
    let rollout = match waiting.wait {
        true => until_decided(client, rollout, waiting, began).await?,
        false => rollout,
    };
    if waiting.json {
        output::tell_json(&rollout)?;
    } else {
        tell_rollout(&rollout, waiting.wait.then(|| began.elapsed()));
    }
    match rollout.phase {
        Phase::Failed => bail!(rolled_back(&rollout)),
        Phase::Aborted if wanted != Phase::Aborted => bail!(rolled_back(&rollout)),
        _ => Ok(()),
    }
}

/// Waits until the rollout is over, or its canary waits for a decision.
async fn until_decided(
    client: &Client,
    mut rollout: Rollout,
    waiting: &Waiting,
    began: Instant,
) -> anyhow::Result<Rollout> {
    let path = format!("/v1/rollouts/{}", rollout.id);
    let mut shown = String::new();
    while is_awaited(&rollout, waiting.until_over) {
        refuse_late(&rollout, waiting, began)?;
        tokio::time::sleep(POLL_INTERVAL).await;
        // The node may be unreachable for a while; the rollout continues
        // without it.
        let polled =
            async { anyhow::Ok((client.get(&path).await?, client.get("/v1/status").await?)) };
        let line = match polled.await {
            Ok((now, status)) => {
                rollout = now;
                progress(&rollout, &status)
            }
            Err(error) => printable::line(&format!("{error:#}")).into_owned(),
        };
        if !waiting.json && line != shown {
            output::tell(format_args!("{line}\n"));
            shown = line;
        }
    }
    Ok(rollout)
}

/// Fails if the time limit has passed.
pub(in crate::cli) fn refuse_late(
    rollout: &Rollout,
    waiting: &Waiting,
    began: Instant,
) -> anyhow::Result<()> {
    if began.elapsed() > waiting.timeout {
        let (id, phase) = (&rollout.id, rollout.phase);
        bail!(Exit::TimedOut(format!("the rollout {id} is still {phase}")));
    }
    Ok(())
}

/// Returns the exit of a rollout that failed. Its reason may contain text from
/// a plugin.
pub(in crate::cli) fn rolled_back(rollout: &Rollout) -> Exit {
    Exit::RolledBack(printable::line(&rollout.reason).into_owned())
}

/// Returns whether there is something to wait for: a canary waits for the
/// operator unless it is promoted by itself.
fn is_awaited(rollout: &Rollout, until_over: bool) -> bool {
    !rollout.phase.is_final() && (until_over || rollout.phase != Phase::Canary)
}

/// Returns the phase and, by region, the nodes that serve the release of those
/// that are live: `us-east 2/2  eu-west 0/1  ap-south no nodes`.
fn progress(rollout: &Rollout, status: &Status) -> String {
    let mut line = format!("{:<9}", rollout.phase);
    for region in &rollout.regions {
        let nodes = status
            .nodes
            .iter()
            .filter(|node| node.is_live() && node.region == *region);
        let (mut all, mut serve) = (0, 0);
        for node in nodes {
            all += 1;
            let report = node.report.plugins.get(&rollout.plugin);
            let runs = report.is_some_and(|report| {
                let releases = [&report.active, &report.canary];
                let digests = releases.into_iter().flatten().map(|release| release.digest);
                report.state == State::Serving
                    && digests.into_iter().any(|d| Some(d) == rollout.digest)
            });
            serve += usize::from(runs || (report.is_none() && rollout.digest.is_none()));
        }
        // Writing to a string cannot fail.
        let _ = match all {
            0 => write!(line, "  {region} no nodes"),
            all => write!(line, "  {region} {serve}/{all}"),
        };
    }
    line
}
