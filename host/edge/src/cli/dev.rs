//! `edge dev`: serves a plugin, and deploys it again whenever it changes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use bundle::manifest::Manifest;
use bundle::{Bundle, Digest};
use futures_util::FutureExt;
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::client::Client;
use super::serve::Signals;
use super::{output, serve};
use crate::admin::api::Deploy;
use crate::config::{AccessLog, Settings};
use crate::node::Node;
use crate::printable;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::rollouts::{Phase, Rollout};

/// Time to wait after a change, as editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(40);

/// Interval of polling while waiting for a rollout.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Folders of build output and tools, which are not watched.
const BUILT: [&str; 3] = ["target", "node_modules", "dist"];

/// Arguments of `edge dev`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin's folder.
    folder: PathBuf,
}

/// Serves the plugin beside the others; builds and swaps it whenever one of its
/// files is saved.
pub(super) async fn run(mut settings: Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    build(folder).await?;
    let name = Bundle::pack(folder)?.manifest.name;
    add_plugin(&mut settings, folder, &name);
    if settings.access_log == AccessLog::All {
        settings.access_log = AccessLog::Costs;
    }
    let mut signals = Signals::listen()?;
    let node = Node::start(&settings).await?;
    output::tell(format_args!("{}", serve::banner(&node)));
    let admin = node
        .admin_address()
        .ok_or_else(|| anyhow!("admin_listen is off; `edge dev` needs it"))?;
    settings.admin.url = Some(format!("http://{admin}"));
    let client = Client::new(&settings)?;

    let (saved, _watcher) = watch(folder)?;
    output::tell(format_args!("watching {}\n", folder.display()));
    let stop = async {
        tokio::select! {
            () = develop(&client, folder, &saved) => {}
            () = signals.next() => {}
        }
    };
    node.run(stop).await?;
    Ok(())
}

/// Builds and swaps the plugin after each save, for as long as the future is
/// polled.
async fn develop(client: &Client, folder: &Path, saved: &Notify) {
    let mut served = None;
    loop {
        saved.notified().await;
        let began = Instant::now();
        tokio::time::sleep(SETTLE).await;
        // Further events of the same save are dropped.
        let _ = saved.notified().now_or_never();
        match swap(client, folder, began, served).await {
            Ok(digest) => served = Some(digest),
            Err(error) => {
                let error = format!("{error:#}");
                output::complain(format_args!(
                    "{}; what served before goes on",
                    printable::lines(&error)
                ));
            }
        }
    }
}

/// Adds the folder to the settings, in place of another one with the same
/// plugin.
fn add_plugin(settings: &mut Settings, folder: &Path, name: &str) {
    let named = |other: &PathBuf| {
        let text = std::fs::read_to_string(other.join("plugin.toml")).unwrap_or_default();
        Manifest::parse(&text).is_ok_and(|manifest| manifest.name == name)
    };
    settings.plugins.retain(|other| !named(other));
    // The shop's own plugins are in its repository, and seldom where a plugin
    // is developed.
    settings.plugins.retain(|other| {
        let is_there = other.is_dir();
        if !is_there {
            output::tell(format_args!(
                "{} is not here, and is left out\n",
                other.display()
            ));
        }
        is_there
    });
    settings.plugins.push(folder.to_owned());
}

/// Watches the sources in `folder`. Returns a notification for each save, and
/// the watcher.
fn watch(folder: &Path) -> anyhow::Result<(Arc<Notify>, impl Watcher)> {
    let saved = Arc::new(Notify::new());
    let tell = saved.clone();
    let root = folder.canonicalize()?;
    let below = root.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_save(&event, &below)) {
            tell.notify_one();
        }
    })?;
    watcher.watch(&root, RecursiveMode::NonRecursive)?;
    // Build output changes by the thousands of files, and is not watched.
    for entry in std::fs::read_dir(&root)? {
        let path = entry?.path();
        if path.is_dir() && is_source(&path, &root) {
            watcher.watch(&path, RecursiveMode::Recursive)?;
        }
    }
    Ok((saved, watcher))
}

fn is_save(event: &Event, root: &Path) -> bool {
    let changes = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
    );
    changes && event.paths.iter().any(|path| is_source(path, root))
}

/// Returns whether a path is a source: not build output, and not a file that
/// editors keep beside it.
fn is_source(path: &Path, root: &Path) -> bool {
    let Ok(path) = path.strip_prefix(root) else {
        return false;
    };
    let is_other = |part: &OsStr| {
        let part = part.to_string_lossy();
        BUILT.contains(&&*part)
            || part.starts_with('.')
            || part.ends_with('~')
            || part.ends_with(".wasm")
            || part == "Cargo.lock"
    };
    !path.iter().any(is_other)
}

/// Runs the manifest's `build` command in the plugin's folder.
async fn build(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest = Manifest::parse(&text).with_context(|| path.display().to_string())?;
    let Some(build) = manifest.build else {
        return Ok(());
    };
    let mut command = Command::new("sh");
    command.args(["-c", &build]).current_dir(folder);
    let running = tokio::task::spawn_blocking(move || command.status());
    match running
        .await?
        .with_context(|| format!("`{build}` cannot be run"))?
    {
        status if status.success() => Ok(()),
        _ => bail!("`{build}` failed"),
    }
}

/// Builds and deploys the plugin, unless `served` is that release already.
async fn swap(
    client: &Client,
    folder: &Path,
    began: Instant,
    served: Option<Digest>,
) -> anyhow::Result<Digest> {
    build(folder).await?;
    let built = Instant::now();
    let bundle = Bundle::pack(folder)?;
    if served == Some(bundle.digest()) {
        return Ok(bundle.digest());
    }
    let record: BundleRecord = client.put_bundle(&bundle, "").await?;
    roll_out(client, record.digest).await?;
    output::tell(format_args!(
        "{} {} serves {:.1?} after the save ({:.1?} after the build)\n",
        record.plugin,
        record.digest.short(),
        began.elapsed(),
        built.elapsed()
    ));
    Ok(record.digest)
}

/// Deploys a release to all regions, and waits until it serves.
async fn roll_out(client: &Client, digest: Digest) -> anyhow::Result<()> {
    let order = Deploy {
        digest,
        regions: Vec::new(),
        canary_percent: 0,
        max_unavailable: 0,
        canary_steps: Vec::new(),
        every_ms: 0,
        promote_after_ms: None,
        check: None,
        origin: None,
        pause_ms: 0,
    };
    let mut rollout: Rollout = client.post("/v1/rollouts", &order).await?;
    while !rollout.phase.is_final() {
        tokio::time::sleep(POLL_INTERVAL).await;
        rollout = client.get(&format!("/v1/rollouts/{}", rollout.id)).await?;
    }
    match rollout.phase {
        Phase::Done => Ok(()),
        _ => bail!("{}", rollout.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_no_source() {
        let root = Path::new("/plugin");
        let is_source = |path: &str| is_source(&root.join(path), root);
        for source in ["src/lib.rs", "plugin.toml", "migrations/mysql/0001_a.sql"] {
            assert!(is_source(source), "{source}");
        }
        for other in [
            "target/x/y.rs",
            "node_modules/a.js",
            ".git/HEAD",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "app.wasm",
            "Cargo.lock",
        ] {
            assert!(!is_source(other), "{other}");
        }
    }
}
