//! Resolution of patterns to regions.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::admin::AdminState;
use crate::admin::error::{ApiError, Result};

/// Returns the regions that match `patterns`, in their order; all regions when
/// there are no patterns.
pub(super) async fn named(
    state: &AdminState,
    plugin: &str,
    patterns: &[String],
) -> Result<Vec<String>> {
    let nodes = state.control.nodes().await?;
    let mut known: BTreeSet<String> = nodes.into_iter().map(|node| node.region).collect();
    known.extend(state.control.desired_of(plugin).await?.into_keys());
    known.insert(state.reconciler.name().region.clone());
    in_order(&known, patterns)
}

fn in_order(known: &BTreeSet<String>, patterns: &[String]) -> Result<Vec<String>> {
    if patterns.is_empty() {
        return Ok(known.iter().cloned().collect());
    }
    let mut regions = Vec::new();
    for pattern in patterns {
        let matching = WildMatch::new(pattern);
        let found: Vec<_> = known
            .iter()
            .filter(|region| matching.matches(region))
            .collect();
        if found.is_empty() {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            let detail = format!(
                "no region matches {pattern:?}; there are: {}",
                known.join(", ")
            );
            return Err(ApiError::bad_request(detail));
        }
        for region in found {
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
    }
    Ok(regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_keep_their_order_and_name_each_region_once() {
        let known = ["ap-south", "eu-west", "us-east", "us-west"];
        let known = known.map(str::to_owned).into_iter().collect();
        let named = |patterns: &[&str]| {
            let patterns: Vec<_> = patterns.iter().map(|text| (*text).to_owned()).collect();
            in_order(&known, &patterns)
        };
        let found = named(&["us-*", "eu-west", "*-west"]).expect("regions");
        assert_eq!(found, ["us-east", "us-west", "eu-west"]);
        assert_eq!(named(&[]).expect("regions").len(), 4);
        assert!(named(&["us-*", "mars"]).is_err());
    }
}
