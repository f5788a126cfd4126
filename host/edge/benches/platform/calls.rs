//! What a call into a plugin costs by itself: no HTTP, no sockets, the
//! library's own front door.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use edge::bindings::context::Caller;
use edge::config::Settings;
use edge::guest::{Call, Cohort, Demotion, ReadConsistency};
use edge::node;
use edge::rollout::Release;
use edge::runtime::Answer;
use http::Request;
use serde::Serialize;

use crate::node::plugin_folder;
use crate::report::median;

/// What is measured: a target of a plugin, how many threads call it at once,
/// and how many calls each of them makes in a round.
struct Case {
    name: &'static str,
    plugin: &'static str,
    target: &'static str,
    threads: usize,
    calls: u32,
}

const CASES: [Case; 6] = [
    Case {
        name: POOLED,
        plugin: "fixtures/hello",
        target: "/hello",
        threads: 1,
        calls: 50_000,
    },
    Case {
        name: POOLED,
        plugin: "fixtures/hello",
        target: "/hello",
        threads: 2,
        calls: 50_000,
    },
    Case {
        name: FRESH,
        plugin: "fixtures/hello-fresh",
        target: "/hello-fresh",
        threads: 1,
        calls: 10_000,
    },
    Case {
        name: FRESH,
        plugin: "fixtures/hello-fresh",
        target: "/hello-fresh",
        threads: 2,
        calls: 10_000,
    },
    Case {
        name: ALONE,
        plugin: "fixtures/asker",
        target: "/asker/nothing",
        threads: 1,
        calls: 20_000,
    },
    Case {
        name: CALLING,
        plugin: "fixtures/asker",
        target: "/asker/words?ids=1,2,3",
        threads: 1,
        calls: 20_000,
    },
];

const POOLED: &str = "one call of a pooled instance";
const FRESH: &str = "making an instance, one call, dropping it";

const ALONE: &str = "one call of a plugin that calls no other";
const CALLING: &str = "the same, calling another: three ids, three records of four fields";

const ROUNDS: usize = 7;

/// What one call costs.
#[derive(Debug, Serialize)]
pub struct CallCost {
    /// What the call does.
    pub name: &'static str,
    /// Threads that call at the same time.
    pub threads: usize,
    /// Microseconds of a thread for one call, median of all rounds.
    pub micros: f64,
}

/// Measure every case, with compiled code kept in `data`.
pub fn measure(data: &Path) -> anyhow::Result<Vec<CallCost>> {
    let mut settings = Settings::defaults(data)?;
    settings.plugins = [
        "fixtures/hello",
        "fixtures/hello-fresh",
        "fixtures/asker",
        "fixtures/answerer",
    ]
    .map(plugin_folder)
    .to_vec();
    let loaded = tokio_runtime()?.block_on(node::load(&settings))?;
    CASES
        .iter()
        .map(|case| case.measure(&loaded.releases()))
        .collect()
}

impl Case {
    fn measure(&self, releases: &[Arc<Release>]) -> anyhow::Result<CallCost> {
        let name = self.plugin.rsplit('/').next();
        let named = |release: &&Arc<Release>| Some(&*release.manifest.name) == name;
        let release = releases.iter().find(named);
        let release = release.with_context(|| format!("{} is not loaded", self.plugin))?;
        self.round(release)?;
        let rounds: anyhow::Result<Vec<_>> = (0..ROUNDS).map(|_| self.round(release)).collect();
        Ok(CallCost {
            name: self.name,
            threads: self.threads,
            micros: median(rounds?),
        })
    }

    /// Microseconds of a thread for one call.
    fn round(&self, release: &Release) -> anyhow::Result<f64> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|_| scope.spawn(|| calls(release, self.target, self.calls)))
                .collect();
            let mut total = Duration::ZERO;
            for thread in threads {
                let spent = thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
                total += spent?;
            }
            let calls = f64::from(self.calls) * self.threads as f64;
            Ok(total.as_secs_f64() * 1e6 / calls)
        })
    }
}

/// How long this many calls take, one after the other.
fn calls(release: &Release, target: &str, count: u32) -> anyhow::Result<Duration> {
    tokio_runtime()?.block_on(async {
        let began = Instant::now();
        for _ in 0..count {
            call(release, target).await?;
        }
        Ok(began.elapsed())
    })
}

async fn call(release: &Release, target: &str) -> anyhow::Result<()> {
    let call = Call {
        id: "0123456789abcdef".to_owned(),
        deadline: Instant::now() + release.plugin.deadline(),
        client: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        headers: Arc::default(),
        caller: Caller::Anonymous,
        cohort: Cohort::NONE,
        depth: 0,
        calling_plugin: None,
        trace: None,
        reads: ReadConsistency::current(),
        store_timeout: None,
        demotion: Demotion::default(),
        ledger: Arc::default(),
    };
    let request = Request::get(target)
        .header("host", "127.0.0.1:8080")
        .body(Bytes::new())?;
    match release.plugin.handle(call, request).await? {
        Answer::Response(response) if response.status().is_success() => Ok(()),
        Answer::Response(response) => bail!("{target} answered {}", response.status()),
        Answer::Failure(failure) => bail!("{target} failed: {}", failure.message),
    }
}

fn tokio_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
