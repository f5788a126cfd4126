//! Measurements of the control database's clock.

use std::sync::Arc;

use stores::clock::{Asked, SharedClock};

use super::{Control, Result};

const NOW: &str = "SELECT {now}";

impl Control {
    /// Returns the control database's clock, as this node has measured it.
    #[must_use]
    pub fn clock(&self) -> &Arc<SharedClock> {
        &self.clock
    }

    /// Measures the difference between this node's clock and the database's.
    ///
    /// # Errors
    /// When the database does not answer. Earlier measurements stay in use then.
    pub async fn measure_clock(&self) -> Result<()> {
        let asked = Asked::now();
        for mut row in self.query(NOW, Vec::new()).await? {
            self.clock.note(asked, row.integer()?);
        }
        Ok(())
    }
}
