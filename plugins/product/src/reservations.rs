//! Taking products out of stock for somebody, all or none, and putting them
//! back.
//!
//! A reservation has a row for as long as there is a shop: its key is what
//! makes it once, and the time in it what releases it once. Its lines say how
//! many were taken of each product; one that never runs out has none. Products
//! are always changed in the order of their ids, so that no two reservations
//! wait for each other.

use std::collections::BTreeMap;

use edge_sdk::sql::{self, Error, Transaction};

/// Bytes of a reservation's name.
const MAX_NAME_BYTES: usize = 255;

/// Makes a reservation, by its name.
pub const MAKE: &str =
    "INSERT INTO product_reservation (reservation, created_on) VALUES (?, {now})";

/// Selects the time when a reservation, by its name, was released.
pub const RELEASED: &str = "SELECT released_on FROM product_reservation WHERE reservation = ?";

/// Takes a quantity of a product, by its id, if that is in stock (the quantity
/// again) or the product never runs out. The row is held until the transaction
/// ends.
pub const TAKE: &str = "UPDATE product SET stock = stock - ? \
     WHERE product_id = ? AND (stock IS NULL OR stock >= ?)";

/// Notes in a reservation, by its name, the quantity that was taken of a product,
/// by its id, unless it never runs out.
pub const NOTE: &str = "INSERT INTO product_reservation_line (reservation, product_id, quantity) \
     SELECT ?, product_id, ? FROM product WHERE product_id = ? AND stock IS NOT NULL";

/// Inserts a reservation, by its name, that was released before it was made.
pub const BAR: &str = "INSERT INTO product_reservation (reservation, created_on, released_on) VALUES (?, {now}, {now})";

/// Releases a reservation, by its name, if that was not done.
pub const RELEASE: &str = "UPDATE product_reservation SET released_on = {now} \
     WHERE reservation = ? AND released_on IS NULL";

/// Selects the products that a reservation took, with their quantities, by its
/// name.
pub const TAKEN: &str = "SELECT product_id, quantity FROM product_reservation_line \
     WHERE reservation = ? ORDER BY product_id";

/// Puts a quantity of a product, by its id, back. One that is gone stays gone, and
/// one that never runs out by now does not begin to.
pub const PUT_BACK: &str = "UPDATE product SET stock = stock + ? WHERE product_id = ?";

/// Why nothing was reserved or released.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There are not enough of this product, or there is no such product.
    #[error("product {0} is sold out")]
    SoldOut(i64),
    /// The reservation was released.
    #[error("the reservation was released")]
    Released,
    /// The reservation's name does not fit.
    #[error("a reservation has a name of 1 to {MAX_NAME_BYTES} bytes")]
    Name,
    /// The database did not do it.
    #[error(transparent)]
    Sql(#[from] Error),
}

/// Takes quantities of products out of stock, by their ids, all or none. A
/// reservation that is there already is left alone.
///
/// # Errors
/// See [`Refusal`]. Nothing was taken then; after an error of the database that
/// is not known, and asking again settles it.
pub fn reserve(
    reservation: &str,
    pieces: impl IntoIterator<Item = (i64, u32)>,
) -> Result<(), Refusal> {
    let name = name(reservation)?;
    let quantities = quantities(pieces);
    retry_once(|| match state(name)? {
        Some(state) => state.answer(),
        None => take_or_find(name, &quantities),
    })
}

/// Puts what a reservation took back into stock, once. One that was never made
/// can no longer be made.
///
/// # Errors
/// See [`Refusal`]. Nothing was put back then; after an error of the database
/// that is not known, and asking again settles it.
pub fn release(reservation: &str) -> Result<(), Refusal> {
    let name = name(reservation)?;
    retry_once(|| match bar(name) {
        // It is there, and stays there.
        Err(Error::Conflict(_)) => sql::transaction(|transaction| put_back(transaction, name)),
        barred => Ok(barred?),
    })
}

/// Names are bytes to the database.
fn name(reservation: &str) -> Result<&[u8], Refusal> {
    match reservation.len() {
        1..=MAX_NAME_BYTES => Ok(reservation.as_bytes()),
        _ => Err(Refusal::Name),
    }
}

/// Returns how many of each product, in the order of their ids.
fn quantities(pieces: impl IntoIterator<Item = (i64, u32)>) -> BTreeMap<i64, i64> {
    let mut quantities = BTreeMap::<i64, i64>::new();
    for (product_id, quantity) in pieces.into_iter().filter(|(_, quantity)| *quantity > 0) {
        let sum = quantities.entry(product_id).or_default();
        *sum = sum.saturating_add(quantity.into());
    }
    quantities
}

