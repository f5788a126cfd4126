//! Registries that do not send what they should.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bundle::{Bundle, Digest};
use edge::config::Secret;
use edge::registry::{Location, Registry, Timeouts};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{fixture, in_time, settings};

/// Enough for a registry on this machine, and not for one that says nothing.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    silence: Duration::from_secs(2),
    whole: Duration::from_secs(10),
};

/// One answer.
#[derive(Clone)]
enum Answer {
    Bytes(Bytes),
    Status(u16, &'static str),
    /// So many bytes of what was announced.
    Cut(Bytes, usize),
    /// The bytes, again and again.
    Endless(Bytes),
    /// A beginning, and then nothing.
    Stalled(Bytes),
    /// Nothing at all.
    Silent,
}

/// A registry with one artifact, whose answers can be changed.
struct Fake {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Shelf {
    answers: Arc<BTreeMap<String, Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn start(answers: BTreeMap<String, Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let asked = Arc::default();
        let shelf = Shelf {
            answers: Arc::new(answers),
            asked: Arc::clone(&asked),
        };
        let router = Router::new().fallback(answer).with_state(shelf);
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self {
            address,
            asked,
            serving,
        }
    }

    /// Why nothing can be pulled from here.
    async fn refusal(&self, name: &str) -> String {
        match self.pull(name).await {
            Ok(_) => panic!("it was pulled"),
            Err(error) => error,
        }
    }

    async fn pull(&self, name: &str) -> Result<Bundle, String> {
        let location = format!("oci://{}/shop/hello{name}", self.address);
        let location: Location = location.parse().expect("a location");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path(), &[], |settings| {
            settings.releases.registry_login = Some(Secret("ops:password".to_owned()));
        });
        let registry = Registry::new(location, &settings, TIMEOUTS).expect("a client");
        let pulled = in_time("an answer", registry.pull()).await;
        pulled
            .map(|pulled| pulled.bundle)
            .map_err(|error| error.to_string())
    }

    fn was_asked(&self, part: &str) -> bool {
        let asked = self.asked.lock().expect("a list");
        asked.iter().any(|path| path.contains(part))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shelf): State<Shelf>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    shelf.asked.lock().expect("a list").push(path.clone());
    let response = Response::builder();
    let response = match shelf.answers.get(&path).cloned() {
        _ if path == "/v2/" => response.body(Body::from("{}")),
        None => response.status(404).body(Body::empty()),
        Some(Answer::Bytes(bytes)) => response.body(Body::from(bytes)),
        Some(Answer::Status(status, text)) => response.status(status).body(Body::from(text)),
        Some(Answer::Cut(bytes, count)) => {
            let length = bytes.len();
            let first = stream::iter([Ok(bytes.slice(..count))]);
            // What came before has to be on its way by then.
            let end = stream::once(async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Err("the line is cut")
            });
            let body = Body::from_stream(first.chain(end));
            response.header("content-length", length).body(body)
        }
        Some(Answer::Endless(bytes)) => {
            let pieces = stream::repeat_with(move || Ok::<_, &str>(bytes.clone()));
            response.body(Body::from_stream(pieces))
        }
        Some(Answer::Stalled(bytes)) => {
            let first = stream::iter([Ok::<_, &str>(bytes)]);
            response.body(Body::from_stream(first.chain(stream::pending())))
        }
        Some(Answer::Silent) => std::future::pending().await,
    };
    response.expect("a response")
}

/// An artifact as `edge push` makes it, before somebody changes it.
struct Artifact {
    manifest: Value,
    config: Bytes,
    layer: Bytes,
}

impl Artifact {
    fn new() -> Self {
        let bundle = Bundle::pack(fixture("hello").path()).expect("a bundle");
        let config = Bytes::from(bundle.artifact_config("").expect("an artifact"));
        let layer = bundle.wasm.clone();
        Self {
            manifest: manifest(&config, &layer),
            config,
            layer,
        }
    }

    /// What an honest registry answers.
    fn answers(&self) -> BTreeMap<String, Answer> {
        let manifest = self.manifest.to_string();
        BTreeMap::from([
            (MANIFEST.to_owned(), Answer::Bytes(manifest.into())),
            (blob(&self.config), Answer::Bytes(self.config.clone())),
            (blob(&self.layer), Answer::Bytes(self.layer.clone())),
        ])
    }

