//! `edge seed`

use std::io::Write;

use anyhow::bail;
use edge_host::config::Settings;
use edge_host::node;

/// What `edge seed` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How many products the catalog should have in all.
    #[arg(long)]
    products: u64,
}

/// Let every plugin that can fill its tables do so.
pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = node::load(settings).await?;
    let mut able = loaded
        .releases()
        .into_iter()
        .filter(|release| release.plugin.exports().can_seed)
        .peekable();
    if able.peek().is_none() {
        bail!("no plugin among {:?} can fill its tables", settings.plugins);
    }
    for release in able {
        let name = &release.manifest.name;
        release
            .seed(Some(arguments.products), |done, total| {
                print!("\r{name}: {done} of {total}");
                // Progress is a courtesy; a closed terminal is no reason to stop.
                let _ = std::io::stdout().flush();
            })
            .await?;
        println!();
    }
    Ok(())
}
