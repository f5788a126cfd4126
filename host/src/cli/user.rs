//! `edge user`

use std::io::Read;

use anyhow::{anyhow, bail};
use edge_host::bindings::accounts::exports::edge::platform::accounts::Account;
use edge_host::config::Settings;
use edge_host::node;

/// Bytes that a password on standard input may have.
const LONGEST: u64 = 1024;

/// What `edge user` takes.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make an account, or change the one with this e-mail address. The
    /// password is read from standard input.
    Add(NewAccount),
}

/// What `edge user add` takes.
#[derive(clap::Args)]
pub(super) struct NewAccount {
    /// What the account may do.
    #[arg(long, default_value = "merchant")]
    role: String,
    /// E-mail address, which is the login.
    #[arg(long)]
    email: String,
    /// Name to show.
    #[arg(long)]
    name: String,
}

/// Let the plugin that keeps the accounts make one.
pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::Add(arguments) = command;
    let account = Account {
        name: arguments.name,
        email: arguments.email,
        password: read_password()?,
        role: arguments.role,
    };
    let loaded = node::load(settings).await?;
    let keeper = loaded
        .releases()
        .into_iter()
        .find(|release| release.plugin.exports().keeps_accounts);
    let Some(keeper) = keeper else {
        bail!("no plugin among {:?} keeps accounts", settings.plugins);
    };
    match keeper.plugin.add_account(account.clone()).await? {
        Ok(id) => println!(
            "{} {id}: {} <{}>",
            account.role, account.name, account.email
        ),
        Err(reason) => bail!("{reason}"),
    }
    Ok(())
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| anyhow!("the password on standard input cannot be read: {error}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
