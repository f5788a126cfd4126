//! The layer of the settings file.

use std::path::Path;

use toml::{Table, Value};

use super::{HEADERS_TABLE, Layers, Setting};

/// Table of the settings file with values for plugins, if their manifests ask
/// for the keys; a table in it is for one plugin.
const PLUGINS_TABLE: &str = "config";

impl Layers {
    /// Adds the settings in `text`, which is that of `file`.
    pub(super) fn add_toml(&mut self, file: &Path, text: &str) {
        match text.parse::<Table>() {
            Ok(table) => {
                for (key, value) in table {
                    self.add_toml_entry(file, key, value);
                }
            }
            Err(error) => {
                // The error itself shows its line, which may hold a secret.
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = before.unwrap_or_default().matches('\n').count() + 1;
                let (file, message) = (file.display(), error.message());
                self.problems
                    .push(format!("{file}: line {line}: {message}"));
            }
        }
    }

    fn add_toml_entry(&mut self, file: &Path, key: String, value: Value) {
        match value {
            Value::Table(values) if key == PLUGINS_TABLE => self.add_plugin_config(file, values),
            Value::Table(values) if key == HEADERS_TABLE => {
                for (name, value) in values {
                    let key = format!("{key}.{}", name.to_ascii_lowercase());
                    self.add_toml_value(file, key, &value);
                }
            }
            value => self.add_toml_value(file, key, &value),
        }
    }

    /// Adds values for all plugins, and tables of values for one plugin each.
    fn add_plugin_config(&mut self, file: &Path, values: Table) {
        for (key, value) in values {
            match value {
                Value::Table(values) => self.add_config_of(file, &key, values),
                value => match scalar(&value) {
                    Some(text) => self.plugin_config.insert(key, text),
                    None => self.complain_of_config(file, &key),
                },
            }
        }
    }

    fn add_config_of(&mut self, file: &Path, plugin: &str, values: Table) {
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

    fn add_toml_value(&mut self, file: &Path, key: String, value: &Value) {
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
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(switch) => Some(switch.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
