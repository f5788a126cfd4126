//! `/admin/orders`: what merchants see of orders, and do with them.

use edge_sdk::sql::Readable;
use edge_sdk::{ArrayPage, Failure, Listing, Request, Response, Result, sql};

use crate::clients::payments;
use crate::model::{AdminOrder, AdminOrderDetail};
use crate::orders::reserved::reserved;
use crate::orders::status::{self, Status, Step};
use crate::orders::{self, changes};

/// The role that may do this.
const ROLE: &str = "merchant";

/// Refusal of a change that the order's status does not allow.
pub const ILLEGAL: Failure = Failure::new(409, "ORD_06", "The order's status does not allow this.");
/// Refusal of a change whose refund was not possible.
pub const NOT_REFUNDED: Failure = Failure::new(409, "ORD_07", "The charge was not given back.");
const BUSY: Failure = Failure::new(
    409,
    "ORD_08",
    "The order is being paid for or refunded, or has changed. Please try again.",
);
const BAD_STATUS: Failure = Failure::malformed("The status is not a whole number from 0 to 4.");
const NO_PAYMENTS: Failure = Failure::new(503, "HTTP_503", "Payment is not available.");

macro_rules! select {
    ($($condition:tt)*) => {
        concat!(
            "SELECT order_id, customer_id, total_amount, shipping_cost, tax_amount, currency, \
             created_on, shipped_on, status, reference, paid_amount FROM orders WHERE ",
            $($condition)*
        )
    };
}

/// Counts all orders.
pub const COUNT: &str = concat!("SELECT COUNT(*) FROM orders WHERE ", reserved!(visible));

/// Selects a page of all orders, newest first.
pub const PAGE: &str = select!(
    reserved!(visible),
    " ORDER BY order_id DESC LIMIT ? OFFSET ?"
);

/// Counts the orders with a status.
pub const COUNT_WITH_STATUS: &str = concat!(
    "SELECT COUNT(*) FROM orders WHERE ",
    reserved!(visible),
    " AND status = ?"
);

/// Selects a page of the orders with a status, newest first.
pub const PAGE_WITH_STATUS: &str = select!(
    reserved!(visible),
    " AND status = ? ORDER BY order_id DESC LIMIT ? OFFSET ?"
);

/// Selects an order, by id.
pub const ONE: &str = select!("order_id = ? AND ", reserved!(visible));

/// GET `/admin/orders`.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `AUT_03`; `PAG_03` for a malformed page, `HTTP_400` for
/// a malformed status.
pub fn list(request: &Request) -> Result<Response> {
    request.principal_with_role(ROLE)?;
    let page = request.page()?;
    let filter = status(request)?.map(|status| status as u8);
    let with_filter = |all, filtered| match filter {
        Some(status) => sql::query(filtered).bind(status),
        None => sql::query(all),
    };
    let rows: Readable<AdminOrder> = with_filter(PAGE, PAGE_WITH_STATUS)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("orders", "order_id")?;
    let rows = rows.into_vec();
    let count = with_filter(COUNT, COUNT_WITH_STATUS).fetch_one()?;
    let response = Response::json_no_store(&Listing { count, rows })?;
    Ok(page.link(request, count, response))
}

/// GET `/admin/orders/{order_id}`.
///
/// # Errors
/// As [`list`]; `DEP_01` for a malformed id, `ORD_01` for an unknown one.
/// `page` and `limit` are of its lines.
pub fn one(request: &Request) -> Result<Response> {
    request.principal_with_role(ROLE)?;
    let page = orders::page(request)?;
    detail(page, find(request.id_param("order_id")?)?)
}

/// PUT `/admin/orders/{order_id}`.
///
/// # Errors
/// As [`one`]; `USR_02` and `HTTP_400` for the body, `ORD_06` for a status
/// that cannot be reached, `ORD_07` if the charge is not refunded, `ORD_08`
/// while something else happens to the order.
pub fn update(request: &Request) -> Result<Response> {
    let merchant = request.principal_with_role(ROLE)?;
    let order_id = request.id_param("order_id")?;
    let page = orders::page(request)?;
    let fields = request.fields()?;
    fields.required(&["status"])?;
    let to = fields.integer("status").ok().flatten().and_then(numbered);
    let to = to.ok_or_else(|| BAD_STATUS.field("status"))?;
    let from = current(&find(order_id)?)?;
    let step = status::step(from, to).ok_or_else(|| illegal(from, to))?;
    take(step, order_id, &format!("by merchant {}", merchant.id))?;
    detail(page, find(order_id)?)
}

