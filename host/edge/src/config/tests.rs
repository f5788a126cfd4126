//! Tests of the settings, with all layers together.

use http::HeaderMap;

use super::*;

fn settings(toml: &str, dotenv: &str, env: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("edge.toml");
    std::fs::write(&file, toml).expect("edge.toml");
    std::fs::write(folder.path().join(".env"), dotenv).expect(".env");
    let env = env.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    Settings::from_layers(Layers::read(&file, &folder.path().join(".env"), env))
        .map_err(|error| error.to_string())
}

#[test]
fn later_layers_win() {
    let toml = "listen = \"127.0.0.1:1\"\nseed = false\naccess_log = \"off\"";
    let dotenv = "EDGE_LISTEN=127.0.0.1:2\nEDGE_ACCESS_LOG=errors";
    let settings = settings(toml, dotenv, &[("EDGE_LISTEN", "127.0.0.1:3")]).expect("valid");
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.access_log, AccessLog::Errors);
    assert!(!settings.seed);
}

#[test]
fn nothing_set_is_a_whole_configuration() {
    let settings = settings("", "", &[]).expect("valid");
    assert_eq!(settings.database_url, "sqlite://data/shop.sqlite");
}

#[test]
fn every_problem_is_named_at_once() {
    let toml = "listen = \"here\"\ncolour = 3\nmax_uri = 99999999\n\
                database_max_lifetime = \"5ms\"";
    let error = settings(toml, "", &[("EDGE_LOG_FORMAT", "xml"), ("EDGE_LISTN", "x")])
        .expect_err("six are wrong");
    for key in [
        "listen",
        "colour",
        "max_uri",
        "database_max_lifetime",
        "EDGE_LOG_FORMAT",
        "EDGE_LISTN",
    ] {
        assert!(error.contains(key), "{key} is missing in: {error}");
    }
    assert!(error.starts_with("6 wrong"), "{error}");
}

