//! `edge user`

use std::io::Read;
use std::time::Duration;

use anyhow::{anyhow, bail};
use edge_host::bindings::accounts::exports::edge::platform::accounts::{Account, Error};
use edge_host::config::Settings;
use edge_host::node;
use edge_host::runtime::AccountTask;

use super::exit::Exit;

/// Bytes that a password on standard input may have.
const LONGEST: u64 = 1024;

/// How long other nodes may take to notice that tokens were revoked.
const REVOCATION_WINDOW: Duration = Duration::from_secs(1);

/// What `edge user` takes.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make an account. The password is read from standard input.
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
    /// Change the account that has this e-mail address: its name, password and
    /// role. Whoever is logged in to it is logged out, and its login through
    /// Facebook is removed. Make sure that it belongs to whom you think: anybody
    /// can register under any address.
    #[arg(long)]
    existing: bool,
}

/// Lets the plugin that keeps the accounts make or change one.
pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::Add(arguments) = command;
    let task = match arguments.existing {
        true => AccountTask::Change,
        false => AccountTask::Add,
    };
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
    let id = match keeper.plugin.keep_account(task, account.clone()).await? {
        Ok(id) => id,
        Err(Error::Exists) => return Err(Exit::AccountExists(account.email).into()),
        Err(Error::Unknown) => bail!("no account has the e-mail address {}", account.email),
        Err(Error::Other(reason)) => bail!("{reason}"),
    };
    if task == AccountTask::Change {
        // When the command has ended, no node takes the account's old tokens.
        tokio::time::sleep(REVOCATION_WINDOW).await;
    }
    println!(
        "{} {id}: {} <{}>",
        account.role, account.name, account.email
    );
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
