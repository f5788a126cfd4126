//! The port with TLS.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge::config::{Settings, TlsSettings};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{TestNode, Wire, eventually, fixture, get, in_time, start_error};

/// Who signs the shop's certificates, and the files that the node reads.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([]).expect("names");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&key).expect("a certificate");
        let authority = Self {
            root: root.der().clone(),
            issuer: Issuer::new(parameters, key),
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        authority.issue();
        authority
    }

    /// Write a new certificate and its key, and return the certificate.
    fn issue(&self) -> CertificateDer<'static> {
        self.issue_until(365)
    }

    /// Likewise, one that expires so many days from now.
    fn issue_until(&self, days: i64) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let now = std::time::SystemTime::now();
        let day = Duration::from_secs(24 * 3600);
        parameters.not_before = (now - 400 * day).into();
        parameters.not_after = match u32::try_from(days) {
            Ok(days) => (now + days * day + day / 2).into(),
            Err(_) => (now - day / 2).into(),
        };
        let certificate = parameters.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("a certificate");
        fs::write(self.path("key.pem"), key.serialize_pem()).expect("the key");
        fs::write(self.path("certificate.pem"), certificate.pem()).expect("the certificate");
        certificate.der().clone()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn settings(&self) -> TlsSettings {
        TlsSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            certificate: self.path("certificate.pem"),
            key: self.path("key.pem"),
        }
    }

    async fn node(&self, change: impl FnOnce(&mut Settings)) -> TestNode {
        let tls = self.settings();
        let plugins = [fixture("hello"), fixture("hostile")];
        TestNode::start(&plugins, |settings| {
            settings.tls = Some(tls);
            change(settings);
        })
        .await
    }

    /// A connection that was shaken hands on, with these versions and
    /// protocols.
    async fn try_connect(
        &self,
        node: &TestNode,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let stream = TcpStream::connect(node.tls_address()).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        in_time("a handshake", connecting).await
    }

    async fn connect(&self, node: &TestNode, protocol: &str) -> TlsStream<TcpStream> {
        let connected = self.try_connect(node, &[&TLS13, &TLS12], protocol).await;
        connected.expect("a handshake")
    }

    /// The certificate that new connections get.
    async fn shown(&self, node: &TestNode) -> CertificateDer<'static> {
        let stream = self.connect(node, "http/1.1").await;
        shown(&stream)
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates();
    chain.expect("a certificate")[0].clone().into_owned()
}

#[tokio::test]
async fn http_1_is_spoken_inside_tls_1_2_and_1_3() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    for version in [&TLS12, &TLS13] {
        let stream = authority.try_connect(&node, &[version], "http/1.1").await;
        let stream = stream.expect("a handshake");
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, Some(&b"http/1.1"[..]));
        let mut wire = Wire::over(stream);
        for _ in 0..2 {
            wire.send(get("/hello")).await;
            let reply = wire.reply().await;
            reply.assert_status(200);
            assert_eq!(reply.text(), "Hello, world!\n");
        }
        wire.send("nonsense\r\n\r\n").await;
        wire.reply().await.assert_refusal(400);
        wire.assert_closed().await;
    }
    // The port without TLS is as it was.
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn http_2_is_preferred() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    let stream = authority.connect(&node, "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let connected = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut client, connection) = connected.expect("HTTP/2");
    tokio::spawn(connection);
    for body in [Bytes::from_static(b"small"), Bytes::from(vec![7; 60_000])] {
        let request = Request::post("https://localhost/hostile/echo");
        let request = request.body(Full::new(body.clone())).expect("a request");
        let reply = in_time("a reply", client.send_request(request)).await;
        let (head, echoed) = reply.expect("a reply").into_parts();
        assert_eq!(head.status, 200);
        let echoed = in_time("its body", echoed.collect()).await.expect("a body");
        assert_eq!(echoed.to_bytes(), body);
    }
}

#[tokio::test]
async fn a_protocol_that_is_not_spoken_ends_the_handshake() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    let refused = authority.try_connect(&node, &[&TLS13], "spdy/3").await;
    let error = refused.expect_err("no protocol in common").to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    let old = authority.connect(&node, "http/1.1").await;
    let first = shown(&old);
    assert_eq!(authority.shown(&node).await, first);

    let second = authority.issue();
    assert_ne!(first, second);
    eventually("the new certificate", async || {
        (authority.shown(&node).await == second).then_some(())
    })
    .await;
    let mut old = Wire::over(old);
    old.send(get("/hello")).await;
    old.reply().await.assert_status(200);
}

