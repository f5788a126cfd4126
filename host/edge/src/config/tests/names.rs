//! Names of settings, and of what is none.

use super::settings;

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
fn a_plugins_variable_may_be_called_like_a_service_link() {
    let env = [("EDGE_CONFIG_SMS__GATEWAY_SERVICE_HOST", "10.0.0.1")];
    let config = settings("", "", &env).expect("valid").plugin_config.0;
    assert_eq!(config.get("sms", "GATEWAY_SERVICE_HOST"), Some("10.0.0.1"));
}

#[test]
fn a_prefix_or_suffix_of_a_name_is_taken_off_once() {
    let env = [("DATABASE_URL_DATABASE_URL_X", "mysql://db/x")];
    let databases = settings("", "", &env).expect("valid").databases;
    let names: Vec<_> = databases.plugin_urls.keys().collect();
    assert_eq!(names, ["database_url_x"]);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("value");
    std::fs::write(&file, "in a file").expect("a file");
    let toml =
        format!("[config]\nCERT_FILE_FILE = {file:?}\n[config.sms]\nKEY_FILE_FILE = {file:?}");
    let config = settings(&toml, "", &[]).expect("valid").plugin_config.0;
    assert_eq!(config.get("any", "CERT_FILE"), Some("in a file"));
    assert_eq!(config.get("sms", "KEY_FILE"), Some("in a file"));
    assert_eq!(config.get("any", "CERT"), None);
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
                "SMTP_URL" => settings.mail.url,
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
