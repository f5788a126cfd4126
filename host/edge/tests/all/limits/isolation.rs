//! A plugin that misbehaves without pause: not one request of its neighbours
//! fails or changes. How much slower they get, `make bench` measures.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;
use http::{Method, Request};

use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, Reply, TestNode, fixture, variant};

/// Each misdeed, by what asks for it.
const MISDEEDS: [(&str, &str); 14] = [
    ("GET", "/hostile/trap"),
    ("GET", "/hostile/exit"),
    ("GET", "/hostile/spin"),
    ("GET", "/hostile/memory"),
    ("GET", "/hostile/recurse"),
    ("GET", "/hostile/huge?bytes=1073741824"),
    ("GET", "/hostile/log?bytes=1048576"),
    ("GET", "/ledger/calls?n=10000"),
    ("GET", "/ledger/many?n=1000000"),
    ("GET", "/ledger/run?sql=SELECT%20*%20FROM%20product"),
    ("GET", "/buckets/others/carts"),
    ("GET", "/fetch?url=http://169.254.169.254/latest/&times=100"),
    ("POST", "/ledger/two?name=open&then=leak"),
    ("POST", "/ledger/two?name=open&then=sleep"),
];

/// Those who misbehave at once.
const OFFENDERS: usize = 4;

/// What the neighbour answers.
const ROUTES: [&str; 5] = [
    "/products?page=2",
    "/products/7",
    "/products/search?query_string=shirt",
    "/departments",
    "/hello",
];

/// How often each of them is asked for beside one misdeed.
const ROUNDS: usize = 8;

fn plugins() -> [PluginFolder; 6] {
    let hasty = "[limits]\ncpu-time = '300ms'\ndeadline = '1s'\ninstances = 8";
    [
        fixture("hello"),
        fixture("../product"),
        fixture("buckets"),
        fixture("fetch"),
        variant("hostile", hasty),
        variant("ledger", hasty),
    ]
}

/// Do it again and again, once at least. Returns how often it was answered.
async fn misbehave(node: &TestNode, (method, target): (&str, &str), over: &AtomicBool) -> usize {
    let method: Method = method.parse().expect("a method");
    let mut answered = 0;
    while answered == 0 || !over.load(Relaxed) {
        let request = Request::builder().method(&method).uri(node.url(target));
        node.send(request, "").await;
        answered += 1;
    }
    answered
}

async fn look_around(node: &TestNode) -> Vec<Reply> {
    let mut replies = Vec::new();
    for route in ROUTES {
        let reply = node.get(route).await;
        assert_eq!(reply.status, 200, "{route}: {reply:?}");
        replies.push(reply);
    }
    replies
}

#[tokio::test]
async fn no_misdeed_costs_a_neighbour_a_single_request() {
    for store in Store::ALL {
        // One database for all of them, as in a shop.
        let database = Database::new(store);
        let node = TestNode::start(&plugins(), |settings| {
            settings.database_url.clone_from(&database.url);
        })
        .await;
        let before = look_around(&node).await;
        for misdeed in MISDEEDS {
            let over = AtomicBool::new(false);
            let offenders = (0..OFFENDERS).map(|_| misbehave(&node, misdeed, &over));
            let neighbours = async {
                for _ in 0..ROUNDS {
                    let after = look_around(&node).await;
                    for (before, after) in before.iter().zip(&after) {
                        assert_eq!(before.body, after.body, "{store:?}: {misdeed:?}");
                    }
                }
                over.store(true, Relaxed);
            };
            let (answered, ()) = tokio::join!(join_all(offenders), neighbours);
            assert!(answered.iter().all(|count| *count > 0), "{misdeed:?}");
        }
        // And those who misbehaved can still be asked for something else.
        node.get("/hostile/count").await.assert_status(200);
        node.get("/ledger/sum").await.assert_status(200);
    }
}
