//! Settings that a plugin's manifest requires in production, under
//! `[production]`.

use bundle::manifest::Manifest;

use crate::config::Settings;

/// Returns a message for each required setting that is not set, with the effect
/// of leaving it out.
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
