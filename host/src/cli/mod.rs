//! The commands of `edge`.

mod seed;
mod serve;
mod user;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use edge_host::config::Settings;

/// Runs a shop's services as WebAssembly plugins.
#[derive(Parser)]
#[command(name = "edge", version)]
struct Arguments {
    /// File of settings; it may be absent. A `.env` beside it is read too.
    #[arg(long, global = true, default_value = "edge.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the plugins until SIGTERM or ctrl-c.
    Serve,
    /// Fill the catalog with generated products.
    Seed(seed::Arguments),
    /// Accounts of people who run the shop.
    #[command(subcommand)]
    User(user::Command),
}

/// Read the command line and the settings, and do what they say.
pub(crate) fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::load(&arguments.config)?;
    let _flush_logs = edge_host::telemetry::init(settings.log_format, &settings.log_filter);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow!("cannot start the asynchronous runtime: {error}"))?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve => serve::run(&settings).await,
            Command::Seed(arguments) => seed::run(&settings, &arguments).await,
            Command::User(command) => user::run(&settings, command).await,
        }
    })
}
