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
    host.join("../deploy/prometheus").join(name)
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
        settings.database_replica_url = (!database.starts_with("sqlite:")).then_some(database);
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
