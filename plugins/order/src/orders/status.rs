//! The states of an order, and the ways from one to another.

/// A status, with its number in the database and the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The order is made, and not paid.
    New = 0,
    /// The order is paid, and not shipped.
    Paid = 1,
    /// The order is cancelled: never paid, or refunded before it was shipped.
    Cancelled = 2,
    /// The order is paid and shipped.
    Shipped = 3,
    /// The charge of the order was refunded.
    Refunded = 4,
}

/// The column's number has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order has the unknown status {0}")]
pub struct Unknown(i64);

/// Every status, at the place of its number in the database and the API.
const ALL: [Status; 5] = [
    Status::New,
    Status::Paid,
    Status::Cancelled,
    Status::Shipped,
    Status::Refunded,
];

/// Returns the status of this number.
///
/// # Errors
/// [`Unknown`] for another number.
pub fn from_number(number: i64) -> Result<Status, Unknown> {
    let status = usize::try_from(number).ok().and_then(|at| ALL.get(at));
    status.copied().ok_or(Unknown(number))
}

/// Returns a word for people.
#[must_use]
pub fn name(status: Status) -> &'static str {
    match status {
        Status::New => "new",
        Status::Paid => "paid",
        Status::Cancelled => "cancelled",
        Status::Shipped => "shipped",
        Status::Refunded => "refunded",
    }
}

/// Work that takes an order from one status to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order is there already.
    Nothing,
    /// Send it.
    Ship,
    /// Nobody has paid: its stock goes back.
    Cancel,
    /// Refund the charge, and put the stock back.
    CancelPaid,
    /// Refund the charge, and put back into stock what was not sent yet.
    Refund,
}

/// Returns the merchant's step from one status to another; `None` if there is none.
/// Only payments make an order paid.
#[must_use]
pub fn step(from: Status, to: Status) -> Option<Step> {
    match (from, to) {
        _ if from == to => Some(Step::Nothing),
        (Status::Paid, Status::Shipped) => Some(Step::Ship),
        (Status::New, Status::Cancelled) => Some(Step::Cancel),
        (Status::Paid, Status::Cancelled) => Some(Step::CancelPaid),
        (Status::Paid | Status::Shipped, Status::Refunded) => Some(Step::Refund),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_contract() {
        let names: Vec<_> = (0..5).map(|number| from_number(number).map(name)).collect();
        let expected = ["new", "paid", "cancelled", "shipped", "refunded"];
        assert_eq!(names, expected.map(Ok));
        for number in [-1, 5, i64::MAX] {
            assert_eq!(from_number(number), Err(Unknown(number)));
        }
    }

    #[test]
    fn only_these_steps_are_there() {
        let legal = [
            (Status::New, Status::Cancelled, Step::Cancel),
            (Status::Paid, Status::Shipped, Step::Ship),
            (Status::Paid, Status::Cancelled, Step::CancelPaid),
            (Status::Paid, Status::Refunded, Step::Refund),
            (Status::Shipped, Status::Refunded, Step::Refund),
        ];
        for from in ALL {
            for to in ALL {
                let known = legal.iter().find(|(a, b, _)| (*a, *b) == (from, to));
                let known = known.map(|(_, _, step)| *step);
                let expected = if from == to {
                    Some(Step::Nothing)
                } else {
                    known
                };
                assert_eq!(step(from, to), expected, "{from:?} to {to:?}");
            }
        }
    }
}
