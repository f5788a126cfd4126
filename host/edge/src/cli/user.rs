//! `edge user`: makes and changes accounts of people who run the shop.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use anyhow::{anyhow, bail};
use http::StatusCode;

use super::client::{Client, is_refused};
use super::output;
use super::output::exit::Exit;
use crate::admin::api::{AccountMade, NewAccount as Order};
use crate::bindings::accounts::exports::edge::platform::accounts::{Account, Error};
use crate::config::{Secret, Settings};
use crate::node;
use crate::printable;
use crate::runtime::AccountTask;

/// Maximum length of a password in bytes.
const MAX_PASSWORD: usize = 1024;

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
        let typed = typed.map_err(|error| anyhow!("the password cannot be read: {error}"))?;
        refuse_long(typed.as_bytes())?;
        return Ok(typed);
    }
    password_from(std::io::stdin())
}

/// Reads a password that may end with line breaks.
fn password_from(input: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // Line breaks at the end do not count, so a few bytes more are read.
    let read = input.take(2 * MAX_PASSWORD as u64).read_to_end(&mut bytes);
    read.map_err(|error| anyhow!("the password on standard input cannot be read: {error}"))?;
    let end = bytes.iter().rposition(|byte| !b"\r\n".contains(byte));
    bytes.truncate(end.map_or(0, |last| last + 1));
    refuse_long(&bytes)?;
    String::from_utf8(bytes).map_err(|_| anyhow!("the password on standard input is not UTF-8"))
}

fn refuse_long(password: &[u8]) -> anyhow::Result<()> {
    match password.len() {
        0..=MAX_PASSWORD => Ok(()),
        _ => bail!("the password is longer than {MAX_PASSWORD} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        password_from(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_ends_before_its_line_break() {
        assert_eq!(read(b"secret\r\n"), Ok("secret".to_owned()));
        assert_eq!(read(b" two\nlines \n"), Ok(" two\nlines ".to_owned()));
        assert_eq!(read(b"\n"), Ok(String::new()));
    }

    #[test]
    fn a_password_that_is_too_long_is_refused_and_not_cut() {
        let longest = "a".repeat(MAX_PASSWORD);
        assert_eq!(read(format!("{longest}\n").as_bytes()), Ok(longest.clone()));
        for more in ["a", "\u{e9}", &longest, &longest.repeat(3)] {
            let error = read(format!("{longest}{more}").as_bytes()).expect_err("too long");
            assert!(error.contains("longer than 1024 bytes"), "{error}");
        }
    }

    #[test]
    fn a_password_is_text() {
        assert!(read(b"\xff\xfe").is_err_and(|error| error.contains("not UTF-8")));
    }
}
