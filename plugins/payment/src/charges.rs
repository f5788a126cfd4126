//! `/stripe/charge`: a customer pays an order.

use edge_sdk::{Failure, Fields, Request, Response, Result};
use serde::Deserialize;
use shop_errors::CODES;

use crate::attempts::{self, New};
use crate::clients::orders::{self, Order};
use crate::declines;
use crate::due;
use crate::model::{Attempt, State};
use crate::provider::Provider;
use crate::provider::outcome::{Decline, Outcome};
use crate::settlement::{self, Notified};
use crate::shop;

/// Refusal after the card was declined.
pub const DECLINED: Failure = Failure::new(402, "PAY_01", "The card was declined.");

/// Refusal of an amount that is neither the price of the goods nor the grand
/// total, and of another currency.
pub const MISMATCH: Failure = Failure::new(
    400,
    "PAY_02",
    "The amount or currency does not match the order.",
);

/// Refusal while nobody knows whether the card was charged.
pub const UNSETTLED: Failure = Failure::new(
    503,
    "PAY_04",
    "The outcome of the charge is being settled. Please ask again.",
);

/// Refusal while another request is paying the order.
pub const IN_PROGRESS: Failure = Failure::new(
    409,
    "PAY_05",
    "The order is being paid at this moment. Please ask again.",
);

/// Refusal of a token or an amount that the provider does not take.
pub const REFUSED: Failure = Failure::new(
    400,
    "PAY_07",
    "The payment provider does not accept this payment.",
);

/// Refusal after the provider charged something else than it was asked to.
pub const UNDER_REVIEW: Failure = Failure::new(
    409,
    "PAY_08",
    "The payment of this order is under review. Please contact the shop.",
);

/// Longest token and description, in characters.
const MAX_TOKEN_CHARS: usize = 255;
const MAX_DESCRIPTION_CHARS: usize = 500;

/// Longest message of a provider that is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 200;

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Body of POST `/stripe/charge`.
#[derive(Debug, Deserialize)]
struct ChargeRequest {
    #[serde(rename = "stripeToken")]
    token: String,
    order_id: i64,
    description: String,
    /// In cents.
    amount: u64,
    currency: Option<String>,
}

/// POST `/stripe/charge`.
///
/// # Errors
/// `ORD_01` for an order that is not the customer's, `PAY_01` to `PAY_08`, and
/// 429 after too many declined cards.
pub fn charge(request: &Request) -> Result<Response> {
    let customer_id = request.principal()?.id;
    let wanted = ChargeRequest::read(&request.fields()?)?;
    let order = orders::find(wanted.order_id, customer_id)?;
    orders::payable(order.status)?;
    wanted.check_currency(&order)?;
    if !due::is_paid_by(&order, wanted.amount)? {
        return Err(MISMATCH.field("amount"));
    }
    if let Some(earlier) = attempts::current(order.order_id)? {
        match earlier.state {
            State::Failed => release(&earlier)?,
            // It may have charged what this request does not name.
            State::Open if earlier.amount != wanted.amount => return Err(unsettled()),
            _ => return resume(&earlier),
        }
    }
    declines::check(customer_id)?;
    let provider = Provider::configured()?;
    let shop_id = shop::id()?;
    let new = New {
        order_id: order.order_id,
        customer_id,
        shop_id: &shop_id,
        provider: provider.recorded_name(),
        token: &wanted.token,
        amount: wanted.amount,
        currency: &order.currency,
        description: &wanted.description,
    };
    let attempt = attempts::begin(&new)?.ok_or_else(in_progress)?;
    settle(&attempt, true)
}

/// Goes on with an attempt that charged the card, may have or may yet.
fn resume(earlier: &Attempt) -> Result<Response> {
    match (earlier.state, earlier.charge_id.as_deref()) {
        (State::Open, _) if attempts::take(earlier)? => settle(earlier, false),
        (State::Open, _) => Err(in_progress()),
        (State::Captured, Some(charge_id)) if earlier.told_on.is_none() => {
            settlement::paid(earlier, charge_id)?;
            Err(orders::PAID)
        }
        (State::Suspicious, _) => Err(UNDER_REVIEW),
        _ => Err(orders::PAID),
    }
}

