//! Mail, one message after another: to a mail server, or to the log where no
//! server is set.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};
use tokio::time::Instant;

use crate::bindings::mail::{Error, Message};

/// How long the mail server may take, all steps together.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest subject and longest text, in bytes.
const MOST_SUBJECT: usize = 998;
const MOST_TEXT: usize = 1 << 20;

/// Replies that say 5xx of the node's credentials, not of the message
/// (RFC 4954 section 6): once an operator has mended those, it can be sent.
const ABOUT_CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// Mail cannot be set up. Messages show no password.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// The server's URL.
    #[error("SMTP_URL is not smtp://, smtp://...?tls=required or smtps:// with a host: {0}")]
    Url(smtp::Error),
    /// The sender.
    #[error("mail_from is not an address, such as `Shop <shop@example.com>`: {0}")]
    Sender(lettre::address::AddressError),
}

/// Sends mail in the name of the shop.
pub struct Mailer {
    sender: Mailbox,
    server: Option<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Mailer {
    /// Mail from `sender` by the server at `url`, or to the log.
    ///
    /// # Errors
    /// When either is malformed.
    pub fn new(url: Option<&str>, sender: &str) -> Result<Self, MailerError> {
        let sender = sender.parse().map_err(MailerError::Sender)?;
        let server = url.map(AsyncSmtpTransport::<Tokio1Executor>::from_url);
        let server = server.transpose().map_err(MailerError::Url)?;
        Ok(Self {
            sender,
            server: server.map(|builder| builder.timeout(Some(PATIENCE)).build()),
        })
    }

    /// Hand `message` to the mail server, until `deadline` at the latest.
    ///
    /// # Errors
    /// Says whether trying again could help.
    pub async fn send(&self, message: Message, deadline: Instant) -> Result<(), Error> {
        let mail = self.mail(&message)?;
        let Some(server) = &self.server else {
            log(&message);
            return Ok(());
        };
        let until = deadline.min(Instant::now() + PATIENCE);
        match tokio::time::timeout_at(until, server.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(typed(&error)),
            Err(_) => Err(Error::Unavailable("the mail server took too long".into())),
        }
    }

    /// The message in the form of RFC 5322, which folds and encodes whatever
    /// a header's value holds: no line of it begins another header.
    fn mail(&self, message: &Message) -> Result<Mail, Error> {
        let bounds = [
            ("subject", message.subject.len(), MOST_SUBJECT),
            ("text", message.text.len(), MOST_TEXT),
        ];
        if let Some((part, _, most)) = bounds.iter().find(|(_, bytes, most)| bytes > most) {
            let limit = format!("the {part} has more than {most} bytes");
            return Err(Error::TooLarge(limit));
        }
        let invalid = |why: &dyn std::fmt::Display| Error::Invalid(why.to_string());
        let to: Address = message.to.parse().map_err(|error| invalid(&error))?;
        let id = format!(
            "<{:032x}@{}>",
            rand::random::<u128>(),
            self.sender.email.domain()
        );
        Mail::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(message.subject.as_str())
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|error| invalid(&error))
    }
}

/// Stands in for a mail server. The text may hold what only the recipient
/// should read, so it shows only to those who ask for it; the whole address
/// shows to nobody.
fn log(message: &Message) {
    let (to, subject) = (masked(&message.to), without_addresses(&message.subject));
    tracing::info!(target: "mail", to, subject, "mail");
    tracing::debug!(target: "mail", to, text = without_addresses(&message.text), "mail");
}

/// `text` with every address in it masked: what mail servers answer names the
/// recipient, and plugins log it.
fn without_addresses(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
    let mut masked_text = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_part) {
        let (between, from) = rest.split_at(begin);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        masked_text += between;
        match word.contains('@') {
            true => masked_text += &masked(word),
            false => masked_text += word,
        }
        rest = after;
    }
    masked_text + rest
}

/// `ada@example.com` as `a***@example.com`.
fn masked(address: &str) -> String {
    let (user, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = user.chars().take(1).collect();
    format!("{first}***@{domain}")
}

fn typed(error: &smtp::Error) -> Error {
    let code = error.status().map(u16::from);
    let is_about_us = code.is_some_and(|code| ABOUT_CREDENTIALS.contains(&code));
    // What this side finds wrong, such as an address that the server cannot
    // take, is wrong with the message.
    let is_final = error.is_permanent() || error.is_client();
    match is_final && !is_about_us {
        true => Error::Invalid(without_addresses(&error.to_string())),
        false => Error::Unavailable(without_addresses(&error.to_string())),
    }
}

#[cfg(test)]
mod tests;
