//! The mails that carry tokens. Each attempt makes a token of its own, and
//! takes none back: a mail may have arrived though its attempt failed.

use std::time::{Duration, SystemTime};

use edge_sdk::config;
use edge_sdk::mail::{self, Message};
use edge_sdk::sql::{self, Seconds, column};
use serde::Deserialize;

use super::token::{KeyError, Keys, ResetToken, Series};
use crate::lookup;
use crate::rules::Email;

/// Selects some mails that are due now, the first to be sent first.
pub const DUE: &str = "SELECT email_key, email, attempts FROM customer_reset_mail \
     WHERE due_on <= {now} ORDER BY due_on LIMIT 20";

/// Counts an attempt, with the seconds until the next; the address as it is
/// compared, and the attempts so far.
pub const ATTEMPT: &str = "UPDATE customer_reset_mail SET attempts = attempts + 1, due_on = {now + ?} \
     WHERE email_key = ? AND attempts = ?";

/// Forgets a mail, by the address as it is compared, unless it was asked for
/// anew since: address and attempts.
pub const DONE: &str = "DELETE FROM customer_reset_mail WHERE email_key = ? AND attempts = ?";

/// Lets the series of a customer's tokens go on: the seconds for which it holds
/// from now on; the customer, and the address as it is compared.
pub const EXTEND_SERIES: &str = "UPDATE customer_reset_token SET expires_on = {now + ?} \
     WHERE customer_id = ? AND email_key = ? AND expires_on > {now}";

/// Begins a series of tokens in place of the one before: customer, id of the
/// series, the address as it is compared, and the seconds for which it holds.
pub const BEGIN_SERIES: &str = "REPLACE INTO customer_reset_token (customer_id, token_hash, email_key, expires_on) \
     VALUES (?, ?, ?, {now + ?})";

/// Selects the id of the series of a customer's tokens, and when it ends.
pub const SERIES: &str =
    "SELECT token_hash, expires_on FROM customer_reset_token WHERE customer_id = ?";

/// Forgets series whose last token has ended.
pub const FORGET_TOKENS: &str = "DELETE FROM customer_reset_token WHERE expires_on <= {now}";

/// The page to which a mail leads. `{token}` in it is the token's place; without
/// one, the token is a parameter of the query.
const LINK: &str = "PASSWORD_RESET_URL";
const TOKEN: &str = "{token}";

/// Lifetime of a token.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Attempts before a mail is given up: after 21 minutes, when whoever asked for
/// it has asked again.
const MAX_ATTEMPTS: u32 = 9;
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(5);

/// A row of [`DUE`].
#[derive(Deserialize)]
struct Due {
    email_key: String,
    email: String,
    attempts: u32,
}

/// Why the work was not finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting of the link cannot be read.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The database.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// There are no keys to make tokens with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no randomness.
    #[error("randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Sends some of the mails that are due.
///
/// # Errors
/// Those of the database and of the settings. A mail that could not be sent is
/// none.
pub fn send_due() -> Result<(), Error> {
    sql::query(FORGET_TOKENS).execute()?;
    let due: Vec<Due> = sql::query(DUE).fetch_all()?;
    if due.is_empty() {
        return Ok(());
    }
    let link = config::get(LINK)?.filter(|link| !link.trim().is_empty());
    due.iter().try_for_each(|due| attempt(due, link.as_deref()))
}

/// Makes one attempt, counted before it is made, so that two nodes do not make
/// the same.
fn attempt(due: &Due, link: Option<&str>) -> Result<(), Error> {
    let counted = sql::query(ATTEMPT)
        .bind(Seconds(retry_delay(due.attempts)))
        .bind(due.email_key.as_str())
        .bind(due.attempts)
        .execute()?;
    if counted.rows_affected == 0 {
        // Another node does it, or it was asked for anew.
        return Ok(());
    }
    let attempts = due.attempts + 1;
    if let Some(message) = message_for(due, link)? {
        match mail::send(&message) {
            Ok(()) => {}
            Err(mail::Error::Unavailable(why)) if attempts < MAX_ATTEMPTS => {
                eprintln!("a mail that resets a password will be tried again: {why}");
                return Ok(());
            }
            Err(error) => eprintln!("a mail that resets a password is given up: {error}"),
        }
    }
    sql::query(DONE)
        .bind(due.email_key.as_str())
        .bind(attempts)
        .execute()?;
    Ok(())
}

/// Returns the wait after this many failed attempts.
fn retry_delay(attempts: u32) -> Duration {
    FIRST_RETRY_DELAY.saturating_mul(2_u32.saturating_pow(attempts))
}

/// Returns the mail with a new token; none if the address is no account's.
fn message_for(due: &Due, link: Option<&str>) -> Result<Option<Message>, Error> {
    let Ok(email) = Email::parse(&due.email) else {
        return Ok(None);
    };
    let Some(account) = lookup::find(&email)? else {
        return Ok(None);
    };
    let token = new_token(account.customer_id, &email)?;
    // To the address of the account, and not to what somebody took for it.
    let to = account.email.unwrap_or_default().trim().to_owned();
    Ok(Some(message(to, &token, link)))
}

