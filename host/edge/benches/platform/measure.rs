//! Measuring a group: its node and the twin side by side, row by row.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bundle::manifest::Manifest;

use crate::node::{Node, Server, plugin_folder, start_twin};
use crate::report::{Comparison, GroupReport, Round};
use crate::{Group, ROUND, ROUNDS, Row, WARM_UP, wrk};

impl Group {
    /// Measure every row, with the node's files in `data`.
    pub fn measure(&self, data: &Path, products: u64) -> anyhow::Result<GroupReport> {
        let open = self.store.open(data)?;
        let url = open.database.as_deref();
        let node = Node {
            plugins: self.plugins,
            data,
            database: url,
            redis: open.redis.as_deref(),
            access_log: self.access_log,
            reply_cache: self.reply_cache,
            config: &[],
        };
        let seconds_to_fill = url.is_some().then(|| fill(&node, products)).transpose()?;
        let probe = self.rows.first().context("a group without rows")?.target;
        let ours = node.start(probe)?;
        let twin = start_twin(self.shop(url)?, probe)?;
        let rows = self
            .rows
            .iter()
            .map(|row| row.compare(self.title, &ours, &twin));
        Ok(GroupReport {
            title: self.title,
            access_log: self.access_log,
            rows: rows.collect::<anyhow::Result<_>>()?,
            seconds_to_fill,
            peak_memory: ours.peak_memory()?,
            twin_peak_memory: twin.peak_memory()?,
        })
    }

    /// The twin's shop: the same database, by as many connections.
    fn shop<'a>(&self, url: Option<&'a str>) -> anyhow::Result<Option<(&'a str, u32)>> {
        let Some(url) = url else { return Ok(None) };
        let plugin = self.plugins.first().context("a group without plugins")?;
        let manifest = Manifest::parse(&std::fs::read_to_string(
            plugin_folder(plugin).join("plugin.toml"),
        )?)?;
        let grant = manifest
            .grants
            .database
            .context("the plugin has no database")?;
        Ok(Some((url, grant.connections)))
    }
}

/// Fill the tables, and say how many seconds that took.
fn fill(node: &Node, products: u64) -> anyhow::Result<f64> {
    let began = Instant::now();
    node.seed(products)?;
    Ok(began.elapsed().as_secs_f64())
}

impl Row {
    fn compare(&self, group: &str, ours: &Server, twin: &Server) -> anyhow::Result<Comparison> {
        eprintln!("{group}: {}", self.name);
        let (answer, native) = (ours.get(self.target)?, twin.get(self.target)?);
        ensure!(
            answer == native,
            "{}: the twin answers something else",
            self.target
        );
        for server in [ours, twin] {
            self.ask(server, WARM_UP)?;
        }
        let mut comparison = Comparison {
            name: self.name,
            target: self.target,
            clients: self.clients,
            goal: self.goal,
            ours: Vec::new(),
            twin: Vec::new(),
        };
        for _ in 0..ROUNDS {
            comparison.ours.push(self.ask(ours, ROUND)?);
            comparison.twin.push(self.ask(twin, ROUND)?);
        }
        Ok(comparison)
    }

    fn ask(&self, server: &Server, duration: Duration) -> anyhow::Result<Round> {
        let before = server.cpu_time()?;
        let load = wrk::run(
            server.address(),
            self.target,
            self.clients,
            duration,
            self.as_browser,
        )?;
        let worked = server.cpu_time()?.saturating_sub(before);
        let requests = f64::from(load.requests);
        Ok(Round {
            rate: requests / load.duration.as_secs_f64(),
            cpu: worked.as_secs_f64() * 1e6 / requests,
            p50: load.p50,
            p99: load.p99,
        })
    }
}
