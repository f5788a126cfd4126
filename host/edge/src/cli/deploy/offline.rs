//! `edge rollback --offline`: rolls back without a node.

use bundle::Digest;

use crate::cli::client::person;
use crate::cli::output;
use crate::config::Settings;
use crate::printable;
use crate::rollout::{OfflineOutcome, OfflineRollback, open_control, roll_back_offline};

/// Rolls back directly in the control database, and prints the outcome.
pub(in crate::cli) async fn roll_back(
    settings: &Settings,
    plugin: String,
    to: Option<String>,
    regions: Vec<String>,
    json: bool,
) -> anyhow::Result<()> {
    let control = open_control(settings).await?;
    let user = rustix::process::geteuid().as_raw();
    let order = OfflineRollback {
        plugin,
        to,
        regions,
        author: format!("offline ({}, uid {user})", person()),
    };
    let outcome = roll_back_offline(&control, &order).await;
    control.close().await;
    let outcome = outcome?;
    if json {
        output::tell_json(&outcome)?;
    } else {
        output::tell(format_args!("{}", told(&outcome)));
    }
    Ok(())
}

fn told(outcome: &OfflineOutcome) -> String {
    let mut text = String::new();
    for change in &outcome.changes {
        let from = change
            .from
            .map_or("nothing".to_owned(), |digest| digest.short());
        let region = printable::line(&change.region);
        text += &format!("{region}: {from} -> {}\n", Digest::short(&change.to));
    }
    for region in &outcome.unchanged {
        let region = printable::line(region);
        text += &format!("{region}: runs it already\n");
    }
    if let Some(rollout) = &outcome.aborted {
        text +=
            &format!("the rollout {rollout} is aborted; nodes change back what is left of it\n");
    }
    text + &match outcome.live_nodes {
        0 => "no node is there: each serves this when it starts\n".to_owned(),
        nodes => format!(
            "{nodes} live node(s) read the log within a second, or three where they use Redis, and \
             then make the release ready; `edge status` of any node says how far they are\n"
        ),
    }
}