    /// The same, but for one path.
    fn with(&self, path: &str, answer: Answer) -> BTreeMap<String, Answer> {
        let mut answers = self.answers();
        answers.insert(path.to_owned(), answer);
        answers
    }
}

const MANIFEST: &str = "/v2/shop/hello/manifests/1";

fn manifest(config: &Bytes, layer: &Bytes) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": Digest::of(config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/wasm",
            "digest": Digest::of(layer),
            "size": layer.len(),
        }],
    })
}

fn blob(content: &Bytes) -> String {
    format!("/v2/shop/hello/blobs/{}", Digest::of(content))
}

/// The same length, and one bit of difference.
fn flipped(content: &Bytes) -> Bytes {
    let mut bytes = content.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes.into()
}

async fn refusal(answers: BTreeMap<String, Answer>) -> String {
    Fake::start(answers).await.refusal(":1").await
}

#[tokio::test]
async fn an_honest_one_is_believed() {
    let artifact = Artifact::new();
    let fake = Fake::start(artifact.answers()).await;
    let bundle = fake.pull(":1").await.expect("a bundle");
    let packed = Bundle::pack(fixture("hello").path()).expect("a bundle");
    assert_eq!(bundle.bytes(), packed.bytes());
}

#[tokio::test]
async fn other_bytes_than_the_digest_says_are_refused() {
    let artifact = Artifact::new();
    for (part, name) in [
        (&artifact.config, "the configuration"),
        (&artifact.layer, "the component"),
    ] {
        let answer = Answer::Bytes(flipped(part));
        let reason = refusal(artifact.with(&blob(part), answer)).await;
        assert!(reason.contains("not what its digest says"), "{reason}");
        assert!(reason.contains(name), "{reason}");
    }

    // Another manifest, which is whole itself, under a digest that is named.
    let named = format!("@{}", Digest::of(b"another manifest"));
    let path = format!("/v2/shop/hello/manifests/{}", &named[1..]);
    let other = Answer::Bytes(artifact.manifest.to_string().into());
    let fake = Fake::start(artifact.with(&path, other)).await;
    let reason = fake.refusal(&named).await;
    assert!(
        reason.contains("the manifest is not what its digest says"),
        "{reason}"
    );
}

/// Every digest is right, and they lead to another bundle than is named.
#[tokio::test]
async fn parts_that_make_another_bundle_are_refused() {
    let mut artifact = Artifact::new();
    let mut config: Value = serde_json::from_slice(&artifact.config).expect("JSON");
    config["edge"]["release"] = json!(Digest::of(b"another"));
    artifact.config = config.to_string().into();
    artifact.manifest = manifest(&artifact.config, &artifact.layer);
    let reason = refusal(artifact.answers()).await;
    assert!(reason.contains("parts make the bundle"), "{reason}");
}

#[tokio::test]
async fn what_stops_midway_is_refused() {
    let artifact = Artifact::new();
    let half = artifact.layer.len() / 2;
    let cut = Answer::Cut(artifact.layer.clone(), half);
    let reason = refusal(artifact.with(&blob(&artifact.layer), cut)).await;
    assert!(
        reason.contains("the component was cut off after"),
        "{reason}"
    );

    // Shorter than the manifest says, and well ended.
    let short = Answer::Bytes(artifact.layer.slice(..half));
    let reason = refusal(artifact.with(&blob(&artifact.layer), short)).await;
    let expected = format!("cut off after {half} of {} bytes", artifact.layer.len());
    assert!(reason.contains(&expected), "{reason}");

    let manifest = Bytes::from(artifact.manifest.to_string());
    let cut = Answer::Cut(manifest, 100);
    let reason = refusal(artifact.with(MANIFEST, cut)).await;
    assert!(reason.contains("the registry 127.0.0.1"), "{reason}");
}

