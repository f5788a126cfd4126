//! Values that plugins read through `wasi:config`: only those that an operator
//! set for plugins, and nothing else of the settings file or the environment.
//!
//! | set as | read by |
//! |---|---|
//! | `[config.<plugin>]` of `edge.toml`, or `EDGE_CONFIG_<PLUGIN>__<KEY>` | that plugin |
//! | a variable `KEY`, or `KEY` in `[config]`, that `plugin_variables` names | the plugins that it names |
//! | any other `KEY` in `[config]` of `edge.toml` | every plugin that asks for it |
//!
//! A name that ends in `_FILE` sets the name before that ending to what is in
//! the file.
//!
//! A plugin reads only the keys that its manifest names.

use std::collections::{BTreeMap, BTreeSet};

use stores::value_file;

/// Prefix of the variables that set a value for one plugin.
const PREFIX: &str = "EDGE_CONFIG_";

/// Separator of the plugin and the key in such a variable. Keys set by
/// variables cannot contain it, so each name has one reading.
const SEPARATOR: &str = "__";

/// Suffix of the name of a variable whose value is in a file.
const FILE: &str = "_FILE";

/// Configuration values for plugins, as an operator set them.
#[derive(Clone, Default)]
pub struct PluginConfig {
    /// Values for single plugins, by the plugin, as [`section`] writes it, and
    /// the key.
    own: BTreeMap<(String, String), String>,
    /// Values of keys of `[config]`.
    shared: BTreeMap<String, String>,
    /// All variables that are not settings of the host.
    variables: BTreeMap<String, String>,
    /// Names that only some plugins may read, each with those plugins.
    reserved: BTreeMap<String, BTreeSet<String>>,
}

/// A variable that one plugin reads under its plain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    plugin: String,
    key: String,
}

impl Variable {
    /// Returns whether `name` sets this variable, by its value or by a file.
    pub(super) fn is_set_by(&self, name: &str) -> bool {
        name.strip_suffix(FILE).unwrap_or(name) == self.key
    }

    pub(super) fn new(plugin: &str, key: &str) -> Self {
        Self {
            plugin: section(plugin),
            key: key.to_owned(),
        }
    }
}

impl PluginConfig {
    /// Returns the value of `key` for `plugin`.
    #[must_use]
    pub fn get(&self, plugin: &str, key: &str) -> Option<&str> {
        let shared = || self.shared.get(key).map(String::as_str);
        let is_shared = !self.reserved.contains_key(key);
        self.get_own(plugin, key)
            .or_else(|| is_shared.then(shared).flatten())
    }

    /// Returns the value of `key` that was set for `plugin` and not for all
    /// plugins.
    #[must_use]
    pub fn get_own(&self, plugin: &str, key: &str) -> Option<&str> {
        let own = self.own.get(&(section(plugin), key.to_owned()));
        let is_for = |plugins: &BTreeSet<String>| plugins.contains(&section(plugin));
        let reserved = || {
            self.reserved.get(key).filter(|plugins| is_for(plugins))?;
            self.variables.get(key).or_else(|| self.shared.get(key))
        };
        own.or_else(reserved).map(String::as_str)
    }

    /// Returns whether `key` is set, but not in a way that `plugin` reads: a
    /// reason to warn the operator, who may have meant it for the plugin.
    #[must_use]
    pub fn is_set_for_others(&self, plugin: &str, key: &str) -> bool {
        let is_set = self.variables.contains_key(key) || self.shared.contains_key(key);
        is_set && self.get(plugin, key).is_none()
    }

    /// Returns whether `key` is set for every plugin that asks for it.
    #[must_use]
    pub fn is_shared(&self, key: &str) -> bool {
        self.shared.contains_key(key) && !self.reserved.contains_key(key)
    }

    /// Sets `key` for all plugins, as `[config]` of `edge.toml` does.
    pub fn insert(&mut self, key: String, value: String) {
        self.shared.insert(key, value);
    }

    /// Removes the value of `key` for all plugins.
    pub fn remove(&mut self, key: &str) {
        self.shared.remove(key);
    }

    /// Sets `key` for `plugin` alone.
    pub fn insert_own(&mut self, plugin: &str, key: &str, value: String) {
        self.own.insert((section(plugin), key.to_owned()), value);
    }

