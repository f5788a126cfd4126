//! Layers of variables: the `.env` file and the process's environment.

use std::ffi::OsString;
use std::path::Path;

use super::environment::{is_foreign_url, is_prefixed, is_service_link, key_of};
use super::{FILE, Layers, Setting, dotenv};
use crate::config::plugin_config;

/// Origin of variables from the process's environment, which other programs set
/// too.
const ENVIRONMENT: &str = "the environment";

/// Meaning of a variable, by its name and value.
enum Meaning<'a> {
    /// Value of a key for one plugin.
    OfPlugin { plugin: &'a str, key: &'a str },
    /// Variable that Kubernetes or Docker made for a service.
    ServiceLink,
    /// URL of another program's database, which only looks like a setting.
    ForeignUrl,
    /// Setting of the host, by its key.
    Setting(String),
    /// No setting of the host; a plugin may read it.
    Other,
}

impl<'a> Meaning<'a> {
    fn of(name: &'a str, value: &str, origin: &str) -> Self {
        if let Some((plugin, key)) = plugin_config::parse_variable(name) {
            Self::OfPlugin { plugin, key }
        } else if is_service_link(name, value) {
            Self::ServiceLink
        } else if origin == ENVIRONMENT && is_foreign_url(name, value) {
            Self::ForeignUrl
        } else {
            key_of(name).map_or(Self::Other, Self::Setting)
        }
    }
}

impl Layers {
    /// Adds the variables in `text`, which is that of the `.env` file `file`.
    pub(super) fn add_dotenv(&mut self, file: &Path, text: &str) {
        let origin = file.display().to_string();
        let (variables, errors) = dotenv::parse(text);
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

    /// Adds the variables of the process's environment.
    pub(super) fn add_environment(
        &mut self,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) {
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
        match Meaning::of(name, &text, origin) {
            Meaning::OfPlugin { plugin, key } => self.plugin_config.insert_own(plugin, key, text),
            Meaning::ServiceLink => {}
            Meaning::ForeignUrl => self.warn(format!(
                "{name} (in {origin}) is ignored: it is no URL of a database that a plugin can have, \
                 which begin with sqlite: or mysql://"
            )),
            Meaning::Setting(key) => {
                let origin = format!("{name} (in {origin})");
                self.add_setting(key, Setting { text, origin });
            }
            Meaning::Other => self.plugin_config.insert_variable(name.to_owned(), text),
        }
    }

    /// Adds a setting of the host. Of two names of one setting, the one with
    /// the host's prefix is used: environment variables have no order, so the
    /// later one does not win.
    fn add_setting(&mut self, key: String, setting: Setting) {
        let Some(other) = self.rival_of(&key, &setting) else {
            self.settings.insert(key, setting);
            return;
        };
        let rival = self.settings.get(&other);
        let rival = rival.map(|it| it.origin.clone()).unwrap_or_default();
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

fn both_set(used: &str, ignored: &str) -> String {
    format!("{used} and {ignored} are both set; the former is used")
}
