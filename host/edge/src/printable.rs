//! Escaping of untrusted text for terminals and editors: control and invisible characters are
//! written as their numbers.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns whether `c` moves the cursor, ends a line, changes the direction of the text beside it,
/// or is invisible.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Returns `text` on one line: a line feed becomes `\n`, and other hidden characters become escapes
/// such as `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_hidden, |c| c.escape_default().to_string())
}

/// Returns `text` with its line feeds and tabs, and with other hidden characters escaped.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    let is_other = |c| is_hidden(c) && !matches!(c, '\n' | '\t');
    escape(text, is_other, |c| c.escape_default().to_string())
}

/// Returns `text`, which is JSON, as equivalent JSON without hidden characters. Except for the
/// white space between values, they can only be in strings.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let is_other = |c| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    escape(text, is_other, |c| {
        let mut units = [0; 2];
        let units = c.encode_utf16(&mut units);
        units.iter().fold(String::new(), |mut escaped, unit| {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
            escaped
        })
    })
}

fn escape(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    escaped: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let parts = text.chars().map(|c| match is_escaped(c) {
        true => escaped(c),
        false => c.to_string(),
    });
    Cow::Owned(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_written_out() {
        for (text, shown) in [
            ("a\nb\r\n", "a\\nb\\r\\n"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}"),
            ("a\u{2028}b\u{85}", "a\\u{2028}b\\u{85}"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["São Paulo", "日本語 🎽", "it's \"plain\" \\ text", "مرحبا"] {
            assert!(matches!(line(text), Cow::Borrowed(shown) if shown == text));
        }
        assert_eq!(lines("a\n\tb\u{1b}"), "a\n\tb\\u{1b}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a": "\u{9b}\u{202e}\u{e0041}\n\u{1b}é" });
        for text in [value.to_string(), format!("{value:#}")] {
            let shown = json(&text);
            assert!(
                !shown.contains(['\u{9b}', '\u{202e}', '\u{e0041}']),
                "{shown}"
            );
            let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
            assert_eq!(read, value);
        }
    }
}
