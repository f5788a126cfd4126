//! `edge:platform/identity`: passwords and tokens.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use crate::address::client_key;
use crate::bindings::context::Principal;
use crate::bindings::identity::{Error, Host, PasswordCheck};
use crate::guest::{AsOutcome, Operation, Outcome, State};
use crate::identity::{self, Identity, IssueError, PasswordError, RevocationError};

/// Adds `edge:platform/identity` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::identity::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    fn identity(&self) -> wasmtime::Result<Arc<Identity>> {
        // Checked at load: a component that imports the interface without a grant is refused.
        let granted = self.granted().identity.clone();
        granted.ok_or_else(|| wasmtime::Error::msg("the plugin has no identity grant"))
    }

    /// Counts one identity operation, and runs it within the host call deadline of the request.
    async fn run_operation<T, E: Into<Error>>(
        &mut self,
        operation: Operation,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        self.count_host_call()?;
        let deadline = self.call().host_deadline();
        let counting = self.begin_operation(operation, "");
        let done = match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(Error::Unavailable("the time is up".to_owned())),
        };
        counting.with(done)
    }

    /// Returns the key by which the passwords' queue knows this client.
    fn password_queue_key(&self) -> String {
        // Work that no client asked for has no address, and a queue of its own.
        self.call().client.map(client_key).unwrap_or_default()
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<identity::PasswordCheck> for PasswordCheck {
    fn from(check: identity::PasswordCheck) -> Self {
        match check {
            identity::PasswordCheck::Wrong => Self::Wrong,
            identity::PasswordCheck::Right => Self::Right,
            identity::PasswordCheck::Outdated => Self::Outdated,
            identity::PasswordCheck::Unverifiable => Self::Unverifiable,
        }
    }
}

impl From<RevocationError> for Error {
    fn from(error: RevocationError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Token(error) => Self::Invalid(error.to_string()),
            IssueError::Revocations(error) => error.into(),
        }
    }
}

impl AsOutcome for Error {
    fn as_outcome(&self) -> Outcome {
        match self {
            Self::Invalid(_) => Outcome::Invalid,
            Self::TooLarge(_) => Outcome::TooLarge,
            Self::Unavailable(_) => Outcome::Unavailable,
        }
    }
}

impl Host for State {
    async fn hash_password(&mut self, password: String) -> wasmtime::Result<Result<String, Error>> {
        let identity = self.identity()?;
        let key = self.password_queue_key();
        let hashing = identity.passwords.hash(&key, password);
        Ok(self.run_operation(Operation::HashPassword, hashing).await)
    }

    async fn verify_password(
        &mut self,
        password: String,
        hash: Option<String>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let identity = self.identity()?;
        let key = self.password_queue_key();
        let verifying = identity.passwords.verify(&key, password, hash);
        Ok(self
            .run_operation(Operation::VerifyPassword, verifying)
            .await)
    }

    async fn check_password(
        &mut self,
        password: String,
        hash: Option<String>,
    ) -> wasmtime::Result<Result<PasswordCheck, Error>> {
        let identity = self.identity()?;
        let key = self.password_queue_key();
        let checking = identity.passwords.check(&key, password, hash);
        let check = self.run_operation(Operation::CheckPassword, checking).await;
        Ok(check.map(PasswordCheck::from))
    }

    async fn issue_token(
        &mut self,
        principal: Principal,
        lifetime: u32,
    ) -> wasmtime::Result<Result<String, Error>> {
        let identity = self.identity()?;
        if lifetime == 0 {
            let error = "a token has to hold for a second or longer".to_owned();
            return Ok(Err(Error::Invalid(error)));
        }
        if !self.granted().token_roles.contains(&principal.role) {
            self.begin_operation(Operation::IssueToken, "")
                .ended(Outcome::Denied);
            let error = "`roles` in [grants.identity] of the manifest does not name this role";
            return Ok(Err(Error::Invalid(error.to_owned())));
        }
        let issuing = identity.issue(&principal, lifetime);
        Ok(self.run_operation(Operation::IssueToken, issuing).await)
    }

    async fn revoke_tokens(&mut self, principal_id: i64) -> wasmtime::Result<Result<(), Error>> {
        let identity = self.identity()?;
        let revoking = identity.revocations.revoke(principal_id);
        Ok(self.run_operation(Operation::RevokeTokens, revoking).await)
    }
}
