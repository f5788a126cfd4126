//! `edge rollout`: shows, lists, pauses and resumes rollouts.

use super::client::pages::{PageArguments, read_on, tell_of_more};
use super::client::{Client, of_plugin};
use super::output;
use super::output::format::when;
use super::output::rollout::{describe, open_rollout};
use super::output::table::Table;
use crate::admin::api::RolloutStatus;
use crate::config::Settings;
use crate::rollout::control::rollouts::Rollout;

/// Default number of rollouts that `edge rollout list` shows.
const DEFAULT_LIMIT: usize = 50;

/// Subcommands of `edge rollout`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show the rollout of a plugin that is in progress, and what it waits for.
    Show(OfRollout),
    /// List the rollouts of a plugin, newest first, and how each ended.
    List(List),
    /// Pause a rollout. A canary that does worse is withdrawn all the same.
    Pause(OfRollout),
    /// Resume a rollout. The current step of a canary starts over.
    Resume(OfRollout),
}

/// Arguments of `edge rollout list`.
#[derive(clap::Args)]
pub(super) struct List {
    /// The plugin.
    plugin: String,
    #[command(flatten)]
    pages: PageArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of commands for the rollout of one plugin.
#[derive(clap::Args)]
pub(super) struct OfRollout {
    /// The plugin.
    plugin: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let (of, action) = match command {
        Command::Show(OfRollout { plugin, json }) => {
            let path = of_plugin(&plugin, "rollout");
            let status: RolloutStatus = client.get(&path).await?;
            return output::print_value(&status, json, shown);
        }
        Command::List(arguments) => return list(&client, &arguments).await,
        Command::Pause(of) => (of, "pause"),
        Command::Resume(of) => (of, "resume"),
    };
    let path = of_plugin(&of.plugin, action);
    let rollout: Rollout = client.post(&path, &()).await?;
    output::print_value(&rollout, of.json, |rollout| {
        let (id, phase) = (&rollout.id, rollout.phase);
        format!("{}  rollout {id}  {phase}  {action}d\n", rollout.plugin)
    })
}

async fn list(client: &Client, arguments: &List) -> anyhow::Result<()> {
    let List {
        plugin,
        pages,
        json,
    } = arguments;
    let path = of_plugin(plugin, "rollouts");
    let (most, mut rollouts) = (pages.most(DEFAULT_LIMIT), Vec::<Rollout>::new());
    let has_more = read_on(client, &path, pages, most, &mut rollouts, true).await?;
    output::print_value(&rollouts, *json, |rollouts| table(rollouts))?;
    if has_more {
        tell_of_more("rollouts", rollouts.len());
    }
    Ok(())
}

fn table(rollouts: &[Rollout]) -> String {
    let headings = [
        "BEGUN", "ROLLOUT", "RELEASE", "REGIONS", "PHASE", "BY", "WHY",
    ];
    let mut table = Table::new(&headings);
    for rollout in rollouts {
        let release = rollout.digest.map(|digest| digest.short());
        table.row([
            when(rollout.started_at),
            rollout.id.clone(),
            release.unwrap_or_else(|| "-".to_owned()),
            rollout.regions.join(" then "),
            rollout.phase.to_string(),
            rollout.author.clone(),
            rollout.reason.clone(),
        ]);
    }
    table.to_string()
}

fn shown(status: &RolloutStatus) -> String {
    let RolloutStatus { rollout, progress } = status;
    open_rollout(rollout) + &describe(progress, true)
}