/// Does work that may be done twice, a second time if the database was busy: of
/// two transactions that wait for each other it ends one.
fn retry_once<T>(mut work: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    match work() {
        Err(Refusal::Sql(Error::Unavailable(_))) => work(),
        done => done,
    }
}

/// State of a reservation that was made.
#[derive(Clone, Copy)]
enum State {
    Held,
    Released,
}

impl State {
    /// Returns the answer to who asks for the same reservation again.
    fn answer(self) -> Result<(), Refusal> {
        match self {
            Self::Held => Ok(()),
            Self::Released => Err(Refusal::Released),
        }
    }
}

fn state(name: &[u8]) -> Result<Option<State>, Error> {
    let found: Option<Option<String>> =
        sql::query(RELEASED).bind(name.to_vec()).fetch_optional()?;
    Ok(found.map(|released_on| match released_on {
        None => State::Held,
        Some(_) => State::Released,
    }))
}

/// Takes products out of stock, unless somebody else did so for the same
/// reservation in the meantime.
fn take_or_find(name: &[u8], quantities: &BTreeMap<i64, i64>) -> Result<(), Refusal> {
    let taken = sql::transaction(|transaction| take(transaction, name, quantities));
    match taken {
        Err(refusal @ (Refusal::SoldOut(_) | Refusal::Sql(Error::Conflict(_)))) => {
            state(name)?.map_or(Err(refusal), State::answer)
        }
        done => done,
    }
}

/// Takes products out of stock, and makes the reservation. The products come
/// first: who waits for one waits there, and not for the name of the
/// reservation, where two that wait would block each other.
fn take(
    transaction: &Transaction,
    name: &[u8],
    quantities: &BTreeMap<i64, i64>,
) -> Result<(), Refusal> {
    for (&product, &quantity) in quantities {
        take_one(transaction, name, product, quantity)?;
    }
    transaction.query(MAKE).bind(name.to_vec()).execute()?;
    Ok(())
}

fn take_one(
    transaction: &Transaction,
    name: &[u8],
    product: i64,
    quantity: i64,
) -> Result<(), Refusal> {
    let take = transaction.query(TAKE).bind(quantity).bind(product);
    if take.bind(quantity).execute()?.rows_affected == 0 {
        return Err(Refusal::SoldOut(product));
    }
    let note = transaction.query(NOTE).bind(name.to_vec()).bind(quantity);
    note.bind(product).execute()?;
    Ok(())
}

fn bar(name: &[u8]) -> Result<(), Error> {
    sql::query(BAR).bind(name.to_vec()).execute()?;
    Ok(())
}

fn put_back(transaction: &Transaction, name: &[u8]) -> Result<(), Refusal> {
    let release = transaction.query(RELEASE).bind(name.to_vec());
    if release.execute()?.rows_affected == 0 {
        return Ok(());
    }
    let taken: Vec<(i64, i64)> = transaction.query(TAKEN).bind(name.to_vec()).fetch_all()?;
    for (product, quantity) in taken {
        let put_back = transaction.query(PUT_BACK).bind(quantity).bind(product);
        put_back.execute()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_is_taken_once_and_in_order() {
        let pieces = [(9, 1), (2, u32::MAX), (9, 2), (5, 0), (2, 1)];
        let expected = [(2, 1 << 32), (9, 3)];
        assert_eq!(quantities(pieces), BTreeMap::from(expected));
        assert_eq!(quantities([]), BTreeMap::new());
    }

    #[test]
    fn names_fit_their_column() {
        assert_eq!(name("order-7"), Ok(&b"order-7"[..]));
        assert!(name(&"é".repeat(127)).is_ok());
        for bad in [String::new(), "é".repeat(128)] {
            assert_eq!(name(&bad), Err(Refusal::Name));
        }
    }

    #[test]
    fn only_a_busy_database_is_asked_retry_once() {
        let refusals = [
            (Refusal::Sql(Error::Unavailable(String::new())), 2),
            (Refusal::Sql(Error::Timeout), 1),
            (Refusal::SoldOut(1), 1),
            (Refusal::Released, 1),
        ];
        for (refusal, expected) in refusals {
            let mut refusal = Some(refusal);
            let mut asked = 0;
            let outcome = retry_once(|| {
                asked += 1;
                refusal.take().map_or(Ok(()), Err)
            });
            assert_eq!(asked, expected, "{outcome:?}");
            assert_eq!(outcome.is_ok(), expected == 2);
        }
    }
}