    /// Merges a later layer into this one. A `NAME_FILE` in it replaces an
    /// earlier `NAME`, and a `NAME` replaces an earlier `NAME_FILE`.
    pub(super) fn overlay(&mut self, later: Self) {
        overlay(&mut self.shared, later.shared, other_form);
        overlay(&mut self.variables, later.variables, other_form);
        overlay(&mut self.own, later.own, |(plugin, key)| {
            (plugin.clone(), other_form(key))
        });
        self.reserved.extend(later.reserved);
    }

    /// Adds the environment variable `name`, which is no setting of the host.
    pub(super) fn insert_variable(&mut self, name: String, value: String) {
        self.variables.insert(name, value);
    }

    /// Replaces variables and keys whose name ends in `_FILE` by the contents
    /// of the files that they name. Returns the problems found.
    pub(super) fn read_files(&mut self, variables: &[Variable]) -> Vec<String> {
        let mut problems = Vec::new();
        self.read_variables(variables, &mut problems);
        self.read_shared(&mut problems);
        self.read_own(&mut problems);
        problems
    }

    fn read_variables(&mut self, variables: &[Variable], problems: &mut Vec<String>) {
        for Variable { key, .. } in variables {
            let by_file = format!("{key}{FILE}");
            let Some(path) = self.variables.remove(&by_file) else {
                continue;
            };
            match value_file::read(&path) {
                _ if self.variables.contains_key(key) => {
                    problems.push(format!("{key} and {by_file} are both set"));
                }
                Ok(value) => self.insert_variable(key.clone(), value),
                Err(error) => problems.push(format!("{by_file}: {error}")),
            }
        }
    }

    fn read_shared(&mut self, problems: &mut Vec<String>) {
        let by_file = self.shared.extract_if(.., |name, _| name.ends_with(FILE));
        for (name, path) in by_file.collect::<Vec<_>>() {
            let key = name.strip_suffix(FILE).unwrap_or(&name);
            match value_file::read(&path) {
                _ if self.shared.contains_key(key) => {
                    problems.push(format!("{key} and {name} are both set in [config]"));
                }
                Ok(value) => self.insert(key.to_owned(), value),
                Err(error) => problems.push(format!("{name} in [config]: {error}")),
            }
        }
    }

    fn read_own(&mut self, problems: &mut Vec<String>) {
        let by_file = self.own.extract_if(.., |(_, key), _| key.ends_with(FILE));
        for ((plugin, name), path) in by_file.collect::<Vec<_>>() {
            let key = name.strip_suffix(FILE).unwrap_or(&name);
            let by_file = variable_of(&plugin, &name);
            match value_file::read(&path) {
                _ if self.own.contains_key(&(plugin.clone(), key.to_owned())) => {
                    let plain = variable_of(&plugin, key);
                    problems.push(format!("{plain} and {by_file} are both set"));
                }
                Ok(value) => self.insert_own(&plugin, key, value),
                Err(error) => problems.push(format!("{by_file}: {error}")),
            }
        }
    }

    /// Allows only these plugins to read these variables under their plain
    /// names, and clears the values of all other variables, which nobody reads.
    pub(super) fn reserve(mut self, variables: impl IntoIterator<Item = Variable>) -> Self {
        for Variable { plugin, key } in variables {
            self.reserved.entry(key).or_default().insert(plugin);
        }
        for (name, value) in &mut self.variables {
            if !self.reserved.contains_key(name) {
                value.clear();
            }
        }
        self
    }
}

impl Extend<(String, String)> for PluginConfig {
    fn extend<T: IntoIterator<Item = (String, String)>>(&mut self, values: T) {
        self.shared.extend(values);
    }
}

/// Merges `later` into `values`, and removes the other form (see
/// [`other_form`]) of its keys.
fn overlay<K: Ord>(
    values: &mut BTreeMap<K, String>,
    later: BTreeMap<K, String>,
    other_form: impl Fn(&K) -> K,
) {
    for key in later.keys() {
        values.remove(&other_form(key));
    }
    values.extend(later);
}

/// Returns `NAME` for `NAME_FILE`, and `NAME_FILE` for any other name.
fn other_form(name: &String) -> String {
    match name.strip_suffix(FILE) {
        Some(plain) => plain.to_owned(),
        None => format!("{name}{FILE}"),
    }
}

