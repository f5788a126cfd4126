//! `edge:platform/mail`: outgoing mail.

use wasmtime::component::{HasSelf, Linker};

use super::host_call_limit::ok_or_answer;
use crate::bindings::mail::{Error, Host, Message};
use crate::guest::{AsOutcome, Operation, Outcome, State};

/// Adds `edge:platform/mail` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::mail::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
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
    async fn send(&mut self, message: Message) -> wasmtime::Result<Result<(), Error>> {
        // Checked at load: a component that imports the interface without a grant is refused.
        let mailer = self.granted().mail.clone();
        let mailer = mailer.ok_or_else(|| wasmtime::Error::msg("the plugin has no mail grant"))?;
        ok_or_answer!(self.count_host_call());
        let deadline = self.call().host_deadline();
        let counting = self.begin_operation(Operation::SendMail, "");
        Ok(counting.with(mailer.send(message, deadline.into()).await))
    }
}
