//! Setting of the variables that plugins read under their plain names, and what
//! plugins read with them.

use super::layers::Layers;
use super::plugin_config::{PluginConfig, Variable};

/// Key of the setting.
const KEY: &str = "plugin_variables";

/// Takes the plugins' configuration out of `layers`. The variables of this
/// distribution's plugins are reserved whatever the operator adds.
pub(super) fn take_plugin_config(layers: &mut Layers) -> PluginConfig {
    let mut reserved = layers.take_default(KEY, variables);
    reserved.extend(layers.take(KEY, Vec::new(), variables));
    layers.judge_unread(|name| reserved.iter().any(|variable| variable.is_set_by(name)));
    let mut config = layers.take_plugin_config();
    for problem in config.read_files(&reserved) {
        layers.complain(&problem);
    }
    config.reserve(reserved)
}

/// Parses `plugin:KEY`, several with commas between.
pub(super) fn variables(text: &str) -> Result<Vec<Variable>, String> {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    entries
        .map(|entry| match entry.split_once(':') {
            Some((plugin, key)) if !plugin.is_empty() && !key.is_empty() => {
                Ok(Variable::new(plugin, key))
            }
            _ => Err("is not plugin:KEY with commas between".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_variables_are_pairs() {
        assert_eq!(variables("").map(|all| all.len()), Ok(0));
        assert_eq!(variables("a:B, c:D").map(|all| all.len()), Ok(2));
        for bad in ["a", "a:", ":B", "a:B,c"] {
            assert!(variables(bad).is_err(), "{bad}");
        }
    }
}
