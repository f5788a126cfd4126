//! `edge:platform/rate-limit`: rate limits of the manifest that the plugin applies itself.

use stores::limiter::OnFailure;
use wasmtime::component::{HasSelf, Linker};

use super::host_call_limit::ok_or_answer;
use crate::bindings::rate_limit::{Error, Host, Verdict};
use crate::guest::{Operation, Outcome, State};

/// Adds `edge:platform/rate-limit` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::rate_limit::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn take(
        &mut self,
        policy: String,
        key: String,
        cost: u32,
    ) -> wasmtime::Result<Result<Verdict, Error>> {
        ok_or_answer!(self.count_host_call());
        let limits = self.granted().limits.clone();
        let found = limits
            .as_ref()
            .and_then(|limits| Some((&limits.limiter, limits.policies.get(&policy)?)));
        let Some((limiter, policy)) = found else {
            let denied = format!("the manifest has no [[rate-limit]] {policy:?} without a path");
            return Ok(Err(Error::Denied(denied)));
        };
        let counting = self.begin_operation(Operation::TakeFromLimit, "");
        let verdict = limiter.check(policy, &key, cost, OnFailure::Local).await;
        counting.ended(Outcome::Ok);
        Ok(Ok(Verdict {
            allowed: verdict.allowed,
            remaining: verdict.remaining,
            retry_after_ms: u64::try_from(verdict.retry_after.as_micros().div_ceil(1000))
                .unwrap_or(u64::MAX),
        }))
    }
}
