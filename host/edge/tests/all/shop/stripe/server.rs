//! The API over HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::SECRET_KEY;
use super::api::{self, Account, Answer, Arrives};
use super::form::Form;

/// The version of the API that the shop asks for.
const VERSION: &str = "2024-06-20";

const FORM: &str = "application/x-www-form-urlencoded";

type Body = BoxBody<Bytes, io::Error>;

/// Serve on a free port, for as long as the runtime is there.
pub(super) fn start(runtime: &Runtime, account: Arc<Mutex<Account>>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("its address");
    runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&account)));
        }
    });
    address
}

async fn serve(stream: TcpStream, account: Arc<Mutex<Account>>) {
    let service = service_fn(|request| answer(Arc::clone(&account), request));
    // Whoever hangs up, and the faults, end connections with errors.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    account: Arc<Mutex<Account>>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let text = match head.method {
        Method::POST => std::str::from_utf8(&body).unwrap_or_default(),
        _ => head.uri.query().unwrap_or_default(),
    };
    let form = match complaint(&head) {
        None => Form::read(text).ok_or_else(|| format!("not a form: {text}")),
        Some(complaint) => Err(complaint),
    };
    let (answer, arrives) = match form {
        Ok(form) => route(account, &head, form).await?,
        Err(complaint) => {
            let mut account = account.lock().expect("no request has panicked");
            account.complaints.push(complaint);
            (invalid(400), Arrives::Whole)
        }
    };
    deliver(answer, arrives)
}

async fn route(
    account: Arc<Mutex<Account>>,
    head: &Parts,
    form: Form,
) -> io::Result<(Answer, Arrives)> {
    let key = header(&head.headers, "idempotency-key").to_owned();
    if (&head.method, head.uri.path()) == (&Method::POST, "/v1/charges") {
        // Stripe goes on with a charge when whoever asked for it hangs up.
        let charge = tokio::spawn(api::charge(account, key, form));
        return charge.await.map_err(io::Error::other);
    }
    let mut account = account.lock().expect("no request has panicked");
    let answer = match (&head.method, head.uri.path()) {
        (&Method::POST, "/v1/refunds") => account.refund(&key, &form),
        (&Method::GET, "/v1/charges/search") => account.search(&form),
        _ => invalid(404),
    };
    Ok((answer, Arrives::Whole))
}

fn invalid(status: u16) -> Answer {
    Answer::error(status, "invalid_request_error", "", "")
}

/// What is wrong with a request's head.
fn complaint(head: &Parts) -> Option<String> {
    let headers = &head.headers;
    let mut expected = vec![
        ("authorization", format!("Bearer {SECRET_KEY}")),
        ("stripe-version", VERSION.to_owned()),
    ];
    if head.method == Method::POST {
        expected.push(("content-type", FORM.to_owned()));
        if header(headers, "idempotency-key").is_empty() {
            return Some("no idempotency-key".to_owned());
        }
    }
    let wrong = |(name, value): &&(&str, String)| header(headers, name) != value;
    let (name, _) = expected.iter().find(wrong)?;
    Some(format!("{name}: {:?}", headers.get(*name)))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn deliver(answer: Answer, arrives: Arrives) -> io::Result<Response<Body>> {
    let broken = || io::Error::other("a fault of the test");
    let body = Bytes::from(answer.body);
    let body = match arrives {
        Arrives::Whole => Full::new(body).map_err(|never| match never {}).boxed(),
        Arrives::Half => {
            let half = body.slice(..body.len() / 2);
            let pieces = [Ok(Frame::data(half)), Err(broken())];
            StreamBody::new(stream::iter(pieces)).boxed()
        }
        Arrives::Nothing => return Err(broken()),
    };
    let response = Response::builder().status(answer.status);
    let response = response.header("content-type", "application/json");
    response.body(body).map_err(io::Error::other)
}
