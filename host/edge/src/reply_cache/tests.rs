//! The cache with a plugin of these tests, whose replies say which of its calls made them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bundle::Digest;
use bundle::manifest::CachePolicy;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt, Either, Full};

use super::{Lookup, ReplyCache};
use crate::bindings::handler::Failure;
use crate::guest::{CallError, Interface, Ledger, Unshareable};
use crate::runtime::Answer;
use crate::telemetry::CacheResult;

const SOME: Duration = Duration::from_millis(30);

fn policy() -> CachePolicy {
    CachePolicy {
        routes: vec!["/things".to_owned()],
        max_age: Duration::from_secs(60),
        stale_if_error: Duration::from_secs(60),
        bypass_roles: Vec::new(),
    }
}

fn lookup<'a>(policy: &'a CachePolicy, target: &str) -> Lookup<'a> {
    Lookup {
        policy,
        release: Digest::of(b"release"),
        target: target.into(),
        headers: Arc::default(),
        is_anonymous: true,
        may_store: true,
        deadline: Instant::now() + Duration::from_secs(5),
    }
}

fn in_language<'a>(policy: &'a CachePolicy, language: &'static str) -> Lookup<'a> {
    let fields = [(ACCEPT_LANGUAGE, HeaderValue::from_static(language))];
    Lookup {
        headers: Arc::new(HeaderMap::from_iter(fields)),
        ..lookup(policy, "/things")
    }
}

/// Plugin that counts its calls.
#[derive(Default)]
struct Counting {
    calls: AtomicU32,
    takes: Duration,
    /// Calls at this moment, and the most at any.
    running: AtomicU32,
    most_running: AtomicU32,
}

impl Counting {
    fn slow() -> Self {
        Self {
            takes: SOME,
            ..Self::default()
        }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Looks a reply up, and asks the plugin otherwise, whose effects `work` notes.
    async fn get(
        &self,
        cache: &ReplyCache,
        lookup: &Lookup<'_>,
        work: impl Fn(&Ledger),
    ) -> (String, CacheResult) {
        let ledger = Ledger::default();
        let asking = cache.answer(lookup, &ledger, async || {
            let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
            let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_running.fetch_max(running, Ordering::Relaxed);
            tokio::time::sleep(self.takes).await;
            self.running.fetch_sub(1, Ordering::Relaxed);
            ledger.begin();
            work(&ledger);
            Ok(answer(call))
        });
        let (answer, outcome) = asking.await;
        (text(answer.expect("an answer")).await, outcome.result)
    }

    /// Looks a reply up, and fails otherwise.
    async fn fail(&self, cache: &ReplyCache, lookup: &Lookup<'_>) -> Option<(String, CacheResult)> {
        let ledger = Ledger::default();
        let asking = cache.answer(lookup, &ledger, async || {
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.takes).await;
            Err(CallError::Busy)
        });
        let (answer, outcome) = asking.await;
        Some((text(answer.ok()?).await, outcome.result))
    }
}

fn answer(call: u32) -> Answer {
    let body = Full::new(Bytes::from(call.to_string()));
    Answer::Response(Response::new(Either::Left(body)))
}

async fn text(answer: Answer) -> String {
    let Answer::Response(response) = answer else {
        panic!("a failure");
    };
    let collected = response.into_body().collect().await.expect("a body");
    String::from_utf8_lossy(&collected.to_bytes()).into_owned()
}

fn nothing(_: &Ledger) {}

#[tokio::test]
async fn a_reply_is_made_once_for_its_target_and_release() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::default(), policy());
    let things = lookup(&policy, "/things");
    assert_eq!(
        plugin.get(&cache, &things, nothing).await,
        ("1".into(), CacheResult::Stored)
    );
    assert_eq!(
        plugin.get(&cache, &things, nothing).await,
        ("1".into(), CacheResult::Hit)
    );
    let other = lookup(&policy, "/things?page=2");
    assert_eq!(
        plugin.get(&cache, &other, nothing).await,
        ("2".into(), CacheResult::Stored)
    );
    let release = Digest::of(b"another");
    let newer = Lookup {
        release,
        ..lookup(&policy, "/things")
    };
    assert_eq!(
        plugin.get(&cache, &newer, nothing).await,
        ("3".into(), CacheResult::Stored)
    );
    cache.purge();
    assert_eq!(
        plugin.get(&cache, &things, nothing).await,
        ("4".into(), CacheResult::Stored)
    );
}