#[tokio::test]
async fn what_is_too_long_is_refused_as_soon_as_that_shows() {
    let artifact = Artifact::new();
    let endless = Answer::Endless(artifact.layer.clone());
    let reason = refusal(artifact.with(&blob(&artifact.layer), endless)).await;
    assert!(reason.contains("the component has more than"), "{reason}");

    let mut artifact = Artifact::new();
    artifact.manifest["layers"][0]["size"] = json!(1_u64 << 40);
    let fake = Fake::start(artifact.answers()).await;
    let reason = fake.refusal(":1").await;
    assert!(reason.contains("67108864 bytes that are taken"), "{reason}");
    assert!(!fake.was_asked("/blobs/"), "it was not even asked for");
    artifact.manifest["layers"][0]["size"] = json!(-1);
    assert!(refusal(artifact.answers()).await.contains("taken"));
}

#[tokio::test]
async fn one_that_says_nothing_is_not_waited_for() {
    let artifact = Artifact::new();
    let reason = refusal(artifact.with(MANIFEST, Answer::Silent)).await;
    assert!(reason.contains("did not answer within 2s"), "{reason}");
    let stalled = Answer::Stalled(artifact.layer.slice(..100));
    let reason = refusal(artifact.with(&blob(&artifact.layer), stalled)).await;
    assert!(reason.contains("did not answer within 2s"), "{reason}");
}

#[tokio::test]
async fn what_is_no_bundle_is_named() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut artifact = Artifact::new();
        change(&mut artifact.manifest);
        artifact
    };
    let image = "application/vnd.oci.image.config.v1+json";
    let image = changed(&|manifest| manifest["config"]["mediaType"] = json!(image));
    let two = changed(&|manifest| {
        let layer = manifest["layers"][0].clone();
        manifest["layers"] = json!([layer, layer]);
    });
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let tar = changed(&|manifest| manifest["layers"][0]["mediaType"] = json!(tar));
    let index = changed(&|manifest| *manifest = json!({ "schemaVersion": 2, "manifests": [] }));
    let digest = changed(&|manifest| manifest["layers"][0]["digest"] = json!("md5:0"));
    for (artifact, part) in [
        (image, "image.config"),
        (two, "2 layers"),
        (tar, "layer.v1.tar"),
        (index, "its manifest"),
        (digest, "md5"),
    ] {
        let reason = refusal(artifact.answers()).await;
        assert!(reason.contains("is no bundle"), "{reason}");
        assert!(reason.contains(part), "{reason}");
    }
    let page = Answer::Bytes("<html>a page</html>".into());
    let reason = refusal(Artifact::new().with(MANIFEST, page)).await;
    assert!(reason.contains("is no bundle"), "{reason}");

    // A component that somebody else pushed.
    let mut plain = Artifact::new();
    plain.config = Bytes::from_static(b"{\"architecture\":\"wasm\",\"os\":\"wasip2\"}");
    plain.manifest = manifest(&plain.config, &plain.layer);
    let reason = refusal(plain.answers()).await;
    assert!(reason.contains("without a plugin's manifest"), "{reason}");
}

#[tokio::test]
async fn a_registrys_words_reach_no_terminal_as_they_are() {
    let answer = Answer::Status(500, "\x1b[2Jbroken\r\n\x07down");
    let reason = refusal(Artifact::new().with(MANIFEST, answer)).await;
    assert!(reason.contains("it answers 500"), "{reason}");
    assert!(
        reason.contains("broken") && reason.contains("down"),
        "{reason}"
    );
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

#[tokio::test]
async fn a_host_that_is_none_is_named() {
    let location = "oci://registry.invalid/shop/hello:1";
    let location: Location = location.parse().expect("a location");
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path(), &[], |settings| {
        settings.releases.registry_login = Some(Secret("ops:password".to_owned()));
    });
    let registry = Registry::new(location, &settings, TIMEOUTS).expect("a client");
    let error = match in_time("an answer", registry.pull()).await {
        Ok(_) => panic!("it was pulled"),
        Err(error) => error.to_string(),
    };
    let unreachable = "the registry registry.invalid cannot be reached";
    let silent = "the registry registry.invalid did not answer";
    assert!(
        error.contains(unreachable) || error.contains(silent),
        "{error}"
    );
}