/// A row of [`SERIES`].
#[derive(Deserialize)]
struct SeriesRow {
    #[serde(rename = "token_hash")]
    id: String,
    #[serde(deserialize_with = "column::optional_instant")]
    expires_on: Option<String>,
}

/// Makes a token that holds for an hour, beside those that were sent before.
fn new_token(customer_id: i64, email: &Email) -> Result<ResetToken, Error> {
    let keys = Keys::configured()?;
    let row = extend_or_begin_series(customer_id, email)?;
    let token = row.and_then(|row| {
        let expires = seconds(row.expires_on.as_deref())?;
        let series = Series {
            id: row.id,
            customer_id,
            email_key: email.key().to_owned(),
        };
        ResetToken::new(&keys, &series, expires)
    });
    let unreadable = || sql::Error::Decode("a row of customer_reset_token".to_owned());
    Ok(token.ok_or_else(unreadable)?)
}

/// Lets the series of a customer's tokens last for an hour from now on, or begins
/// one. Returns the row of the series.
fn extend_or_begin_series(customer_id: i64, email: &Email) -> Result<Option<SeriesRow>, Error> {
    let new_id = Series::new_id()?;
    let row = sql::transaction(|transaction| {
        let extended = transaction
            .query(EXTEND_SERIES)
            .bind(Seconds(LIFETIME))
            .bind(customer_id)
            .bind(email.key())
            .execute()?;
        if extended.rows_affected == 0 {
            transaction
                .query(BEGIN_SERIES)
                .bind(customer_id)
                .bind(new_id.as_str())
                .bind(email.key())
                .bind(Seconds(LIFETIME))
                .execute()?;
        }
        transaction.query(SERIES).bind(customer_id).fetch_optional()
    });
    Ok(row?)
}

/// Returns the seconds since 1970 of an instant in ISO 8601.
pub(super) fn seconds(instant: Option<&str>) -> Option<u64> {
    let time = humantime::parse_rfc3339(instant?).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

/// Names nobody: whoever registers somebody else's address chooses the name.
fn message(to: String, token: &ResetToken, link: Option<&str>) -> Message {
    let how = match link {
        Some(link) => format!(
            "To choose a new password, open this page within one hour:\n\n{}",
            with_token(link, token)
        ),
        None => format!(
            "To choose a new password, use this token within one hour:\n\n{}",
            token.text()
        ),
    };
    let text = format!(
        "Somebody has asked for a new password for the account with this address.\n\n{how}\n\n\
         If that was not you, there is nothing to do: the password stays as it is.\n"
    );
    Message {
        to,
        subject: "Your new password".to_owned(),
        text,
    }
}

fn with_token(link: &str, token: &ResetToken) -> String {
    let link = link.trim();
    if link.contains(TOKEN) {
        return link.replace(TOKEN, &token.text());
    }
    let (page, fragment) = match link.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (link, String::new()),
    };
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}token={}{fragment}", token.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password_reset::token::tests::token;

    #[test]
    fn a_mail_is_tried_for_21_minutes() {
        // Nothing is waited for after the last attempt.
        let all: Duration = (0..MAX_ATTEMPTS - 1).map(retry_delay).sum();
        assert_eq!(all.as_secs() / 60, 21);
    }

    #[test]
    fn a_link_has_the_token_where_it_says_or_in_its_query() {
        let text = token().text();
        for (link, expected) in [
            (
                "https://shop.example/#/reset/{token}",
                format!("https://shop.example/#/reset/{text}"),
            ),
            (
                " https://shop.example/reset ",
                format!("https://shop.example/reset?token={text}"),
            ),
            (
                "https://shop.example/?page=reset",
                format!("https://shop.example/?page=reset&token={text}"),
            ),
            (
                "https://shop.example/reset#form",
                format!("https://shop.example/reset?token={text}#form"),
            ),
        ] {
            assert_eq!(with_token(link, &token()), expected);
        }
    }

    #[test]
    fn a_mail_says_what_to_do() {
        let text = token().text();
        let with_link = message("a@b.co".to_owned(), &token(), Some("https://shop.example"));
        assert_eq!(with_link.to, "a@b.co");
        let link = format!("\n\nhttps://shop.example?token={text}\n\n");
        assert!(with_link.text.contains(&link));
        let without = message("a@b.co".to_owned(), &token(), None);
        assert!(without.text.contains(&format!("\n\n{text}\n\n")));
    }

    #[test]
    fn instants_are_counted_in_seconds() {
        assert_eq!(seconds(Some("1970-01-01T00:01:40.999Z")), Some(100));
        assert_eq!(seconds(Some("soon")), None);
        assert_eq!(seconds(None), None);
    }
}
