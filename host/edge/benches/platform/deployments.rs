//! Ever new releases of one plugin, as an operator deploys them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use toml::Table;

use crate::node::{Node, Server, plugin_folder};

/// A folder of a plugin, whose release is another each time.
pub struct Releases {
    folder: PathBuf,
    manifest: Table,
    component: Vec<u8>,
    made: u64,
}

impl Releases {
    /// Releases of the plugin `name`, which are made in `folder`.
    pub fn of(name: &str, folder: &Path) -> anyhow::Result<Self> {
        let original = plugin_folder(name);
        let manifest: Table = fs::read_to_string(original.join("plugin.toml"))?.parse()?;
        let component = manifest.get("component").and_then(|path| path.as_str());
        let component = fs::read(original.join(component.context("no component")?))?;
        fs::create_dir_all(folder)?;
        for file in ["migrations", "openapi.yaml"] {
            symlink(original.canonicalize()?.join(file), folder.join(file))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            component,
            made: 0,
        })
    }

    /// Make another, which no cache of compiled components knows.
    fn make(&mut self) -> anyhow::Result<&Path> {
        self.made += 1;
        let version = format!("1000.0.{}", self.made);
        let component = [&self.component[..], &custom_section(&version)].concat();
        fs::write(self.folder.join("component.wasm"), component)?;
        let mut manifest = self.manifest.clone();
        manifest.insert("version".into(), version.into());
        manifest.insert("component".into(), "component.wasm".into());
        fs::write(self.folder.join("plugin.toml"), manifest.to_string())?;
        Ok(&self.folder)
    }

    /// Deploy another to a node, and wait until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub fn deploy(&mut self, node: &Node, server: &Server) -> anyhow::Result<()> {
        let operators = server.operators().context("no port for operators")?;
        let mut command = node.command();
        let deployed = command
            .env("EDGE_ADMIN_URL", format!("http://{operators}"))
            .args(["deploy", "--wait", "--pause", "0ms"])
            .arg(self.make()?)
            .stdin(Stdio::null())
            .output()
            .context("edge does not run")?;
        let said = String::from_utf8_lossy(&deployed.stderr);
        ensure!(deployed.status.success(), "edge deploy: {}", said.trim());
        Ok(())
    }
}

/// A custom section of that content: all of its lengths are less than 128.
fn custom_section(content: &str) -> Vec<u8> {
    const NAME: &str = "bench";
    let named = [&[NAME.len() as u8], NAME.as_bytes(), content.as_bytes()].concat();
    [&[0, named.len() as u8], &named[..]].concat()
}