/// Splits a variable that sets a value for one plugin into the plugin and the
/// key.
pub(super) fn parse_variable(name: &str) -> Option<(&str, &str)> {
    let (plugin, key) = name.strip_prefix(PREFIX)?.rsplit_once(SEPARATOR)?;
    (!plugin.is_empty() && !key.is_empty()).then_some((plugin, key))
}

/// Returns the name of the variable that sets `key` for `plugin`.
#[must_use]
pub fn variable_of(plugin: &str, key: &str) -> String {
    format!("{PREFIX}{}{SEPARATOR}{key}", section(plugin).to_uppercase())
}

/// Returns a plugin's name as settings write it: `my-plugin`, `MY_PLUGIN` and
/// `my_plugin` are one. No plugin's name contains an underscore.
fn section(plugin: &str) -> String {
    plugin.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::plugin_variables::variables;

    fn config(reserved: &str) -> PluginConfig {
        let mut config = PluginConfig::default();
        config.insert("SHARED".to_owned(), "shared".to_owned());
        config.insert("TABLE_KEY".to_owned(), "table".to_owned());
        config.insert_variable("KEY".to_owned(), "variable".to_owned());
        config.insert_variable("PATH".to_owned(), "/bin".to_owned());
        config.insert_own("my-shop", "OWN", "own".to_owned());
        config.reserve(variables(reserved).expect("variables"))
    }

    #[test]
    fn a_plugin_reads_what_was_set_for_it_and_nothing_else() {
        let config = config("my-shop:KEY, my-shop:TABLE_KEY");
        let both = |key: &str| (config.get("my-shop", key), config.get("stranger", key));
        assert_eq!(both("OWN"), (Some("own"), None));
        assert_eq!(both("KEY"), (Some("variable"), None));
        assert_eq!(both("TABLE_KEY"), (Some("table"), None));
        assert_eq!(both("SHARED"), (Some("shared"), Some("shared")));
        assert_eq!(both("PATH"), (None, None));
        assert_eq!(config.get_own("my-shop", "SHARED"), None);
        assert!(config.is_set_for_others("stranger", "KEY"));
        assert!(config.is_set_for_others("my-shop", "PATH"));
        assert!(!config.is_set_for_others("my-shop", "KEY"));
        assert!(!config.is_set_for_others("my-shop", "NOWHERE"));
        assert!(config.is_shared("SHARED") && !config.is_shared("TABLE_KEY"));
    }

    #[test]
    fn values_that_nobody_may_read_are_not_kept() {
        let config = config("my-shop:KEY");
        let kept = config.variables.values().any(|value| value == "/bin");
        assert!(!kept);
    }

    #[test]
    fn what_is_set_for_one_plugin_wins() {
        let mut config = config("my-shop:KEY");
        config.insert_own("my-shop", "KEY", "own".to_owned());
        config.insert_own("my-shop", "SHARED", "own".to_owned());
        assert_eq!(config.get("my-shop", "KEY"), Some("own"));
        assert_eq!(config.get("my-shop", "SHARED"), Some("own"));
        assert_eq!(config.get("other", "SHARED"), Some("shared"));
    }

    #[test]
    fn a_variable_names_one_plugin_and_one_key() {
        let cases = [
            (
                "EDGE_CONFIG_PAYMENT__STRIPE_SECRET_KEY",
                Some(("PAYMENT", "STRIPE_SECRET_KEY")),
            ),
            ("EDGE_CONFIG_A__B__C", Some(("A__B", "C"))),
            ("EDGE_CONFIG_PAYMENT_KEY", None),
            ("EDGE_CONFIG___KEY", None),
            ("EDGE_CONFIG_PAYMENT__", None),
            ("EDGE_LISTEN", None),
        ];
        for (name, expected) in cases {
            assert_eq!(parse_variable(name), expected, "{name}");
        }
        for plugin in ["payment", "my-shop", "a--b", "a-"] {
            let name = variable_of(plugin, "KEY");
            let (read, key) = parse_variable(&name).expect("a variable");
            assert_eq!((section(read), key), (section(plugin), "KEY"), "{name}");
        }
    }
}
