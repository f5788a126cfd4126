//! Where traces go, and which: under the names that OpenTelemetry gives these
//! settings everywhere.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::Hidden;
use super::layers::Layers;

/// Names of the environment that set what is read here; in files they are
/// written in lower case.
pub(super) const VARIABLES: [&str; 10] = [
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_SCHEDULE_DELAY",
];

/// Where OTLP's traces have their place below a collector's address.
const PATH: &str = "v1/traces";

/// Where traces go, and which.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// Where the collector takes traces; without one there are none.
    pub endpoint: Option<Uri>,
    /// Header fields for the collector, which may hold a key of it.
    pub headers: Hidden<Vec<(String, String)>>,
    /// How long the collector may take.
    pub timeout: Duration,
    /// How long spans wait for others to be sent with.
    pub delay: Duration,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// What the collector calls this node and its like.
    pub service_name: String,
    /// What else it is told of this node.
    pub resource: Vec<(String, String)>,
}

/// Which traces are kept; of those that begin elsewhere, some ask there first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// All.
    Always,
    /// None.
    Never,
    /// So many, from 0 to 1.
    Part(f64),
    /// As their beginning says; all that begin here.
    ParentOrAlways,
    /// As their beginning says; none that begins here.
    ParentOrNever,
    /// As their beginning says; so many of those that begin here.
    ParentOrPart(f64),
}

impl TraceSettings {
    /// Whether any trace can be kept.
    #[must_use]
    pub fn may_sample(&self) -> bool {
        self.sampling != Sampling::Never
    }

    pub(super) fn take(layers: &mut Layers) -> Self {
        let is_off = layers.take("otel_sdk_disabled", false, flag);
        // All of them are read, so that all that is wrong is named.
        let endpoint = layers.take("otel_exporter_otlp_endpoint", None, endpoint);
        layers.take("otel_exporter_otlp_protocol", (), protocol);
        Self {
            endpoint: endpoint.filter(|_| !is_off),
            headers: Hidden(layers.take("otel_exporter_otlp_headers", Vec::new(), headers)),
            timeout: layers.take(
                "otel_exporter_otlp_timeout",
                Duration::from_secs(10),
                milliseconds,
            ),
            delay: layers.take(
                "otel_bsp_schedule_delay",
                Duration::from_secs(5),
                milliseconds,
            ),
            sampling: sampling(layers),
            service_name: layers.take("otel_service_name", "edge".into(), name),
            resource: layers.take("otel_resource_attributes", Vec::new(), pairs),
        }
    }
}

fn sampling(layers: &mut Layers) -> Sampling {
    let part = layers.take("otel_traces_sampler_arg", 1.0, part);
    layers.take("otel_traces_sampler", Sampling::ParentOrAlways, |text| {
        Ok(match text {
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

fn part(text: &str) -> Result<f64, String> {
    let part: Option<f64> = text.parse().ok();
    part.filter(|part| (0.0..=1.0).contains(part))
        .ok_or_else(|| "is no part from 0 to 1".into())
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
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

fn protocol(text: &str) -> Result<(), String> {
    match text {
        "http/protobuf" => Ok(()),
        _ => Err("is not `http/protobuf`, the one protocol that this host speaks".into()),
    }
}

/// The collector's address, with the place of traces below it.
fn endpoint(text: &str) -> Result<Option<Uri>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let place = format!("{}/{PATH}", text.trim_end_matches('/'));
    let uri = place.parse::<Uri>().ok();
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

/// `name=value` with commas between, values percent-encoded where they have to
/// be. No message shows a value.
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
        let place = |text: &str| endpoint(text).expect(text).expect(text).to_string();
        assert_eq!(place("http://c:4318"), "http://c:4318/v1/traces");
        assert_eq!(place("https://c/otlp/"), "https://c/otlp/v1/traces");
        for wrong in ["c:4318", "grpc://c", "http://", "http://c?x=1", "/v1"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
        assert_eq!(endpoint(""), Ok(None));
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
    fn parts_are_from_none_to_all() {
        assert_eq!(part("0.25"), Ok(0.25));
        for wrong in ["-0.1", "1.5", "NaN", "half", ""] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