#[tokio::test]
async fn head_is_answered_by_what_get_has_stored() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::default(), policy());
    let head = || Lookup {
        may_store: false,
        ..lookup(&policy, "/things")
    };
    assert_eq!(
        plugin.get(&cache, &head(), nothing).await.1,
        CacheResult::Miss
    );
    let get = lookup(&policy, "/things");
    assert_eq!(
        plugin.get(&cache, &get, nothing).await.1,
        CacheResult::Stored
    );
    assert_eq!(
        plugin.get(&cache, &head(), nothing).await,
        ("2".into(), CacheResult::Hit)
    );
}

#[tokio::test]
async fn replies_are_told_apart_by_the_fields_that_were_asked_for() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::default(), policy());
    let by_language = |ledger: &Ledger| ledger.note_field(&ACCEPT_LANGUAGE);
    let get = async |language| {
        let lookup = in_language(&policy, language);
        plugin.get(&cache, &lookup, by_language).await.0
    };
    assert_eq!(get("de").await, "1");
    assert_eq!(get("en").await, "2");
    assert_eq!((get("de").await, get("en").await), ("1".into(), "2".into()));
    // A further field tells all of them apart from then on.
    let more = |ledger: &Ledger| {
        by_language(ledger);
        ledger.note_field(&HeaderName::from_static("x-more"));
    };
    let french = in_language(&policy, "fr");
    assert_eq!(
        plugin.get(&cache, &french, more).await,
        ("3".into(), CacheResult::Stored)
    );
    assert_eq!(
        plugin.get(&cache, &french, more).await,
        ("3".into(), CacheResult::Hit)
    );
    assert_eq!(get("de").await, "4");
}

#[tokio::test]
async fn a_reply_for_a_verified_caller_is_nobody_elses() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::default(), policy());
    let verified = || Lookup {
        is_anonymous: false,
        ..lookup(&policy, "/things")
    };
    let get = async |lookup: Lookup<'_>| plugin.get(&cache, &lookup, Ledger::note_caller).await;
    assert_eq!(get(verified()).await, ("1".into(), CacheResult::Miss));
    assert_eq!(get(verified()).await, ("2".into(), CacheResult::Miss));
    assert_eq!(
        get(lookup(&policy, "/things")).await,
        ("3".into(), CacheResult::Stored)
    );
    assert_eq!(
        get(lookup(&policy, "/things")).await,
        ("3".into(), CacheResult::Hit)
    );
    assert_eq!(get(verified()).await, ("4".into(), CacheResult::Miss));
    // A reply for which nobody asked who calls is everybody's.
    let open = Lookup {
        target: "/things/1".into(),
        ..verified()
    };
    assert_eq!(
        plugin.get(&cache, &open, nothing).await.1,
        CacheResult::Stored
    );
    assert_eq!(plugin.get(&cache, &open, nothing).await.1, CacheResult::Hit);
}

#[tokio::test]
async fn what_depends_on_more_is_not_kept() {
    let (cache, policy) = (ReplyCache::new(1 << 20), policy());
    for reason in [
        Unshareable::Clock,
        Unshareable::Random,
        Unshareable::RequestId,
        Unshareable::Call,
        Unshareable::Used(Interface::Keyvalue),
    ] {
        let plugin = Counting::default();
        let lookup = lookup(&policy, reason.name());
        for call in ["1", "2"] {
            let got = plugin.get(&cache, &lookup, |ledger| ledger.note_unshareable(reason));
            assert_eq!(got.await, (call.into(), CacheResult::Miss), "{reason:?}");
        }
        // The next reply may be one to keep, such as after the first one of an instance.
        assert_eq!(
            plugin.get(&cache, &lookup, nothing).await.1,
            CacheResult::Stored
        );
        assert_eq!(
            plugin.get(&cache, &lookup, nothing).await.1,
            CacheResult::Hit
        );
    }
}

