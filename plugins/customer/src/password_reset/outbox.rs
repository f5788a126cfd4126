//! The mails that carry tokens. Each attempt makes a token of its own, so that
//! none is ever stored.

use std::time::Duration;

use edge_sdk::config;
use edge_sdk::mail::{self, Message};
use edge_sdk::sql::{self, Seconds};
use serde::Deserialize;

use super::token::ResetToken;
use crate::lookup;
use crate::rules::Email;

/// Mails that are due now, the first to be sent first.
pub const DUE: &str = "SELECT email_key, email, attempts FROM customer_reset_mail \
     WHERE due_on <= {now} ORDER BY due_on LIMIT 20";

/// Counts an attempt, with the seconds until the next; the address as it is
/// compared, and the attempts so far.
pub const ATTEMPT: &str = "UPDATE customer_reset_mail SET attempts = attempts + 1, due_on = {now + ?} \
     WHERE email_key = ? AND attempts = ?";

/// Forgets a mail, by the address as it is compared, unless it was asked for
/// anew after so many attempts.
pub const DONE: &str = "DELETE FROM customer_reset_mail WHERE email_key = ? AND attempts = ?";

/// Gives a customer a token in place of the one before: id, digest, the address
/// as it is compared, and the seconds for which it holds.
pub const STORE_TOKEN: &str = "REPLACE INTO customer_reset_token (customer_id, token_hash, email_key, expires_on) \
     VALUES (?, ?, ?, {now + ?})";

/// Forgets tokens whose time is up.
pub const FORGET_TOKENS: &str = "DELETE FROM customer_reset_token WHERE expires_on <= {now}";

/// The page to which a mail leads. `{token}` in it is the token's place; without
/// one, the token is a parameter of the query.
const LINK: &str = "PASSWORD_RESET_URL";
const TOKEN: &str = "{token}";

/// How long a token holds.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Attempts before a mail is given up: after 42 minutes, when whoever asked for
/// it has asked again.
const MAX_ATTEMPTS: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_secs(5);

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
    let due: Vec<Due> = sql::query(DUE).rows()?;
    if due.is_empty() {
        return Ok(());
    }
    let link = config::get(LINK)?.filter(|link| !link.trim().is_empty());
    due.iter().try_for_each(|due| attempt(due, link.as_deref()))
}

/// One attempt, counted before it is made, so that two nodes do not make the
/// same.
fn attempt(due: &Due, link: Option<&str>) -> Result<(), Error> {
    let counted = sql::query(ATTEMPT)
        .bind(Seconds(pause(due.attempts)))
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

/// How long to wait after so many attempts that failed.
fn pause(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts))
}

/// The mail with a new token; none if the address is no account's.
fn message_for(due: &Due, link: Option<&str>) -> Result<Option<Message>, Error> {
    let Ok(email) = Email::parse(&due.email) else {
        return Ok(None);
    };
    let Some(account) = lookup::find(&email)? else {
        return Ok(None);
    };
    let token = ResetToken::generate()?;
    sql::query(STORE_TOKEN)
        .bind(account.customer_id)
        .bind(token.digest())
        .bind(email.key())
        .bind(Seconds(LIFETIME))
        .execute()?;
    // To the address of the account, and not to what somebody took for it.
    let to = account.email.unwrap_or_default().trim().to_owned();
    Ok(Some(message(to, &token, link)))
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
            token.as_str()
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
        return link.replace(TOKEN, token.as_str());
    }
    let (page, fragment) = match link.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (link, String::new()),
    };
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}token={}{fragment}", token.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_most_of_an_hour() {
        let all: Duration = (0..MAX_ATTEMPTS).map(pause).sum();
        assert_eq!(all.as_secs() / 60, 42);
    }

    #[test]
    fn a_link_has_the_token_where_it_says_or_in_its_query() {
        let token = ResetToken::from_text("secret");
        for (link, expected) in [
            (
                "https://shop.example/#/reset/{token}",
                "https://shop.example/#/reset/secret",
            ),
            (
                " https://shop.example/reset ",
                "https://shop.example/reset?token=secret",
            ),
            (
                "https://shop.example/?page=reset",
                "https://shop.example/?page=reset&token=secret",
            ),
            (
                "https://shop.example/reset#form",
                "https://shop.example/reset?token=secret#form",
            ),
        ] {
            assert_eq!(with_token(link, &token), expected);
        }
    }

    #[test]
    fn a_mail_says_what_to_do() {
        let token = ResetToken::from_text("secret");
        let with_link = message("a@b.co".to_owned(), &token, Some("https://shop.example"));
        assert_eq!(with_link.to, "a@b.co");
        assert!(
            with_link
                .text
                .contains("\n\nhttps://shop.example?token=secret\n\n")
        );
        let without = message("a@b.co".to_owned(), &token, None);
        assert!(without.text.contains("\n\nsecret\n\n"));
    }
}
