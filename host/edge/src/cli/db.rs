//! `edge db`: prints SQL for a database's administrator.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bundle::manifest::{DatabaseGrant, Manifest};
use rand::RngExt;
use rand::distr::Alphanumeric;
use stores::sql::migrations_table;
use url::Url;

use super::output;
use super::source::read;
use crate::config::Settings;

/// File name of the manifest in a plugin's folder.
const MANIFEST: &str = "plugin.toml";

/// Schemes of the URLs of database servers.
const SERVERS: [&str; 2] = ["mysql", "mariadb"];

/// Length of a generated password, in letters and digits.
const PASSWORD_LENGTH: usize = 32;

/// Privileges on a table that a plugin changes, and that its migrations create.
const WRITE: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES";

/// Privileges on a table that a plugin reads.
const READ: &str = "SELECT";

/// Privileges on the table that records which migrations of a plugin ran.
const RECORDS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE";

/// Subcommands of `edge db`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Print SQL that makes a MySQL user for each plugin, with rights on the
    /// tables of its grant alone.
    Grants(Grants),
}

/// Arguments of `edge db grants`.
#[derive(clap::Args)]
pub(super) struct Grants {
    /// Bundles or folders of plugins; those of the settings by default.
    plugins: Vec<PathBuf>,
    /// Hosts that the users connect from, as MySQL writes them.
    #[arg(long, default_value = "%")]
    from: String,
}

/// Prints the statements.
pub(super) fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::Grants(arguments) = command;
    let sources = match arguments.plugins.as_slice() {
        [] => &settings.plugins,
        named => named,
    };
    if sources.is_empty() {
        bail!("name bundles or folders of plugins: the settings have none");
    }
    check_host(&arguments.from)?;
    for source in sources {
        let manifest = read_manifest(source)?;
        let Some(grant) = &manifest.grants.database else {
            output::print(format_args!("-- {} uses no database.\n\n", manifest.name))?;
            continue;
        };
        let url = settings.database_url_of(&manifest.name);
        let url = Url::parse(url).context("the database's URL")?;
        let database = database_of(&url, &manifest.name)?;
        let user = User::new(&manifest.name, &arguments.from);
        output::print(format_args!(
            "{}\n",
            statements(&manifest, grant, &database, &user, &url)?
        ))?;
    }
    Ok(())
}

fn read_manifest(source: &Path) -> anyhow::Result<Manifest> {
    // A folder's component need not be built for this.
    match source.is_dir() {
        true => {
            let path = source.join(MANIFEST);
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Manifest::parse(&text).with_context(|| path.display().to_string())
        }
        false => Ok(read(source)?.manifest),
    }
}

/// Returns the name of the database in a URL, which is safe between backticks.
fn database_of(url: &Url, plugin: &str) -> anyhow::Result<String> {
    let database = url.path().trim_start_matches('/');
    if !SERVERS.contains(&url.scheme()) {
        bail!("the database of {plugin} is not on a MySQL server: set DATABASE_URL");
    }
    if database.is_empty() || database.contains(['`', '%', '/', '\\']) {
        bail!("the database's URL names no plain database: {database:?}");
    }
    Ok(database.to_owned())
}

/// Checks that the pattern of hosts is safe between quotes.
fn check_host(host: &str) -> anyhow::Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%_.-:/".contains(c);
    match host.chars().all(plain) && !host.is_empty() {
        true => Ok(()),
        false => bail!("{host:?} is no host as MySQL writes them, such as % or 10.0.%"),
    }
}

/// User of the database server for one plugin.
struct User {
    name: String,
    from: String,
    password: String,
}

impl User {
    fn new(plugin: &str, from: &str) -> Self {
        let letters = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH);
        Self {
            name: format!("edge_{}", plugin.replace('-', "_")),
            from: from.to_owned(),
            password: letters.map(char::from).collect(),
        }
    }

    fn account(&self) -> String {
        format!("'{}'@'{}'", self.name, self.from)
    }
}

fn statements(
    manifest: &Manifest,
    grant: &DatabaseGrant,
    database: &str,
    user: &User,
    url: &Url,
) -> anyhow::Result<String> {
    let (account, password) = (user.account(), &user.password);
    let mut text = String::new();
    let setting = manifest.name.replace('-', "_").to_ascii_uppercase();
    let (name, own_url) = (&manifest.name, url_of(url, user)?);
    writeln!(text, "-- {name}: DATABASE_URL_{setting}={own_url}")?;
    let identified = format!("{account} IDENTIFIED BY '{password}'");
    writeln!(text, "CREATE USER IF NOT EXISTS {identified};")?;
    writeln!(text, "ALTER USER {identified};")?;
    let read_only = grant
        .read
        .iter()
        .filter(|table| !grant.write.contains(table));
    let records = migrations_table(name);
    let tables = grant.write.iter().map(|table| (WRITE, table));
    let tables = tables.chain(read_only.map(|table| (READ, table)));
    for (privileges, table) in tables.chain([(RECORDS, &records)]) {
        writeln!(
            text,
            "GRANT {privileges} ON `{database}`.`{table}` TO {account};"
        )?;
    }
    Ok(text)
}

fn url_of(url: &Url, user: &User) -> anyhow::Result<Url> {
    let mut own = url.clone();
    let set = own.set_username(&user.name);
    let set = set.and_then(|()| own.set_password(Some(&user.password)));
    match set {
        Ok(()) => Ok(own),
        Err(()) => bail!("the database's URL has no host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(url: &str) -> anyhow::Result<String> {
        database_of(&Url::parse(url).expect("a URL"), "order")
    }

    #[test]
    fn grants_are_for_either_kind_of_server() {
        for url in ["mysql://root@db:3306/shop", "mariadb://root@db/shop?x=y"] {
            assert_eq!(database(url).expect(url), "shop");
            let user = User::new("my-shop", "%");
            let own = url_of(&Url::parse(url).expect("a URL"), &user).expect(url);
            assert!(own.as_str().contains("://edge_my_shop:"), "{own}");
        }
        for url in [
            "sqlite://shop.sqlite",
            "postgres://db/shop",
            "mysql://db",
            "mysql://db/a`b",
        ] {
            assert!(database(url).is_err(), "{url}");
        }
    }
}
