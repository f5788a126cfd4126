//! `edge:platform/identity`: passwords and tokens.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::context::Principal;
use crate::bindings::identity::{Error, Host};
use crate::identity::{Identity, PasswordError};
use crate::runtime::{End, Ending, Operation, State};

/// Let components import `edge:platform/identity`.
///
/// # Errors
/// When the linker has it already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::identity::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    fn identity(&self) -> wasmtime::Result<Arc<Identity>> {
        // A component that imports it without a grant was refused at start.
        let granted = self.granted().identity.clone();
        granted.ok_or_else(|| wasmtime::Error::msg("the plugin has no identity grant"))
    }

    /// Account for one use of the identity, and wait for it for as long as the
    /// request may.
    async fn identify<T>(
        &mut self,
        operation: Operation,
        work: impl Future<Output = Result<T, PasswordError>>,
    ) -> Result<T, Error> {
        self.count_host_call()
            .map_err(|limit| Error::TooLarge(limit.to_string()))?;
        let deadline = self.call().host_deadline();
        let counting = self.begin_operation(operation, "");
        let done = match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(done) => done.map_err(|error| Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable(PasswordError::Busy.to_string())),
        };
        counting.with(done)
    }
}

impl Ending for Error {
    fn end(&self) -> End {
        match self {
            Self::Invalid(_) => End::Invalid,
            Self::TooLarge(_) => End::TooLarge,
            Self::Unavailable(_) => End::Unavailable,
        }
    }
}

impl Host for State {
    async fn hash_password(&mut self, password: String) -> wasmtime::Result<Result<String, Error>> {
        let identity = self.identity()?;
        let hashing = identity.passwords.hash(password);
        Ok(self.identify(Operation::HashPassword, hashing).await)
    }

    async fn verify_password(
        &mut self,
        password: String,
        hash: Option<String>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let identity = self.identity()?;
        let verifying = identity.passwords.verify(password, hash);
        Ok(self.identify(Operation::VerifyPassword, verifying).await)
    }

    async fn issue_token(
        &mut self,
        principal: Principal,
        lifetime: u32,
    ) -> wasmtime::Result<Result<String, Error>> {
        let identity = self.identity()?;
        if let Err(limit) = self.count_host_call() {
            return Ok(Err(Error::TooLarge(limit.to_string())));
        }
        if lifetime == 0 {
            let error = "a token has to hold for a second or longer".to_owned();
            return Ok(Err(Error::Invalid(error)));
        }
        let counting = self.begin_operation(Operation::IssueToken, "");
        if !self.granted().token_roles.contains(&principal.role) {
            counting.ended(End::Denied);
            let error = "`roles` in [grants.identity] of the manifest does not name this role";
            return Ok(Err(Error::Invalid(error.to_owned())));
        }
        let issued = identity.tokens.issue(&principal, lifetime);
        Ok(counting.with(issued.map_err(|error| Error::Invalid(error.to_string()))))
    }
}
