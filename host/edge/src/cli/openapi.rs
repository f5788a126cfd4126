//! `edge openapi`: prints the plugins' OpenAPI documents as one.

use super::output;
use super::source::{self, Source};
use crate::config::Settings;
use crate::openapi::{self, merge};

/// Arguments of `edge openapi`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Plugins' folders, bundles, or bundles in a registry. Without any, the
    /// folders that `plugins` names, which `edge serve` would load.
    plugins: Vec<Source>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Title of the document; the titles of the plugins' documents when absent.
    #[arg(long)]
    title: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Prints the plugins' OpenAPI documents as one.
pub(super) async fn print(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let mut plugins = arguments.plugins.clone();
    if plugins.is_empty() {
        plugins = settings.plugins.iter().cloned().map(Source::Path).collect();
    }
    let mut documents = Vec::new();
    for plugin in &plugins {
        documents.extend(read(settings, plugin).await?);
    }
    let merged = merge(&documents, arguments.title.as_deref())?;
    let text = match arguments.format {
        Format::Yaml => merged.to_yaml()?,
        Format::Json => merged.to_json()? + "\n",
    };
    output::bytes(text.as_bytes())
}

/// Reads a plugin's manifest and document. A plugin without a document is left
/// out, with a message on standard error.
async fn read(settings: &Settings, plugin: &Source) -> anyhow::Result<Option<openapi::Source>> {
    let (manifest, text) = match plugin {
        Source::Path(folder) if folder.is_dir() => bundle::describe(folder)?,
        bundle => {
            let found = source::find(settings, bundle, None).await?;
            (found.bundle.manifest, found.bundle.openapi)
        }
    };
    let Some(text) = text else {
        output::complain(format_args!(
            "plugin {}: it has no openapi.yaml, and is left out",
            manifest.name
        ));
        return Ok(None);
    };
    Ok(Some(openapi::Source {
        plugin: manifest.name,
        version: manifest.version.to_string(),
        text,
    }))
}
