//! Layers of settings (file, `.env`, environment), merged key by key, with
//! every problem found on the way.

mod dotenv;
mod environment;
mod toml_file;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use stores::source::ValueFiles;
use stores::value_file;

use super::plugin_config::PluginConfig;
use environment::variable_of;

/// Suffix of a setting's key whose value is in a file.
const FILE: &str = "_file";

/// Least Jaro-Winkler similarity, from 0 to 1, of an unknown key and a known
/// one that is suggested for it.
const LIKENESS: f64 = 0.85;

/// Table of the settings file that sets single header fields of replies.
pub(super) const HEADERS_TABLE: &str = "headers";

/// Name by which messages call the file of this distribution's defaults.
const DEFAULTS_FILE: &str = "defaults.toml";

/// One setting as it was written, with its origin for messages.
struct Setting {
    text: String,
    origin: String,
}

/// All settings that were read, by key, with the problems and warnings found.
#[derive(Default)]
pub(super) struct Layers {
    settings: BTreeMap<String, Setting>,
    /// Values of this distribution, for settings that no layer sets.
    defaults: BTreeMap<String, Setting>,
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
        if let Some(text) = layers.read_file(file) {
            layers.add_toml(file, &text);
        }
        if let Some(text) = variables.read_file(dotenv) {
            variables.add_dotenv(dotenv, &text);
        }
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

    /// Returns the layers above the settings in `text`, which is that of a
    /// settings file.
    pub(super) fn above(mut self, text: &str) -> Self {
        let mut lowest = Self::default();
        lowest.add_toml(DEFAULTS_FILE.as_ref(), text);
        self.defaults = lowest.settings;
        self.problems.extend(lowest.problems);
        self
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
            (None, None) => match self.defaults.remove(key) {
                Some(default) => (default.text, default.origin),
                None => return Ok(None),
            },
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

    /// Removes the distribution's own value of `key`, to which a layer adds
    /// instead of replacing it.
    pub(super) fn take_default<T: Default>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let Some(Setting { text, origin }) = self.defaults.remove(key) else {
            return T::default();
        };
        parse(&text).unwrap_or_else(|problem| {
            self.problems.push(format!("{origin} {problem}"));
            T::default()
        })
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
            let rest = key.strip_prefix(prefix).unwrap_or(key).to_owned();
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
        // A default that was overridden is left, and known.
        let defaults = self.defaults.iter();
        let defaults = defaults.filter(|(key, _)| !self.known.contains(key.as_str()));
        let unknown = self.settings.iter().chain(defaults);
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

    /// Reads a file, which may be absent.
    fn read_file(&mut self, file: &Path) -> Option<String> {
        match fs::read_to_string(file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.problems.push(format!("{}: {error}", file.display()));
                None
            }
        }
    }
}
