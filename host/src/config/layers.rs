//! The layers that settings come from, merged key by key, and every problem
//! found on the way.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use super::plugin_config::{self, PluginConfig};
use super::{headers, traces};

/// Variables known by these names everywhere, as are those of [`traces`]; all
/// others begin with `EDGE_`.
const UNPREFIXED: [&str; 4] = [
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "SMTP_URL",
];
const PREFIX: &str = "EDGE_";

/// The table of the file whose keys are plugins' to read, if their manifests
/// ask for them; a table in it is for one plugin.
const PLUGINS_TABLE: &str = "config";

/// One setting as it was written, and where, for messages.
struct Setting {
    text: String,
    origin: String,
}

/// What was set, by key, and what is wrong with it.
#[derive(Default)]
pub(super) struct Layers {
    settings: BTreeMap<String, Setting>,
    /// What is for plugins.
    plugin_config: PluginConfig,
    problems: Vec<String>,
}

impl Layers {
    /// Merge `file`, `dotenv` and `environment`, the later winning. Files
    /// that do not exist set nothing.
    pub(super) fn read(
        file: &Path,
        dotenv: &Path,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut layers = Self::default();
        layers.add_toml(file);
        layers.add_dotenv(dotenv);
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            match value.into_string() {
                Ok(text) => layers.add_variable(name, text, "the environment"),
                Err(_) if key_of(name).is_some() => {
                    layers
                        .problems
                        .push(format!("{name} (in the environment) is not UTF-8"));
                }
                Err(_) => {}
            }
        }
        layers
    }

    /// Set `key`, as the program itself.
    pub(super) fn set(&mut self, key: &str, text: String) {
        self.settings.insert(
            key.to_owned(),
            Setting {
                text,
                origin: key.to_owned(),
            },
        );
    }

    /// Take the setting `key` out, or `default` when it was not set. A value
    /// that `parse` refuses becomes a problem.
    pub(super) fn take<T>(
        &mut self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let Some(setting) = self.settings.remove(key) else {
            return default;
        };
        parse(&setting.text).unwrap_or_else(|problem| {
            self.problems.push(format!("{} {problem}", setting.origin));
            default
        })
    }

    /// Take out every setting whose key begins with `prefix`, by the rest of
    /// its key, which `parse` gets along with the value.
    pub(super) fn take_prefixed<T>(
        &mut self,
        prefix: &str,
        parse: impl Fn(&str, &str) -> Result<T, String>,
    ) -> BTreeMap<String, T> {
        let keys: Vec<String> = self
            .settings
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        let mut taken = BTreeMap::new();
        for key in keys {
            let rest = key.trim_start_matches(prefix).to_owned();
            if let Some(value) = self.take(&key, None, |text| parse(&rest, text).map(Some)) {
                taken.insert(rest, value);
            }
        }
        taken
    }

    /// Take out what was set for plugins.
    pub(super) fn take_plugin_config(&mut self) -> PluginConfig {
        std::mem::take(&mut self.plugin_config)
    }

    /// Add a problem that is none of a single setting.
    pub(super) fn complain(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    /// Every problem found, settings that nobody took among them.
    pub(super) fn into_problems(mut self) -> Vec<String> {
        let unknown = self.settings.into_values();
        self.problems
            .extend(unknown.map(|setting| format!("{} is no setting", setting.origin)));
        self.problems
    }

    fn add_toml(&mut self, file: &Path) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.problems.push(format!("{}: {error}", file.display())),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => {
                for (key, value) in table {
                    match value {
                        toml::Value::Table(values) if key == PLUGINS_TABLE => {
                            self.add_plugin_config(file, values);
                        }
                        toml::Value::Table(values) if key == headers::TABLE => {
                            for (name, value) in values {
                                let key = format!("{key}.{}", name.to_ascii_lowercase());
                                self.add_toml_value(file, key, &value);
                            }
                        }
                        value => self.add_toml_value(file, key, &value),
                    }
                }
            }
            Err(error) => self.problems.push(format!("{}: {error}", file.display())),
        }
    }

    /// Values for all plugins, and tables of values for one.
    fn add_plugin_config(&mut self, file: &Path, values: toml::Table) {
        for (key, value) in values {
            match value {
                toml::Value::Table(values) => self.add_config_of(file, &key, values),
                value => match scalar(&value) {
                    Some(text) => self.plugin_config.insert(key, text),
                    None => self.complain_of_config(file, &key),
                },
            }
        }
    }

    fn add_config_of(&mut self, file: &Path, plugin: &str, values: toml::Table) {
        for (key, value) in values {
            match scalar(&value) {
                Some(text) => self.plugin_config.insert_own(plugin, &key, text),
                None => self.complain_of_config(file, &format!("{plugin}.{key}")),
            }
        }
    }

    fn complain_of_config(&mut self, file: &Path, key: &str) {
        self.problems.push(format!(
            "{PLUGINS_TABLE}.{key} (in {}) is not a single value",
            file.display()
        ));
    }

    fn add_toml_value(&mut self, file: &Path, key: String, value: &toml::Value) {
        let origin = format!("{key} (in {})", file.display());
        match scalar(value) {
            Some(text) => {
                self.settings.insert(key, Setting { text, origin });
            }
            None => self
                .problems
                .push(format!("{origin} is not a single value or a list of texts")),
        }
    }

    fn add_dotenv(&mut self, file: &Path) {
        let entries = match dotenvy::from_path_iter(file) {
            Ok(entries) => entries,
            Err(error) if error.not_found() => return,
            Err(error) => return self.problems.push(format!("{}: {error}", file.display())),
        };
        let origin = file.display().to_string();
        for entry in entries {
            match entry {
                Ok((name, text)) => self.add_variable(&name, text, &origin),
                // The error quotes the line, which may hold a secret.
                Err(_) => self
                    .problems
                    .push(format!("{origin} has a line that is not NAME=value")),
            }
        }
    }

    fn add_variable(&mut self, name: &str, text: String, origin: &str) {
        if let Some((plugin, key)) = plugin_config::parse_variable(name) {
            self.plugin_config.insert_own(plugin, key, text);
            return;
        }
        let Some(key) = key_of(name) else {
            self.plugin_config.insert_variable(name.to_owned(), text);
            return;
        };
        let origin = format!("{name} (in {origin})");
        self.settings.insert(key, Setting { text, origin });
    }
}

/// The key that the variable `name` sets, if it is one of ours.
fn key_of(name: &str) -> Option<String> {
    let ours = UNPREFIXED.iter().any(|known| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    // Others of OpenTelemetry's may be there for somebody else.
    let ours = ours || traces::VARIABLES.contains(&name);
    match name.strip_prefix(PREFIX) {
        Some(rest) => Some(rest.to_ascii_lowercase()),
        None => ours.then(|| name.to_ascii_lowercase()),
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
