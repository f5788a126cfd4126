//! `edge new`: writes a new plugin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bundle::manifest::Manifest;

use super::output;

/// Folder of the SDK beside the sources of this program.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/sdk");

/// Arguments of `edge new`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin's name: lower-case letters, digits and hyphens. A folder with
    /// this name is made here.
    name: String,
    /// The language.
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// The folder of the SDK; the one beside this program's sources when
    /// absent.
    #[arg(long)]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// With edge-sdk, as a record handler.
    Rust,
    /// JavaScript, as a `wasi:http` handler.
    Js,
}

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../templates/", $file))
    };
}

const RUST: [(&str, &str); 9] = [
    ("Cargo.toml", template!("rust/Cargo.toml.template")),
    ("plugin.toml", template!("rust/plugin.toml.template")),
    ("openapi.yaml", template!("rust/openapi.yaml")),
    ("src/lib.rs", template!("rust/src/lib.rs.template")),
    ("tests/node.rs", template!("rust/tests/node.rs.template")),
    (
        "migrations/mysql/0001_visits.sql",
        template!("rust/mysql.sql"),
    ),
    (
        "migrations/sqlite/0001_visits.sql",
        template!("rust/sqlite.sql"),
    ),
    (".cargo/config.toml", template!("rust/cargo-config.toml")),
    (".gitignore", template!("gitignore")),
];

const JS: [(&str, &str); 7] = [
    ("package.json", template!("js/package.json")),
    ("plugin.toml", template!("js/plugin.toml")),
    ("build.mjs", template!("js/build.mjs")),
    ("src/app.js", template!("js/src/app.js")),
    ("wit/world.wit", template!("js/wit/world.wit")),
    ("node.test.mjs", template!("js/node.test.mjs")),
    (".gitignore", template!("gitignore")),
];

/// Writes a new plugin.
pub(super) fn write(arguments: &Arguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    let (files, next): (&[_], _) = match arguments.lang {
        Language::Rust => (&RUST, "cargo test"),
        Language::Js => (&JS, "npm install && npm test"),
    };
    let values = values(arguments)?;
    let fill = |text: &str| {
        let fill = |text: String, (key, value): &(&str, String)| text.replace(key, value);
        values.iter().fold(text.to_owned(), fill)
    };
    check_name(files, fill)?;
    let folder = Path::new(name);
    fs::create_dir(folder).with_context(|| format!("the folder {name} cannot be made"))?;
    for (file, text) in files {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        fs::write(&path, fill(text)).with_context(|| path.display().to_string())?;
    }
    output::print(format_args!(
        "{name} is there. Next:\n  cd {name}\n  {next}\n  edge dev .\n"
    ))?;
    Ok(())
}

/// Checks the plugin's name by parsing its manifest.
fn check_name(files: &[(&str, &str)], fill: impl Fn(&str) -> String) -> anyhow::Result<()> {
    let manifest = files.iter().find(|(file, _)| *file == "plugin.toml");
    let text = manifest.map(|(_, text)| fill(text)).unwrap_or_default();
    Manifest::parse(&text)?;
    Ok(())
}

fn values(arguments: &Arguments) -> anyhow::Result<Vec<(&'static str, String)>> {
    let sdk = arguments.sdk.clone().unwrap_or_else(|| SDK.into());
    let needs_sdk = matches!(arguments.lang, Language::Rust);
    let sdk = match sdk.canonicalize() {
        Ok(sdk) => sdk.display().to_string(),
        Err(_) if !needs_sdk => String::new(),
        Err(_) => bail!(
            "{} is not there; name the folder of edge-sdk with --sdk",
            sdk.display()
        ),
    };
    let edge = std::env::current_exe().context("this program's own path")?;
    let identifier = arguments.name.replace('-', "_");
    Ok(vec![
        ("{{name}}", arguments.name.clone()),
        ("{{crate}}", identifier.clone()),
        ("{{table}}", format!("{identifier}_visit")),
        ("{{sdk}}", sdk),
        ("{{edge}}", edge.display().to_string()),
    ])
}
