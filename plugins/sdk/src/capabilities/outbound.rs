//! HTTP calls out of the plugin, to the origins that its manifest grants.
//!
//! ```no_run
//! use edge_sdk::outbound::{Error, Request};
//!
//! fn weather(city: &str) -> Result<String, Error> {
//!     let response = Request::get(format!("https://api.example.com/weather/{city}"))
//!         .header("accept", "application/json")
//!         .send()?;
//!     Ok(String::from_utf8_lossy(&response.body).into_owned())
//! }
//! ```

use std::time::Duration;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use crate::header;

/// Time limit for connecting, and then for each part of the response, of a call
/// that sets none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest response body, in bytes, of a call that sets none.
const MOST_BYTES: usize = 1 << 20;

/// Bytes that are read or written in one host call.
const CHUNK: usize = 4096;

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The URL, a header or the body is not one.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// The manifest does not grant this origin, or its address is a private one.
    #[error("not granted")]
    Denied,
    /// Nothing was sent: the other side cannot be reached.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The request may have been sent, and the answer is unknown.
    #[error("no answer: {0}")]
    Unknown(String),
    /// The response is longer than allowed.
    #[error("the response is longer than {0} bytes")]
    TooLarge(usize),
}

/// A request to be sent.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
    most_bytes: usize,
}

/// A whole response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Name in lower case, value.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns a GET request for `url`, an absolute one.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url.into())
    }

    /// Returns a POST request of `body` to `url`.
    pub fn post(url: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new(Method::Post, url.into()).header("content-type", content_type);
        request.body = body.into();
        request
    }

    fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
            most_bytes: MOST_BYTES,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(header::field(name, value));
        self
    }

    /// Sets the time limit for connecting, and then for each part of the response.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the longest response body, in bytes.
    pub fn most_bytes(mut self, most: usize) -> Self {
        self.most_bytes = most;
        self
    }

    /// Sends the request, and waits for the whole response, whatever its status.
    ///
    /// # Errors
    /// Tells what was surely not sent from what may have been.
    pub fn send(self) -> Result<Response, Error> {
        let outgoing = self.outgoing()?;
        let body = outgoing.body().map_err(|()| invalid("body"))?;
        let options = RequestOptions::new();
        let nanoseconds = u64::try_from(self.timeout.as_nanos()).unwrap_or(u64::MAX);
        let set = options
            .set_connect_timeout(Some(nanoseconds))
            .and_then(|()| options.set_first_byte_timeout(Some(nanoseconds)))
            .and_then(|()| options.set_between_bytes_timeout(Some(nanoseconds)));
        set.map_err(|()| invalid("timeout"))?;

        let response = outgoing_handler::handle(outgoing, Some(options)).map_err(classify)?;
        write(body, &self.body)?;
        response.subscribe().block();
        let answered = response.get().and_then(Result::ok);
        let incoming = match answered {
            Some(Ok(incoming)) => incoming,
            Some(Err(code)) => return Err(classify(code)),
            None => return Err(Error::Unknown("the answer was taken".to_owned())),
        };
        read(incoming, self.most_bytes)
    }

    fn outgoing(&self) -> Result<OutgoingRequest, Error> {
        let uri: http::Uri = self
            .url
            .parse()
            .map_err(|_| invalid(&format!("the URL {}", self.url)))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(invalid("a URL without http or https")),
        };
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        // Some servers answer 411 to a body of unknown length.
        if matches!(self.method, Method::Post) {
            let length = self.body.len().to_string();
            headers.push(("content-length".to_owned(), length.into_bytes()));
        }
        let fields = Fields::from_list(&headers).map_err(|error| invalid(&error.to_string()))?;
        let request = OutgoingRequest::new(fields);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        request
            .set_method(&self.method)
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(uri.authority().map(http::uri::Authority::as_str)))
            .and_then(|()| request.set_path_with_query(Some(target)))
            .map_err(|()| invalid(&format!("the URL {}", self.url)))?;
        Ok(request)
    }
}

fn invalid(what: &str) -> Error {
    Error::Invalid(what.to_owned())
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    let unknown = |error: StreamError| Error::Unknown(error.to_string());
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| invalid("body"))?;
        for chunk in bytes.chunks(CHUNK) {
            stream.blocking_write_and_flush(chunk).map_err(unknown)?;
        }
    }
    OutgoingBody::finish(body, None).map_err(|code| Error::Unknown(code.to_string()))
}

fn read(incoming: IncomingResponse, most: usize) -> Result<Response, Error> {
    let status = incoming.status();
    let headers = incoming.headers().entries();
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    let body = incoming
        .consume()
        .map_err(|()| Error::Unknown("the body was taken".to_owned()))?;
    Ok(Response {
        status,
        headers,
        body: read_body(&body, most)?,
    })
}

fn read_body(body: &IncomingBody, most: usize) -> Result<Vec<u8>, Error> {
    let stream = body
        .stream()
        .map_err(|()| Error::Unknown("the body was taken".to_owned()))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK as u64) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(Error::Unknown(error.to_string())),
        }
        if bytes.len() > most {
            return Err(Error::TooLarge(most));
        }
    }
}

/// Sorted by whether the other side may have acted on the request.
fn classify(code: ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => Error::Denied,
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid => {
            Error::Invalid(code.to_string())
        }
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => Error::Unreachable(code.to_string()),
        code => Error::Unknown(code.to_string()),
    }
}
