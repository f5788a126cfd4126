//! Every service of the shop is replaced, again and again, while people shop.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;

use super::{Shop, Shopper};
use crate::harness::{PluginFolder, variant};

/// Swaps of each of the four services; the setting names another number.
const SWAPS: u32 = 15;
const SETTING: &str = "EDGE_TEST_SWAPS";

const SERVICES: [&str; 4] = ["customer", "order", "payment", "product"];

fn next(service: &str, version: u32) -> PluginFolder {
    variant(
        &format!("../{service}"),
        &format!("version = \"0.1.{version}\""),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shopper_notices_nothing_of_swaps() {
    let swaps = std::env::var(SETTING)
        .ok()
        .and_then(|text| text.parse().ok());
    let swaps = swaps.unwrap_or(SWAPS);
    for shop in Shop::both_with(|settings| settings.rate_limits = false).await {
        let over = AtomicBool::new(false);
        let operator = shop.node.operator();
        let swapping = async {
            for swap in 1..=swaps {
                for service in SERVICES {
                    operator.deploy(&next(service, swap)).await;
                }
            }
            over.store(true, Relaxed);
        };
        let shopping = join_all((0..2).map(|_| keep_shopping(&shop, &over)));
        let ((), journeys) = tokio::join!(swapping, shopping);
        let journeys: u64 = journeys.into_iter().sum();
        println!("{journeys} whole journeys during {} swaps", swaps * 4);
        assert!(journeys > 0);
        let status = operator.get("/v1/status").await;
        let plugins = &status["nodes"][0]["plugins"];
        for service in SERVICES {
            let version = &plugins[service]["active"]["version"];
            assert_eq!(*version, format!("0.1.{swaps}"), "{status}");
        }
    }
}

/// Look around, fill a cart, register, order, pay, and look again. Every step
/// checks its reply.
async fn keep_shopping(shop: &Shop, over: &AtomicBool) -> u64 {
    let mut journeys = 0;
    while !over.load(Relaxed) {
        journey(shop).await;
        journeys += 1;
    }
    journeys
}

async fn journey(shop: &Shop) {
    let mut shopper: Shopper<'_> = shop.guest();
    let found = shopper.get("/products/search?query_string=arc").await;
    assert_eq!(shopper.success(&found)["rows"][0]["name"], "Arc d'Triomphe");
    shopper.register().await;
    let order = shopper.order_of(1).await;
    shopper.success(&shopper.charge(order, "tok_visa").await);
    let detail = shopper.get(&format!("/orders/shortDetail/{order}")).await;
    assert_eq!(shopper.success(&detail)["status"], 1);
}
