//! Mapping of environment variables to the host's settings.

/// Variables that set settings under these names, as do those of
/// [`OPENTELEMETRY`]; all others begin with `EDGE_`.
const UNPREFIXED: [&str; 4] = [
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "SMTP_URL",
];

/// Variables of OpenTelemetry that are settings; in files they are written in
/// lower case.
const OPENTELEMETRY: [&str; 15] = [
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_SCHEDULE_DELAY",
];

/// Prefixes of variables for single plugins, such as `DATABASE_URL_<PLUGIN>`.
const PER_PLUGIN: [&str; 2] = ["DATABASE_URL_", "DATABASE_REPLICA_URL_"];

const PREFIX: &str = "EDGE_";

/// Suffix of a setting's name whose value is in a file, as in
/// `DATABASE_URL_FILE`: Docker and Kubernetes provide secrets as files.
const FILE: &str = "_FILE";

/// Returns the key that the variable `name` sets, if it is a setting of the
/// host.
pub(super) fn key_of(name: &str) -> Option<String> {
    let plain = name.strip_suffix(FILE).unwrap_or(name);
    let is_ours = UNPREFIXED.contains(&plain)
        || PER_PLUGIN.iter().any(|prefix| name.starts_with(prefix))
        // Other variables of OpenTelemetry may be meant for other programs.
        || OPENTELEMETRY.contains(&plain);
    match name.strip_prefix(PREFIX) {
        Some(rest) => Some(rest.to_ascii_lowercase()),
        None => is_ours.then(|| name.to_ascii_lowercase()),
    }
}

/// Returns whether the variable's name has the prefix of the host's own
/// variables.
pub(super) fn is_prefixed(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Returns the name of the variable that sets `key`.
pub(super) fn variable_of(key: &str) -> String {
    let name = key.to_ascii_uppercase();
    match key_of(&name) {
        Some(own) if own == key => name,
        _ => format!("{PREFIX}{name}"),
    }
}

/// Returns whether this is another program's variable that only looks like the
/// URL of a plugin's database: Vercel sets
/// `DATABASE_URL_UNPOOLED=postgres://...`.
pub(super) fn is_foreign_url(name: &str, value: &str) -> bool {
    let is_of_plugin = PER_PLUGIN.iter().any(|prefix| name.starts_with(prefix));
    let scheme = value.split_once(':').map(|(scheme, _)| scheme);
    is_of_plugin
        && !name.ends_with(FILE)
        && !scheme.is_some_and(|scheme| ["sqlite", "mysql", "mariadb"].contains(&scheme))
}

/// Returns whether Kubernetes or Docker made this variable for a service whose
/// name begins with `edge`, or is `database-url`: `EDGE_SERVICE_HOST`,
/// `EDGE_PORT=tcp://10.0.0.1:8080`, `EDGE_PORT_8080_TCP_ADDR` and the like
/// (service links), and Docker's `EDGE_NAME=/web/edge` and `EDGE_ENV_PATH`
/// (links of containers).
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let of_plugin = || {
        let mut prefixes = PER_PLUGIN.iter();
        prefixes.find_map(|prefix| name.strip_prefix(prefix))
    };
    let Some(rest) = name.strip_prefix(PREFIX).or_else(of_plugin) else {
        return false;
    };
    let is_after = |word: &str, ends: &dyn Fn(&str) -> bool| {
        // The service's own name may end before the word, or be `edge` alone.
        let marked = format!("_{rest}");
        let mut places = marked.match_indices(word);
        places.any(|(at, _)| marked.get(at + word.len()..).is_some_and(ends))
    };
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_link_of_docker = is_after("_NAME", &str::is_empty) && value.starts_with('/')
        || is_after("_ENV_", &|end| !end.is_empty());
    is_link_of_docker
        || is_after("_SERVICE_HOST", &str::is_empty)
        || is_after("_SERVICE_PORT", &|end| {
            end.is_empty() || end.starts_with('_')
        })
        || (is_address && is_after("_PORT", &str::is_empty))
        || is_after("_PORT_", &is_port_of_link)
}

