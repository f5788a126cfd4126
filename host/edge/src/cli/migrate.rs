//! `edge migrate` and `edge migrations`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use bundle::Digest;
use http::StatusCode;

use super::client::pages::{PageArguments, read_on, tell_of_more};
use super::client::{Client, is_refused, of_plugin, segment};
use super::output;
use super::output::exit::Exit;
use super::output::format::when;
use super::output::migrations;
use super::output::table::Table;
use super::source::{self, Source};
use crate::admin::api::{Migrate, Migrating, MigrationPlan, PlannedStatement, Releases};
use crate::config::Settings;
use crate::printable;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::migrations::{MigrationRun, RunState};

/// Default number of runs that `edge migrations` shows.
const DEFAULT_LIMIT: usize = 20;

/// Interval of polling while waiting for a run.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Interval at which the line of a statement in progress is printed again.
const REMIND: Duration = Duration::from_secs(10);

/// Arguments of `edge migrate`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A plugin, for its newest release; or a bundle, a plugin's folder, or a
    /// bundle in a registry.
    what: String,
    /// The plugin's release: a version, or the beginning of a digest.
    #[arg(long)]
    to: Option<String>,
    /// Sign the bundle with the secret key in this file.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Print the statements that would run, checked against the grant, and run
    /// none.
    #[arg(long)]
    dry_run: bool,
    /// Return once the run has begun; it continues by itself.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the end; no limit when absent. The run continues
    /// after it.
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `edge migrations`.
#[derive(clap::Args)]
pub(super) struct List {
    /// The plugin; all when absent.
    plugin: Option<String>,
    #[command(flatten)]
    pages: PageArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a release's migrations, or prints the statements that would run.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let digest = release(settings, &client, &arguments).await?;
    if arguments.dry_run {
        let plan: MigrationPlan = client.get(&plan_path(digest)).await?;
        return output::print_value(&plan, arguments.json, plan_text);
    }
    let Migrating { run } = client.post("/v1/migrations", &Migrate { digest }).await?;
    let Some(run) = run else {
        return output::print_value(&run, arguments.json, |_| "nothing is pending\n".to_owned());
    };
    if arguments.no_wait {
        return output::print_value(&run, arguments.json, |run| format!("{}\n", summary(run)));
    }
    let run = follow(&client, run, arguments.timeout, arguments.json).await?;
    if arguments.json {
        output::print_value(&run, true, |_| String::new())?;
    }
    ended(&run)
}

/// Returns the digest of the release that is meant; a bundle or folder is added
/// first.
async fn release(
    settings: &Settings,
    client: &Client,
    arguments: &Arguments,
) -> anyhow::Result<Digest> {
    let source: Source = arguments.what.parse()?;
    let is_at_hand = match &source {
        Source::Registry(_) => true,
        Source::Path(path) => path.exists(),
    };
    if is_at_hand {
        if arguments.to.is_some() {
            bail!(
                "--to names a release of a plugin, and {} is one release",
                arguments.what
            );
        }
        let found = source::find(settings, &source, arguments.key.as_deref()).await?;
        let record: BundleRecord = client.put_bundle(&found.bundle, &found.signature).await?;
        if !arguments.json {
            output::tell(format_args!(
                "{}@{}  {}\n",
                record.plugin, record.version, record.digest
            ));
        }
        return Ok(record.digest);
    }
    let path = |below: &str| of_plugin(&arguments.what, below);
    if let Some(to) = &arguments.to {
        let named = path(&format!("bundles/{}", segment(to)));
        let found: BundleRecord = client.get(&named).await?;
        return Ok(found.digest);
    }
    let newest: Releases = client.get(&path("releases?limit=1")).await?;
    match newest.bundles.first() {
        Some(bundle) => Ok(bundle.digest),
        None => bail!("there is no release of {}", arguments.what),
    }
}

fn plan_path(digest: Digest) -> String {
    format!("/v1/migrations/plan?digest={digest}")
}

/// Runs the pending migrations of a release that is to be deployed, and waits
/// for them without a time limit, as a rollout does not wait for migrations. A
/// node with an older host runs migrations when it begins the rollout.
pub(super) async fn before_rollout(
    client: &Client,
    digest: Digest,
    json: bool,
) -> anyhow::Result<()> {
    let begun = client.post("/v1/migrations", &Migrate { digest }).await;
    let run = match begun {
        Ok(Migrating { run }) => run,
        Err(error) if is_refused(&error, StatusCode::NOT_FOUND) => None,
        Err(error) => return Err(error),
    };
    match run {
        Some(run) => ended(&follow(client, run, None, json).await?),
        None => Ok(()),
    }
}

