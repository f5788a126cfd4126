//! The limiter, over several nodes that share one Redis, and without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use stores::limiter::{Limiter, OnFailure, Policy, Verdict};
use test_servers::{Redis, RedisCluster};

use crate::harness::eventually;

/// `burst` at once, and then so slowly that none comes back within a test.
fn policy(id: &str, burst: u32) -> Policy {
    Policy::new(id, 1, Duration::from_hours(1), burst).unwrap()
}

fn limiter(redis: &Redis) -> Limiter {
    Limiter::redis(&redis.url(), "test").unwrap()
}

async fn allowed(limiter: &Limiter, policy: &Policy, key: &str) -> bool {
    let verdict = limiter.check(policy, key, 1, OnFailure::Local).await;
    verdict.allowed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_a_burst_passes_over_two_nodes() {
    let nodes = [limiter(Redis::shared()), limiter(Redis::shared())];
    both_count_in_redis(&nodes).await;
    for (key, burst) in [("one", 1), ("ten", 10), ("most", 150)] {
        let policy = policy("burst", burst);
        let checks = (0..200).map(|n| allowed(&nodes[n % 2], &policy, key));
        let passed = join_all(checks)
            .await
            .iter()
            .filter(|passed| **passed)
            .count();
        assert_eq!(passed, burst as usize, "{key}");
    }
}

/// Wait until each sees what the other counts: one that is not connected in
/// time counts alone.
async fn both_count_in_redis([one, two]: &[Limiter; 2]) {
    let policy = policy("connected", 1);
    for attempt in 0.. {
        let key = attempt.to_string();
        if allowed(one, &policy, &key).await && !allowed(two, &policy, &key).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn redis_and_this_process_say_the_same() {
    let limiters = [
        limiter(Redis::shared()),
        Limiter::redis(&RedisCluster::shared().urls(), "test").unwrap(),
        Limiter::local(),
    ];
    let policy = policy("same", 5);
    let hour = Duration::from_hours(1);
    // Cost, then what is expected: passed, remaining, full hours to wait and until all is free.
    let steps = [
        (0, true, 5, 0, 0),
        (2, true, 3, 0, 2),
        (4, false, 3, 1, 2),
        (3, true, 0, 0, 5),
        (0, false, 0, 1, 5),
        (1, false, 0, 1, 5),
        (6, false, 0, 6, 5),
    ];
    for limiter in &limiters {
        for (cost, passes, remaining, wait, reset) in steps {
            let verdict = limiter.check(&policy, "k", cost, OnFailure::Local).await;
            assert_eq!(verdict.allowed, passes, "{cost}: {verdict:?}");
            // Time goes on, so what is left may be a little less than whole.
            assert_eq!(verdict.remaining, remaining, "{cost}: {verdict:?}");
            assert!(
                about(verdict.retry_after, hour * wait),
                "{cost}: {verdict:?}"
            );
            assert!(about(verdict.reset, hour * reset), "{cost}: {verdict:?}");
        }
    }
}

fn about(time: Duration, expected: Duration) -> bool {
    time.abs_diff(expected) < Duration::from_secs(60)
}

#[tokio::test]
async fn time_gives_back_what_was_used() {
    let policy = Policy::new("back", 10, Duration::from_secs(1), 2).unwrap();
    for limiter in [limiter(Redis::shared()), Limiter::local()] {
        while allowed(&limiter, &policy, "k").await {}
        let refused = limiter.check(&policy, "k", 2, OnFailure::Local).await;
        assert!(
            refused.retry_after <= Duration::from_millis(200),
            "{refused:?}"
        );
        tokio::time::sleep(refused.retry_after + Duration::from_millis(5)).await;
        let verdict = limiter.check(&policy, "k", 2, OnFailure::Local).await;
        assert!(verdict.allowed, "{verdict:?}");
    }
}

#[tokio::test]
async fn keys_and_policies_are_counted_apart() {
    for limiter in [limiter(Redis::shared()), Limiter::local()] {
        for (id, key) in [
            ("p", "k"),
            ("p", ""),
            ("p", "*"),
            ("p", "K"),
            ("pk", ""),
            ("q", "k"),
        ] {
            assert!(allowed(&limiter, &policy(id, 1), key).await, "{id} {key}");
            assert!(!allowed(&limiter, &policy(id, 1), key).await, "{id} {key}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_gone_opens_or_counts_alone_and_is_asked_again() {
    let mut redis = Redis::start().unwrap();
    let limiter = limiter(&redis);
    let policy = policy("gone", 1);
    assert!(allowed(&limiter, &policy, "k").await);
    assert!(!allowed(&limiter, &policy, "k").await);
    redis.stop().unwrap();
    assert!(allowed(&limiter, &policy, "k").await, "counted anew");
    assert!(!allowed(&limiter, &policy, "k").await, "counted here");
    for _ in 0..3 {
        let open = limiter.check(&policy, "k", 1, OnFailure::Open).await;
        assert!(open.allowed);
    }
    redis.restart().unwrap();
    eventually("a count in Redis", async || {
        (!allowed(&limiter, &policy, "other").await).then_some(())
    })
    .await;
    // Not here, where it is used up.
    eventually("Redis's own count", async || {
        let verdict = limiter.check(&policy, "k", 1, OnFailure::Local).await;
        verdict.allowed.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for_by_every_request() {
    let redis = Redis::start().unwrap();
    let limiter = limiter(&redis);
    let policy = policy("hangs", 1000);
    assert!(allowed(&limiter, &policy, "k").await);
    let process = i32::try_from(redis.pid()).ok().and_then(Pid::from_raw);
    kill_process(process.unwrap(), Signal::STOP).unwrap();
    let began = Instant::now();
    for _ in 0..100 {
        let verdict: Verdict = limiter.check(&policy, "k", 1, OnFailure::Open).await;
        assert!(verdict.allowed);
    }
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

/// Many times as many keys as a policy has counters.
const INVENTED: usize = 300_000;

#[tokio::test]
async fn whoever_invents_keys_displaces_nobodys_counters() {
    let limiter = Limiter::local();
    let (login, other) = (policy("customer/login", 5), policy("stranger/own", 5));
    let victim = "ada@example.com";
    assert!(
        limiter
            .check(&login, victim, 5, OnFailure::Local)
            .await
            .allowed
    );
    for number in 0..INVENTED {
        let key = number.to_string();
        allowed(&limiter, &other, &key).await;
        // Nor do keys of the same policy, which are all in use here.
        allowed(&limiter, &login, &key).await;
    }
    assert!(!allowed(&limiter, &login, victim).await);
}

/// Whether Redis let the key through; nothing where it was not asked, or did not
/// answer in time. Of a limiter that nobody else uses meanwhile.
async fn counted(limiter: &Limiter, policy: &Policy, key: &str) -> Option<bool> {
    let before = limiter.decisions().fallbacks();
    let passed = allowed(limiter, policy, key).await;
    (limiter.decisions().fallbacks() == before).then_some(passed)
}

/// How often a key was let through, and how often nobody knows.
#[derive(Debug, Default, Clone)]
struct Passed {
    surely: u32,
    unknown: u32,
}

/// A cluster's slots move while nodes count in it: each key is let through as
/// often as without that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_counts_right_while_its_slots_move() {
    const KEYS: usize = 200;
    const BURST: u32 = 5;
    let cluster = RedisCluster::start(0).expect("a cluster");
    let open = || Limiter::redis(&cluster.urls(), "test").unwrap();
    let nodes = [open(), open()];
    both_count_in_redis(&nodes).await;
    let policy = policy("moving", BURST);
    let is_over = AtomicBool::new(false);
    let checking = async {
        let mut keys = vec![Passed::default(); KEYS];
        let mut rounds = 0;
        // The last round finds every key used up.
        let mut is_used_up = false;
        while !is_used_up || !is_over.load(Ordering::Relaxed) {
            is_used_up = true;
            for (n, key) in keys.iter_mut().enumerate() {
                match counted(&nodes[(n + rounds) % 2], &policy, &n.to_string()).await {
                    Some(passed) => key.surely += u32::from(passed),
                    None => key.unknown += 1,
                }
                let most = key.surely + key.unknown;
                is_used_up &= most >= BURST;
            }
            rounds += 1;
        }
        keys
    };
    let moving = async {
        let moved = tokio::task::spawn_blocking({
            let cluster = Arc::new(cluster);
            move || cluster.move_slots(0, 1, 500).map(|()| cluster)
        });
        let moved = moved.await.expect("no panic");
        is_over.store(true, Ordering::Relaxed);
        moved.expect("they move")
    };
    let (keys, _cluster) = tokio::join!(checking, moving);
    for (n, key) in keys.iter().enumerate() {
        assert!(key.surely <= BURST, "{n}: {key:?}");
        assert!(key.surely + key.unknown >= BURST, "{n}: {key:?}");
    }
}

/// While a fail-over goes on, whoever is not answered counts alone; what was
/// counted in Redis before is counted there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_has_its_counts_after_a_fail_over() {
    const KEYS: usize = 60;
    let cluster = RedisCluster::start(1).expect("a cluster");
    let limiter = Limiter::redis(&cluster.urls(), "test").unwrap();
    let policy = policy("failing", 2);
    let counted_in_redis = async |key: &str, cost| {
        eventually(key, async || {
            let before = limiter.decisions().fallbacks();
            let verdict = limiter.check(&policy, key, cost, OnFailure::Open).await;
            (limiter.decisions().fallbacks() == before).then_some(verdict)
        })
        .await
    };
    for n in 0..KEYS {
        // Whatever becomes of it: it is counted now, or was before.
        counted_in_redis(&n.to_string(), 2).await;
    }
    eventually("the replicas", async || {
        cluster.has_replicated().then_some(())
    })
    .await;
    tokio::task::block_in_place(|| cluster.fail_over()).expect("a fail-over");
    for n in 0..KEYS {
        let verdict = counted_in_redis(&n.to_string(), 1).await;
        assert!(!verdict.allowed, "{n}: {verdict:?}");
    }
}
