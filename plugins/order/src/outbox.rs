//! Confirmations of payment, written with the payment and sent by the
//! schedule: at least once, and not before their time.

use std::time::Duration;

use edge_sdk::mail::{self, Message};
use edge_sdk::sql::{self, Readable, Seconds, column};
use serde::Deserialize;

use crate::clients::customers::{self, Contact};
use crate::model::{OrderLine, currency};
use crate::orders::lines;
use crate::prune;
use edge_sdk::money::Cents;

/// Selects some mails that are due now, the first to be sent first.
pub const DUE: &str = "SELECT m.mail_id, m.attempts, o.order_id, o.customer_id, o.total_amount, o.paid_amount, o.currency \
     FROM mail_outbox m JOIN orders o ON o.order_id = m.order_id \
     WHERE m.state = 0 AND m.due_on <= {now} ORDER BY m.due_on LIMIT 20";

/// Counts an attempt, with the seconds until the next; the mail, and the
/// attempts so far.
pub const ATTEMPT: &str = "UPDATE mail_outbox SET attempts = attempts + 1, due_on = {now + ?} \
     WHERE mail_id = ? AND state = 0 AND attempts = ?";

/// The mail was sent.
pub const SENT: &str = "UPDATE mail_outbox SET state = 1 WHERE mail_id = ? AND state = 0";

/// The mail is not tried again.
pub const GIVE_UP: &str = "UPDATE mail_outbox SET state = 2 WHERE mail_id = ? AND state = 0";

/// Selects the time of the 500th mail of an age in seconds.
pub const OLD: &str = "SELECT created_on FROM mail_outbox WHERE created_on < {now - ?} \
     ORDER BY created_on LIMIT 1 OFFSET 499";

/// Deletes mails until some time that were sent or given up.
pub const FORGET: &str = "DELETE FROM mail_outbox WHERE created_on <= ? AND state <> 0";

/// Deletes mails of an age in seconds that were sent or given up.
pub const FORGET_REST: &str = "DELETE FROM mail_outbox WHERE created_on < {now - ?} AND state <> 0";

const OUTDATED: prune::Statements = prune::Statements {
    find: OLD,
    until: FORGET,
    rest: FORGET_REST,
};

/// Time for which mails are kept that were sent or given up.
const RETENTION: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Lines of an order that the mail shows: as many as a cart has.
const MAX_SHOWN_LINES: u8 = 100;

/// Attempts before a mail is given up: over ten hours.
const MAX_ATTEMPTS: u32 = 20;
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(5);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60 * 60);

/// Characters that the mail shows of what a customer chose.
const MAX_SHOWN_ATTRIBUTE_CHARS: usize = 80;