/// Returns whether `text` ends a service link, as `8080_TCP`, `8080_TCP_ADDR`
/// and `53_UDP_PORT` do.
fn is_port_of_link(text: &str) -> bool {
    let mut parts = text.split('_');
    let is_number = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
    let is_protocol = parts
        .next()
        .is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
    let is_part = parts
        .next()
        .is_none_or(|part| ["PROTO", "PORT", "ADDR"].contains(&part));
    is_number && is_protocol && is_part && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_set_keys() {
        for (name, key) in [
            ("EDGE_LISTEN", Some("listen")),
            ("EDGE_SECRET_FILE", Some("secret_file")),
            ("DATABASE_URL", Some("database_url")),
            ("DATABASE_URL_FILE", Some("database_url_file")),
            ("DATABASE_URL_MY_SHOP", Some("database_url_my_shop")),
            ("REDIS_URL_FILE", Some("redis_url_file")),
            ("REDIS_URL_CACHE", None),
            ("SMTP_URL_OLD", None),
            ("OTEL_SERVICE_NAME", Some("otel_service_name")),
            ("OTEL_METRICS_EXPORTER", None),
            ("PATH", None),
        ] {
            assert_eq!(key_of(name).as_deref(), key, "{name}");
        }
        for name in ["EDGE_LISTEN", "DATABASE_URL", "OTEL_SERVICE_NAME"] {
            assert_eq!(variable_of(&key_of(name).expect("a key")), name);
        }
    }

    #[test]
    fn urls_of_other_databases_are_not_ours() {
        assert!(is_foreign_url("DATABASE_URL_UNPOOLED", "postgres://a@b/c"));
        assert!(is_foreign_url(
            "DATABASE_REPLICA_URL_ORDER",
            "host=a dbname=b"
        ));
        assert!(!is_foreign_url("DATABASE_URL_ORDER", "mysql://a@b/c"));
        assert!(!is_foreign_url(
            "DATABASE_URL_ORDER_FILE",
            "/run/secrets/url"
        ));
        assert!(!is_foreign_url(
            "EDGE_DATABASE_URL_ORDER",
            "postgres://a@b/c"
        ));
        assert!(!is_foreign_url("DATABASE_URL", "postgres://a@b/c"));
    }

    #[test]
    fn service_links_are_told_from_settings() {
        for (name, value) in [
            ("EDGE_SERVICE_HOST", "10.96.0.12"),
            ("EDGE_SERVICE_PORT", "8080"),
            ("EDGE_SERVICE_PORT_HTTP", "8080"),
            ("EDGE_PORT", "tcp://10.96.0.12:8080"),
            ("EDGE_PORT_8080_TCP", "tcp://10.96.0.12:8080"),
            ("EDGE_PORT_8080_TCP_PROTO", "tcp"),
            ("EDGE_PORT_8080_TCP_PORT", "8080"),
            ("EDGE_PORT_8080_TCP_ADDR", "10.96.0.12"),
            ("EDGE_ADMIN_SERVICE_HOST", "10.96.0.13"),
            ("EDGE_ADMIN_PORT", "tcp://10.96.0.13:8081"),
            ("EDGE_MY_SHOP_PORT_53_UDP_ADDR", "10.96.0.13"),
            ("EDGE_NAME", "/web/edge"),
            ("EDGE_ENV_PATH", "/usr/bin"),
            ("DATABASE_URL_SERVICE_HOST", "10.96.0.12"),
            ("DATABASE_URL_PORT", "tcp://10.96.0.12:3306"),
            ("DATABASE_URL_PORT_3306_TCP_ADDR", "10.96.0.12"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in [
            ("EDGE_PORT", "8080"),
            ("EDGE_NAME", "edge"),
            ("EDGE_LISTEN", "tcp://10.96.0.12:8080"),
            ("EDGE_PORTS", "tcp://10.96.0.12:8080"),
            ("EDGE_PORT_8080_HTTP", "1"),
            ("EDGE_PORT_8080_TCP_NAME", "1"),
            ("DATABASE_URL", "tcp://x"),
        ] {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
