//! What `deploy/prometheus` holds: Prometheus takes it, and it speaks of
//! nothing that no node shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::metrics::Metrics;
use super::promtool::promtool;
use crate::edge::tls::Authority;
use crate::shop::Shop;

fn file(name: &str) -> PathBuf {
    let host = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    host.join("../../deploy/prometheus").join(name)
}

fn check(what: &str, name: &str) {
    let file = file(name);
    let path = file.to_str().expect("a path");
    // The files that it names are elsewhere.
    let syntax = (what == "config").then_some("--syntax-only");
    let arguments: Vec<_> = ["check", what]
        .into_iter()
        .chain(syntax)
        .chain([path])
        .collect();
    promtool(&arguments, "");
}

#[test]
fn prometheus_takes_the_rules() {
    check("rules", "alerts.yml");
}

/// What Prometheus makes of series of a shop that is not well.
#[test]
fn alerts_fire_for_what_they_are_for() {
    let rules = file("alerts.yml");
    let rules = rules.canonicalize().expect("the rules");
    let text = format!(
        r#"
rule_files: ["{}"]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {{ series: 'edge_key_mismatches{{instance="a"}}', values: "0 0 0 0 2x10" }}
      - {{ series: 'edge_nodes_refused{{instance="a"}}', values: "0 0 0 0 1x10" }}
      - {{ series: 'edge_migrations_failed{{instance="a"}}', values: "0 0 0 0 1x10" }}
      - {{ series: 'edge_migration_report_age_seconds{{instance="a"}}', values: "0 0 0 0 90x10" }}
      - {{ series: 'edge_migration_progress_age_seconds{{instance="a"}}', values: "2000x14" }}
      - {{ series: 'edge_rollout_verdicts_total{{instance="a",plugin="hello",verdict="withdrawn"}}', values: "0 0 0 0 1x10" }}
    promql_expr_test:
      - {{ expr: 'count(ALERTS)', eval_time: 1m, exp_samples: [{{ value: 1 }}] }}
      - {{ expr: 'ALERTS{{alertname="EdgeKeysDiffer",alertstate="firing"}}', eval_time: 2m, exp_samples: [] }}
      - expr: 'count by (alertname) (ALERTS{{alertstate="firing"}})'
        eval_time: 6m
        exp_samples:
          - {{ labels: '{{alertname="EdgeKeysDiffer"}}', value: 1 }}
          - {{ labels: '{{alertname="EdgeNodeRefused"}}', value: 1 }}
          - {{ labels: '{{alertname="EdgeMigrationFailed"}}', value: 1 }}
          - {{ labels: '{{alertname="EdgeMigrationAbandoned"}}', value: 1 }}
          - {{ labels: '{{alertname="EdgeMigrationStuck"}}', value: 1 }}
          - {{ labels: '{{alertname="EdgeCanaryWithdrawn"}}', value: 1 }}
"#,
        rules.display()
    );
    let folder = tempfile::tempdir().expect("a folder");
    let tests = folder.path().join("tests.yml");
    fs::write(&tests, text).expect("the tests");
    promtool(&["test", "rules", tests.to_str().expect("a path")], "");
}

#[test]
fn prometheus_takes_the_configuration() {
    check("config", "prometheus.yml");
}

/// A metric that was renamed would leave its alert silent for ever.
#[tokio::test(flavor = "multi_thread")]
async fn alerts_speak_of_what_a_shop_shows() {
    let authority = Authority::new();
    let shops = Shop::both_with(|settings| {
        settings.tls = Some(authority.settings());
        let nobody = "http://127.0.0.1:9/v1/traces".parse();
        settings.traces.endpoint = Some(nobody.expect("an address"));
        let database = settings.database_url.clone();
        settings.databases.replica_url = (!database.starts_with("sqlite:")).then_some(database);
    });
    let text = fs::read_to_string(file("alerts.yml")).expect("the rules");
    let names = names(&text);
    assert!(names.len() > 12, "{names:?}");
    let mut shown = BTreeSet::new();
    for shop in shops.await {
        let customer = shop.customer().await;
        let order = customer.order_of(2).await;
        customer.charge(order, "tok_visa").await.assert_status(200);
        let metrics = Metrics::of(&shop.node).await;
        shown.extend(names.iter().filter(|name| metrics.has(name)).cloned());
    }
    assert_eq!(shown, names, "some are shown by no node");
}

/// Words of the rules that begin as our metrics do.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c));
    let ours = |word: &&str| {
        let beginnings = ["edge_", "http_server_", "db_client_", "shop_"];
        beginnings
            .iter()
            .any(|beginning| word.starts_with(beginning))
    };
    words.filter(ours).map(str::to_owned).collect()
}