/// Prints the progress of a run until it ends.
async fn follow(
    client: &Client,
    mut run: MigrationRun,
    timeout: Option<Duration>,
    json: bool,
) -> anyhow::Result<MigrationRun> {
    let began = Instant::now();
    let path = format!("/v1/migrations/{}", run.id);
    let (mut said, mut said_at) = (String::new(), Instant::now());
    loop {
        let now = step(&run);
        if !json && (now != said || said_at.elapsed() > REMIND) {
            let passed = humantime::format_duration(Duration::from_secs(began.elapsed().as_secs()));
            output::tell(format_args!(
                "{}\n",
                printable::line(&format!("{now}  {passed}"))
            ));
            (said, said_at) = (now, Instant::now());
        }
        if !run.is_open() {
            return Ok(run);
        }
        if timeout.is_some_and(|timeout| began.elapsed() > timeout) {
            let id = &run.id;
            bail!(Exit::TimedOut(format!(
                "the migrations still run ({id}), by themselves"
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        // The node may be unreachable for a while; another one continues the
        // run.
        match client.get(&path).await {
            Ok(looked) => run = looked,
            Err(error) => run.doing = format!("{error:#}"),
        }
    }
}

fn step(run: &MigrationRun) -> String {
    let lost = match run.is_stale() {
        true => format!(
            "; node {} reports no more, and another will go on",
            run.node
        ),
        false => String::new(),
    };
    format!(
        "migrating  statement {} of {}  {}{lost}",
        run.statement, run.statements, run.doing
    )
}

fn ended(run: &MigrationRun) -> anyhow::Result<()> {
    match run.state {
        RunState::Failed => {
            bail!(Exit::NotMigrated(printable::line(&run.reason).into_owned()))
        }
        _ => Ok(()),
    }
}

/// Returns a run on one line.
pub(super) fn summary(run: &MigrationRun) -> String {
    let since = Duration::from_secs(run.since_ms.unsigned_abs() / 1000);
    format!(
        "migrations of {}@{} by {} on node {}: {} statement {} of {} since {} ({})",
        run.plugin,
        run.version,
        run.author,
        run.node,
        run.state,
        run.statement,
        run.statements,
        humantime::format_duration(since),
        run.id
    )
}

/// Lists runs of migrations.
pub(super) async fn list(settings: &Settings, arguments: &List) -> anyhow::Result<()> {
    let path = match &arguments.plugin {
        Some(plugin) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!(
                "/v1/migrations?{}",
                query.append_pair("plugin", plugin).finish()
            )
        }
        None => "/v1/migrations".to_owned(),
    };
    let (client, mut runs) = (Client::new(settings)?, Vec::<MigrationRun>::new());
    let most = arguments.pages.most(DEFAULT_LIMIT);
    let has_more = read_on(&client, &path, &arguments.pages, most, &mut runs, true).await?;
    if has_more {
        tell_of_more("runs", runs.len());
    }
    output::print_value(&runs, arguments.json, |runs| table(runs))
}

fn table(runs: &[MigrationRun]) -> String {
    let headings = [
        "BEGUN",
        "PLUGIN",
        "VERSION",
        "NODE",
        "STATE",
        "STATEMENT",
        "BY",
        "REASON",
    ];
    let mut table = Table::new(&headings);
    for run in runs {
        let state = match run.is_stale() {
            true => format!("{} (node lost)", run.state),
            false => run.state.to_string(),
        };
        table.row([
            when(run.started_at),
            run.plugin.clone(),
            run.version.clone(),
            run.node.clone(),
            state,
            format!("{}/{}", run.statement, run.statements),
            run.author.clone(),
            run.reason.clone(),
        ]);
    }
    table.to_string()
}

fn plan_text(plan: &MigrationPlan) -> String {
    let MigrationPlan {
        plugin,
        version,
        digest,
        statements,
    } = plan;
    let mut text = format!("{plugin}@{version}  {digest}\n");
    if statements.is_empty() {
        text += "nothing is pending\n";
    }
    let mut file = "";
    for (index, statement) in statements.iter().enumerate() {
        if statement.file != file {
            file = &statement.file;
            let _ = writeln!(text, "\n{}", migrations::escaped(file));
        }
        let _ = writeln!(
            text,
            "  {} of {}{}",
            index + 1,
            statements.len(),
            note(statement)
        );
        for line in statement.text.lines() {
            let _ = writeln!(text, "    {}", migrations::escaped(line));
        }
    }
    text
}

fn note(statement: &PlannedStatement) -> &'static str {
    match (statement.is_done, statement.is_in_doubt) {
        (true, _) => "  (done by an earlier attempt)",
        (_, true) => "  (begun by an earlier attempt, which was cut off)",
        _ => "",
    }
}
