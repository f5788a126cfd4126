//! Names for the reviewers of an older shop, whose reviews have none: the
//! customer service knows them.

use std::collections::HashMap;

use edge_sdk::sql;

use crate::clients::customers;
use crate::reviews::{ANONYMOUS, signature};

/// Selects some customers who wrote reviews that have no reviewer, at most as
/// many as the customer service is asked at once. Customer 0 is nobody.
pub const UNNAMED: &str = "SELECT DISTINCT customer_id FROM review \
     WHERE reviewer IS NULL AND customer_id > 0 ORDER BY customer_id LIMIT 100";

/// Names the reviewer of a customer's reviews that have none: name and customer.
pub const NAME: &str = "UPDATE review SET reviewer = ? WHERE customer_id = ? AND reviewer IS NULL";

/// Why reviewers were not named.
#[derive(Debug, thiserror::Error)]
pub enum NotNamed {
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// The customer service takes fewer ids at once than it was asked.
    #[error("the customer service was asked too many names at once")]
    TooMany,
}

/// Names the reviewers of some reviews that have none. A customer whom the
/// customer service does not know is anonymous for good.
///
/// # Errors
/// Those of the database. While the customer service does not answer, nothing
/// is written, and that is no error: the host logs why if it is a fault.
pub fn name_some() -> Result<(), NotNamed> {
    let unnamed: Vec<i64> = sql::query(UNNAMED).fetch_all()?;
    if unnamed.is_empty() {
        return Ok(());
    }
    let known = match customers::names(&unnamed) {
        Ok(known) => HashMap::from_iter(known),
        Err(customers::Error::Unavailable(_)) => return Ok(()),
        Err(customers::Error::TooMany) => return Err(NotNamed::TooMany),
    };
    for customer_id in unnamed {
        sql::query(NAME)
            .bind(reviewer(&known, customer_id))
            .bind(customer_id)
            .execute()?;
    }
    Ok(())
}

/// Returns what the reviews of a customer are signed with.
fn reviewer(known: &HashMap<i64, String>, customer_id: i64) -> String {
    let name = known.get(&customer_id).map(|name| signature(name));
    let name = name.filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| ANONYMOUS.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_name_is_anonymous() {
        let known = [
            (1, "Zoë Müller".to_owned()),
            (2, "é".repeat(60)),
            (3, " ".to_owned()),
        ];
        let known = HashMap::from(known);
        assert_eq!(reviewer(&known, 1), "Zoë Müller");
        assert_eq!(reviewer(&known, 2), "é".repeat(50));
        assert_eq!(reviewer(&known, 3), "Anonymous");
        assert_eq!(reviewer(&known, 4), "Anonymous");
    }
}
