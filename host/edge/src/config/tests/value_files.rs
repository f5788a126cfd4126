//! Values in files.

use super::settings;

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
