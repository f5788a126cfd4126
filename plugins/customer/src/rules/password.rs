//! Passwords: any characters, but neither too few nor too many.

use edge_sdk::Result;
use shop_errors::CODES;

use crate::failures::SHORT_PASSWORD;

/// Least characters.
const MIN_CHARS: usize = 8;

/// Most characters.
const MAX_CHARS: usize = 128;

const FIELD: &str = "password";

/// Refuses what may not become a password. Whatever may is not changed in any
/// way before it is hashed.
///
/// # Errors
/// `USR_10` for less than 8 characters, `USR_07` for more than 128, `USR_02`
/// for nothing but blanks, which no form could send as a password.
pub fn check(password: &str) -> Result<()> {
    let length = password.chars().count();
    if password.trim().is_empty() {
        Err(CODES.missing(&[FIELD]))
    } else if length < MIN_CHARS {
        Err(SHORT_PASSWORD.field(FIELD))
    } else if length > MAX_CHARS {
        Err(CODES.too_long(FIELD))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(password: &str, code: &str) {
        let failure = check(password).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, code));
        assert_eq!(failure.faulty_field(), Some("password"));
        assert!(!format!("{failure:?}").contains("secret"));
    }

    #[test]
    fn any_characters_will_do() {
        for password in [
            "12345678",
            "        x",
            "пароль00",
            "\0\0\0\0\0\0\0\0",
            "👕👕👕👕👕👕👕👕",
        ] {
            assert_eq!(check(password), Ok(()));
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_refused("secret7", "USR_10");
        assert_refused("üüüüüüü", "USR_10");
        assert_eq!(check(&"ü".repeat(MAX_CHARS)), Ok(()));
        assert_refused(&"ü".repeat(MAX_CHARS + 1), "USR_07");
    }

    #[test]
    fn blanks_alone_are_nothing() {
        assert_refused("", "USR_02");
        assert_refused("          ", "USR_02");
    }
}
