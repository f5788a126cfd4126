//! State of a rollout in each of its regions: the nodes with which it began there, and for how long
//! they were seen healthy.
//!
//! The rows let any node continue a rollout that another node led: the nodes that have to serve are
//! those recorded when the region was begun, not those that a node sees at the moment.

use stores::sql::Value;

use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, text};

/// Revision of the rows that are written when a rollout begins, before it has an entry in any
/// region's log. Revisions of the log count from 1.
pub const AT_START: i64 = 0;

/// Column value of [`MaxUnavailable::Any`].
const ANY: i64 = -1;

const FAILED: &str = "failed";

const OF_ROLLOUT: &str = "SELECT region, revision, nodes, max_unavailable, healthy_ms, \
     observed_at, {now} - observed_at, state FROM edge_rollout_region WHERE rollout = ?";
const ADD: &str = "INSERT INTO edge_rollout_region (rollout, region, revision, nodes, \
     max_unavailable, healthy_ms, observed_at, state) VALUES (?, ?, ?, ?, ?, 0, {now}, '')";
const COUNT: &str = "UPDATE edge_rollout_region SET healthy_ms = ?, observed_at = {now} \
     WHERE rollout = ? AND region = ? AND revision = ? AND observed_at = ?";
const FAIL: &str = "UPDATE edge_rollout_region SET state = ? \
     WHERE rollout = ? AND region = ? AND revision = ?";
const FAIL_ALL: &str = "UPDATE edge_rollout_region SET state = ? WHERE rollout = ?";
const DROP: &str = "DELETE FROM edge_rollout_region WHERE rollout = ?";

/// Maximum number of nodes of a region that may be dead or silent without failing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxUnavailable {
    /// At most this number of nodes.
    Nodes(u32),
    /// Any number, for changes that must not be reverted because nodes are down, such as the
    /// rollback of a release that crashes nodes.
    Any,
}

impl MaxUnavailable {
    /// Returns whether `count` dead or silent nodes are tolerated.
    #[must_use]
    pub fn allows(self, count: usize) -> bool {
        match self {
            Self::Nodes(most) => count <= most as usize,
            Self::Any => true,
        }
    }

    fn to_column(self) -> i64 {
        match self {
            Self::Nodes(most) => most.into(),
            Self::Any => ANY,
        }
    }

    fn from_column(column: i64) -> Self {
        u32::try_from(column).map_or(Self::Any, Self::Nodes)
    }
}

/// State of a rollout in one region, for one revision of the region's log.
#[derive(Debug, Clone)]
pub struct RolloutRegion {
    /// Name of the region.
    pub region: String,
    /// Revision of the region's log, or [`AT_START`].
    pub revision: i64,
    /// Names of the nodes that have to serve the revision; in a row of [`AT_START`], of the nodes
    /// that were live then.
    pub nodes: Vec<String>,
    /// Maximum number of those nodes that may be unavailable.
    pub max_unavailable: MaxUnavailable,
    /// Time for which all nodes were seen healthy, in milliseconds.
    pub healthy_ms: u64,
    /// Time when `healthy_ms` was last updated, by the database's clock, in milliseconds since
    /// 1970.
    pub observed_at: i64,
    /// Time between `observed_at` and the reading of the row, in milliseconds.
    pub observed_ago_ms: u64,
    /// True if the rollout failed in this region, whose change is to be reverted.
    pub failed: bool,
}

impl RolloutRegion {
    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            region: row.text()?,
            revision: row.integer()?,
            nodes: row.json()?,
            max_unavailable: MaxUnavailable::from_column(row.integer()?),
            healthy_ms: u64::try_from(row.integer()?).unwrap_or_default(),
            observed_at: row.integer()?,
            observed_ago_ms: u64::try_from(row.integer()?).unwrap_or_default(),
            failed: row.text()? == FAILED,
        })
    }
}

/// A new row of a rollout in one region.
#[derive(Debug, Clone, Copy)]
pub struct NewRolloutRegion<'a> {
    /// ID of the rollout.
    pub rollout: &'a str,
    /// Name of the region.
    pub region: &'a str,
    /// Revision of the region's log, or [`AT_START`].
    pub revision: i64,
    /// Names of the nodes that have to serve the revision.
    pub nodes: &'a [String],
    /// Maximum number of those nodes that may be unavailable.
    pub max_unavailable: MaxUnavailable,
}

/// Returns the names of the live nodes of `region`.
#[must_use]
pub fn live_nodes(nodes: &[NodeRecord], region: &str) -> Vec<String> {
    let live = nodes
        .iter()
        .filter(|node| node.region == region && node.is_live());
    live.map(|node| node.node.clone()).collect()
}

