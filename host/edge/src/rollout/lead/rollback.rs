//! Selection of the regions of a rollback, both through a node and offline.

use std::collections::BTreeMap;

use wildmatch::WildMatch;

use crate::rollout::control::log::Entry;

/// The error of a rollback whose patterns select no region.
#[derive(Debug, thiserror::Error)]
pub enum NotMeant {
    /// The release log has no entries of the plugin.
    #[error("the release log knows no plugin {0}")]
    NoSuchPlugin(String),
    /// No region of the plugin matches the pattern.
    #[error("no region that runs {plugin} matches {pattern:?}; there are: {known}")]
    NoSuchRegion {
        /// Name of the plugin.
        plugin: String,
        /// Pattern that matches no region.
        pattern: String,
        /// Names of the regions in the plugin's log, separated by commas.
        known: String,
    },
}

/// Returns the last entries of the regions that a rollback of `plugin` concerns, in the order of
/// `patterns`; all regions that run the plugin if there are no patterns.
///
/// A pattern selects the matching regions that run the plugin. If it matches only regions from
/// which the plugin was removed, it selects those, and the rollback brings the plugin back. A
/// rollback brings the plugin to no region that never ran it.
///
/// # Errors
/// When a pattern matches no region of the plugin's log.
pub fn meant<'a>(
    plugin: &str,
    heads: &'a BTreeMap<String, Entry>,
    patterns: &[String],
) -> Result<Vec<&'a Entry>, NotMeant> {
    if heads.is_empty() {
        return Err(NotMeant::NoSuchPlugin(plugin.to_owned()));
    }
    let all = ["*".to_owned()];
    let patterns = if patterns.is_empty() { &all } else { patterns };
    let mut meant: Vec<&Entry> = Vec::new();
    for pattern in patterns {
        let matching = WildMatch::new(pattern);
        let found = heads.values().filter(|head| matching.matches(&head.region));
        let (running, removed): (Vec<_>, Vec<_>) =
            found.partition(|head| head.desired.active.is_some());
        let found = if running.is_empty() { removed } else { running };
        if found.is_empty() {
            let known: Vec<_> = heads.keys().map(String::as_str).collect();
            return Err(NotMeant::NoSuchRegion {
                plugin: plugin.to_owned(),
                pattern: pattern.clone(),
                known: known.join(", "),
            });
        }
        for head in found {
            if !meant.iter().any(|other| other.region == head.region) {
                meant.push(head);
            }
        }
    }
    Ok(meant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::log::DesiredState;
    use bundle::Digest;

    fn release(name: char) -> Digest {
        Digest::of(name.to_string().as_bytes())
    }

    fn heads() -> BTreeMap<String, Entry> {
        let regions = [("ap", None), ("eu", Some('1')), ("us-east", Some('2'))];
        let head = |(region, active): (&str, Option<char>)| {
            let head = Entry {
                region: region.to_owned(),
                plugin: "hello".to_owned(),
                revision: 2,
                desired: DesiredState::only(active.map(release)),
                rollout: String::new(),
                author: String::new(),
                reason: String::new(),
                written_at: 0,
                age_ms: 0,
            };
            (region.to_owned(), head)
        };
        regions.map(head).into()
    }

    fn regions_of(patterns: &[&str]) -> Result<Vec<String>, String> {
        let patterns: Vec<_> = patterns.iter().map(|text| (*text).to_owned()).collect();
        let heads = heads();
        let found = meant("hello", &heads, &patterns).map_err(|error| error.to_string())?;
        Ok(found.iter().map(|head| head.region.clone()).collect())
    }

    #[test]
    fn regions_that_run_the_plugin_are_meant_and_others_by_name_alone() {
        let regions = |patterns: &[&str]| regions_of(patterns).expect("regions");
        assert_eq!(regions(&[]), ["eu", "us-east"]);
        assert_eq!(regions(&["us-*", "*"]), ["us-east", "eu"]);
        assert_eq!(regions(&["ap"]), ["ap"]);
        let error = regions_of(&["eu", "mars"]).expect_err("no region");
        assert!(
            error.contains("mars") && error.contains("us-east"),
            "{error}"
        );
    }
}
