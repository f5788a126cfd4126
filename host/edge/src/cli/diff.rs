//! `edge diff`: the differences between two releases of a plugin.

use super::client::{Client, of_plugin};
use super::output;
use super::output::migrations;
use crate::admin::api::Diff;
use crate::config::Settings;
use crate::printable;

/// Arguments of `edge diff`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin.
    plugin: String,
    /// A version, or the beginning of a digest.
    from: String,
    /// Another version, or the beginning of another digest.
    to: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the differences.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        plugin, from, to, ..
    } = &arguments;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("from", from)
        .append_pair("to", to)
        .finish();
    let path = of_plugin(plugin, &format!("diff?{query}"));
    let diff: Diff = Client::new(settings)?.get(&path).await?;
    output::print_value(&diff, arguments.json, text)
}

fn text(diff: &Diff) -> String {
    let mut text = format!("{} -> {}\n", diff.from.short(), diff.to.short());
    for section in &diff.sections {
        text += &format!("\n{}\n", printable::line(&section.name));
        section
            .removed
            .iter()
            .for_each(|line| text += &format!("  - {}\n", printable::line(line)));
        section
            .added
            .iter()
            .for_each(|line| text += &format!("  + {}\n", printable::line(line)));
    }
    if diff.sections.is_empty() {
        text += "\nno difference in imports, exports, manifest or migrations\n";
    }
    text + &migrations::shown(&diff.migrations)
}
