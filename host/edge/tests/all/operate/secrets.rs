//! The secret of a shop: nodes that do not have it, and how it is changed while
//! customers shop.

use edge::rollout::control::Control;
use edge::rollout::{KeyRing, KeyRings, Keys};
use http::Method;
use serde_json::{Value, json};
use stores::sql::Databases;
use tempfile::TempDir;
use test_servers::MariaDb;

use super::estate::{Estate, Member};
use crate::harness::{SECRET, data_folder, edge, eventually, refusal};
use crate::observability::metrics::Metrics;

const NEW: &str = "the next secret of a shop, which is long enough";

type Variables = [(&'static str, &'static str)];

const FIRST: &Variables = &[];
const NEXT_IS_KNOWN: &Variables = &[("EDGE_SECRET_FALLBACK", NEW)];
const CHANGED: &Variables = &[("EDGE_SECRET", NEW), ("EDGE_SECRET_FALLBACK", SECRET)];
const LAST: &Variables = &[("EDGE_SECRET", NEW)];

/// What somebody has of the shop: a session, and an item in a cart.
struct Belongings {
    token: String,
    item: i64,
}

async fn belongings(member: &Member, email: &str) -> Belongings {
    let token = member.login(email).await;
    let (_, item) = member.fill_cart().await;
    Belongings { token, item }
}

async fn assert_holds(member: &Member, of: &Belongings) {
    member.get("/customer", &of.token).await;
    let path = format!("/shoppingcart/update/{}", of.item);
    let body = json!({ "quantity": 2 });
    let reply = member.ask(Method::PUT, &path, &of.token, &body).await;
    reply.assert_status(200);
}

/// Whoever comes to one node is served by all.
async fn check(members: &[&Member], email: &str) {
    for from in members {
        let made = belongings(from, email).await;
        for to in members {
            assert_holds(to, &made).await;
        }
    }
}

