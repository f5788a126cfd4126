//! What following the release log costs the control database, by the number of
//! nodes. Statements are counted, not time.

use std::time::{Duration, Instant};

use serde_json::json;
use test_servers::{MariaDb, Redis};

use super::fleet::hello;
use crate::harness::TestNode;

/// Nodes of two regions on a server that serves nobody else.
struct Nodes {
    server: MariaDb,
    nodes: Vec<TestNode>,
}

/// What so many nodes cost.
#[derive(Debug)]
struct Cost {
    nodes: usize,
    /// Statements from the order until every node serves.
    rollout: u64,
    took: Duration,
    /// Statements while nothing happens.
    idle: u64,
    idle_for: Duration,
}

impl Nodes {
    async fn start(count: usize) -> Self {
        let server = MariaDb::start().expect("MariaDB");
        let (database, redis) = (server.database(), Redis::shared().database());
        let mut nodes = Vec::new();
        for number in 0..count {
            let plugins = [hello(0)];
            let node = TestNode::start(&plugins, |settings| {
                settings.control_url.clone_from(&database);
                settings.redis_url = Some(redis.clone());
                settings.region = ["east", "west"][number % 2].to_owned();
                settings.releases.spare_instances = 64;
            });
            nodes.push(node.await);
        }
        Self { server, nodes }
    }

    /// Statements that the server was ever sent.
    fn statements(&self) -> u64 {
        let status = self.server.run("SHOW GLOBAL STATUS LIKE 'Questions'");
        let number = status.split_whitespace().last().expect("a number");
        number.parse().expect("a number")
    }

    async fn cost(&self) -> Cost {
        let operator = self.nodes[0].operator();
        let (before, began) = (self.statements(), Instant::now());
        let rollout = operator.begin(&hello(1), json!({})).await;
        for node in &self.nodes {
            crate::harness::eventually("the new release", async || {
                let reply = node.get("/hello").await;
                (reply.header("edge-release") == Some("hello@0.1.0")).then_some(())
            })
            .await;
        }
        operator.end_of(&rollout).await;
        let (rollout, took) = (self.statements() - before, began.elapsed());
        // What the end has set in motion.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (before, began) = (self.statements(), Instant::now());
        tokio::time::sleep(Duration::from_secs(10)).await;
        Cost {
            nodes: self.nodes.len(),
            rollout,
            took,
            idle: self.statements() - before,
            idle_for: began.elapsed(),
        }
    }
}

impl Cost {
    /// What so many nodes may send in a time in which nothing happens: their
    /// reports and their looks at the log and at who leads, less than two
    /// statements a second in all, and what the one that leads looks at.
    fn idle_bound(&self, time: Duration) -> u64 {
        let nodes = u64::try_from(self.nodes).expect("a number");
        (2 * nodes + 4) * (time.as_secs() + 1)
    }
}

/// Each node more costs a few statements more, and not a few for each other
/// node that has to be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_costs_each_node_a_few_statements() {
    let cost = Nodes::start(6).await.cost().await;
    let nodes = u64::try_from(cost.nodes).expect("a number");
    let bound = 60 + 14 * nodes + cost.idle_bound(cost.took);
    assert!(cost.rollout <= bound, "{cost:?}, at most {bound}");
    let bound = cost.idle_bound(cost.idle_for);
    assert!(cost.idle <= bound, "{cost:?}, at most {bound}");
}

/// For whoever wants the table of docs/operators.md anew.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and is for people"]
async fn the_cost_by_the_number_of_nodes() {
    for count in [4, 8, 16] {
        let cost = Nodes::start(count).await.cost().await;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = cost.idle as f64 / cost.idle_for.as_secs_f64();
        println!("{cost:?}: idle {rate:.1}/s");
    }
}
