//! Commands of `edge`.

// `println!` panics when the reader of the output closes the pipe: see `output`.
#![warn(clippy::print_stdout)]

mod adopt;
mod audit;
mod bundle;
mod cache;
mod canary;
mod client;
mod db;
mod deploy;
mod dev;
mod diff;
mod housekeeping;
mod logs;
mod migrate;
mod new;
mod openapi;
mod output;
mod region;
mod releases;
mod rollout;
mod secret;
mod seed;
mod serve;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use tracing_appender::non_blocking::WorkerGuard;

use crate::config::Settings;
use crate::{printable, telemetry};

/// Runs a shop's services as WebAssembly plugins.
#[derive(Parser)]
#[command(name = "edge", version)]
struct Arguments {
    /// File of settings; it may be absent. A `.env` file beside it is read too.
    #[arg(long, global = true, default_value = "edge.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the plugins until SIGTERM or ctrl-c.
    Serve(serve::Arguments),
    /// Check whether plugins can serve from an existing database, and make its
    /// tables what they need.
    Adopt(adopt::Arguments),
    /// Fill the catalog of a running shop with generated products.
    Seed(seed::Arguments),
    /// Make and change accounts of people who run the shop.
    #[command(subcommand)]
    User(user::Command),
    /// Print what a database's administrator has to run.
    #[command(subcommand)]
    Db(db::Command),
    /// Show or replace the secret that the shop's nodes share.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Write a new plugin that builds, tests and serves at once.
    New(new::Arguments),
    /// Serve a plugin, and build and swap it whenever one of its files is
    /// saved.
    Dev(dev::Arguments),
    /// Print the plugins' OpenAPI documents, merged into one.
    Openapi(openapi::Arguments),
    /// Write a plugin into one file.
    Bundle(bundle::Pack),
    /// Make a key that signs bundles.
    Keygen(bundle::Keygen),
    /// Sign a bundle.
    Sign(bundle::Sign),
    /// Put a bundle into a registry.
    Push(bundle::Push),
    /// Make a release serve on running nodes.
    Deploy(deploy::Deploy),
    /// Run a release's migrations, before or without deploying it.
    Migrate(migrate::Arguments),
    /// List runs of migrations: those in progress, and how others ended.
    Migrations(migrate::List),
    /// Change the share of the clients that get a canary.
    Canary(canary::Share),
    /// Show, list, pause and resume rollouts of a plugin.
    #[command(subcommand)]
    Rollout(rollout::Command),
    /// Roll a canary out to all clients.
    Promote(deploy::Decide),
    /// End a rollout, and change back what it changed.
    Abort(deploy::Decide),
    /// Make an earlier release serve again.
    Rollback(deploy::RollBack),
    /// Remove a plugin from all nodes.
    Remove(deploy::Decide),
    /// Fill and forget regions.
    #[command(subcommand)]
    Region(region::Command),
    /// Show the state of nodes and their releases.
    Status(status::Arguments),
    /// Show a plugin's releases, and which served where.
    Releases(releases::Arguments),
    /// Show what one release changes from another.
    Diff(diff::Arguments),
    /// Show the audit: who did what.
    Audit(audit::Arguments),
    /// Collect bundles that no region runs or could go back to.
    Gc(housekeeping::GcArguments),
    /// Show and forget the replies that a node keeps.
    #[command(subcommand)]
    Cache(cache::Command),
    /// Forget nodes of the shop.
    #[command(subcommand)]
    Node(housekeeping::NodeCommand),
    /// Show the log lines of a node.
    Logs(logs::Arguments),
    /// Print the token of this node's operators.
    Token,
}

impl Command {
    /// Returns whether plugins run in this process, so that it logs as a node
    /// does.
    fn runs_plugins(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Dev(_) => true,
            Self::Adopt(arguments) => arguments.runs_plugins(),
            Self::Seed(arguments) => arguments.is_offline(),
            Self::User(command) => command.is_offline(),
            _ => false,
        }
    }
}

/// Runs the command that this process was started with. Returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<output::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            let message = message(&error);
            output::complain(format_args!("edge: {}", printable::lines(&message)));
            output::exit::code(&error)
        }
    }
}

/// Returns the message of an error with its causes. Messages of the library already contain theirs.
fn message(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |message, cause| {
            match message.contains(&cause) {
                _ if message.is_empty() => cause,
                true => message,
                false => format!("{message}: {cause}"),
            }
        })
}

/// Parses the command line, loads the settings and runs the command.
fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::load(&arguments.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow!("cannot start the asynchronous runtime: {error}"))?;
    runtime.block_on(dispatch(&settings, arguments.command))
}

/// Starts to log as a node does, with the warnings about the settings. The log
/// is written until the guard is dropped.
fn log_as_node(settings: &Settings) -> WorkerGuard {
    let guard = telemetry::init(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    guard
}

async fn dispatch(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let _flush_logs = command.runs_plugins().then(|| log_as_node(settings));
    match command {
        Command::Serve(arguments) => serve::run(settings, &arguments).await,
        Command::Adopt(arguments) => adopt::run(settings, arguments).await,
        Command::Seed(arguments) => seed::run(settings, &arguments).await,
        Command::User(command) => user::run(settings, command).await,
        Command::Db(command) => db::run(settings, command),
        Command::Secret(command) => secret::run(settings, command).await,
        Command::Dev(arguments) => dev::run(settings.clone(), &arguments).await,
        Command::New(arguments) => new::write(&arguments),
        Command::Openapi(arguments) => openapi::print(settings, &arguments).await,
        Command::Bundle(arguments) => bundle::pack(&arguments),
        Command::Keygen(arguments) => bundle::keygen(&arguments),
        Command::Sign(arguments) => bundle::sign(&arguments),
        Command::Push(arguments) => bundle::push(settings, arguments).await,
        Command::Deploy(arguments) => deploy::deploy(settings, arguments).await,
        Command::Migrate(arguments) => migrate::run(settings, arguments).await,
        Command::Migrations(arguments) => migrate::list(settings, &arguments).await,
        Command::Canary(arguments) => canary::set_share(settings, arguments).await,
        Command::Rollout(command) => rollout::run(settings, command).await,
        Command::Promote(arguments) => deploy::promote(settings, arguments).await,
        Command::Abort(arguments) => deploy::abort(settings, arguments).await,
        Command::Rollback(arguments) => deploy::roll_back(settings, arguments).await,
        Command::Remove(arguments) => deploy::remove(settings, arguments).await,
        Command::Region(command) => region::run(settings, command).await,
        Command::Cache(command) => cache::run(settings, command).await,
        Command::Status(arguments) => status::run(settings, arguments).await,
        Command::Releases(arguments) => releases::run(settings, arguments).await,
        Command::Diff(arguments) => diff::run(settings, arguments).await,
        Command::Audit(arguments) => audit::run(settings, arguments).await,
        Command::Gc(arguments) => housekeeping::gc(settings, &arguments).await,
        Command::Node(command) => housekeeping::node(settings, command).await,
        Command::Logs(arguments) => logs::run(settings, arguments).await,
        Command::Token => {
            output::print(format_args!("{}\n", client::token(settings)?))?;
            Ok(())
        }
    }
}
