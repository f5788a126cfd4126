//! Requests of clients to a release.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Handler, Plugin, panicked};
use crate::guest::call::{Call, CallError};
use crate::runtime::handlers::answer::Answer;

impl Plugin {
    /// Answers `request`, whose path is relative to the plugin's mount.
    ///
    /// # Errors
    /// Returns an error if no instance is free, or if the instance that answered failed or was
    /// ended; such an instance is dropped.
    pub async fn handle(
        self: &Arc<Self>,
        mut call: Call,
        request: http::Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let began = Instant::now();
        let span = self.begin_span(&mut call, || format!("{} handle", self.shared.name));
        let answer = self.schedule(call, request).await;
        self.stats().count(began.elapsed(), is_failure(&answer));
        self.record_outcome(span, answer.as_ref().err());
        answer
    }

    /// Answers on the node's own threads until the request is demoted, or on those of low priority
    /// from the beginning if many recent requests of the plugin were demoted or failed by its own
    /// fault.
    async fn schedule(
        self: &Arc<Self>,
        call: Call,
        request: http::Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let background = &self.shared.background;
        let demotion = call.demotion.clone();
        let is_penalized = self.penalty.is_penalized();
        let plugin = self.clone();
        let answering = async move { plugin.answer(call, request).await };
        let answer = match is_penalized {
            true => background.run(answering).await,
            false => background.run_then_demote(&demotion, answering).await,
        };
        let answer = answer.unwrap_or_else(|error| Err(panicked(error)));
        let is_to_blame = answer.as_ref().is_err_and(CallError::is_plugins);
        self.penalty.note(demotion.is_set() || is_to_blame);
        if is_penalized || demotion.is_set() {
            self.stats().count_background();
        }
        answer
    }

    async fn answer(&self, call: Call, request: http::Request<Bytes>) -> Result<Answer, CallError> {
        let permit = self.admission.admit(call.left(), self.stats()).await?;
        match &self.handler {
            Handler::Record(handler) => handler.handle(call, request).await,
            Handler::WasiHttp(handler) => Box::pin(handler.handle(call, request, permit)).await,
        }
    }
}

/// Returns whether an answer is a failure by no fault of the client.
pub(crate) fn is_failure(answer: &Result<Answer, CallError>) -> bool {
    match answer {
        Ok(Answer::Response(response)) => response.status().is_server_error(),
        Ok(Answer::Failure(failure)) => failure.status >= 500,
        Err(_) => true,
    }
}
