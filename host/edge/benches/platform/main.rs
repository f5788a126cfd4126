//! The price of the platform: our node against a native twin that gives the
//! same answers, in the same run.
//!
//! Both run as processes of their own and are asked in turn, so that a noisy
//! machine is as noisy to either. The ratios mean something on any machine,
//! the numbers by themselves do not.
//!
//! And the whole shop under load, on each kind of stores: see [`shop`].
//!
//! What a catalog feels of plugins that misbehave beside it: see
//! [`neighbours`]. And, by `soak MINUTES` on the command line, whether a shop
//! stays as it is for a long time: see [`mod@soak`].
//!
//! `BENCH_PRODUCTS` sets the size of the catalog. `BENCH_ONLY` chooses what is
//! measured: parts of titles with commas between, such as `SQLite,calls`.

#![expect(
    clippy::disallowed_methods,
    reason = "the threads that measure have nothing else to do"
)]

mod calls;
mod client;
mod deployments;
mod measure;
mod neighbours;
mod node;
mod priority;
mod report;
mod shop;
mod soak;
mod stores;
mod twin;
mod wrk;

use std::time::Duration;

use anyhow::Context;

use report::Report;
use stores::Store;

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
    /// The node's `EDGE_REPLY_CACHE`; the twin keeps none.
    reply_cache: &'static str,
    store: Store,
    rows: &'static [Row],
}

/// One line of the table: a GET of `target`, by so many clients at once.
struct Row {
    name: &'static str,
    target: &'static str,
    clients: u32,
    /// The least ratio of our rate to the twin's that will do.
    goal: Option<f64>,
    /// Whether clients send the header fields of a browser.
    as_browser: bool,
}

const GROUPS: [Group; 5] = [
    Group {
        title: "hello, no access log",
        plugins: &["fixtures/hello", "fixtures/hello-fresh"],
        access_log: "off",
        reply_cache: "off",
        store: Store::None,
        rows: &HELLO,
    },
    Group {
        title: "hello",
        plugins: &["fixtures/hello", "fixtures/hello-fresh"],
        access_log: "all",
        reply_cache: "off",
        store: Store::None,
        rows: &HELLO,
    },
    Group {
        title: "catalog on SQLite, no access log",
        plugins: &["product"],
        access_log: "off",
        reply_cache: "off",
        store: Store::Sqlite,
        rows: &CATALOG,
    },
    Group {
        title: "catalog on MariaDB, no access log",
        plugins: &["product"],
        access_log: "off",
        reply_cache: "off",
        store: Store::MariaDb,
        rows: &CATALOG,
    },
    Group {
        title: "kept replies, no access log",
        plugins: &["product"],
        access_log: "off",
        reply_cache: "128MiB",
        store: Store::Sqlite,
        rows: &CATALOG,
    },
];

/// As many clients as the fixtures may have instances.
const HELLO: [Row; 3] = [
    row("pooled instance", "/hello", 16, Some(0.5)),
    browser(row("the same, 14 fields", "/hello", 16, None)),
    row("fresh instance", "/hello-fresh", 16, Some(0.15)),
];

const CATALOG: [Row; 5] = [
    row("a page", "/products?page=3", 16, Some(0.8)),
    row("one product", "/products/77", 16, Some(0.8)),
    browser(row("the same, 14 fields", "/products/77", 16, None)),
    row("search for two words", SEARCH, 16, Some(0.8)),
    row("the same, one client", SEARCH, 1, None),
];

const SEARCH: &str = "/products/search?query_string=quiet+lighthouse";

const fn row(name: &'static str, target: &'static str, clients: u32, goal: Option<f64>) -> Row {
    Row {
        name,
        target,
        clients,
        goal,
        as_browser: false,
    }
}

const fn browser(row: Row) -> Row {
    Row {
        as_browser: true,
        ..row
    }
}

fn main() -> anyhow::Result<()> {
    // `cargo bench` says `--bench`; the twin is this program again.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        Some("twin") => twin::run(arguments),
        Some("soak") => soak::run(arguments),
        _ => bench(),
    }
}

fn bench() -> anyhow::Result<()> {
    let products = products()?;
    let scratch = tempfile::tempdir()?;
    // The node makes it, private to its user.
    let data = scratch.path().join("data");
    let mut report = Report::new(products);
    if wanted("calls") {
        report.calls = calls::measure(&data)?;
    }
    for group in GROUPS.iter().filter(|group| wanted(group.title)) {
        report.groups.push(group.measure(&data, products)?);
    }
    if wanted(neighbours::TITLE) {
        report.neighbours = neighbours::measure(&data)?;
    }
    for case in shop::CASES.iter().filter(|case| wanted(case.title)) {
        report.shops.push(case.measure(&data, products)?);
    }
    print!("{report}");
    println!("All of it is in {}.", report.write()?.display());
    Ok(())
}

/// Whether the part of this title is to be measured.
fn wanted(title: &str) -> bool {
    let Ok(only) = std::env::var("BENCH_ONLY") else {
        return true;
    };
    let mut parts = only.split(',').map(str::trim);
    parts.any(|part| title.to_lowercase().contains(&part.to_lowercase()))
}

fn products() -> anyhow::Result<u64> {
    match std::env::var("BENCH_PRODUCTS") {
        Ok(text) => text.parse().context("BENCH_PRODUCTS is not a number"),
        Err(_) => Ok(PRODUCTS),
    }
}