#[tokio::test]
async fn what_a_plugin_forbids_is_not_kept() {
    let (cache, policy) = (ReplyCache::new(1 << 20), policy());
    let get = async |target: &'static str, answer: fn() -> Answer| {
        let (lookup, ledger) = (lookup(&policy, target), Ledger::default());
        cache
            .answer(&lookup, &ledger, async || {
                ledger.begin();
                Ok(answer())
            })
            .await
            .1
            .result
    };
    fn with(name: HeaderName, value: &'static str) -> Answer {
        let Answer::Response(mut response) = answer(1) else {
            unreachable!("it is a response");
        };
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        Answer::Response(response)
    }
    fn failure_with(status: u16, name: &str, value: &str) -> Answer {
        let Answer::Failure(mut failure) = failure(status) else {
            unreachable!("it is a failure");
        };
        failure.headers.push((name.to_owned(), value.to_owned()));
        Answer::Failure(failure)
    }
    fn failure(status: u16) -> Answer {
        Answer::Failure(Failure {
            status,
            code: "CODE".to_owned(),
            message: "No.".to_owned(),
            field: None,
            headers: Vec::new(),
        })
    }
    assert_eq!(
        get("/a", || with(SET_COOKIE, "a=b")).await,
        CacheResult::Miss
    );
    assert_eq!(
        get("/b", || with(CACHE_CONTROL, "No-Store")).await,
        CacheResult::Miss
    );
    assert_eq!(
        get("/c", || with(CACHE_CONTROL, "private, max-age=1")).await,
        CacheResult::Miss
    );
    assert_eq!(
        get("/d", || with(CACHE_CONTROL, "max-age=1")).await,
        CacheResult::Stored
    );
    assert_eq!(get("/e", || failure(400)).await, CacheResult::Miss);
    assert_eq!(
        get("/g", || failure_with(404, "set-cookie", "a=b")).await,
        CacheResult::Miss
    );
    assert_eq!(get("/f", || failure(404)).await, CacheResult::Stored);
    assert_eq!(get("/f", || failure(400)).await, CacheResult::Hit);
}

#[tokio::test]
async fn of_many_requests_one_asks() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::slow(), policy());
    let lookup = lookup(&policy, "/things");
    let all = (0..20).map(|_| plugin.get(&cache, &lookup, nothing));
    let all = join_all(all).await;
    assert_eq!(plugin.calls(), 1);
    assert!(all.iter().all(|(text, _)| text == "1"));
    let stored = all.iter().filter(|(_, kind)| *kind == CacheResult::Stored);
    assert_eq!(stored.count(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_reply_that_is_not_shared() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::slow(), policy());
    let lookup = lookup(&policy, "/things");
    let clock = |ledger: &Ledger| ledger.note_unshareable(Unshareable::Clock);
    // At first all wait for one; once its reply is known as not shared, none does.
    for together in [19, 20] {
        plugin.most_running.store(0, Ordering::Relaxed);
        join_all((0..20).map(|_| plugin.get(&cache, &lookup, clock))).await;
        assert_eq!(plugin.most_running.load(Ordering::Relaxed), together);
    }
    assert_eq!(plugin.calls(), 40);
}

#[tokio::test]
async fn others_go_on_when_the_one_that_asks_leaves_or_fails() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::slow(), policy());
    let lookup = lookup(&policy, "/things");
    let mut leaving = Box::pin(plugin.get(&cache, &lookup, nothing));
    tokio::select! {
        biased;
        _ = &mut leaving => panic!("it takes longer"),
        () = tokio::task::yield_now() => {}
    }
    let others = join_all((0..5).map(|_| plugin.get(&cache, &lookup, nothing)));
    let leave = async {
        tokio::time::sleep(SOME / 10).await;
        drop(leaving);
    };
    let (others, ()) = tokio::join!(others, leave);
    assert!(others.iter().all(|(text, _)| text == "2"));
    // An older reply that is no longer fresh is not sent because a client has left.
    let policy = CachePolicy {
        max_age: Duration::ZERO,
        ..policy.clone()
    };
    let outdated = super::Lookup {
        policy: &policy,
        ..lookup
    };
    tokio::time::sleep(super::STALE_WHILE_REVALIDATE).await;
    let mut leaving = Box::pin(plugin.get(&cache, &outdated, nothing));
    tokio::select! {
        biased;
        _ = &mut leaving => panic!("it takes longer"),
        () = tokio::task::yield_now() => {}
    }
    let follower = plugin.get(&cache, &outdated, nothing);
    let leave = async {
        tokio::time::sleep(SOME / 10).await;
        drop(leaving);
    };
    let (follower, ()) = tokio::join!(follower, leave);
    assert_eq!(follower, ("4".into(), CacheResult::Stored));
    cache.purge();
    let lookup = outdated;
    let failing = join_all((0..5).map(|_| plugin.fail(&cache, &lookup))).await;
    assert!(failing.iter().all(Option::is_none));
}

