//! Layers of settings (file, `.env`, environment), merged key by key, with
//! every problem found on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use stores::source::ValueFiles;
use stores::value_file;

use super::environment::{is_foreign_url, is_prefixed, is_service_link, key_of, variable_of};
use super::plugin_config::{self, PluginConfig};
use super::{dotenv, headers};

/// Suffix of a setting's key whose value is in a file.
const FILE: &str = "_file";

/// Least Jaro-Winkler similarity, from 0 to 1, of an unknown key and a known
/// one that is suggested for it.
const LIKENESS: f64 = 0.85;

/// Table of the settings file with values for plugins, if their manifests ask
/// for the keys; a table in it is for one plugin.
const PLUGINS_TABLE: &str = "config";

/// One setting as it was written, with its origin for messages.
struct Setting {
    text: String,
    origin: String,
}

/// All settings that were read, by key, with the problems and warnings found.
#[derive(Default)]
pub(super) struct Layers {
    settings: BTreeMap<String, Setting>,
    /// Keys that were asked for, which are all that exist.
    known: BTreeSet<String>,
    /// Values for plugins.
    plugin_config: PluginConfig,
    /// Files from which values of settings were taken.
    files: ValueFiles,
    problems: Vec<String>,
    warnings: Vec<String>,
    /// Problems of lines of `.env` that cannot be read, with the variable that
    /// each sets, which is no setting of the host.
    unread: Vec<(String, String)>,
}

impl Layers {
    /// Merges `file`, `dotenv` and `environment`; the later wins. Files that do
    /// not exist set nothing.
    pub(super) fn read(
        file: &Path,
        dotenv: &Path,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let (mut layers, mut variables, mut own) = <(Self, Self, Self)>::default();
        layers.add_toml(file);
        variables.add_dotenv(dotenv);
        own.add_environment(environment);
        layers.overlay(variables);
        layers.overlay(own);
        layers
    }

    /// Merges a later layer into this one. A `NAME_FILE` in it replaces an
    /// earlier `NAME`, and a `NAME` replaces an earlier `NAME_FILE`.
    fn overlay(&mut self, later: Self) {
        for key in later.settings.keys() {
            self.settings.remove(&format!("{key}{FILE}"));
            if let Some(plain) = key.strip_suffix(FILE) {
                self.settings.remove(plain);
            }
        }
        self.settings.extend(later.settings);
        self.plugin_config.overlay(later.plugin_config);
        self.problems.extend(later.problems);
        self.warnings.extend(later.warnings);
        self.unread.extend(later.unread);
    }

    /// Sets `key` on behalf of the program itself.
    pub(super) fn set(&mut self, key: &str, text: String) {
        self.settings.insert(
            key.to_owned(),
            Setting {
                text,
                origin: key.to_owned(),
            },
        );
    }

    /// Removes the setting `key` and returns its value, or `default` when it
    /// was not set. A value that `parse` refuses becomes a problem.
    pub(super) fn take<T>(
        &mut self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match self.take_parsed(key, parse) {
            Ok(value) => value.unwrap_or(default),
            Err(problem) => {
                self.problems.push(problem);
                default
            }
        }
    }

    /// Removes the setting `key` as [`take`](Self::take) does, but a value that
    /// `parse` refuses becomes only a warning.
    pub(super) fn take_leniently<T>(
        &mut self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match self.take_parsed(key, parse) {
            Ok(value) => value.unwrap_or(default),
            Err(problem) => {
                self.warn(format!("{problem}; it is ignored"));
                default
            }
        }
    }

