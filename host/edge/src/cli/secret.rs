//! `edge secret`: the secret that the shop's nodes share.

use anyhow::{Context, anyhow};
use stores::sql::Databases;

use super::output;
use super::output::table::Table;
use crate::config::Settings;
use crate::config::secrets::MasterSecret;
use crate::node;
use crate::rollout::KeyRings;
use crate::rollout::control::Control;

/// Actor in the audit: anybody who may read the settings of a node.
const AUTHOR: &str = "edge secret";

/// Subcommands of `edge secret`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show which secrets the settings here and the live nodes sign with and
    /// verify, by their fingerprints.
    Status,
    /// Make the secret of the settings here the shop's, because the old one is
    /// lost. Sessions end, and ids of cart items change. Stop all nodes first.
    Adopt,
}

/// Runs a command on the control database directly, as there may be no node.
pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let databases = Databases::new(settings.databases.lifetimes);
    let clock = std::sync::Arc::default();
    let control = Control::open(&databases, &settings.control_url, clock).await?;
    let done = match (command, own(settings)?) {
        (Command::Status, own) => status(&control, own.as_ref()).await,
        (Command::Adopt, Some(own)) => adopt(&control, &own).await,
        (Command::Adopt, None) => Err(anyhow!("no secret is set here, and this folder has none")),
    };
    control.close().await;
    done
}

/// Returns the keys of a node with these settings; `None` if it has no secret
/// yet, which is not generated here.
fn own(settings: &Settings) -> anyhow::Result<Option<KeyRings>> {
    let made = MasterSecret::made_in_data_folder(&settings.data_dir)?;
    match settings.keys.secret.is_some() || made.is_some() {
        true => Ok(Some(node::key_rings(settings)?)),
        false => Ok(None),
    }
}

async fn status(control: &Control, own: Option<&KeyRings>) -> anyhow::Result<()> {
    let shop = control.secret().await?;
    let shop = shop.as_deref().unwrap_or("none yet");
    output::tell(format_args!("the shop's secret: {shop}\n\n"));
    let mut table = Table::new(&["NODE", "REGION", "SIGNS", "VERIFIES TOO"]);
    let row = |node: &str, region: &str, keys: Option<&KeyRings>| {
        let verifies = keys.map(|keys| keys.secret.verifies.join(" "));
        let verifies = verifies.filter(|keys| !keys.is_empty());
        [
            node.to_owned(),
            region.to_owned(),
            keys.map_or_else(|| "?".to_owned(), |keys| keys.secret.signs.clone()),
            verifies.unwrap_or_else(|| "-".to_owned()),
        ]
    };
    table.row(row("(settings here)", "-", own));
    for node in control.nodes().await?.iter().filter(|node| node.is_live()) {
        table.row(row(&node.node, &node.region, node.report.keys.as_ref()));
    }
    output::tell(format_args!("{table}"));
    Ok(())
}

async fn adopt(control: &Control, own: &KeyRings) -> anyhow::Result<()> {
    let new = &own.secret.signs;
    if let Some(node) = control.nodes().await?.iter().find(|node| node.is_live()) {
        anyhow::bail!(
            "node {} serves: stop all nodes first (one that was killed counts for 6 s)",
            node.node
        );
    }
    let old = control.secret_or_insert(new).await?;
    let replaced = control.replace_secret(&old, new).await?;
    let changed = replaced.then_some(()).context("somebody else changes it");
    changed?;
    let detail = format!("the shop's secret is {new} instead of {old}");
    control.audit(AUTHOR, "adopt-secret", "", &detail).await?;
    output::tell(format_args!("{detail}\n"));
    Ok(())
}
