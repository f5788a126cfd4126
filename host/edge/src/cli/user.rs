//! `edge user`: makes and changes accounts of people who run the shop.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use anyhow::{anyhow, bail};
use edge::admin::api::{AccountMade, NewAccount as Order};
use edge::bindings::accounts::exports::edge::platform::accounts::{Account, Error};
use edge::config::{Secret, Settings};
use edge::node;
use edge::printable;
use edge::runtime::AccountTask;
use http::StatusCode;

use super::client::{Client, is_refused};
use super::exit::Exit;
use super::output;

/// Maximum length of a password in bytes.
const LONGEST: u64 = 1024;

/// Time within which other nodes notice that tokens were revoked.
const REVOCATION_WINDOW: Duration = Duration::from_secs(1);

/// Subcommands of `edge user`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make an account, on a node that serves the plugin that keeps them. The
    /// password is asked for, or read from standard input.
    Add(NewAccount),
}

/// Arguments of `edge user add`.
#[derive(clap::Args)]
pub(super) struct NewAccount {
    /// Role, which decides what the account may do.
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
    /// Ask no node: load the plugins of the settings in this process, with
    /// their databases. Nothing of it is in the audit.
    #[arg(long)]
    offline: bool,
}

impl Command {
    /// Returns whether plugins run in this process.
    pub(super) fn is_offline(&self) -> bool {
        let Self::Add(arguments) = self;
        arguments.offline
    }
}

/// Makes the plugin that keeps the accounts make or change one.
pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::Add(arguments) = command;
    let order = Order {
        password: Secret(read_password()?),
        name: arguments.name,
        email: arguments.email,
        role: arguments.role,
        existing: arguments.existing,
    };
    let made = match arguments.offline {
        true => keep_offline(settings, order).await?,
        false => keep(settings, order).await?,
    };
    let line = format!("{} {}: {} <{}>", made.role, made.id, made.name, made.email);
    output::tell(format_args!("{}\n", printable::line(&line)));
    Ok(())
}

async fn keep(settings: &Settings, order: Order) -> anyhow::Result<AccountMade> {
    let made = Client::new(settings)?.post("/v1/accounts", &order).await;
    made.map_err(|error| match is_refused(&error, StatusCode::CONFLICT) {
        true => Exit::AccountExists(order.email).into(),
        false => error,
    })
}

async fn keep_offline(settings: &Settings, order: Order) -> anyhow::Result<AccountMade> {
    let task = match order.existing {
        true => AccountTask::Change,
        false => AccountTask::Add,
    };
    let Order {
        name, email, role, ..
    } = order;
    let account = Account {
        name: name.clone(),
        email: email.clone(),
        password: order.password.0,
        role: role.clone(),
    };
    let loaded = node::load(settings).await?;
    let mut releases = loaded.releases().into_iter();
    let keeper = releases.find(|release| release.plugin.exports().keeps_accounts);
    let Some(keeper) = keeper else {
        bail!("no plugin among {:?} keeps accounts", settings.plugins);
    };
    let id = match keeper.plugin.keep_account(task, account).await? {
        Ok(id) => id,
        Err(Error::Exists) => return Err(Exit::AccountExists(email).into()),
        Err(Error::Unknown) => bail!("no account has the e-mail address {email}"),
        Err(Error::Other(reason)) => bail!("{reason}"),
    };
    if task == AccountTask::Change {
        // No node accepts the account's old tokens once the command has ended.
        tokio::time::sleep(REVOCATION_WINDOW).await;
    }
    Ok(AccountMade {
        id,
        name,
        email,
        role,
    })
}

/// Reads the password from the terminal without echo, or from standard input.
fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let typed = rpassword::prompt_password("Password: ");
        return typed.map_err(|error| anyhow!("the password cannot be read: {error}"));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| anyhow!("the password on standard input cannot be read: {error}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
