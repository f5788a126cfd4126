//! Starter data of a new shop: regions, ways of shipping, and taxes.

use edge_sdk::sql::{self, Transaction};
use edge_sdk::wit::Progress;

/// Selects 1 if any of the tables that are filled here has a row.
pub const ANY_ROW: &str = "SELECT 1 FROM tax UNION ALL SELECT 1 FROM shipping_region \
     UNION ALL SELECT 1 FROM shipping LIMIT 1";

/// Inserts a region, with its id and name.
pub const ADD_REGION: &str =
    "INSERT INTO shipping_region (shipping_region_id, shipping_region) VALUES (?, ?)";

/// Inserts a way of shipping, with its region, name and cost.
pub const ADD_SHIPPING: &str =
    "INSERT INTO shipping (shipping_region_id, shipping_type, shipping_cost) VALUES (?, ?, ?)";

/// Inserts a tax, with its name and percentage.
pub const ADD_TAX: &str = "INSERT INTO tax (tax_type, tax_percentage) VALUES (?, ?)";

/// A name and its amount.
type Priced = (&'static str, &'static str);

/// Regions with their ids, names, and ways of shipping, each with its cost in
/// the name: front ends show the name alone, and some read the price out of it. Customers who have not
/// chosen yet are in the first.
const REGIONS: [(i64, &str, &[Priced]); 4] = [
    (1, "Please select", &[]),
    (
        2,
        "North America",
        &[
            ("Express courier ($18.50)", "18.50"),
            ("Tracked parcel, 2 to 4 days ($9.90)", "9.90"),
            ("Standard mail, up to 8 days ($4.95)", "4.95"),
        ],
    ),
    (
        3,
        "Europe",
        &[
            ("Tracked air parcel, 3 to 5 days ($16.75)", "16.75"),
            ("Road parcel, up to 10 days ($8.40)", "8.40"),
        ],
    ),
    (
        4,
        "Rest of the world",
        &[
            ("Tracked air parcel, 5 to 9 days ($29.00)", "29.00"),
            ("Surface mail, up to 6 weeks ($14.20)", "14.20"),
        ],
    ),
];

const TAXES: [Priced; 2] = [("Sales tax", "8.25"), ("Tax exempt", "0.00")];

/// Does the whole work in one step, if the tables are empty.
///
/// # Errors
/// Why it failed; nothing is kept then.
pub fn step(_: Option<u64>) -> Result<Progress, String> {
    fill().map_err(|error| error.to_string())?;
    Ok(Progress { done: 1, total: 1 })
}

fn fill() -> Result<(), sql::Error> {
    if sql::query(ANY_ROW).fetch_optional::<i64>()?.is_some() {
        return Ok(());
    }
    sql::transaction(|transaction| {
        for (id, name, ways) in REGIONS {
            add_region(transaction, id, name, ways)?;
        }
        for (name, percentage) in TAXES {
            let tax = transaction.query(ADD_TAX).bind(name).bind(percentage);
            tax.execute()?;
        }
        Ok(())
    })
}

fn add_region(
    transaction: &Transaction,
    id: i64,
    name: &str,
    ways: &[Priced],
) -> Result<(), sql::Error> {
    let region = transaction.query(ADD_REGION).bind(id).bind(name);
    region.execute()?;
    for (way, cost) in ways {
        let shipping = transaction.query(ADD_SHIPPING).bind(id);
        shipping.bind(*way).bind(*cost).execute()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_sdk::money;

    #[test]
    fn amounts_are_decimals() {
        let ways = REGIONS.iter().flat_map(|(_, _, ways)| *ways);
        assert_eq!(ways.clone().count(), 7);
        for (name, amount) in ways.chain(&TAXES) {
            let read = money::hundredths(amount).map(money::Cents);
            assert_eq!(read.map(String::from).as_deref(), Some(*amount), "{name}");
        }
    }
}
