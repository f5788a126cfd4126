//! Who somebody is: passwords that were hashed, tokens that were signed, and
//! the caller of a request by the token it carries.

mod caller;
mod passwords;
mod tokens;

pub use caller::{CREDENTIALS, caller_of};
pub use passwords::{PasswordError, Passwords};
pub use tokens::{KeyError, TokenError, TokenKeys, Tokens};

/// What a node knows of passwords and tokens.
pub struct Identity {
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Issues and verifies tokens.
    pub tokens: Tokens,
}

impl Identity {
    /// With these keys for tokens.
    #[must_use]
    pub fn new(keys: TokenKeys) -> Self {
        Self {
            passwords: Passwords::new(),
            tokens: Tokens::new(keys),
        }
    }
}