    /// Removes the setting `key` and parses its value; `None` when it was not
    /// set.
    fn take_parsed<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.known.insert(key.to_owned());
        let own = self.settings.remove(key);
        let by_file = self.settings.remove(&format!("{key}{FILE}"));
        let (text, origin) = match (own, by_file) {
            (None, None) => return Ok(None),
            (Some(own), None) => (own.text, own.origin),
            (None, Some(file)) => {
                let path = Path::new(&file.text);
                let text = value_file::read(path);
                let text = text.map_err(|error| format!("{}: {error}", file.origin))?;
                self.files.add(&text, path);
                (text, file.origin)
            }
            (Some(own), Some(file)) => {
                return Err(format!("{} and {} are both set", own.origin, file.origin));
            }
        };
        let parsed = parse(&text).map_err(|problem| format!("{origin} {problem}"));
        parsed.map(Some)
    }

    /// Removes every setting whose key begins with `prefix`. Returns them by
    /// the rest of the key, which `parse` gets along with the value.
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
            // The key of a setting whose value is in a file is taken without
            // that suffix.
            let key = key.strip_suffix(FILE).unwrap_or(&key);
            let rest = key.trim_start_matches(prefix).to_owned();
            if let Some(value) = self.take(key, None, |text| parse(&rest, text).map(Some)) {
                taken.insert(rest, value);
            }
        }
        taken
    }

    /// Removes and returns the values for plugins.
    pub(super) fn take_plugin_config(&mut self) -> PluginConfig {
        std::mem::take(&mut self.plugin_config)
    }

    /// Classifies the lines of `.env` that cannot be read and set no setting of
    /// the host: lines that set plugins' variables are problems, all others
    /// warnings.
    pub(super) fn judge_unread(&mut self, is_of_plugin: impl Fn(&str) -> bool) {
        for (name, problem) in std::mem::take(&mut self.unread) {
            match is_of_plugin(&name) {
                true => self.problems.push(problem),
                false => self.warnings.push(format!("{problem}; it is ignored")),
            }
        }
    }

    /// Adds a problem that does not concern a single setting.
    pub(super) fn complain(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    /// Adds a warning for the operator, which does not prevent a start.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Removes and returns the warnings.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Removes and returns the files of the values that were taken so far.
    pub(super) fn take_files(&mut self) -> ValueFiles {
        std::mem::take(&mut self.files)
    }

    /// Returns every problem found, including settings that were never taken
    /// because they do not exist.
    pub(super) fn into_problems(mut self) -> Vec<String> {
        let unknown = self.settings.iter();
        let unknown = unknown.map(|(key, setting)| match self.suggest(key, setting) {
            Some(name) => format!("{} is no setting; is {name} meant?", setting.origin),
            None => format!("{} is no setting", setting.origin),
        });
        self.problems.extend(unknown.collect::<Vec<_>>());
        self.problems
    }

    /// Returns the name of the setting that `key` was probably meant to be.
    fn suggest(&self, key: &str, setting: &Setting) -> Option<String> {
        let known = self.known.iter();
        let rated = known.map(|known| (strsim::jaro_winkler(key, known), known));
        let best = rated.max_by(|(one, _), (other, _)| one.total_cmp(other));
        let (_, best) = best.filter(|(likeness, _)| *likeness >= LIKENESS)?;
        // Keys in files are in lower case.
        match setting.origin.starts_with(key) {
            true => Some(best.clone()),
            false => Some(variable_of(best)),
        }
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

    /// Adds values for all plugins, and tables of values for one plugin each.
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
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.problems.push(format!("{}: {error}", file.display())),
        };
        let origin = file.display().to_string();
        let (variables, errors) = dotenv::parse(&text);
        for (name, text) in variables {
            self.add_variable(&name, text, &origin);
        }
        for error in errors {
            let problem = format!("{origin}: {error}");
            let is_foreign = |name: &String| {
                key_of(name).is_none() && plugin_config::parse_variable(name).is_none()
            };
            match error.name.filter(is_foreign) {
                Some(name) => self.unread.push((name, problem)),
                None => self.problems.push(problem),
            }
        }
    }

    fn add_environment(&mut self, environment: impl Iterator<Item = (OsString, OsString)>) {
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            match value.into_string() {
                Ok(text) => self.add_variable(name, text, ENVIRONMENT),
                Err(_) if key_of(name).is_some() => {
                    let problem = format!("{name} (in {ENVIRONMENT}) is not UTF-8");
                    self.problems.push(problem);
                }
                Err(_) => {}
            }
        }
    }

    /// Adds a variable. An empty one counts as unset, as in OpenTelemetry and
    /// because docker compose passes unset variables on as empty ones.
    fn add_variable(&mut self, name: &str, text: String, origin: &str) {
        if text.is_empty() {
            return;
        }
        if let Some((plugin, key)) = plugin_config::parse_variable(name) {
            self.plugin_config.insert_own(plugin, key, text);
            return;
        }
        if is_service_link(name, &text) {
            return;
        }
        if origin == ENVIRONMENT && is_foreign_url(name, &text) {
            self.warn(format!(
                "{name} (in {origin}) is ignored: it is no URL of a database that a plugin can have, \
                 which begin with sqlite: or mysql://"
            ));
            return;
        }
        let Some(key) = key_of(name) else {
            self.plugin_config.insert_variable(name.to_owned(), text);
            return;
        };
        let setting = Setting {
            text,
            origin: format!("{name} (in {origin})"),
        };
        let Some(other) = self.rival_of(&key, &setting) else {
            self.settings.insert(key, setting);
            return;
        };
        // Environment variables have no order, so the later one does not win.
        let rival = self
            .settings
            .get(&other)
            .map(|it| it.origin.clone())
            .unwrap_or_default();
        match (is_prefixed(&rival), is_prefixed(&setting.origin)) {
            (true, false) => self.warn(both_set(&rival, &setting.origin)),
            (false, true) => {
                self.warn(both_set(&setting.origin, &rival));
                self.settings.remove(&other);
                self.settings.insert(key, setting);
            }
            // `take_parsed` reports a setting that has both a value and a file.
            _ if other != key => {
                self.settings.insert(key, setting);
            }
            _ => {
                let origin = &setting.origin;
                let problem = format!("{rival} and {origin} are both set, to different values");
                self.complain(&problem);
            }
        }
    }

    /// Returns the key under which this layer has already set the same setting,
    /// as a value or by a file, to something else and by another name. A name
    /// that is set twice in a file is set by its last line.
    fn rival_of(&self, key: &str, setting: &Setting) -> Option<String> {
        let other_form = match key.strip_suffix(FILE) {
            Some(plain) => plain.to_owned(),
            None => format!("{key}{FILE}"),
        };
        let is_rival = |other: &String| {
            let other = self.settings.get(other);
            other.is_some_and(|it| it.text != setting.text && it.origin != setting.origin)
        };
        [key.to_owned(), other_form].into_iter().find(is_rival)
    }
}

/// Origin of variables from the process's environment, which other programs set
/// too.
const ENVIRONMENT: &str = "the environment";

fn both_set(used: &str, ignored: &str) -> String {
    format!("{used} and {ignored} are both set; the former is used")
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
