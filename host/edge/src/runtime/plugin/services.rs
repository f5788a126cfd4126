//! Calls of other plugins to a release.

use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Handler, Plugin};
use crate::runtime::linking::{LinkedPlugin, ServiceCall, ServiceCallError, ServiceLinks};
use crate::telemetry::traces::text;

impl LinkedPlugin for Plugin {
    fn links(&self) -> &ServiceLinks {
        &self.links
    }

    fn call_service<'a>(
        &'a self,
        call: ServiceCall<'a>,
    ) -> BoxFuture<'a, Result<(), ServiceCallError>> {
        self.answer_service(call).boxed()
    }
}

impl Plugin {
    async fn answer_service(&self, call: ServiceCall<'_>) -> Result<(), ServiceCallError> {
        let export = self.links.export(&call)?;
        let Handler::Record(handler) = &self.handler else {
            // Components with another handler that export interfaces are not loaded.
            return Err(ServiceCallError::NoProvider);
        };
        let ServiceCall {
            mut context,
            interface,
            function,
            parameters,
            results,
        } = call;
        let began = Instant::now();
        let mut span = self.begin_span(&mut context, || format!("{interface} {function}"));
        if let Some(span) = &mut span {
            span.set_attributes([
                text("rpc.service", interface.to_owned()),
                text("rpc.method", function.to_owned()),
            ]);
        }
        let called = async {
            let _permit = self.admission.admit(context.left(), self.stats()).await?;
            handler.call(context, export, parameters, results).await
        };
        let outcome = called.await;
        self.stats().count_call(began.elapsed(), outcome.is_err());
        self.record_outcome(span, outcome.as_ref().err());
        Ok(outcome?)
    }
}
