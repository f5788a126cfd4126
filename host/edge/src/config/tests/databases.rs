//! Databases of plugins, and their replicas.

use super::settings;

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
