//! `edge bundle`, `edge keygen`, `edge sign` and `edge push`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bundle::{Bundle, SecretKey};

use super::output;
use super::source::{self, Source, read, read_key, signature_file};
use crate::config::{Settings, secrets};
use crate::registry::{Location, Registry, Timeouts};

/// Extension of a bundle's file.
const BUNDLE: &str = "bundle";

/// Arguments of `edge bundle`.
#[derive(clap::Args)]
pub(super) struct Pack {
    /// The plugin's folder.
    folder: PathBuf,
    /// The file to write; `<plugin>.bundle` when absent.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// Arguments of `edge keygen`.
#[derive(clap::Args)]
pub(super) struct Keygen {
    /// File to write the secret key to. It must not exist.
    file: PathBuf,
}

/// Arguments of `edge sign`.
#[derive(clap::Args)]
pub(super) struct Sign {
    /// File of the bundle. The signature is written beside it.
    bundle: Source,
    /// File of the secret key.
    #[arg(long)]
    key: PathBuf,
}

/// Arguments of `edge push`.
#[derive(clap::Args)]
pub(super) struct Push {
    /// A bundle, a plugin's folder, or a bundle in another registry.
    source: Source,
    /// Destination, such as `oci://registry.example/shop/product:1.0.0`.
    location: Location,
    /// Sign the bundle with the secret key in this file.
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Writes a plugin into one file.
pub(super) fn pack(arguments: &Pack) -> anyhow::Result<()> {
    let bundle = Bundle::pack(&arguments.folder)?;
    let output = arguments.output.clone();
    let output = output.unwrap_or_else(|| Path::new(&bundle.manifest.name).with_extension(BUNDLE));
    fs::write(&output, bundle.bytes()).with_context(|| output.display().to_string())?;
    output::print(format_args!("{}  {}\n", output.display(), bundle.digest()))?;
    Ok(())
}

/// Generates a key that signs bundles, and prints its public key.
pub(super) fn keygen(arguments: &Keygen) -> anyhow::Result<()> {
    let key = SecretKey::generate();
    secrets::write_new(&arguments.file, key.to_text().as_bytes())?;
    output::print(format_args!("{}\n", key.public()))?;
    Ok(())
}

/// Signs a bundle, and writes the signature beside it.
pub(super) fn sign(arguments: &Sign) -> anyhow::Result<()> {
    let file = match &arguments.bundle {
        Source::Path(path) if path.is_dir() => bail!(
            "{0} is a folder, and what it makes may change: `edge bundle {0}` makes a bundle to \
             sign, and `edge deploy --key` signs what it packs",
            path.display()
        ),
        Source::Registry(location) => bail!(
            "{location} is in a registry, with the signature that it was pushed with: sign the \
             bundle's file and push it, or `edge push --key`"
        ),
        Source::Path(path) => path,
    };
    let bundle = read(file)?;
    let signature = read_key(&arguments.key)?.sign(bundle.digest());
    let output = signature_file(file);
    fs::write(&output, format!("{signature}\n")).with_context(|| output.display().to_string())?;
    output::print(format_args!("{}  {}\n", output.display(), bundle.digest()))?;
    Ok(())
}

/// Pushes a bundle to a registry.
pub(super) async fn push(settings: &Settings, arguments: Push) -> anyhow::Result<()> {
    let Push {
        source,
        location,
        key,
    } = arguments;
    if location.digest().is_some() {
        bail!("{location} names a digest, which follows from the bundle: push to a tag");
    }
    let found = source::find(settings, &source, key.as_deref()).await?;
    let registry = Registry::new(location, settings, Timeouts::default())?;
    let pushed = registry.push(&found.bundle, &found.signature).await?;
    let (bundle, manifest) = (&found.bundle, &found.bundle.manifest);
    output::print(format_args!(
        "{}@{}  {}\n",
        manifest.name,
        manifest.version,
        bundle.digest()
    ))?;
    output::print(format_args!("{pushed}\n"))?;
    Ok(())
}
