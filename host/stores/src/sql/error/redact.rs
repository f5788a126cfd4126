//! Removes passwords and quoted values from texts that are logged or returned
//! to plugins.

use url::Url;

/// Returns `url` with its password masked and without its query, for messages.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) => {
            if parsed.password().is_some() {
                // Fails only for URLs that cannot have a password.
                let _ = parsed.set_password(Some("***"));
            }
            parsed.set_query(None);
            parsed.to_string()
        }
        Err(_) => "(a URL that cannot be parsed)".to_owned(),
    }
}

/// Texts with which MariaDB and MySQL begin to quote a value in an error. The
/// value may be personal data, such as an address or a card number, and plugins
/// log the errors that they get.
const QUOTES: [&str; 2] = ["Duplicate entry '", "value: '"];

/// Returns `message` without the value that it quotes.
pub(in crate::sql) fn without_values(message: &str) -> String {
    let cut = |quote: &str| {
        let (before, rest) = message.split_once(quote)?;
        // The value may contain quotes itself. The text after it, with names of
        // columns and keys, begins with one of these.
        let after = ["' for key ", "' for column ", "' for function "]
            .into_iter()
            .find_map(|after| rest.rfind(after));
        let after = after.and_then(|place| rest.get(place..)).unwrap_or("'");
        Some(format!("{before}{quote}...{after}"))
    };
    let found = QUOTES.into_iter().find_map(cut);
    found.unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_no_value() {
        let cases = [
            (
                "Duplicate entry 'ada@example.com' for key 'email'",
                "Duplicate entry '...' for key 'email'",
            ),
            (
                "Duplicate entry 'a' for key 'b' for key 'email'",
                "Duplicate entry '...' for key 'email'",
            ),
            (
                "Incorrect integer value: '4242' for column `a`.`b` at row 1",
                "Incorrect integer value: '...' for column `a`.`b` at row 1",
            ),
            (
                "Truncated incorrect DOUBLE value: 'x'",
                "Truncated incorrect DOUBLE value: '...'",
            ),
            (
                "UNIQUE constraint failed: t.email",
                "UNIQUE constraint failed: t.email",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(without_values(message), expected);
        }
    }

    #[test]
    fn messages_show_no_password() {
        assert_eq!(
            redacted_url("mysql://shop:hunter2@db:3306/shop?ssl-mode=x"),
            "mysql://shop:***@db:3306/shop"
        );
        assert_eq!(redacted_url("mysql://db/shop"), "mysql://db/shop");
        assert!(!redacted_url("mysql://u:hunter2@[bad").contains("hunter2"));
    }
}