#[tokio::test]
async fn a_waiting_request_ends_at_its_deadline() {
    let (cache, plugin, policy) = (ReplyCache::new(1 << 20), Counting::slow(), policy());
    let leader = lookup(&policy, "/things");
    let deadline = Instant::now() + SOME / 10;
    let hurried = Lookup {
        deadline,
        ..lookup(&policy, "/things")
    };
    let ledger = Ledger::default();
    let follower = cache.answer(&hurried, &ledger, async || panic!("it leads"));
    let leading = plugin.get(&cache, &leader, nothing);
    let (_, (late, _)) = tokio::join!(leading, async {
        tokio::task::yield_now().await;
        follower.await
    });
    assert!(matches!(late, Err(CallError::Deadline)));
}

#[tokio::test]
async fn an_old_reply_is_sent_while_the_plugin_fails() {
    let (cache, plugin) = (ReplyCache::new(1 << 20), Counting::default());
    let policy = CachePolicy {
        max_age: SOME,
        ..policy()
    };
    let things = lookup(&policy, "/things");
    assert_eq!(plugin.fail(&cache, &things).await, None);
    plugin.get(&cache, &things, nothing).await;
    tokio::time::sleep(SOME * 2).await;
    let sent = plugin.fail(&cache, &things).await;
    assert_eq!(sent, Some(("2".into(), CacheResult::Stale)));
    assert_eq!(
        plugin.get(&cache, &things, nothing).await,
        ("4".into(), CacheResult::Stored)
    );
    let impatient = CachePolicy {
        stale_if_error: Duration::ZERO,
        ..policy.clone()
    };
    tokio::time::sleep(SOME * 2).await;
    assert_eq!(
        plugin.fail(&cache, &lookup(&impatient, "/things")).await,
        None
    );
}

#[tokio::test]
async fn an_old_reply_is_sent_while_another_is_made() {
    let (cache, plugin) = (ReplyCache::new(1 << 20), Counting::slow());
    let policy = CachePolicy {
        max_age: SOME * 2,
        ..policy()
    };
    let things = lookup(&policy, "/things");
    plugin.get(&cache, &things, nothing).await;
    tokio::time::sleep(SOME * 3).await;
    let all = join_all((0..5).map(|_| plugin.get(&cache, &things, nothing))).await;
    let stale = all
        .iter()
        .filter(|got| **got == ("1".into(), CacheResult::Stale));
    assert_eq!((stale.count(), plugin.calls()), (4, 2));
}

#[tokio::test]
async fn the_cache_keeps_within_its_bound() {
    let (cache, plugin, policy) = (ReplyCache::new(64 << 10), Counting::default(), policy());
    for page in 0..2000 {
        let lookup = lookup(&policy, &format!("/things?page={page}"));
        plugin.get(&cache, &lookup, nothing).await;
    }
    let (bytes, most) = cache.bytes();
    assert!(bytes <= most && most <= 64 << 10, "{bytes} of {most}");
    assert!(cache.entries() > 20, "{}", cache.entries());
}

#[tokio::test]
async fn the_reply_of_a_handler_that_tells_nothing_is_not_kept() {
    let (cache, policy) = (ReplyCache::new(1 << 20), policy());
    let (lookup, ledger) = (lookup(&policy, "/things"), Ledger::default());
    let asking = cache.answer(&lookup, &ledger, async || Ok(answer(1)));
    assert_eq!(asking.await.1.result, CacheResult::Miss);
}
