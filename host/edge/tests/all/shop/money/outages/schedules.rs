//! Whatever fails, whenever, for however long: afterwards the shop's books and
//! Stripe's agree, and every customer has what they were told they have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use super::super::buyer::{Buyer, PRODUCTS, Purchase};
use super::super::ledger_audit::Books;
use super::super::{Checkout, pass_time, seed};
use super::table::TABLE;
use super::world::{Part, State, Target, World};
use crate::harness::in_time;

/// How many schedules there are; the setting names another number.
const SCHEDULES: usize = 20;
const SETTING: &str = "EDGE_TEST_SCHEDULES";

/// Shops that go through them at the same time.
const SHOPS: usize = 2;

/// Customers of each, who shop at the same time.
const BUYERS: usize = 3;

/// How many there are of each product that they buy.
const STOCK: u64 = 1_000_000;

/// When a failure begins at the latest, and how long it takes, in
/// milliseconds.
const LATEST: u64 = 400;
const LENGTHS: std::ops::RangeInclusive<u64> = 20..=800;

/// How likely each part is to fail in one schedule.
const LIKELY: f64 = 0.7;

/// While customers finish: how often what was put off is made due.
const TICK: Duration = Duration::from_millis(500);

/// One part's failure.
#[derive(Debug, Clone, Copy)]
struct Failure {
    state: State,
    after: Duration,
    length: Duration,
}

impl Failure {
    fn random(random: &mut StdRng, states: &[State]) -> Option<Self> {
        let state = states.choose(random).copied()?;
        let after = Duration::from_millis(random.random_range(0..LATEST));
        let length = Duration::from_millis(random.random_range(LENGTHS));
        random.random_bool(LIKELY).then_some(Self {
            state,
            after,
            length,
        })
    }

    async fn befall(self, target: &mut Target) {
        tokio::time::sleep(self.after).await;
        target.begin(self.state).await;
        tokio::time::sleep(self.length).await;
        target.end(self.state).await;
    }
}

/// The ways in which a part fails.
fn states(part: Part) -> Vec<State> {
    let rows = TABLE.iter().filter(|row| row.part == part);
    rows.map(|row| row.state).collect()
}

async fn befall(failure: Option<Failure>, target: &mut Target) {
    if let Some(failure) = failure {
        failure.befall(target).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_at_random_orders_and_money_agree() {
    let setting = std::env::var(SETTING).ok();
    let schedules = setting.and_then(|text| text.parse().ok());
    let schedules: usize = schedules.unwrap_or(SCHEDULES);
    let mut random = StdRng::seed_from_u64(seed());
    let shops = (0..SHOPS).map(|shop| {
        let share = (schedules + shop) / SHOPS;
        live_through(share, StdRng::seed_from_u64(random.random()))
    });
    join_all(shops).await;
}

async fn live_through(schedules: usize, mut random: StdRng) {
    let mut world = World::new().await;
    for product in PRODUCTS {
        world.checkout.stock(product, STOCK.cast_signed()).await;
    }
    let tokens = world.checkout.customers(BUYERS).await;
    let mut bought = Vec::new();
    for number in 1..=schedules {
        let failures = [Part::MySql, Part::Redis, Part::Stripe];
        let failures = failures.map(|part| Failure::random(&mut random, &states(part)));
        println!("schedule {number}: {failures:?}");
        let before = bought.len();
        bought.extend(live_through_one(&mut world, &tokens, failures, &mut random).await);
        check(&world.checkout, &bought).await;
        println!("schedule {number}: {} orders", bought.len() - before);
    }
}

/// What was bought meanwhile.
async fn live_through_one(
    world: &mut World,
    tokens: &[String],
    [mysql, redis, stripe]: [Option<Failure>; 3],
    random: &mut StdRng,
) -> Vec<Purchase> {
    let (_moved, address) = watch::channel(world.checkout.shop.node.address());
    let is_over = Arc::new(AtomicBool::new(false));
    let buyers: Vec<_> = tokens
        .iter()
        .map(|token| Buyer::new(token.clone(), address.clone(), random.random()))
        .map(|buyer| tokio::spawn(buyer.shop(is_over.clone())))
        .collect();
    tokio::join!(
        befall(mysql, &mut world.mysql),
        befall(redis, &mut world.redis),
        befall(stripe, &mut world.stripe),
    );
    is_over.store(true, Ordering::Relaxed);
    let finishing = async {
        let mut bought = Vec::new();
        for buyer in buyers {
            bought.extend(buyer.await.expect("a buyer"));
        }
        bought
    };
    let passing = async {
        loop {
            tokio::time::sleep(TICK).await;
            pass_time(world.checkout.database()).await;
        }
    };
    in_time("the last purchases", async {
        tokio::select! {
            bought = finishing => bought,
            () = passing => Vec::new(),
        }
    })
    .await
}

async fn check(checkout: &Checkout, bought: &[Purchase]) {
    let books: Books = checkout.settled_books().await;
    for product in PRODUCTS {
        books.check_stock(checkout.database(), product, STOCK).await;
    }
    assert_eq!(books.orders.len(), bought.len());
    for purchase in bought {
        purchase.check(&books);
    }
}
