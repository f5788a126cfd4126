//! Spellings that the parser may read in another way than the database, so
//! that a table could hide from the grant. No statement needs them.

/// What is wrong with the spelling of `text`, if anything is. Strings are not
/// told from the rest, since that is what readers differ in: values are
/// parameters.
pub(super) fn ambiguity(text: &str) -> Option<&'static str> {
    // Databases disagree on where a comment begins (`--1`, `#`), which blanks
    // may follow `--`, and where it ends (`/* /* */`); MySQL runs what stands
    // in `/*! */`.
    if ["--", "#", "/*"].iter().any(|mark| text.contains(mark)) {
        return Some("comments are not allowed");
    }
    if has_number_in_word(text.as_bytes()) {
        return Some("a number runs into a word");
    }
    None
}

/// Whether a number with a point at its end is followed by a word at once:
/// `1.FROM` is two tokens to MySQL, and a name to others.
fn has_number_in_word(text: &[u8]) -> bool {
    let part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let words = text.split(|&byte| !(part_of_name(byte) || byte == b'.'));
    words.filter(|word| !word.is_empty()).any(|word| {
        let mut parts = word.split(|&byte| byte == b'.');
        let first = parts.next().unwrap_or_default();
        let second = parts.next().and_then(<[u8]>::first);
        let number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
        number && second.is_some_and(|byte| !byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_statements_are_clear() {
        for text in [
            "SELECT t1.name, 2.5, .5, 1., 1e3 FROM t1 WHERE a - -1 > ?",
            "SELECT c2.x1 FROM a.c2",
            "UPDATE t SET a = a/2, b = 'x'",
        ] {
            assert_eq!(ambiguity(text), None, "{text}");
        }
    }

    #[test]
    fn what_readers_differ_in_is_found() {
        for text in [
            "SELECT 1 --\u{a0} FROM t",
            "SELECT 1 # FROM t",
            "SELECT 1 /*! FROM t */",
            "SELECT 1.FROM t",
            "SELECT version,1.FROM t",
            "SELECT 1._x",
        ] {
            assert!(ambiguity(text).is_some(), "{text}");
        }
    }
}
