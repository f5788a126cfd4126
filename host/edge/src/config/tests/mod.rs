//! Tests of the settings, with all layers together.

mod databases;
mod names;
mod traces;
mod value_files;

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
fn the_shop_of_this_distribution_is_the_lowest_layer() {
    let defaults = settings("", "", &[]).expect("valid");
    assert_eq!(defaults.mount_path.as_deref(), Some("/api/v1"));
    // There is no such folder beside the sources of the host.
    let services = ["customer", "order", "payment", "product"];
    let services = services.map(|name| PathBuf::from(format!("plugins/{name}")));
    assert_eq!(defaults.plugins, services);
    let by_default = Settings::defaults(Path::new("data")).expect("valid");
    assert_eq!(by_default.mount_path, defaults.mount_path);

    let toml = "mount_path = \"off\"\nplugins = [\"a\", \"b\"]";
    let file = settings(toml, "", &[]).expect("valid");
    assert_eq!(file.mount_path, None);
    assert_eq!(file.plugins, ["a", "b"].map(PathBuf::from));
    let variable = [("EDGE_MOUNT_PATH", "/shop"), ("EDGE_PLUGINS", "none")];
    let both = settings(toml, "", &variable).expect("valid");
    assert_eq!(both.mount_path.as_deref(), Some("/shop"));
    assert!(both.plugins.is_empty());
    let wrong = settings("mount_path = \"shop/\"", "", &[]).expect_err("no path");
    assert!(wrong.contains("mount_path (in "), "{wrong}");
}

#[test]
fn variables_that_an_operator_adds_replace_none_of_the_shops() {
    let env = [
        ("EDGE_PLUGIN_VARIABLES", "sms:SMS_KEY"),
        ("SMS_KEY", "sms"),
        ("STRIPE_SECRET_KEY", "stripe"),
    ];
    let config = settings("", "", &env).expect("valid").plugin_config.0;
    assert_eq!(config.get("sms", "SMS_KEY"), Some("sms"));
    assert_eq!(config.get("payment", "STRIPE_SECRET_KEY"), Some("stripe"));
    assert_eq!(config.get("sms", "STRIPE_SECRET_KEY"), None);
}

#[test]
fn tls_needs_all_of_its_settings() {
    let all = "tls_listen = \"127.0.0.1:0\"\ntls_certificate = \"a\"\ntls_key = \"b\"";
    assert!(settings(all, "", &[]).expect("valid").tls.is_some());
    let error = settings("tls_key = \"b\"", "", &[]).expect_err("one of three");
    assert!(error.contains("tls_listen"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_shows_no_secret() {
    let toml = "region = \"eu\"\nsecret = \"hunter2\nlisten = 1\n";
    let error = settings(toml, "", &[]).expect_err("no TOML");
    assert!(error.contains("line 2"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
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
