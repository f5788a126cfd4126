//! Manifest entries for calls between plugins: `calls` and `optional-calls` in `[grants]`, and
//! `[exports]`.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Deserialize;

use super::{ManifestError, is_plugin_name, require};

/// Maximum length of an interface's name, in bytes.
const MOST_NAME: usize = 200;

/// Prefixes of interfaces that belong to WASI or to the host.
const HOSTS: [&str; 2] = ["wasi:", "edge:platform/"];

/// Restriction of the callers of an exported interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Export {
    /// Names of the plugins that may call the interface; if empty, no plugin may.
    pub callers: BTreeSet<String>,
}

/// Exported interfaces with restricted callers, by interface name with or without a version.
pub type PluginExports = BTreeMap<String, Export>;

pub(super) fn check_calls(calls: &[String], optional: &[String]) -> Result<(), ManifestError> {
    for name in calls {
        check_interface("grants.calls", name)?;
    }
    for name in optional {
        check_interface("grants.optional-calls", name)?;
        // Refused, since either of two rules for one interface could be taken for the only one.
        let path = without_version(name);
        require(
            "grants.optional-calls",
            calls.iter().all(|call| without_version(call) != path),
            format_args!("holds {name:?}, which is in grants.calls too"),
        )?;
    }
    Ok(())
}

pub(super) fn check_exports(exports: &PluginExports) -> Result<(), ManifestError> {
    for (name, export) in exports {
        check_interface("exports", name)?;
        // Refused, since either of two rules for one version could be taken for the only one.
        let versionless = without_version(name);
        require(
            "exports",
            name == versionless || !exports.contains_key(versionless),
            format_args!("names {versionless:?} both with a version and for all versions"),
        )?;
        let wrong = export.callers.iter().find(|name| !is_plugin_name(name));
        require(
            "exports.callers",
            wrong.is_none(),
            format_args!(
                "holds {:?}, which is no plugin's name",
                wrong.map_or("", String::as_str)
            ),
        )?;
    }
    Ok(())
}

fn check_interface(key: &'static str, name: &str) -> Result<(), ManifestError> {
    require(
        key,
        is_interface(name),
        format_args!(
            "holds {name:?}, which is no interface of a plugin, such as \"shop:catalog/catalog\" \
             for all of its versions or \"shop:catalog/catalog@0.1.0\" for one"
        ),
    )
}

/// Returns whether `name` is a namespace, a package and an interface, optionally with a version.
/// Wildcards are not allowed.
fn is_interface(name: &str) -> bool {
    let is_word = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain)
    };
    let has_version = |rest: &str| Version::parse(rest).is_ok();
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => (path, has_version(version)),
        None => (name, true),
    };
    let words = path.split_once(':').and_then(|(namespace, rest)| {
        let (package, interface) = rest.split_once('/')?;
        Some([namespace, package, interface])
    });
    name.len() <= MOST_NAME
        && version
        && words.is_some_and(|words| words.into_iter().all(is_word))
        && !HOSTS.iter().any(|own| path.starts_with(own))
}

fn without_version(name: &str) -> &str {
    name.split_once('@').map_or(name, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::*;

    const SMALLEST: &str =
        "name = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\nroutes = [\"/a\"]\n";

    fn refusal(rest: &str) -> Option<String> {
        let manifest = Manifest::parse(&format!("{SMALLEST}{rest}"));
        manifest.err().map(|error| error.to_string())
    }

    #[test]
    fn interfaces_are_written_in_full() {
        for good in [
            "shop:catalog/catalog",
            "shop:catalog/catalog@0.1.0",
            "my-shop:a/b-c@1.0.0-rc.1",
        ] {
            assert!(is_interface(good), "{good}");
        }
        let long = format!("shop:catalog/{}", "a".repeat(MOST_NAME));
        for bad in [
            "",
            "shop",
            "shop:catalog",
            "shop:*",
            "shop:catalog/*",
            "shop:catalog/",
            "shop:catalog/catalog@",
            "shop:catalog/catalog@0.1",
            "shop:catalog/catalog@0.1.0@0.1.0",
            "shop:catalog/catalog/more",
            " shop:catalog/catalog",
            "wasi:http/types",
            "edge:platform/sql@0.2.0",
            "url=<https://shop/catalog>",
            "shop:catalog/catalog\n",
            &long,
        ] {
            assert!(!is_interface(bad), "{bad}");
        }
    }

    #[test]
    fn calls_and_callers_are_names() {
        let good = "[grants]\ncalls = ['shop:catalog/catalog']\n\
                    optional-calls = ['shop:customers/names']\n\
                    [exports.'shop:orders/orders']\ncallers = ['payment']\n\
                    [exports.'shop:orders/history@0.1.0']\ncallers = []";
        assert_eq!(refusal(good), None);
        for (bad, named) in [
            ("[grants]\ncalls = ['shop:*']", "grants.calls"),
            ("[grants]\ncalls = ['edge:platform/sql']", "grants.calls"),
            (
                "[grants]\noptional-calls = ['shop:*']",
                "grants.optional-calls",
            ),
            (
                "[grants]\ncalls = ['shop:a/a']\noptional-calls = ['shop:a/a@0.1.0']",
                "grants.optional-calls",
            ),
            ("[exports.'orders']\ncallers = []", "exports"),
            (
                "[exports.'shop:orders/orders']\ncallers = ['*']",
                "exports.callers",
            ),
            (
                "[exports.'shop:orders/orders']\ncallers = ['']",
                "exports.callers",
            ),
            ("[exports.'shop:orders/orders']\n", "callers"),
            ("[exports.'shop:orders/orders']\ncaller = []", "caller"),
        ] {
            let refusal = refusal(bad).expect(bad);
            assert!(refusal.contains(named), "{refusal}");
        }
    }

    #[test]
    fn one_interface_has_one_rule() {
        let twice = "[exports.'shop:orders/orders']\ncallers = ['payment']\n\
                     [exports.'shop:orders/orders@0.1.0']\ncallers = ['stranger']";
        let refusal = refusal(twice).expect("refused");
        assert!(refusal.contains("both with a version"), "{refusal}");
    }
}