#[test]
fn single_header_fields_are_set_or_left_out() {
    let names = |toml: &str| -> Vec<String> {
        let settings = settings(toml, "", &[]).expect(toml);
        let fields = settings.reply_headers.fields(&HeaderMap::new()).iter();
        fields.map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(names("").len(), 12);
    assert_eq!(names("security_headers = false").len(), 0);
    assert_eq!(names("security_headers = \"api\"").len(), 5);
    let table = "[headers]\nX-Frame-Options = \"\"\nx-xss-protection = 1\n\
                 permissions-policy = \"geolocation=()\"";
    let own = names(table);
    assert_eq!(own.len(), 12, "one less, one more");
    assert!(!own.contains(&"x-frame-options".to_owned()));
    let alone = names(&format!("security_headers = \"off\"\n{table}"));
    assert_eq!(alone, ["permissions-policy", "x-xss-protection"]);

    let wrong = "[headers]\nx-frame-option = \"DENY\"\nreferrer-policy = \"a\\nb\"";
    let error = settings(wrong, "", &[]).expect_err("two are wrong");
    assert!(error.contains("headers.x-frame-option (in "), "{error}");
    assert!(error.contains("headers.referrer-policy (in "), "{error}");
}

#[test]
fn values_for_plugins_are_read_from_every_layer() {
    let toml = "[config]\nALL = 1\nKEY = 'file'\n[config.my-shop]\nKEY = 'own'";
    let dotenv = "EDGE_CONFIG_MY_SHOP__OTHER=dotenv";
    let env = [("EDGE_CONFIG_MY_SHOP__OTHER", "environment")];
    let config = settings(toml, dotenv, &env).expect("valid").plugin_config.0;
    assert_eq!(config.get("my-shop", "ALL"), Some("1"));
    assert_eq!(config.get("my-shop", "KEY"), Some("own"));
    assert_eq!(config.get("other", "KEY"), Some("file"));
    assert_eq!(config.get("my-shop", "OTHER"), Some("environment"));

    let wrong = [("EDGE_CONFIG_MY_SHOP_OTHER", "hunter2")];
    let error = settings("", "", &wrong).expect_err("one underscore");
    assert!(error.contains("EDGE_CONFIG_MY_SHOP_OTHER"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let nested = settings("[config.a]\nb = { c = 1 }", "", &[]).expect_err("a table");
    assert!(nested.contains("config.a.b"), "{nested}");
}

#[test]
fn any_origin_has_no_credentials() {
    let env = [("EDGE_CORS_ORIGINS", "*")];
    let any = settings("", "", &env).expect("valid").cors.expect("set");
    assert_eq!(any.origins, Origins::Any);
    let error = settings("cors_credentials = true", "", &env).expect_err("both");
    assert!(error.contains("cors_credentials"), "{error}");
    let listed = "cors_credentials = true\ncors_origins = [\"https://shop.example\"]";
    assert!(settings(listed, "", &[]).expect("valid").cors.is_some());
}

#[test]
fn traces_are_set_by_the_names_that_opentelemetry_gives() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let traces = settings("", "", &env).expect("valid").traces;
    assert_eq!(traces.sampling, Sampling::ParentOrPart(0.25));
    assert!(traces.endpoint.is_some() && !format!("{traces:?}").contains("hunter2"));
    let off = "otel_sdk_disabled = true";
    assert!(
        settings(off, "", &env)
            .expect("valid")
            .traces
            .endpoint
            .is_none()
    );

    let wrong = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_SDK_DISABLED", "2"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ];
    let settings = settings("", "", &wrong).expect("a node that serves");
    assert_eq!(settings.traces.sampling, Sampling::ParentOrAlways);
    let warnings = settings.warnings.join("\n");
    assert_eq!(settings.warnings.len(), wrong.len(), "{warnings}");
    assert!(!warnings.contains("hunter2"), "{warnings}");
    for (name, _) in wrong {
        assert!(warnings.contains(name), "{name} is missing in: {warnings}");
    }
}

#[test]
fn traces_follow_the_specification_of_their_variables() {
    let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let traces = |more: &[(&str, &str)]| {
        let all = [&[collector], more].concat();
        settings("", "", &all).expect("valid")
    };
    let endpoint = |more: &[(&str, &str)]| {
        let endpoint = traces(more).traces.endpoint;
        endpoint.map(|endpoint| endpoint.to_string())
    };
    let there = Some("http://collector:4318/v1/traces".to_owned());
    for alike in [
        ("OTEL_SDK_DISABLED", ""),
        ("OTEL_SDK_DISABLED", "FALSE"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ] {
        assert_eq!(endpoint(&[alike]), there, "{alike:?}");
    }
    for off in [
        ("OTEL_SDK_DISABLED", "True"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        assert_eq!(endpoint(&[off]), None, "{off:?}");
        assert_eq!(traces(&[off]).warnings, [""; 0], "{off:?}");
    }
    let own = (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://traces:4318/own",
    );
    assert_eq!(endpoint(&[own]).as_deref(), Some(own.1));
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(endpoint(&[grpc]), None);
    assert_eq!(traces(&[grpc]).warnings.len(), 1);
    let nowhere = settings("", "", &[grpc]).expect("valid");
    assert_eq!(
        nowhere.warnings, [""; 0],
        "there is no collector to speak to"
    );
    let for_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
    assert_eq!(endpoint(&[grpc, for_traces]), there);
}

#[test]
fn what_others_set_is_no_setting() {
    let env = [
        ("EDGE_SERVICE_HOST", "10.96.0.12"),
        ("EDGE_SERVICE_PORT_HTTP", "8080"),
        ("EDGE_PORT", "tcp://10.96.0.12:8080"),
        ("EDGE_PORT_8080_TCP_ADDR", "10.96.0.12"),
        ("EDGE_LISTEN", ""),
        ("REDIS_URL", ""),
        ("REDIS_URL_CACHE", "redis://elsewhere"),
        ("DATABASE_URL", ""),
    ];
    let settings = settings("", "EDGE_REGION=\n", &env).expect("valid");
    assert_eq!(settings.listen.port(), 8080);
    assert_eq!(settings.redis_url, None);
    assert_eq!(settings.region, "local");
}

#[test]
fn a_misspelt_setting_is_told_the_right_name() {
    for (name, meant) in [
        ("EDGE_LISTN", "EDGE_LISTEN"),
        ("EDGE_QUEUE_TIMOUT", "EDGE_QUEUE_TIMEOUT"),
        ("EDGE_PORT", "EDGE_"),
    ] {
        let error = settings("", "", &[(name, "1")]).expect_err(name);
        assert!(
            error.contains(&format!("{name} (in the environment)")),
            "{error}"
        );
        let is_told = error.contains(&format!("is {meant} meant?"));
        assert!(is_told || meant == "EDGE_", "{error}");
    }
    let error = settings("listn = 1", "", &[]).expect_err("no such key");
    assert!(error.contains("is listen meant?"), "{error}");
    let error = settings("colour = 1", "", &[]).expect_err("no such key");
    assert!(!error.contains("meant"), "{error}");
}

#[test]
fn a_value_can_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let database = path("database", "mysql://shop:hunter2@db/shop\n");
    let stripe = path("stripe", "sk_test_1\r\n");
    let own = path("own", "first\nsecond\n");
    let env = [
        ("DATABASE_URL_FILE", &*database),
        ("STRIPE_SECRET_KEY_FILE", &*stripe),
        ("EDGE_CONFIG_ORDER__CART_ITEM_KEY_FILE", &*own),
    ];
    let read = settings("", "", &env).expect("valid");
    assert_eq!(read.database_url, "mysql://shop:hunter2@db/shop");
    let config = &read.plugin_config.0;
    assert_eq!(
        config.get("payment", "STRIPE_SECRET_KEY"),
        Some("sk_test_1")
    );
    assert_eq!(config.get("order", "CART_ITEM_KEY"), Some("first\nsecond"));

    let in_file = format!("[config]\nSHARED_FILE = {stripe:?}\n[config.sms]\nKEY_FILE = {own:?}");
    let read = settings(&in_file, "", &[]).expect("valid");
    let config = &read.plugin_config.0;
    assert_eq!(config.get("any", "SHARED"), Some("sk_test_1"));
    assert_eq!(config.get("sms", "KEY"), Some("first\nsecond"));
    let twice = format!("{in_file}\nKEY = \"x\"");
    let error = settings(&twice, "", &[]).expect_err("both");
    assert!(error.contains("are both set"), "{error}");

    let both = [env[0], ("DATABASE_URL", "sqlite://x")];
    let error = settings("", "", &both).expect_err("both");
    assert!(error.contains("are both set"), "{error}");
    let missing = [
        ("EDGE_SECRET_FILE", "/nowhere/secret"),
        ("STRIPE_SECRET_KEY_FILE", "/nowhere/stripe"),
    ];
    let error = settings("", "", &missing).expect_err("no files");
    assert!(error.contains("2 wrong"), "{error}");
    for (name, file) in missing {
        assert!(error.contains(name) && error.contains(file), "{error}");
    }
}

#[test]
fn tls_needs_all_of_its_settings() {
    let all = "tls_listen = \"127.0.0.1:0\"\ntls_certificate = \"a\"\ntls_key = \"b\"";
    assert!(settings(all, "", &[]).expect("valid").tls.is_some());
    let error = settings("tls_key = \"b\"", "", &[]).expect_err("one of three");
    assert!(error.contains("tls_listen"), "{error}");
}

#[test]
fn a_plugin_can_have_a_database_of_its_own_and_no_message_shows_a_password() {
    let env = [("DATABASE_URL_PRODUCT", "mysql://shop:secret@db/shop")];
    let both = settings("", "", &env).expect("valid");
    assert_eq!(
        both.database_url_of("product"),
        "mysql://shop:secret@db/shop"
    );
    assert_eq!(both.database_url_of("order"), "sqlite://data/shop.sqlite");
    assert_eq!(both.database_replica_url_of("order"), None);
    let error = settings("", "", &[("DATABASE_URL", "postgres://u:secret@db")]).expect_err("");
    assert!(
        error.contains("DATABASE_URL") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn a_replica_is_one_of_the_database_that_a_plugin_uses() {
    let env = [
        ("DATABASE_URL", "mysql://db/shop"),
        ("DATABASE_REPLICA_URL", "mysql://replica/shop"),
        ("DATABASE_URL_PRODUCT", "mysql://db/catalog"),
        ("DATABASE_URL_ORDER", "mysql://db/orders"),
        ("DATABASE_REPLICA_URL_ORDER", "mysql://replica/orders"),
    ];
    let settings = settings("", "", &env).expect("valid");
    let replica = |plugin| settings.database_replica_url_of(plugin);
    assert_eq!(replica("customer"), Some("mysql://replica/shop"));
    assert_eq!(replica("product"), None);
    assert_eq!(replica("order"), Some("mysql://replica/orders"));
}

#[test]
fn a_file_has_no_replica() {
    let replica = [("DATABASE_REPLICA_URL", "mysql://u:secret@replica/shop")];
    let error = settings("", "", &replica).expect_err("the database is a file");
    assert!(error.contains("database_replica_url"), "{error}");
    let file = [("DATABASE_REPLICA_URL", "sqlite://secret")];
    let error = settings("database_url = \"mysql://db/shop\"", "", &file).expect_err("a file");
    assert!(error.contains("DATABASE_REPLICA_URL"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_shows_no_secret() {
    let toml = "region = \"eu\"\nsecret = \"hunter2\nlisten = 1\n";
    let error = settings(toml, "", &[]).expect_err("no TOML");
    assert!(error.contains("line 2"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_plugins_variable_may_be_called_like_a_service_link() {
    let env = [("EDGE_CONFIG_SMS__GATEWAY_SERVICE_HOST", "10.0.0.1")];
    let config = settings("", "", &env).expect("valid").plugin_config.0;
    assert_eq!(config.get("sms", "GATEWAY_SERVICE_HOST"), Some("10.0.0.1"));
}

/// A container's secret replaces the value in its image, by either name.
#[test]
fn a_later_layer_replaces_either_form_of_a_value() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("url");
    std::fs::write(&file, "mysql://u:p@later/shop\n").expect("a value");
    let path = file.to_str().expect("UTF-8");
    let toml = "database_url = \"mysql://u:p@earlier/shop\"\n[config]\nKEY = \"earlier\"";
    let by_file = [
        ("DATABASE_URL_FILE", path),
        ("EDGE_CONFIG_SHOP__KEY_FILE", path),
    ];
    let read = settings(toml, "EDGE_CONFIG_SHOP__KEY=earlier", &by_file).expect("valid");
    assert!(read.database_url.contains("later"), "{}", read.database_url);
    assert_eq!(
        read.plugin_config.0.get("shop", "KEY"),
        Some("mysql://u:p@later/shop")
    );

    let dotenv = format!("DATABASE_URL_FILE={path}");
    let plain = [("DATABASE_URL", "mysql://u:p@last/shop")];
    let read = settings("", &dotenv, &plain).expect("valid");
    assert!(read.database_url.contains("last"), "{}", read.database_url);

    let both = [
        ("DATABASE_URL_FILE", path),
        ("DATABASE_URL", "mysql://u:p@x/shop"),
    ];
    let error = settings("", "", &both).expect_err("one layer sets both");
    assert!(error.contains("are both set"), "{error}");
}

/// A secret file that an orchestrator has not filled yet is an error.
#[test]
fn an_empty_file_of_a_value_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("stripe");
    std::fs::write(&file, "\n").expect("a value");
    let path = file.to_str().expect("UTF-8");
    for name in ["STRIPE_SECRET_KEY_FILE", "EDGE_ADMIN_TOKEN_FILE"] {
        let error = settings("", "", &[(name, path)]).expect_err(name);
        assert!(
            error.contains("is empty") && error.contains(path),
            "{error}"
        );
    }
}

/// Docker compose reads `.env` too, so other programs' lines are only warned
/// of.
#[test]
fn lines_of_others_that_cannot_be_read_are_warned_of() {
    let dotenv = "COMPOSE_DATA=${HOME}/data\nPASSED_ON\nNOTE='Let\\'s'\nEDGE_SEED=false";
    let read = settings("", dotenv, &[]).expect("valid");
    assert!(!read.seed);
    assert_eq!(read.warnings.len(), 2, "{:?}", read.warnings);
    for ours in [
        "EDGE_SECRET=${SECRET}",
        "STRIPE_SECRET_KEY=${KEY}",
        "STRIPE_SECRET_KEY_FILE=${DIR}/key",
        "EDGE_CONFIG_SHOP__KEY='a'b",
    ] {
        let error = settings("", ours, &[]).expect_err(ours);
        assert!(error.starts_with("1 wrong"), "{error}");
    }
}

/// Nodes whose plugins have databases of their own share the control database.
#[test]
fn nodes_take_turns_in_the_database_that_they_share() {
    let url = |toml: &str| settings(toml, "", &[]).expect(toml).lease_url().to_owned();
    assert_eq!(url(""), "sqlite://data/shop.sqlite");
    assert_eq!(
        url("database_url = \"mysql://u@h/shop\""),
        "mysql://u@h/shop"
    );
    let own = "control_url = \"mysql://u@h/control\"";
    assert_eq!(url(own), "mysql://u@h/control");
}

/// The environment has no order, so the host's own name takes precedence.
#[test]
fn of_two_names_of_one_setting_that_of_the_host_is_used_and_the_other_warned_of() {
    let cases = [
        ("DATABASE_URL", "mysql://db/shop", "mysql://other/shop"),
        ("REDIS_URL", "redis://db", "redis://other"),
        ("SMTP_URL", "smtp://a.example:25", "smtp://b.example:25"),
        ("OTEL_SERVICE_NAME", "shop", "other"),
    ];
    for (name, own, other) in cases {
        let prefixed = format!("EDGE_{name}");
        let pairs = [(prefixed.as_str(), own), (name, other)];
        for env in [pairs, [pairs[1], pairs[0]]] {
            let settings = settings("", "", &env).expect("settings");
            let used = match name {
                "DATABASE_URL" => Some(settings.database_url),
                "REDIS_URL" => settings.redis_url,
                "SMTP_URL" => settings.smtp_url,
                _ => Some(settings.traces.service_name),
            };
            assert_eq!(used.as_deref(), Some(own), "{name}");
            let warned = settings.warnings.concat();
            let expected = format!(
                "EDGE_{name} (in the environment) and {name} (in the environment) are both set"
            );
            assert!(warned.contains(&expected), "{warned}");
            assert!(!warned.contains(other), "{warned}");
        }
        if !name.starts_with("OTEL_") {
            let file = format!("{prefixed}_FILE");
            let env = [(file.as_str(), "/no/such/file"), (name, other)];
            let error = settings("", "", &env).expect_err("the host's own name counts");
            assert!(error.contains("/no/such/file"), "{error}");
            assert!(!error.contains("both set"), "{error}");
        }
        let same = [(prefixed.as_str(), own), (name, own)];
        let settings = settings("", "", &same).expect("settings");
        assert_eq!(settings.warnings, Vec::<String>::new(), "{name}");
    }
    // A later layer wins, whatever the name, and so does a later line of one
    // file.
    let dotenv = "EDGE_DATABASE_URL=mysql://old/shop\nEDGE_DATABASE_URL=mysql://new/shop\n";
    let found = settings("", dotenv, &[("DATABASE_URL", "mysql://db/shop")]);
    let found = found.expect("settings");
    assert_eq!(found.database_url, "mysql://db/shop");
    assert_eq!(found.warnings, Vec::<String>::new());
    assert_eq!(
        settings("", dotenv, &[]).expect("settings").database_url,
        "mysql://new/shop"
    );
    // Two spellings of the host's own name have no order either.
    let env = [("EDGE_REGION", "eu"), ("EDGE_region", "us")];
    let error = settings("", "", &env).expect_err("which?");
    assert!(error.contains("are both set"), "{error}");
}