#[tokio::test]
async fn new_files_that_do_not_work_change_nothing() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    let good = authority.shown(&node).await;
    // The node looks every two seconds.
    let looked = Duration::from_secs(5);
    let key = fs::read(authority.path("key.pem")).expect("the key");
    for broken in [
        "",
        "nonsense",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        fs::write(authority.path("key.pem"), broken).expect("a broken key");
        tokio::time::sleep(looked).await;
        assert_eq!(authority.shown(&node).await, good, "{broken}");
    }
    // A whole pair of which one half is another's.
    let other = authority.issue();
    fs::write(authority.path("key.pem"), &key).expect("the old key");
    tokio::time::sleep(looked).await;
    assert_eq!(authority.shown(&node).await, good);

    let mended = authority.issue();
    assert_ne!(mended, other);
    eventually("the mended certificate", async || {
        (authority.shown(&node).await == mended).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_node_without_a_certificate_that_works_does_not_start() {
    let authority = Authority::new();
    let start = async |settings: TlsSettings| {
        start_error(&[fixture("hello")], |all| all.tls = Some(settings)).await
    };
    let mut missing = authority.settings();
    missing.certificate = authority.path("absent.pem");
    let error = start(missing).await;
    assert!(error.contains("absent.pem"), "{error}");

    let mut swapped = authority.settings();
    std::mem::swap(&mut swapped.certificate, &mut swapped.key);
    let error = start(swapped).await;
    assert!(error.contains("key.pem holds no certificate"), "{error}");

    let stranger = Authority::new();
    let mut pair = authority.settings();
    pair.key = stranger.path("key.pem");
    let error = start(pair).await;
    assert!(error.contains("cannot be used"), "{error}");
}

/// What is no TLS gets an alert at most, and the end of its connection.
#[tokio::test]
async fn what_is_no_handshake_ends_its_connection() {
    let authority = Authority::new();
    let node = authority.node(|_| {}).await;
    let garbage: [&[u8]; 5] = [
        b"GET /hello HTTP/1.1\r\nhost: shop\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0; 64],
        &[0xff; 4096],
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    ];
    for bytes in garbage {
        let mut wire = Wire::connect(node.tls_address()).await;
        wire.try_send(bytes).await;
        wire.finish().await;
        let rest = wire.rest().await;
        // An alert is 7 bytes: 21, the version, the length, two of its own.
        assert!(rest.is_empty() || rest.first() == Some(&21), "{rest:?}");
    }
    authority.shown(&node).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let authority = Authority::new();
    let short = |settings: &mut Settings| {
        settings.client.head_timeout = Duration::from_millis(300);
    };
    let node = authority.node(short).await;
    for begun in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let mut wire = Wire::connect(node.tls_address()).await;
        wire.send(begun).await;
        wire.rest().await;
    }
    authority.shown(&node).await;
}

#[tokio::test]
async fn a_node_that_stops_waits_for_requests_and_not_for_handshakes() {
    let authority = Authority::new();
    let mut node = authority.node(|_| {}).await;
    let mut begun = TcpStream::connect(node.tls_address())
        .await
        .expect("a connection");
    let mut busy = Wire::over(authority.connect(&node, "http/1.1").await);
    busy.send(get("/hostile/sleep?ms=1500")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    node.begin_stop();
    busy.reply().await.assert_status(200);
    let mut rest = Vec::new();
    let ended = in_time("its end", begun.read_to_end(&mut rest)).await;
    assert!(ended.is_err() || rest.is_empty());
    assert!(node.stop().await, "every request finished");
}

#[tokio::test]
async fn both_ports_share_the_bound_on_connections() {
    let authority = Authority::new();
    let node = authority
        .node(|settings| settings.client.max_connections = 1)
        .await;
    let mut first = Wire::over(authority.connect(&node, "http/1.1").await);
    first.send(get("/hello")).await;
    first.reply().await.assert_status(200);
    let mut second = node.wire().await;
    second.send(get("/hello")).await;
    let waiting = tokio::spawn(async move { second.reply().await });
    first.send(get("/hello")).await;
    first.reply().await.assert_status(200);
    assert!(!waiting.is_finished(), "the bound is passed");
    drop(first);
    waiting.await.unwrap().assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_told_of_before_it_expires_and_after() {
    let authority = Authority::new();
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.tls = Some(authority.settings());
    })
    .await;
    let expiry = "edge_tls_certificate_expiry_timestamp_seconds";
    let metrics = node
        .operator()
        .send(http::Method::GET, "/metrics", "")
        .await;
    assert!(metrics.text().contains(expiry), "{metrics:?}");
    let warnings = async || {
        let status = node.operator().get("/v1/status").await;
        status["nodes"][0]["warnings"].to_string()
    };
    assert_eq!(warnings().await, "null");
    for (days, part) in [(5, "expires in 5 day(s)"), (-1, "has expired")] {
        authority.issue_until(days);
        eventually(part, async || warnings().await.contains(part).then_some(())).await;
        let told = node.get("/readyz?verbose").await.json();
        assert_eq!(told["warnings"][0], "tls-certificate", "{told}");
        assert_eq!(told["degraded"], true);
    }
    authority.issue();
    eventually("no warning", async || {
        (warnings().await == "null").then_some(())
    })
    .await;
}
