//! `edge status --connections`: a line for each pool of connections of each node.

use crate::admin::api::Status;
use crate::cli::output::table::Table;

/// Returns the table of connections.
pub(super) fn table(status: &Status) -> String {
    let headings = [
        "REGION", "NODE", "STORE", "SYSTEM", "OPEN", "IDLE", "IN USE", "WAITING", "MAX",
    ];
    let mut table = Table::new(&headings);
    for node in status.nodes.iter().filter(|node| node.is_live()) {
        let name = format!("{} {}", node.node, node.report.address);
        for pool in &node.report.connections {
            let counts = [
                pool.used + pool.idle,
                pool.idle,
                pool.used,
                pool.waiting,
                pool.most,
            ];
            let mut cells = vec![
                node.region.clone(),
                name.clone(),
                pool.store.clone(),
                pool.system.clone(),
            ];
            cells.extend(counts.map(|count| count.to_string()));
            table.row(cells);
        }
    }
    table.to_string()
}