/// Returns the names of the nodes of `region` that have to serve a release when the rollout reaches
/// the region: its live nodes, and those of `at_start`, when the rollout began, that died since.
/// Nodes that left in order, were forgotten or were replaced by a live node are not expected. If
/// the region has no live nodes, all of `at_start` are expected.
#[must_use]
pub fn expected_nodes(nodes: &[NodeRecord], region: &str, at_start: &[String]) -> Vec<String> {
    let mut expected = live_nodes(nodes, region);
    if expected.is_empty() {
        return at_start.to_vec();
    }
    let is_missed = |name: &&String| {
        let mut found = nodes.iter().filter(|node| node.node == **name);
        found.any(|node| !node.is_live()) && !is_replaced(nodes, name)
    };
    expected.extend(at_start.iter().filter(is_missed).cloned());
    expected
}

/// Returns whether a live node has taken the place of the node `name`, directly or through a chain
/// of replacements that died too.
fn is_replaced(nodes: &[NodeRecord], name: &str) -> bool {
    let mut name = name;
    for _ in nodes {
        let mut successors = nodes
            .iter()
            .filter(|node| node.report.replaces.as_deref() == Some(name));
        match successors.next() {
            Some(node) if node.is_live() => return true,
            Some(node) => name = &node.node,
            None => return false,
        }
    }
    false
}

impl Control {
    /// Returns all rows of a rollout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rollout_regions(&self, rollout: &str) -> Result<Vec<RolloutRegion>> {
        let rows = self.query(OF_ROLLOUT, vec![text(rollout)]).await?;
        rows.into_iter().map(RolloutRegion::read).collect()
    }

    /// Stores the state with which a rollout begins a region. If another node has stored it before,
    /// that row stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_rollout_region(&self, new: NewRolloutRegion<'_>) -> Result<()> {
        let values = vec![
            text(new.rollout),
            text(new.region),
            Value::Integer(new.revision),
            text(serde_json::json!(new.nodes)),
            Value::Integer(new.max_unavailable.to_column()),
        ];
        self.try_execute(ADD, values).await.map(|_| ())
    }

    /// Stores the time for which the nodes of a region were seen healthy, unless another node has
    /// updated it since the row was read. Returns whether it was stored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_healthy(
        &self,
        rollout: &str,
        row: &RolloutRegion,
        healthy_ms: u64,
    ) -> Result<bool> {
        let values = vec![
            Value::Integer(i64::try_from(healthy_ms).unwrap_or(i64::MAX)),
            text(rollout),
            text(&row.region),
            Value::Integer(row.revision),
            Value::Integer(row.observed_at),
        ];
        Ok(self.execute(COUNT, values).await?.rows_affected == 1)
    }

    /// Marks a region as failed, so that the rollout's change there is reverted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fail_rollout_region(&self, rollout: &str, row: &RolloutRegion) -> Result<()> {
        let values = vec![
            text(FAILED),
            text(rollout),
            text(&row.region),
            Value::Integer(row.revision),
        ];
        self.execute(FAIL, values).await.map(|_| ())
    }

    /// Marks all regions of a rollout as failed, so that all of its changes are reverted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fail_rollout(&self, rollout: &str) -> Result<()> {
        let values = vec![text(FAILED), text(rollout)];
        self.execute(FAIL_ALL, values).await.map(|_| ())
    }

    /// Removes the rows of a rollout that did not begin.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn drop_rollout_regions(&self, rollout: &str) -> Result<()> {
        self.execute(DROP, vec![text(rollout)]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::report::Report;

    const LIVE: i64 = 0;
    const DEAD: i64 = 60_000;

    fn node(name: &str, age_ms: i64, replaces: Option<&str>) -> NodeRecord {
        NodeRecord {
            node: name.to_owned(),
            region: "here".to_owned(),
            report: Report {
                replaces: replaces.map(str::to_owned),
                ..Report::default()
            },
            age_ms,
        }
    }

    fn expected(nodes: &[NodeRecord]) -> Vec<String> {
        let at_start = ["a", "b"].map(str::to_owned);
        expected_nodes(nodes, "here", &at_start)
    }

    #[test]
    fn a_node_that_died_before_its_regions_turn_is_missed() {
        let nodes = [node("a", LIVE, None), node("b", DEAD, None)];
        assert_eq!(expected(&nodes), ["a", "b"]);
        // Node b left in order, or was forgotten.
        assert_eq!(expected(&nodes[..1]), ["a"]);
        // Node c was dead before the rollout began.
        let nodes = [node("a", LIVE, None), node("c", DEAD, None)];
        assert_eq!(expected(&nodes), ["a"]);
        assert_eq!(expected(&[node("b", DEAD, None)]), ["a", "b"]);
    }

    #[test]
    fn a_node_that_was_started_again_is_not_missed() {
        let dead = node("b", DEAD, None);
        let restarted = [
            node("a", LIVE, None),
            dead.clone(),
            node("c", DEAD, Some("b")),
            node("d", LIVE, Some("c")),
        ];
        assert_eq!(expected(&restarted), ["a", "d"]);
        let died_again = [node("a", LIVE, None), dead, node("c", DEAD, Some("b"))];
        assert_eq!(expected(&died_again), ["a", "b"]);
    }
}
