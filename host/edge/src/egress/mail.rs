//! Outgoing mail by SMTP, or to the log without a server.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};
use tokio::time::Instant;

use crate::bindings::mail::{Error, Message};

/// Time limit for the mail server, over all steps.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Greatest length of a subject, in bytes.
const MAX_SUBJECT_BYTES: usize = 998;
/// Greatest length of a text, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// SMTP replies of the class 5xx that are about the node's credentials and not about the message
/// (RFC 4954 section 6). Once an operator has corrected those, the message can be sent.
const ABOUT_CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// Error of setting up mail. Messages show no password.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// The URL of the mail server is malformed.
    #[error("SMTP_URL is not smtp://, smtp://...?tls=required or smtps:// with a host: {0}")]
    Url(smtp::Error),
    /// The sender's address is malformed.
    #[error("mail_from is not an address, such as `Shop <shop@example.com>`: {0}")]
    Sender(lettre::address::AddressError),
}

/// Mailer that sends in the name of the shop.
pub struct Mailer {
    sender: Mailbox,
    server: Option<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Mailer {
    /// Returns a mailer from `sender` by the server at `url`, or to the log without a URL.
    ///
    /// # Errors
    /// Returns an error if the sender or the URL is malformed.
    pub fn new(url: Option<&str>, sender: &str) -> Result<Self, MailerError> {
        let sender = sender.parse().map_err(MailerError::Sender)?;
        let server = url.map(AsyncSmtpTransport::<Tokio1Executor>::from_url);
        let server = server.transpose().map_err(MailerError::Url)?;
        Ok(Self {
            sender,
            server: server.map(|builder| builder.timeout(Some(TIMEOUT)).build()),
        })
    }

    /// Sends `message` to the mail server, until `deadline` at the latest.
    ///
    /// # Errors
    /// Returns an error if the message is not accepted; the error tells whether a retry could help.
    pub async fn send(&self, message: Message, deadline: Instant) -> Result<(), Error> {
        let mail = self.mail(&message)?;
        let Some(server) = &self.server else {
            log(&message);
            return Ok(());
        };
        let until = deadline.min(Instant::now() + TIMEOUT);
        match tokio::time::timeout_at(until, server.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(from_smtp(&error)),
            Err(_) => Err(Error::Unavailable("the mail server took too long".into())),
        }
    }

    /// Returns the message in the form of RFC 5322, which folds and encodes the values of header
    /// fields, so that none of them can start another field.
    fn mail(&self, message: &Message) -> Result<Mail, Error> {
        let bounds = [
            ("subject", message.subject.len(), MAX_SUBJECT_BYTES),
            ("text", message.text.len(), MAX_TEXT_BYTES),
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

/// Logs a message in place of sending it. The text is for the recipient only, so it is logged at
/// debug level; the whole address is never logged.
fn log(message: &Message) {
    let (to, subject) = (masked(&message.to), without_addresses(&message.subject));
    tracing::info!(target: "mail", to, subject, "mail");
    tracing::debug!(target: "mail", to, text = without_addresses(&message.text), "mail");
}

/// Returns `text` with every address in it masked: replies of mail servers name the recipient, and
/// plugins log them.
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

/// Returns an address such as `ada@example.com` as `a***@example.com`.
fn masked(address: &str) -> String {
    let (user, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = user.chars().take(1).collect();
    format!("{first}***@{domain}")
}

fn from_smtp(error: &smtp::Error) -> Error {
    let code = error.status().map(u16::from);
    let is_ours = code.is_some_and(|code| ABOUT_CREDENTIALS.contains(&code));
    // Errors of the client, such as an address that the server cannot accept, are faults of the
    // message.
    let is_final = error.is_permanent() || error.is_client();
    match is_final && !is_ours {
        true => Error::Invalid(without_addresses(&error.to_string())),
        false => Error::Unavailable(without_addresses(&error.to_string())),
    }
}

#[cfg(test)]
mod tests;