fn take(step: Step, order_id: i64, why: &str) -> Result<()> {
    let done = match step {
        Step::Nothing => true,
        Step::Ship => changes::ship(order_id, why)?,
        Step::Cancel => changes::cancel(order_id, why)?,
        Step::CancelPaid => {
            refund_charge(order_id)?;
            changes::cancel_paid(order_id, why)?
        }
        Step::Refund => {
            refund_charge(order_id)?;
            // Payments may have told of it meanwhile.
            changes::refund(order_id, why)? || current(&find(order_id)?)? == Status::Refunded
        }
    };
    if done { Ok(()) } else { Err(BUSY) }
}

/// Asks for the charge of an order to be refunded. While nobody knows whether
/// that has happened, the order stays held: it can be asked for again, and not
/// be sent.
fn refund_charge(order_id: i64) -> Result<()> {
    if !changes::hold_for_refund(order_id)? {
        return Err(BUSY);
    }
    let refusal = match payments::refund(order_id) {
        Ok(()) => return Ok(()),
        Err(payments::Error::Unavailable(why)) => {
            eprintln!("payments: {why}");
            return Err(NO_PAYMENTS.header("retry-after", "1"));
        }
        Err(payments::Error::NotFound) => NOT_REFUNDED.with_message("The order has no charge."),
        Err(payments::Error::Refused(why)) => {
            NOT_REFUNDED.with_message(format!("The charge was not given back: {why}"))
        }
    };
    changes::release_refund_hold(order_id)?;
    Err(refusal)
}

fn find(order_id: i64) -> Result<AdminOrder> {
    let query = sql::query(ONE).bind(order_id);
    let order: Option<AdminOrder> = query.readable_first("orders", "order_id")?;
    order.ok_or(orders::NOT_FOUND)
}

/// Returns the order with a page of its lines.
fn detail(page: ArrayPage, order: AdminOrder) -> Result<Response> {
    let lines = orders::lines::read(order.order_id, page.limit(), page.offset())?;
    let (lines, next) = page.cut(lines);
    let grand_total =
        |total_amount| orders::grand_total(total_amount, order.shipping_cost, order.tax_amount);
    let response = Response::json_no_store(&AdminOrderDetail {
        grand_total: order.total_amount.map(grand_total),
        lines,
        order,
    })?;
    Ok(next.link(response))
}

fn current(order: &AdminOrder) -> Result<Status> {
    // An older shop may have had states of its own.
    let status = order.status.ok_or(ILLEGAL)?;
    status::from_number(status).map_err(|unknown| ILLEGAL.with_message(unknown.to_string()))
}

/// Returns the status that the query asks for.
fn status(request: &Request) -> Result<Option<Status>> {
    let bad = || BAD_STATUS.field("status");
    let number = request.query_natural("status").map_err(|_| bad())?;
    let status = number.map(|number| i64::try_from(number).ok().and_then(numbered));
    status.map(|status| status.ok_or_else(bad)).transpose()
}

fn numbered(number: i64) -> Option<Status> {
    status::from_number(number).ok()
}

fn illegal(from: Status, to: Status) -> Failure {
    let (from, to) = (status::name(from), status::name(to));
    ILLEGAL
        .with_message(format!("An order that is {from} cannot become {to}."))
        .field("status")
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;
    use crate::router;

    fn code(request: testing::Request) -> (u16, String) {
        let failure = router().dispatch(request).unwrap_err();
        (failure.status, failure.code)
    }

    #[test]
    fn only_merchants_come_in() {
        for (method, path) in [
            ("GET", "/admin/orders"),
            ("GET", "/admin/orders/1"),
            ("PUT", "/admin/orders/1"),
        ] {
            let request = testing::request(method, path);
            let customer = testing::as_principal(request.clone(), 1, "customer");
            assert_eq!(code(customer), (403, "AUT_03".to_owned()));
            let forged = testing::with_bad_token(request.clone());
            assert_eq!(code(forged), (401, "AUT_02".to_owned()));
            assert_eq!(code(request), (401, "AUT_01".to_owned()));
        }
    }

    #[test]
    fn a_status_is_a_number_from_0_to_4() {
        let status = |query: &str| {
            let request = Request::from(testing::get(&format!("/admin/orders?{query}")));
            super::status(&request)
        };
        assert_eq!(status(""), Ok(None));
        assert_eq!(status("status="), Ok(None));
        assert_eq!(status("status=0"), Ok(Some(Status::New)));
        assert_eq!(status("status=%204.0"), Ok(Some(Status::Refunded)));
        for bad in ["5", "-1", "%2B1", "1.5", "paid", "%D9%A1", "null", "%ff"] {
            let failure = status(&format!("status={bad}")).map_err(|failure| failure.status());
            assert_eq!(failure, Err(400), "{bad:?}");
        }
    }
}
