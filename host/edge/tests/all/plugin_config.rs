//! What plugins read of the operator's settings and of the environment.

use std::fs;
use std::path::Path;

use bundle::manifest::Manifest;
use edge::config::Settings;
use serde_json::{Value, json};

use crate::harness::{PluginFolder, TestNode, start_error, variant};

/// The settings of a node with this `edge.toml` and this `.env`, in the
/// environment of these tests.
fn load(toml: &str, dotenv: &str) -> Settings {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edge.toml");
    fs::write(&file, toml).expect("edge.toml");
    fs::write(folder.path().join(".env"), dotenv).expect(".env");
    Settings::load(&file).expect("settings")
}

/// A node whose plugins read what these files say.
async fn node(plugin: PluginFolder, toml: &str, dotenv: &str) -> TestNode {
    let plugin_config = load(toml, dotenv).plugin_config;
    TestNode::start(&[plugin], |settings| settings.plugin_config = plugin_config).await
}

fn asking_for(config: &[&str], secrets: &[&str]) -> PluginFolder {
    variant(
        "caller",
        &format!("[grants]\nconfig = {config:?}\nsecrets = {secrets:?}"),
    )
}

async fn read(node: &TestNode, key: &str) -> Value {
    let reply = node.get(&format!("/caller/config/{key}")).await;
    reply.assert_status(200);
    reply.json()
}

/// Credentials of other programs, and of other plugins.
const OTHERS: [&str; 6] = [
    "AWS_SECRET_ACCESS_KEY",
    "HOME",
    "KUBERNETES_TOKEN",
    "PATH",
    "SSH_AUTH_SOCK",
    "STRIPE_SECRET_KEY",
];

const DOTENV: &str = "AWS_SECRET_ACCESS_KEY=hunter2\nKUBERNETES_TOKEN=hunter2\n\
                      SSH_AUTH_SOCK=hunter2\nSTRIPE_SECRET_KEY=hunter2\n";

#[tokio::test]
async fn a_secret_is_made_by_the_host_and_no_variable_takes_its_place() {
    let node = node(asking_for(&[], &OTHERS), "", DOTENV).await;
    for key in OTHERS {
        let secret = read(&node, key).await;
        let secret = secret.as_str().expect("a text");
        let is_made = secret.len() == 64 && secret.bytes().all(|digit| digit.is_ascii_hexdigit());
        assert!(is_made, "{key}: {secret}");
    }
}

#[tokio::test]
async fn no_variable_of_the_environment_is_a_plugins_to_read() {
    let node = node(asking_for(&OTHERS, &[]), "", DOTENV).await;
    for key in OTHERS {
        assert_eq!(read(&node, key).await, Value::Null, "{key}");
    }
}

#[tokio::test]
async fn a_plugin_reads_what_was_set_for_it_or_for_all() {
    let toml = "[config]\nSHARED = 'all'\nSTRIPE_SECRET_KEY = 'hunter2'\n\
                [config.caller]\nOWN = 7\nSECRET = 'mine'\n\
                [config.other]\nTHEIRS = 'hunter2'";
    let dotenv = "EDGE_CONFIG_CALLER__VARIABLE=set\nEDGE_CONFIG_OTHER__OTHERS=hunter2\n\
                  EDGE_CONFIG_CALLER__SHARED=own";
    let keys = [
        "SHARED",
        "STRIPE_SECRET_KEY",
        "OWN",
        "THEIRS",
        "VARIABLE",
        "OTHERS",
    ];
    let node = node(asking_for(&keys, &["SECRET"]), toml, dotenv).await;
    let expected = [
        json!("own"),
        json!(null),
        json!("7"),
        json!(null),
        json!("set"),
        json!(null),
    ];
    for (key, expected) in keys.into_iter().zip(expected) {
        assert_eq!(read(&node, key).await, expected, "{key}");
    }
    assert_eq!(read(&node, "SECRET").await, json!("mine"));
    // Whatever is set, the manifest has to ask for it.
    node.get("/caller/config/UNASKED").await.assert_refusal(500);
}

#[tokio::test]
async fn a_secret_that_every_plugin_could_read_is_refused() {
    let plugin_config = load("[config]\nSECRET = 'hunter2'", "").plugin_config;
    let error = start_error(&[asking_for(&[], &["SECRET"])], |settings| {
        settings.plugin_config = plugin_config;
    })
    .await;
    assert!(
        error.contains("the secret SECRET stands in [config]"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn an_operator_names_more_plain_variables() {
    let toml = "plugin_variables = ['caller:PLAIN', 'other:THEIRS']";
    let dotenv = "PLAIN=set\nTHEIRS=hunter2\nSTRIPE_SECRET_KEY=sk";
    let node = node(asking_for(&["PLAIN", "THEIRS"], &[]), toml, dotenv).await;
    assert_eq!(read(&node, "PLAIN").await, json!("set"));
    assert_eq!(read(&node, "THEIRS").await, Value::Null);
    // The shop's own stay as they are.
    let config = load(toml, dotenv).plugin_config.0;
    assert_eq!(config.get("payment", "STRIPE_SECRET_KEY"), Some("sk"));
}

/// The shop's plugins read every key of theirs under its plain name, from a
/// variable or from `[config]`, and nobody else does.
#[test]
fn the_shops_own_keys_keep_their_names() {
    for plugin in ["customer", "order", "payment", "product"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../plugins")
            .join(plugin);
        let text = fs::read_to_string(folder.join("plugin.toml")).expect("a manifest");
        let grants = Manifest::parse(&text).expect("a manifest").grants;
        for key in grants.config.iter().chain(&grants.secrets) {
            let variable = load("", &format!("{key}=set")).plugin_config.0;
            let table = load(&format!("[config]\n{key} = 'set'"), "")
                .plugin_config
                .0;
            for config in [variable, table] {
                assert_eq!(config.get_own(plugin, key), Some("set"), "{plugin} {key}");
                assert_eq!(config.get("stranger", key), None, "{plugin} {key}");
            }
        }
    }
}
