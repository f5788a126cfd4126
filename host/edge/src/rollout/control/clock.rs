//! The clock of the control database.

use std::sync::Arc;

use stores::clock::{Asked, SharedClock};

use super::{Control, Result};

const NOW: &str = "SELECT {now}";

impl Control {
    /// Returns the control database's clock, as this node knows it.
    #[must_use]
    pub fn clock(&self) -> &Arc<SharedClock> {
        &self.clock
    }

    /// Compares this node's clock with the database's.
    ///
    /// # Errors
    /// When the database does not answer: what was known before still counts.
    pub async fn measure_clock(&self) -> Result<()> {
        let asked = Asked::now();
        for mut row in self.query(NOW, Vec::new()).await? {
            self.clock.note(asked, row.integer()?);
        }
        Ok(())
    }
}
