//! Mapping of errors to `wasi:http` error codes. A caller needs to know whether the request may
//! have had an effect: only the codes of [`unsent`] mean that it had none.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use rustls::Error as TlsError;
use wasmtime_wasi_http::Error;

use super::resolver::ResolveError;

/// Returns the error code of a request without a reply.
pub(super) fn from_client(error: &legacy::Error) -> Error {
    if error.is_connect() {
        return unsent(error);
    }
    let mut causes = causes(error);
    match causes.find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
        Some(error) => from_exchange(error),
        None => Error::ConnectionTerminated,
    }
}

/// Returns the error code of a body that was cut off.
pub(super) fn from_body(error: &hyper::Error) -> Error {
    match from_exchange(error) {
        Error::ConnectionTerminated => Error::HttpResponseIncomplete,
        other => other,
    }
}

/// Returns the error code of a request that was never sent, since there was no connection.
fn unsent(error: &legacy::Error) -> Error {
    causes(error)
        .find_map(from_cause)
        .unwrap_or(Error::DestinationUnavailable)
}

fn from_cause(cause: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(error) = cause.downcast_ref::<ResolveError>() {
        return Some(from_resolution(error));
    }
    let error = cause.downcast_ref::<io::Error>()?;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    Some(match tls {
        Some(error) => from_handshake(error),
        None => from_socket(error),
    })
}

fn from_resolution(error: &ResolveError) -> Error {
    match error {
        ResolveError::Prohibited => Error::DestinationIpProhibited,
        ResolveError::Failed(_) => Error::DnsError {
            rcode: Some("the name cannot be resolved".to_owned()),
            info_code: None,
        },
    }
}

fn from_handshake(error: &TlsError) -> Error {
    match error {
        TlsError::InvalidCertificate(_) => Error::TlsCertificateError,
        TlsError::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}

fn from_socket(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::DestinationUnavailable,
    }
}

fn from_exchange(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_parse() {
        Error::HttpProtocolError
    } else {
        Error::ConnectionTerminated
    }
}

/// Returns `error`, its cause, and so on.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