/// Frees the order of an attempt that failed, but that the order service has
/// not been told about.
fn release(failed: &Attempt) -> Result<()> {
    if !attempts::take(failed)? {
        return Err(in_progress());
    }
    match settlement::failed(failed)? {
        Notified::Now => Ok(()),
        Notified::Later => Err(orders::unavailable("an earlier attempt is not told yet")),
    }
}

/// Sees the attempt through. From here on, whatever goes wrong leaves the
/// outcome to be settled.
fn settle(attempt: &Attempt, is_new: bool) -> Result<Response> {
    match settlement::settle(attempt, is_new) {
        // An attempt that was given up leaves the order to the next.
        Ok(Outcome::Nothing(_)) if !is_new => Err(unsettled()),
        Ok(outcome) => answer(outcome),
        Err(error) => {
            eprintln!("{}: not recorded: {error}", attempt.charge_key());
            Err(unsettled())
        }
    }
}

/// Returns what the client sees of an outcome: a charge just as the provider
/// sent it.
fn answer(outcome: Outcome) -> Result<Response> {
    match outcome {
        Outcome::Captured(receipt) => Ok(Response::new(200, CONTENT_TYPE, receipt.text)),
        Outcome::Declined(decline) => Err(declined(&decline)),
        Outcome::Refused(code) if code.starts_with("amount_") => Err(REFUSED.field("amount")),
        Outcome::Refused(_) => Err(REFUSED.field("stripeToken")),
        Outcome::Nothing(_) => Err(orders::CLOSED),
        Outcome::Suspicious(..) => Err(UNDER_REVIEW),
        Outcome::Unknown(_) => Err(unsettled()),
    }
}

/// Returns the refusal of a declined card, with the message that Stripe writes for
/// customers.
fn declined(decline: &Decline) -> Failure {
    match &decline.message {
        Some(message) => {
            DECLINED.with_message(message.chars().take(MAX_MESSAGE_CHARS).collect::<String>())
        }
        None => DECLINED,
    }
}

fn in_progress() -> Failure {
    IN_PROGRESS.header("retry-after", "2")
}

fn unsettled() -> Failure {
    UNSETTLED.header("retry-after", "5")
}

impl ChargeRequest {
    fn read(fields: &Fields) -> Result<Self> {
        fields.required(&["stripeToken", "order_id", "description", "amount"])?;
        let wanted: Self = fields.parse()?;
        check_length("stripeToken", &wanted.token, MAX_TOKEN_CHARS)?;
        check_length("description", &wanted.description, MAX_DESCRIPTION_CHARS)?;
        Ok(wanted)
    }

    /// Checks that the client wants to pay in the currency of the order.
    fn check_currency(&self, order: &Order) -> Result<()> {
        let currency = self.currency.as_deref().map(str::trim).unwrap_or_default();
        let currency = if currency.is_empty() { "usd" } else { currency };
        if !currency.eq_ignore_ascii_case(&order.currency) {
            return Err(MISMATCH.field("currency"));
        }
        Ok(())
    }
}

