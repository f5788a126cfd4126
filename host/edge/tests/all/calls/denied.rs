//! The check at each call: whatever was checked before, either side may have
//! been replaced meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use edge::guest::{Call, CallError};
use edge::rollout::{Backends, Loader, Release, Source, runtime_for};
use edge::runtime::engine::artifacts::Artifacts;
use edge::runtime::{Answer, MissingImports, Provider, Runtime, ServiceError};
use http_body_util::BodyExt;
use tempfile::TempDir;

use crate::harness::{PluginFolder, data_folder, fixture, settings, variant};

/// Plugins that are ready; which of them can be called, each test says.
struct Ready {
    runtime: Arc<Runtime>,
    asker: Release,
    answerer: Release,
    _data: TempDir,
}

impl Ready {
    async fn new(answerer: PluginFolder) -> Self {
        let data = data_folder();
        let settings = Arc::new(settings(data.path(), &[], |_| {}));
        let read = |folder: &PluginFolder| Source::read(folder.path()).expect("a plugin");
        let sources = [read(&fixture("asker")), read(&answerer)];
        let runtime = Arc::new(runtime_for(&sources, 0).expect("an engine"));
        let services = Arc::new(Backends::open(&settings).await.expect("services"));
        let artifacts = Arc::new(Artifacts::new(data.path(), Arc::default()));
        let loader = Loader::new(settings, runtime.clone(), artifacts, services);
        let [asker, answerer] = &sources;
        Self {
            asker: loader.load(asker).await.expect("the asker"),
            answerer: loader.load(answerer).await.expect("the answerer"),
            runtime,
            _data: data,
        }
    }

    /// The answerer serves and the asker does not, as when a release that was
    /// replaced still has a request to finish.
    fn publish_answerer(&self) {
        let published = self.publish(&[&self.answerer]);
        published.expect("nobody serves who could be shut out");
    }

    fn publish(&self, releases: &[&Release]) -> Result<(), ServiceError> {
        let provider = |release: &&Release| Provider::new(release.plugin.clone());
        let providers: Vec<_> = releases.iter().map(provider).collect();
        self.runtime
            .directory()
            .publish(&providers, MissingImports::Refused)
    }

    async fn ask(&self, target: &str) -> Result<Answer, CallError> {
        let request = http::Request::get(target).body(Bytes::new());
        let call = Call::internal("test".to_owned(), Instant::now() + Duration::from_secs(60));
        self.asker
            .plugin
            .handle(call, request.expect("a request"))
            .await
    }
}

/// Without its own name among the callers, the answerer could not call itself,
/// and would not be published.
fn answerer(callers: &[&str]) -> PluginFolder {
    let rule = format!("[exports.'fixture:words/words']\ncallers = {callers:?}");
    variant("answerer", &rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_admitted_is_an_error_of_the_interface() {
    let ready = Ready::new(answerer(&["answerer"])).await;
    ready.publish_answerer();
    let answer = ready.ask("/asker/words?ids=1").await;
    match answer {
        Ok(Answer::Failure(failure)) => {
            assert_eq!(failure.status, 503);
            assert_eq!(failure.field.as_deref(), Some("denied"));
        }
        _ => panic!("an answer of the asker's own"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_with_a_case_for_it_says_that_the_call_is_denied() {
    for (callers, expected) in [
        (
            &["answerer"][..],
            "Err(GuardedError::Denied(\\\"denied\\\"))",
        ),
        (&["answerer", "asker"], "Ok(())"),
    ] {
        let ready = Ready::new(answerer(callers)).await;
        ready.publish_answerer();
        let Ok(Answer::Response(response)) = ready.ask("/asker/guarded").await else {
            panic!("no response of the asker");
        };
        let Ok(body) = response.into_body().collect().await else {
            panic!("no body");
        };
        assert_eq!(body.to_bytes(), format!("\"{expected}\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_errors_ends_its_callers_request() {
    let ready = Ready::new(answerer(&["answerer"])).await;
    ready.publish_answerer();
    let answer = ready.ask("/asker/context").await;
    match answer.err() {
        Some(CallError::Service(failed)) => assert_eq!(failed.reason, "denied"),
        other => panic!("{other:?}"),
    }
}

/// A stranger who calls in vain makes no release look worse, and wakes none of
/// its instances.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_admitted_is_not_counted_against_the_callee() {
    let ready = Ready::new(answerer(&["answerer"])).await;
    ready.publish_answerer();
    for _ in 0..5 {
        ready
            .ask("/asker/words?ids=1")
            .await
            .map(drop)
            .expect("an answer");
    }
    assert_eq!(ready.answerer.plugin.stats().counts(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_admitted_is_answered() {
    for plugin in [fixture("answerer"), answerer(&["answerer", "asker"])] {
        let ready = Ready::new(plugin).await;
        ready.publish_answerer();
        let answer = ready.ask("/asker/words?ids=1").await;
        assert!(matches!(answer, Ok(Answer::Response(_))));
        let both = ready.publish(&[&ready.asker, &ready.answerer]);
        assert_eq!(both, Ok(()));
    }
}

/// The same rule, where both serve.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_that_may_not_call_each_other_do_not_serve_together() {
    let ready = Ready::new(answerer(&["answerer"])).await;
    let both = ready.publish(&[&ready.asker, &ready.answerer]);
    assert!(matches!(both, Err(ServiceError::Denied { .. })), "{both:?}");
}
