//! What a plugin lacks before it may serve real customers: the settings that
//! its manifest names under `[production]`.

use bundle::manifest::Manifest;

use crate::config::Settings;

/// Returns what is missing, each with what happens without it.
pub(super) fn gaps(manifest: &Manifest, settings: &Settings) -> Vec<String> {
    let values = &settings.plugin_config.0;
    let is_set = |key: &String| {
        let value = values.get(&manifest.name, key);
        value.is_some_and(|value| !value.trim().is_empty())
    };
    let missing = manifest.production.iter().filter(|(key, _)| !is_set(key));
    missing
        .map(|(key, otherwise)| format!("{key} is not set: {otherwise}"))
        .collect()
}
