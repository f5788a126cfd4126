//! Tokens that reset a password: secrets that one mail carries.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

/// Random bytes of a token.
const BYTES: usize = 32;

/// The secret of one mail.
pub(super) struct ResetToken(String);

impl ResetToken {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads what a client sent. Blanks around it come from copying.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Returns its characters.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 digest, in hexadecimal: all that the database has of
    /// it. Nobody finds 32 random bytes by their digest.
    pub(super) fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_tokens_are_the_same() {
        let tokens: HashSet<_> = (0..1000)
            .map(|_| ResetToken::generate().unwrap().0)
            .collect();
        assert_eq!(tokens.len(), 1000);
        assert!(tokens.iter().all(|token| token.len() == 43));
    }

    #[test]
    fn a_token_is_found_by_its_digest() {
        let token = ResetToken::from_text(" secret\n");
        assert_eq!(token.as_str(), "secret");
        let sha256_of_secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(token.digest(), sha256_of_secret);
    }
}
