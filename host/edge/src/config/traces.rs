//! Destination and sampling of traces, under the names that OpenTelemetry
//! specifies for these settings.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::Secret;
use super::layers::Layers;

/// OTLP protocol that this host speaks.
const PROTOCOL: &str = "http/protobuf";

/// Path of OTLP's traces below a collector's address.
const PATH: &str = "v1/traces";

/// Destination and sampling of traces.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// URL of the collector's endpoint for traces; no traces are sent when
    /// absent.
    pub endpoint: Option<Uri>,
    /// Header fields for the collector, which may contain its API key.
    pub headers: Secret<Vec<(String, String)>>,
    /// Time limit for one export to the collector.
    pub timeout: Duration,
    /// Time that spans wait to be sent in a batch.
    pub delay: Duration,
    /// Rule that decides which traces are kept.
    pub sampling: Sampling,
    /// Service name that the collector shows for this node and its like.
    pub service_name: String,
    /// Further resource attributes of this node.
    pub resource: Vec<(String, String)>,
}

/// Rules that decide which traces are kept. Those named `ParentOr...` follow
/// the caller's decision for traces that began elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// All traces.
    Always,
    /// No trace.
    Never,
    /// This share of traces, from 0 to 1.
    Part(f64),
    /// The caller's decision; all traces that begin here.
    ParentOrAlways,
    /// The caller's decision; no trace that begins here.
    ParentOrNever,
    /// The caller's decision; this share, from 0 to 1, of the traces that begin
    /// here.
    ParentOrPart(f64),
}

impl TraceSettings {
    /// Returns whether any trace can be kept.
    #[must_use]
    pub fn may_sample(&self) -> bool {
        self.sampling != Sampling::Never
    }

    /// Takes these settings out of `layers`. As the specification of the
    /// variables demands, unknown values are ignored with a warning, and a
    /// variable for traces alone takes precedence over the one for all signals.
    pub(super) fn take(layers: &mut Layers) -> Self {
        let exporter = layers.take_leniently("otel_traces_exporter", true, exporter);
        let is_off = layers.take_leniently("otel_sdk_disabled", false, flag) || !exporter;
        let every = layers.take_leniently("otel_exporter_otlp_endpoint", None, endpoint_of_all);
        let own = layers.take_leniently("otel_exporter_otlp_traces_endpoint", None, endpoint);
        let endpoint = own.or(every).filter(|_| !is_off);
        let speaks = both(layers, "protocol", protocol);
        if endpoint.is_some() && speaks == Some(false) {
            layers.warn(format!(
                "traces are not sent: OTEL_EXPORTER_OTLP_PROTOCOL is not {PROTOCOL}, the one \
                 protocol that this host speaks"
            ));
        }
        let seconds = Duration::from_secs;
        Self {
            endpoint: endpoint.filter(|_| speaks != Some(false)),
            headers: Secret(both(layers, "headers", headers).unwrap_or_default()),
            timeout: both(layers, "timeout", milliseconds).unwrap_or(seconds(10)),
            delay: layers.take_leniently("otel_bsp_schedule_delay", seconds(5), milliseconds),
            sampling: sampling(layers),
            service_name: layers.take_leniently("otel_service_name", "edge".into(), name),
            resource: layers.take_leniently("otel_resource_attributes", Vec::new(), pairs),
        }
    }
}

/// Takes the exporter's setting `what` for traces, or else the one for all
/// signals.
fn both<T>(
    layers: &mut Layers,
    what: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let parse = |text: &str| parse(text).map(Some);
    let every = layers.take_leniently(&format!("otel_exporter_otlp_{what}"), None, parse);
    let own = layers.take_leniently(&format!("otel_exporter_otlp_traces_{what}"), None, parse);
    own.or(every)
}

fn sampling(layers: &mut Layers) -> Sampling {
    let part = layers.take_leniently("otel_traces_sampler_arg", 1.0, part);
    layers.take_leniently("otel_traces_sampler", Sampling::ParentOrAlways, |text| {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "always_on" => Sampling::Always,
            "always_off" => Sampling::Never,
            "traceidratio" => Sampling::Part(part),
            "parentbased_always_on" => Sampling::ParentOrAlways,
            "parentbased_always_off" => Sampling::ParentOrNever,
            "parentbased_traceidratio" => Sampling::ParentOrPart(part),
            _ => {
                return Err(
                    "is none of `always_on`, `always_off`, `traceidratio`, and these \
                            with `parentbased_` before them"
                        .into(),
                );
            }
        })
    })
}