fn check_length(name: &str, text: &str, most: usize) -> Result<()> {
    if text.chars().count() <= most {
        return Ok(());
    }
    Err(CODES.too_long(name))
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;
    use crate::clients::orders::Status;
    use crate::provider::receipt::tests::receipt;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn wanted(body: &str) -> Result<ChargeRequest> {
        let request = Request::from(testing::post("/stripe/charge", FORM, body));
        ChargeRequest::read(&request.with_codes(&CODES).fields()?)
    }

    fn order() -> Order {
        Order {
            order_id: 7,
            customer_id: 3,
            amount: 1499,
            currency: "usd".to_owned(),
            status: Status::New,
        }
    }

    fn code<T>(result: Result<T>) -> Option<(u16, String, Option<String>)> {
        let failure = result.err()?;
        let field = failure.faulty_field().map(str::to_owned);
        Some((failure.status(), failure.code().to_owned(), field))
    }

    #[track_caller]
    fn assert_code<T>(result: Result<T>, status: u16, code: &str, field: &str) {
        let expected = (status, code.to_owned(), Some(field.to_owned()));
        assert_eq!(self::code(result), Some(expected));
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = "stripeToken,order_id,description,amount";
        assert_code(wanted(""), 400, "USR_02", all);
        let body = "stripeToken=tok_visa&order_id=7&description=%20&amount=1499";
        assert_code(wanted(body), 400, "USR_02", "description");
    }

    #[test]
    fn numbers_are_whole_and_positive() {
        for amount in [
            "-1", "1.5", "1e-3", "NaN", "%2B1", "0x10", "9e99", "14%2C99",
        ] {
            let body = format!("stripeToken=t&order_id=7&description=d&amount={amount}");
            assert_code(wanted(&body), 400, "HTTP_400", "amount");
        }
        let body = "stripeToken=t&order_id=seven&description=d&amount=1";
        assert_code(wanted(body), 400, "HTTP_400", "order_id");
    }

    #[test]
    fn texts_have_a_longest_length() {
        let body = |token: usize, description: usize| {
            let (token, description) = ("t".repeat(token), "d".repeat(description));
            format!("stripeToken={token}&order_id=7&description={description}&amount=1")
        };
        assert!(wanted(&body(255, 500)).is_ok());
        assert_code(wanted(&body(256, 500)), 400, "USR_07", "stripeToken");
        assert_code(wanted(&body(255, 501)), 400, "USR_07", "description");
    }

    #[test]
    fn the_currency_is_the_orders() {
        let check = |rest: &str| {
            let body = format!("stripeToken=t&order_id=7&description=d&{rest}");
            wanted(&body).and_then(|wanted| wanted.check_currency(&order()))
        };
        for good in ["", "&currency=", "&currency=usd", "&currency=USD"] {
            assert_eq!(check(&format!("amount=1499{good}")), Ok(()), "{good}");
        }
        assert_code(check("amount=1499&currency=eur"), 400, "PAY_02", "currency");
        assert_code(check("amount=1499&currency=us"), 400, "PAY_02", "currency");
    }

    #[test]
    fn the_charge_is_answered_as_it_was_sent() {
        let receipt = receipt(&serde_json::json!({}));
        let response = answer(Outcome::Captured(receipt.clone())).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), receipt.text.as_bytes());
    }

    #[test]
    fn each_other_outcome_has_its_refusal() {
        let decline = Decline {
            code: "insufficient_funds".to_owned(),
            message: Some("Your card has insufficient funds.".to_owned()),
        };
        let failure = answer(Outcome::Declined(decline)).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (402, "PAY_01"));
        assert_eq!(failure.message(), "Your card has insufficient funds.");

        let receipt = receipt(&serde_json::json!({"amount": 1}));
        let outcomes = [
            (
                Outcome::Refused("resource_missing".to_owned()),
                400,
                "PAY_07",
            ),
            (Outcome::Nothing("cancelled".to_owned()), 409, "PAY_06"),
            (
                Outcome::Suspicious(receipt, "charged 1".to_owned()),
                409,
                "PAY_08",
            ),
            (Outcome::Unknown("HTTP 500".to_owned()), 503, "PAY_04"),
        ];
        for (outcome, status, code) in outcomes {
            let failure = answer(outcome).unwrap_err();
            assert_eq!((failure.status(), failure.code()), (status, code));
        }
    }

    #[test]
    fn nobody_pays_without_signing_in() {
        let router = crate::router();
        let request = testing::post("/stripe/charge", FORM, "amount=1");
        let failure = router.dispatch(request.clone()).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (401, "AUT_01"));
        let failure = router
            .dispatch(testing::with_bad_token(request))
            .unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (401, "AUT_02"));
    }
}
