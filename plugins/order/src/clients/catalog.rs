//! Calls of the product service.

use std::collections::HashMap;

use edge_sdk::{Failure, Result};

use crate::bindings::shop::catalog::{catalog as service, prices};

pub(crate) use service::{Error, ReserveError};
pub use service::{Item, Line};

const UNAVAILABLE: Failure = Failure::new(503, "HTTP_503", "The catalog is not available.");

/// Refusal of an id that no product has.
pub const NO_PRODUCT: Failure = Failure::new(404, "PRO_01", "Don't exist product with this ID.");

/// Refusal of a product that is in the catalog, and cannot be sold.
pub const NO_PRICE: Failure = Failure::new(400, "PRO_03", "The product has no price yet.");

/// Says why a product that the catalog does not sell is not sold: it is not
/// there, or it has no price. A catalog that cannot tell has no such products.
#[must_use]
pub fn not_sold(product_id: i64) -> Failure {
    match prices::missing(&[product_id]) {
        Ok(missing) if missing.contains(&product_id) => NO_PRICE,
        Ok(_) | Err(prices::Error::Unavailable(_)) => NO_PRODUCT,
    }
}

/// Takes products out of stock, all or none, once for each name of a reservation.
pub(crate) fn reserve(reservation: &str, lines: &[Line]) -> Result<(), ReserveError> {
    service::reserve(reservation, lines)
}

/// Puts what a reservation took back into stock, once.
pub(crate) fn release(reservation: &str) -> Result<(), Error> {
    service::release(reservation)
}

/// Products as the catalog has them now; each is asked for once.
#[derive(Debug, Default)]
pub struct Items(HashMap<i64, Option<Item>>);

impl Items {
    /// Asks for the products that are not known yet, with one call.
    ///
    /// # Errors
    /// 503 while the catalog is not available.
    pub fn load(&mut self, product_ids: impl IntoIterator<Item = i64>) -> Result<()> {
        let is_new = |id: &i64| !self.0.contains_key(id);
        let mut unknown: Vec<_> = product_ids.into_iter().filter(is_new).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let Error::Unavailable(why) = match service::find(&unknown) {
            Ok(found) => {
                self.0.extend(unknown.into_iter().zip(found));
                return Ok(());
            }
            Err(error) => error,
        };
        Err(unavailable(&why))
    }

    /// Returns a product that was asked for, if the catalog has it.
    #[must_use]
    pub fn get(&self, product_id: i64) -> Option<&Item> {
        self.0.get(&product_id)?.as_ref()
    }
}

/// Products for the tests of what is computed from them.
#[cfg(test)]
impl FromIterator<Item> for Items {
    fn from_iter<T: IntoIterator<Item = Item>>(items: T) -> Self {
        let known = items.into_iter().map(|item| (item.product_id, Some(item)));
        Self(known.collect())
    }
}

#[cfg(test)]
impl Items {
    /// Makes a product one that the catalog does not have.
    pub(crate) fn forget(&mut self, product_id: i64) {
        self.0.insert(product_id, None);
    }
}

/// Returns a 503 that is worth another try. The reason goes to the log.
pub(crate) fn unavailable(why: &str) -> Failure {
    eprintln!("catalog: {why}");
    UNAVAILABLE.header("retry-after", "1")
}