/// Parses the exporter; returns whether traces are exported at all.
fn exporter(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err("is neither `otlp` nor `none`".into()),
    }
}

/// Parses a protocol; returns whether this host speaks it.
fn protocol(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        PROTOCOL => Ok(true),
        "grpc" | "http/json" => Ok(false),
        _ => Err(format!("is none of `{PROTOCOL}`, `grpc` and `http/json`")),
    }
}

fn part(text: &str) -> Result<f64, String> {
    let part: Option<f64> = text.parse().ok();
    part.filter(|part| (0.0..=1.0).contains(part))
        .ok_or_else(|| "is no part from 0 to 1".into())
}

fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither `true` nor `false`".into()),
    }
}

fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("is empty".into()),
        name => Ok(name.to_owned()),
    }
}

/// Parses the collector's address for all signals, and appends the path of
/// traces.
fn endpoint_of_all(text: &str) -> Result<Option<Uri>, String> {
    endpoint(&format!("{}/{PATH}", text.trim().trim_end_matches('/')))
}

/// Parses the URL of the endpoint for traces, which is used unchanged.
fn endpoint(text: &str) -> Result<Option<Uri>, String> {
    let uri = text.trim().parse::<Uri>().ok();
    let is_address = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    };
    match uri.filter(is_address) {
        Some(uri) => Ok(Some(uri)),
        None => Err("is no address such as `http://127.0.0.1:4318`".into()),
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(millis @ 1..=600_000) => Ok(Duration::from_millis(millis)),
        _ => Err("is no number of milliseconds from 1 to 600000".into()),
    }
}

/// Parses `name=value` pairs with commas between, whose values may be
/// percent-encoded. No error message quotes a value.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let texts = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let pairs = texts.map(|text| {
        let (name, value) = text.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    });
    let pairs: Option<Vec<_>> = pairs.collect();
    pairs.ok_or_else(|| "is not `name=value` with commas between".into())
}

fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = pairs(text)?;
    let is_field = |(name, value): &(String, String)| {
        name.parse::<HeaderName>().is_ok() && value.parse::<HeaderValue>().is_ok()
    };
    if pairs.iter().all(is_field) {
        Ok(pairs)
    } else {
        Err("holds what is no header field".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_their_place_below_the_collectors_address() {
        let place = |text: &str| endpoint_of_all(text).expect(text).expect(text).to_string();
        assert_eq!(place("http://c:4318"), "http://c:4318/v1/traces");
        assert_eq!(place("https://c/otlp/"), "https://c/otlp/v1/traces");
        for wrong in ["c:4318", "grpc://c", "http://", "http://c?x=1", "/v1"] {
            assert!(endpoint_of_all(wrong).is_err(), "{wrong}");
        }
        let own = endpoint("http://c:4318/own").expect("an address");
        assert_eq!(own.expect("one").to_string(), "http://c:4318/own");
    }

    #[test]
    fn pairs_are_decoded_and_no_message_shows_them() {
        let found = pairs("api-key=a%2Cb, x = y").expect("pairs");
        let wanted = [("api-key", "a,b"), ("x", "y")];
        assert_eq!(found, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
        for wrong in ["hunter2", "=hunter2", "a b=hunter2", "a=hunter2%0A"] {
            let error = headers(wrong).expect_err(wrong);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn names_have_no_case() {
        assert_eq!(exporter(" None"), Ok(false));
        assert_eq!(protocol("HTTP/protobuf"), Ok(true));
        assert_eq!(protocol("GRPC"), Ok(false));
        assert!(protocol("udp").is_err() && exporter("zipkin").is_err());
    }

    #[test]
    fn parts_are_from_none_to_all() {
        assert_eq!(part("0.25"), Ok(0.25));
        for wrong in ["-0.1", "1.5", "NaN", "half", ""] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
