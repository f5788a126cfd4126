//! Who somebody is: passwords that were hashed, tokens that were signed, and
//! the caller of a request by the token it carries.

mod caller;
mod passwords;
mod tokens;

pub use caller::{CREDENTIALS, caller_of};
pub use passwords::{PasswordError, Passwords};
pub use tokens::{KeyError, TokenError, TokenKeys, Tokens};