/// A row of [`DUE`].
#[derive(Deserialize)]
struct Due {
    mail_id: i64,
    attempts: u32,
    order_id: i64,
    #[serde(deserialize_with = "column::optional_integer")]
    customer_id: Option<i64>,
    #[serde(deserialize_with = "column::optional_money")]
    total_amount: Option<Cents>,
    #[serde(deserialize_with = "column::optional_money")]
    paid_amount: Option<Cents>,
    #[serde(deserialize_with = "currency")]
    currency: Option<String>,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
enum MailError {
    /// No further attempt can succeed.
    #[error("{0}")]
    Permanent(String),
    /// Another try may do better.
    #[error("{0}")]
    Temporary(String),
    #[error(transparent)]
    Sql(#[from] sql::Error),
}

/// Sends some of the mails that are due.
///
/// # Errors
/// Those of the database. A mail that could not be sent is none.
pub fn send_due() -> Result<(), sql::Error> {
    let due: Readable<Due> = sql::query(DUE).readable_rows("orders", "order_id")?;
    due.into_vec().iter().try_for_each(attempt)
}

/// Deletes mails whose time has passed.
///
/// # Errors
/// Those of the database.
pub fn delete_old() -> Result<(), sql::Error> {
    prune::delete(&OUTDATED, RETENTION)
}

/// Makes one attempt, counted before it is made: a mail at which the work
/// breaks off again and again is given up in the end, too.
fn attempt(due: &Due) -> Result<(), sql::Error> {
    let counted = sql::query(ATTEMPT)
        .bind(Seconds(retry_delay(due.attempts)))
        .bind(due.mail_id)
        .bind(due.attempts)
        .execute()?;
    if counted.rows_affected == 0 {
        // Another node does it.
        return Ok(());
    }
    let last = due.attempts + 1 >= MAX_ATTEMPTS;
    let end = match send(due) {
        Ok(()) => SENT,
        Err(MailError::Sql(error)) => return Err(error),
        Err(MailError::Temporary(why)) if !last => {
            eprintln!("mail {} will be tried again: {why}", due.mail_id);
            return Ok(());
        }
        Err(why) => {
            eprintln!("mail {} is given up: {why}", due.mail_id);
            GIVE_UP
        }
    };
    sql::query(end).bind(due.mail_id).execute()?;
    Ok(())
}

/// Returns the wait after this many failed attempts.
fn retry_delay(attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts);
    FIRST_RETRY_DELAY
        .saturating_mul(doubled)
        .min(MAX_RETRY_DELAY)
}

fn send(due: &Due) -> Result<(), MailError> {
    let nobody = || MailError::Permanent("the order is nobody's".to_owned());
    let contact = match customers::find(due.customer_id.ok_or_else(nobody)?) {
        Ok(Some(contact)) => contact,
        Ok(None) => return Err(MailError::Permanent("there is no such customer".to_owned())),
        Err(customers::Error::Unavailable(why)) => return Err(MailError::Temporary(why)),
    };
    // One more than is shown tells whether there are more.
    let lines = lines::read(due.order_id, i64::from(MAX_SHOWN_LINES) + 1, 0)?;
    mail::send(&confirmation(due, &lines.into_vec(), contact)).map_err(|error| match error {
        mail::Error::Unavailable(why) => MailError::Temporary(why),
        never => MailError::Permanent(never.to_string()),
    })
}

fn confirmation(due: &Due, lines: &[OrderLine], contact: Contact) -> Message {
    let currency = due.currency.as_deref().unwrap_or_default();
    let (what, amount) = amount(due);
    let amount = format!("{amount} {}", currency.to_uppercase());
    let text = format!(
        "Hello {},\n\nthank you: your order {} is paid.\n\n{}\n{what}: {}\n",
        contact.name,
        due.order_id,
        list(due, lines),
        amount.trim_end(),
    );
    Message {
        to: contact.email,
        subject: format!("Your order {} is paid", due.order_id),
        text,
    }
}

/// Returns the amount that the mail names, and what it is for. Whether a charge of
/// unknown amount paid for more than the goods is not known.
fn amount(due: &Due) -> (&'static str, Cents) {
    match due.paid_amount {
        Some(paid) => ("Total", paid),
        None => ("Goods", due.total_amount.unwrap_or_default()),
    }
}

/// Returns the lines of the order as the mail shows them, and what is paid beyond
/// the goods.
fn list(due: &Due, lines: &[OrderLine]) -> String {
    let max = usize::from(MAX_SHOWN_LINES);
    let mut list: String = lines.iter().take(max).map(line).collect();
    if lines.len() > max {
        list.push_str("and more\n");
    }
    let goods = due.total_amount.unwrap_or_default();
    let paid = due.paid_amount.unwrap_or(goods);
    let extra = Cents(paid.0.saturating_sub(goods.0));
    if extra.0 > 0 {
        list.push_str(&format!("Shipping and tax: {extra}\n"));
    }
    list
}

fn line(line: &OrderLine) -> String {
    let attributes: String = line
        .attributes
        .chars()
        .take(MAX_SHOWN_ATTRIBUTE_CHARS)
        .collect();
    let quantity = line.quantity.unwrap_or_default();
    let subtotal = line.subtotal.unwrap_or_default();
    format!(
        "{quantity} x {} ({attributes}): {subtotal}\n",
        line.product_name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let seconds = |attempts| retry_delay(attempts).as_secs();
        assert_eq!([0, 1, 2, 9].map(seconds), [5, 10, 20, 2560]);
        assert_eq!([10, 19, 40, u32::MAX].map(seconds), [3600; 4]);
        // Nothing is waited for after the last attempt.
        let all: Duration = (0..MAX_ATTEMPTS - 1).map(retry_delay).sum();
        assert_eq!(all.as_secs() / 3600, 10);
    }

    fn contact() -> Contact {
        Contact {
            customer_id: 9,
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
        }
    }

    /// A mail about order 7, over 29.80 and perhaps more.
    fn due(paid_amount: Option<Cents>) -> Due {
        Due {
            mail_id: 1,
            attempts: 0,
            order_id: 7,
            customer_id: Some(9),
            total_amount: Some(Cents(2980)),
            paid_amount,
            currency: Some("usd".to_owned()),
        }
    }

    fn bought() -> OrderLine {
        OrderLine {
            order_id: 7,
            product_id: Some(1),
            attributes: "x".repeat(100),
            product_name: "Arc d'Triomphe".to_owned(),
            quantity: Some(2),
            unit_cost: Some(Cents(1490)),
            subtotal: Some(Cents(2980)),
        }
    }

    #[test]
    fn a_confirmation_says_what_was_ordered() {
        let message = confirmation(&due(None), &[bought()], contact());
        assert_eq!(message.to, "ada@example.com");
        assert_eq!(message.subject, "Your order 7 is paid");
        let shown = "x".repeat(80);
        let expected = format!(
            "Hello Ada,\n\nthank you: your order 7 is paid.\n\n\
             2 x Arc d'Triomphe ({shown}): 29.80\n\nGoods: 29.80 USD\n"
        );
        assert_eq!(message.text, expected);
    }

    #[test]
    fn a_confirmation_shows_a_hundred_lines() {
        let long = confirmation(&due(None), &vec![bought(); 101], contact()).text;
        assert_eq!(long.matches("2 x ").count(), 100);
        assert!(long.contains("29.80\nand more\n\nGoods"), "{long}");
    }

    #[test]
    fn a_confirmation_says_what_was_paid() {
        let lines = vec![bought(); 101];
        let text = confirmation(&due(Some(Cents(3475))), &lines, contact()).text;
        let end = "Shipping and tax: 4.95\n\nTotal: 34.75 USD\n";
        assert!(text.ends_with(end), "{text}");
    }
}
