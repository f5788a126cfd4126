//! The price of the platform: our node against a native twin that gives the
//! same answers, in the same run.
//!
//! Both run as processes of their own and are asked in turn, so that a noisy
//! machine is as noisy to either. The ratios mean something on any machine,
//! the numbers by themselves do not.
//!
//! `BENCH_PRODUCTS` sets the size of the catalog.

mod calls;
mod client;
mod node;
mod report;
mod twin;
mod wrk;

/// The tests' MariaDB.
#[path = "../../tests/all/servers"]
#[allow(
    dead_code,
    clippy::panic,
    reason = "tests take more of it, and may panic"
)]
mod servers {
    mod keeper;
    mod mariadb;
    mod server;

    pub use mariadb::MariaDb;
}

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use edge_host::rollout::manifest::Manifest;

use node::{Node, Server, plugin_folder};
use report::{Comparison, GroupReport, Report};
use servers::MariaDb;

/// Rounds of each row, ours and the twin's in turn.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_secs(1);

/// Products in the catalog, unless `BENCH_PRODUCTS` says otherwise.
const PRODUCTS: u64 = 100_000;

/// Some routes, on one node and its twin.
struct Group {
    title: &'static str,
    plugins: &'static [&'static str],
    /// The node's `EDGE_ACCESS_LOG`; the twin has no log.
    access_log: &'static str,
    store: Store,
    rows: &'static [Row],
}

/// Where a group has its products.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    None,
    Sqlite,
    MariaDb,
}

/// One line of the table: a GET of `target`, by so many clients at once.
struct Row {
    name: &'static str,
    target: &'static str,
    connections: u32,
    /// The least ratio of our rate to the twin's that will do.
    goal: Option<f64>,
}

const GROUPS: [Group; 4] = [
    Group {
        title: "hello, no access log",
        plugins: &["fixtures/hello", "fixtures/hello-fresh"],
        access_log: "off",
        store: Store::None,
        rows: &HELLO,
    },
    Group {
        title: "hello, with the default access log (the twin logs nothing)",
        plugins: &["fixtures/hello", "fixtures/hello-fresh"],
        access_log: "all",
        store: Store::None,
        rows: &HELLO,
    },
    Group {
        title: "catalog on SQLite, with the default access log",
        plugins: &["product"],
        access_log: "all",
        store: Store::Sqlite,
        rows: &CATALOG,
    },
    Group {
        title: "catalog on MariaDB, with the default access log",
        plugins: &["product"],
        access_log: "all",
        store: Store::MariaDb,
        rows: &CATALOG,
    },
];

/// As many at once as the fixtures' manifests allow instances.
const HELLO: [Row; 2] = [
    Row {
        name: "pooled instance",
        target: "/hello",
        connections: 16,
        goal: Some(0.5),
    },
    Row {
        name: "fresh instance",
        target: "/hello-fresh",
        connections: 16,
        goal: Some(0.15),
    },
];

const CATALOG: [Row; 4] = [
    Row {
        name: "a page",
        target: "/products?page=3",
        connections: 16,
        goal: Some(0.8),
    },
    Row {
        name: "one product",
        target: "/products/77",
        connections: 16,
        goal: Some(0.8),
    },
    Row {
        name: "search, two words",
        target: SEARCH,
        connections: 16,
        goal: Some(0.8),
    },
    Row {
        name: "the search, one client",
        target: SEARCH,
        connections: 1,
        goal: None,
    },
];

const SEARCH: &str = "/products/search?query_string=quiet+lighthouse";

fn main() -> anyhow::Result<()> {
    // `cargo bench` says `--bench`; the twin is this program again.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        Some("twin") => twin::run(arguments),
        _ => bench(),
    }
}

fn bench() -> anyhow::Result<()> {
    let products = products()?;
    let scratch = tempfile::tempdir()?;
    // The node makes it, private to its user.
    let data = scratch.path().join("data");
    let mut report = Report::new(products);
    report.calls = calls::measure(&data)?;
    for group in &GROUPS {
        report.groups.push(group.measure(&data, products)?);
    }
    print!("{report}");
    let file = report.write()?;
    println!("written to {}", file.display());
    Ok(())
}

fn products() -> anyhow::Result<u64> {
    match std::env::var("BENCH_PRODUCTS") {
        Ok(text) => text.parse().context("BENCH_PRODUCTS is not a number"),
        Err(_) => Ok(PRODUCTS),
    }
}

impl Group {
    fn measure(&self, data: &Path, products: u64) -> anyhow::Result<GroupReport> {
        let mariadb = match self.store {
            Store::MariaDb => Some(MariaDb::start().context("MariaDB")?),
            Store::None | Store::Sqlite => None,
        };
        let url = match (self.store, &mariadb) {
            (_, Some(mariadb)) => Some(mariadb.database()),
            (Store::Sqlite, _) => Some(format!("sqlite://{}", data.join("shop.sqlite").display())),
            _ => None,
        };
        let node = Node {
            plugins: self.plugins,
            data,
            database: url.as_deref(),
            access_log: self.access_log,
        };
        let seconds_to_fill = url.is_some().then(|| fill(&node, products)).transpose()?;
        let probe = self.rows.first().context("a group without rows")?.target;
        let ours = node.start(probe)?;
        let twin = node::start_twin(self.shop(url.as_deref())?, probe)?;
        let rows: anyhow::Result<Vec<_>> = self
            .rows
            .iter()
            .map(|row| row.compare(&ours, &twin))
            .collect();
        Ok(GroupReport {
            title: self.title,
            rows: rows?,
            seconds_to_fill,
            peak_memory: ours.peak_memory()?,
            twin_peak_memory: twin.peak_memory()?,
        })
    }

    /// The twin's shop: the same database, by as many connections.
    fn shop<'a>(&self, url: Option<&'a str>) -> anyhow::Result<Option<(&'a str, u32)>> {
        let Some(url) = url else { return Ok(None) };
        let plugin = self.plugins.first().context("a group without plugins")?;
        let manifest = Manifest::read(&plugin_folder(plugin).join("plugin.toml"))?;
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
    fn compare(&self, ours: &Server, twin: &Server) -> anyhow::Result<Comparison> {
        eprintln!("measuring {}", self.target);
        let (answer, native) = (ours.get(self.target)?, twin.get(self.target)?);
        ensure!(
            answer == native,
            "{}: the twin answers something else",
            self.target
        );
        for server in [ours, twin] {
            self.ask(server, WARM_UP)?;
        }
        let mut comparison = Comparison::new(self.name, self.target, self.connections, self.goal);
        for _ in 0..ROUNDS {
            comparison.ours.push(self.ask(ours, ROUND)?);
            comparison.twin.push(self.ask(twin, ROUND)?);
        }
        Ok(comparison)
    }

    fn ask(&self, server: &Server, duration: Duration) -> anyhow::Result<wrk::Measured> {
        wrk::run(server.address(), self.target, self.connections, duration)
    }
}
