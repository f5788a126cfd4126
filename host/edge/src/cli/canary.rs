//! `edge canary`, `edge rollout`, and the canary options of `edge deploy`.

use std::time::Duration;

use edge::admin::api::{Deploy, RolloutStatus, SetShare};
use edge::config::Settings;
use edge::printable;
use edge::rollout::check::Check;
use edge::rollout::control::rollouts::Rollout;
use edge::rollout::{CanaryProgress, RolloutProgress};

use super::client::Client;
use super::pages::{PageArguments, read_on, tell_of_more};
use super::show;
use super::table::Table;

/// Default number of rollouts that `edge rollout list` shows.
const USUAL: usize = 50;

/// Canary options of `edge deploy`.
#[derive(clap::Args)]
pub(super) struct Canary {
    /// Give the release to this share of the clients first, such as `10%`; or
    /// to several shares with commas between, one after another.
    #[arg(long, value_delimiter = ',', value_parser = percent)]
    canary: Vec<u8>,
    /// How long each share but the last one is kept, such as `5m`.
    #[arg(long, value_parser = humantime::parse_duration, requires = "canary")]
    every: Option<Duration>,
    /// Promote the canary by itself, once it has been healthy for this long at
    /// its last share and enough requests were compared; without this, it waits
    /// for `edge promote`.
    #[arg(long, value_parser = humantime::parse_duration, requires = "canary")]
    promote_after: Option<Duration>,
    /// Query this Prometheus before each step; the nodes' setting
    /// `canary_check_urls` has to allow it.
    #[arg(long, requires_all = ["check_query", "canary"])]
    check_prometheus: Option<String>,
    /// Query for --check-prometheus: any value but 0 withdraws the canary, no
    /// value is fine.
    #[arg(long, requires = "check_prometheus")]
    check_query: Option<String>,
    /// POST the state of the canary to this URL before each step; the nodes'
    /// setting `canary_check_urls` has to allow it.
    #[arg(long, requires = "canary", conflicts_with = "check_prometheus")]
    check_webhook: Option<String>,
}

impl Canary {
    /// Returns whether the rollout ends without an operator.
    pub(super) fn is_promoted(&self) -> bool {
        self.promote_after.is_some()
    }

    /// Writes the canary options into a request to deploy.
    pub(super) fn write(self, order: &mut Deploy) {
        order.canary_percent = self.canary.first().copied().unwrap_or(0);
        order.canary_steps = match self.canary.len() {
            0 | 1 => Vec::new(),
            _ => self.canary,
        };
        order.every_ms = self.every.map_or(0, milliseconds);
        order.promote_after_ms = self.promote_after.map(milliseconds);
        let prometheus = self.check_prometheus.zip(self.check_query);
        let prometheus = prometheus.map(|(url, query)| Check::Prometheus { url, query });
        let webhook = self.check_webhook.map(|url| Check::Webhook { url });
        order.check = prometheus.or(webhook);
    }
}

/// Arguments of `edge canary`.
#[derive(clap::Args)]
pub(super) struct Share {
    /// The plugin.
    plugin: String,
    /// Percentage of the clients that get the canary from now on, such as
    /// `20%`.
    #[arg(long, value_parser = percent)]
    percent: u8,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Subcommands of `edge rollout`.
#[derive(clap::Subcommand)]
pub(super) enum RolloutCommand {
    /// Show the rollout of a plugin that is in progress, and what it waits for.
    Show(OfRollout),
    /// List the rollouts of a plugin, newest first, and how each ended.
    List(ListOfRollouts),
    /// Pause a rollout. A canary that does worse is withdrawn all the same.
    Pause(OfRollout),
    /// Resume a rollout. The current step of a canary starts over.
    Resume(OfRollout),
}

/// Arguments of `edge rollout list`.
#[derive(clap::Args)]
pub(super) struct ListOfRollouts {
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

pub(super) fn percent(text: &str) -> Result<u8, String> {
    match text.trim().trim_end_matches('%').parse() {
        Ok(percent @ 1..=99) => Ok(percent),
        _ => Err("is not a percentage from 1% to 99%".to_owned()),
    }
}

pub(super) async fn set_share(settings: &Settings, arguments: Share) -> anyhow::Result<()> {
    let Share {
        plugin,
        percent,
        json,
    } = arguments;
    let path = format!("/v1/plugins/{plugin}/canary");
    let client = Client::new(settings)?;
    let rollout: Rollout = client.post(&path, &SetShare { percent }).await?;
    print(&rollout, json, |rollout| {
        let (id, percent) = (&rollout.id, rollout.canary_percent);
        format!("{plugin}  rollout {id}  {percent} % of the clients meet the canary\n")
    })
}

pub(super) async fn rollout(settings: &Settings, command: RolloutCommand) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let (of, action) = match command {
        RolloutCommand::Show(OfRollout { plugin, json }) => {
            let path = format!("/v1/plugins/{plugin}/rollout");
            let status: RolloutStatus = client.get(&path).await?;
            return print(&status, json, shown);
        }
        RolloutCommand::List(arguments) => return list(&client, &arguments).await,
        RolloutCommand::Pause(of) => (of, "pause"),
        RolloutCommand::Resume(of) => (of, "resume"),
    };
    let path = format!("/v1/plugins/{}/{action}", of.plugin);
    let rollout: Rollout = client.post(&path, &()).await?;
    print(&rollout, of.json, |rollout| {
        let (id, phase) = (&rollout.id, rollout.phase);
        format!("{}  rollout {id}  {phase}  {action}d\n", rollout.plugin)
    })
}

async fn list(client: &Client, arguments: &ListOfRollouts) -> anyhow::Result<()> {
    let ListOfRollouts {
        plugin,
        pages,
        json,
    } = arguments;
    let path = format!("/v1/plugins/{plugin}/rollouts");
    let (most, mut rollouts) = (pages.most(USUAL), Vec::<Rollout>::new());
    let has_more = read_on(client, &path, pages, most, &mut rollouts, true).await?;
    print(&rollouts, *json, |rollouts| {
        let headings = [
            "BEGUN", "ROLLOUT", "RELEASE", "REGIONS", "PHASE", "BY", "WHY",
        ];
        let mut table = Table::new(&headings);
        for rollout in rollouts {
            let release = rollout.digest.map(|digest| digest.short());
            table.row([
                show::when(rollout.started_at),
                rollout.id.clone(),
                release.unwrap_or_else(|| "-".to_owned()),
                rollout.regions.join(" then "),
                rollout.phase.to_string(),
                rollout.author.clone(),
                rollout.reason.clone(),
            ]);
        }
        table.to_string()
    })?;
    if has_more {
        tell_of_more("rollouts", rollouts.len());
    }
    Ok(())
}

fn print<T: serde::Serialize>(
    value: &T,
    json: bool,
    text: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    show::print(value, json, text)
}

fn shown(status: &RolloutStatus) -> String {
    let RolloutStatus { rollout, progress } = status;
    show::open_rollout(rollout) + &describe(progress, true)
}

/// Returns the state of a rollout, in lines for `edge status`, and with every
/// route for `edge rollout show`.
pub(super) fn describe(progress: &RolloutProgress, with_routes: bool) -> String {
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

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
