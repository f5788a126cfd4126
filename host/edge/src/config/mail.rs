//! Settings of mail.

use super::layers::Layers;
use super::values::urls::smtp_url;

/// Settings of mail.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// URL of the mail server; mail is written to the log when absent.
    pub url: Option<String>,
    /// Sender address of mail.
    pub from: String,
}

impl MailSettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            url: layers.take("smtp_url", None, smtp_url),
            from: layers.take("mail_from", "shop@localhost".into(), |text| Ok(text.into())),
        }
    }
}