/// Start a node again with other settings, while the other one serves.
async fn restart(
    estate: &Estate,
    member: Member,
    variables: &Variables,
    other: &Member,
    email: &str,
) -> Member {
    let restarting = async {
        let (data, _) = member.end().await;
        estate.serve_in(data, variables).await
    };
    let serving = async {
        for _ in 0..5 {
            check(&[other], email).await;
        }
    };
    tokio::join!(restarting, serving).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_is_changed_while_customers_shop() {
    let estate = Estate::new();
    let email = "rotation@example.com";
    let mut one = estate.join(FIRST).await;
    let mut other = estate.join(FIRST).await;
    one.register(email).await;
    let before = belongings(&one, email).await;
    check(&[&one, &other], email).await;
    for step in [NEXT_IS_KNOWN, CHANGED] {
        one = restart(&estate, one, step, &other, email).await;
        check(&[&one, &other], email).await;
        other = restart(&estate, other, step, &one, email).await;
        check(&[&one, &other], email).await;
        for member in [&one, &other] {
            assert_holds(member, &before).await;
        }
    }
    let now = belongings(&one, email).await;
    one = restart(&estate, one, LAST, &other, email).await;
    other = restart(&estate, other, LAST, &one, email).await;
    check(&[&one, &other], email).await;
    for member in [&one, &other] {
        assert_holds(member, &now).await;
        let old = &before.token;
        let reply = member
            .ask(Method::GET, "/customer", old, &Value::Null)
            .await;
        reply.assert_status(401);
    }
    // Back to the beginning, by the same steps.
    for step in [CHANGED, NEXT_IS_KNOWN, FIRST] {
        one = restart(&estate, one, step, &other, email).await;
        other = restart(&estate, other, step, &one, email).await;
        check(&[&one, &other], email).await;
    }
}

/// What `edge` with the shop's stores and these arguments and variables says
/// when it is refused.
fn refused(estate: &Estate, data: &TempDir, arguments: &[&str], variables: &Variables) -> String {
    let mut command = edge(data.path());
    estate.configure(&mut command, data.path());
    command.env("EDGE_PLUGINS", "none").args(arguments);
    refusal(command.envs(variables.iter().copied()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_secret_is_refused_and_told_what_to_do() {
    let estate = Estate::new();
    let nothing = &[("EDGE_PLUGINS", "none")];
    let node = estate.join(nothing).await;
    let data = data_folder();
    let serve = |variables: &Variables| refused(&estate, &data, &["serve"], variables);

    let foreign = serve(LAST);
    for part in ["is not the shop's", "secret_fallback", "edge secret adopt"] {
        assert!(foreign.contains(part), "{part}: {foreign}");
    }
    // A step that is left out: the other node does not know the new one.
    let early = serve(CHANGED);
    assert!(
        early.contains("does not know the key of `secret`"),
        "{early}"
    );
    let keys = "a:the key of these tests that is long enough";
    let other_keys: &Variables = &[("EDGE_TOKEN_KEYS", keys)];
    let unknown = serve(other_keys);
    assert!(unknown.contains("`token_keys`"), "{unknown}");
    // Whoever looks after the shop finds out, and is not flooded by one that
    // is started again and again.
    assert_eq!(serve(LAST), foreign);
    let operator = node.operator();
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let refusals: Vec<_> = records
        .filter(|record| record["action"] == "join-refused")
        .map(|record| record["detail"].as_str().expect("text"))
        .collect();
    assert!(
        refusals.contains(&&*foreign.trim().replace("edge: ", "")),
        "{refusals:?}"
    );
    let of_foreign = refusals
        .iter()
        .filter(|it| it.contains("is not the shop's"));
    assert_eq!(of_foreign.count(), 1, "{refusals:?}");
    eventually("the metric", async || {
        let metrics = Metrics::at(&operator).await;
        (metrics.value("edge_nodes_refused", &[])? >= 1.0).then_some(())
    })
    .await;
    let adopt = refused(&estate, &data, &["secret", "adopt"], LAST);
    assert!(adopt.contains("stop all nodes first"), "{adopt}");

    // Whoever looks from elsewhere has no secret, and gets none by looking.
    let elsewhere = data_folder();
    let mut command = edge(elsewhere.path());
    estate.configure(&mut command, elsewhere.path());
    command.env_remove("EDGE_SECRET").args(["secret", "status"]);
    let looked = command.output().expect("it runs");
    let table = String::from_utf8(looked.stdout).expect("text");
    assert!(
        looked.status.success() && table.contains("(settings here)  -       ?"),
        "{table}"
    );
    assert!(!elsewhere.path().join("secrets/master").exists());

    // The shop's secret counts where no node is left, until that is given up.
    let (folder, _) = node.end().await;
    let foreign = serve(LAST);
    assert!(foreign.contains("is not the shop's"), "{foreign}");
    let mut command = edge(data.path());
    estate.configure(&mut command, data.path());
    command.env("EDGE_SECRET", NEW).args(["secret", "adopt"]);
    let adopted = command.output().expect("it runs");
    assert!(adopted.status.success(), "{adopted:?}");
    let late = refused(&estate, &folder, &["serve"], FIRST);
    assert!(late.contains("is not the shop's"), "{late}");
    let node = estate.serve_in(data, &[nothing[0], LAST[0]]).await;
    let audit = node.operator().get("/v1/audit").await;
    assert_eq!(audit[0]["action"], "adopt-secret", "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_set_later_ends_no_session() {
    let estate = Estate::new();
    let email = "later@example.com";
    let data = data_folder();
    let start = async |data: TempDir, variables: Option<&Variables>| {
        let mut command = edge(data.path());
        command.arg("serve");
        estate.configure(&mut command, data.path());
        match variables {
            Some(variables) => command.envs(variables.iter().copied()),
            None => command.env_remove("EDGE_SECRET"),
        };
        Member::start(command, data).await
    };
    let node = start(data, None).await;
    node.register(email).await;
    let made = belongings(&node, email).await;
    let (data, _) = node.end().await;
    let node = start(data, Some(LAST)).await;
    assert_holds(&node, &made).await;
    check(&[&node], email).await;
    let (data, _) = node.end().await;
    // The secret that was made is not needed any more.
    std::fs::remove_file(data.path().join("secrets/master")).expect("a secret");
    let node = start(data, Some(LAST)).await;
    check(&[&node], email).await;
}

/// Of nodes that start at once, each with a secret of its own, one makes the
/// shop's.
async fn one_first_node(url: &str) {
    let databases = Databases::default();
    let joining = (0..8).map(|number| {
        let ring = |name: &str| KeyRing {
            signs: format!("{name}-{number}"),
            verifies: Vec::new(),
        };
        let rings = KeyRings {
            secret: ring("secret"),
            tokens: ring("tokens"),
        };
        let databases = &databases;
        async move {
            let control = Control::open(databases, url, std::sync::Arc::default()).await;
            let control = control.expect("a control database");
            Keys::join(rings, &control).await.is_ok()
        }
    });
    let joined = futures_util::future::join_all(joining).await;
    assert_eq!(joined.iter().filter(|joined| **joined).count(), 1);
}

#[tokio::test]
async fn one_of_many_first_nodes_makes_the_secret_of_the_shop_on_mariadb() {
    one_first_node(&MariaDb::shared().database()).await;
}

#[tokio::test]
async fn one_of_many_first_nodes_makes_the_secret_of_the_shop_on_sqlite() {
    let data = data_folder();
    one_first_node(&format!(
        "sqlite://{}/control.sqlite",
        data.path().display()
    ))
    .await;
}
