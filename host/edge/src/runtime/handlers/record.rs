//! The record handler: the export `edge:platform/handler`, with requests and replies as records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{Either, Full};
use wasmtime::component::{Instance as Component, InstancePre, Val};
use wasmtime::{AsContextMut, Store};

use super::answer::{Answer, headers};
use crate::bindings::handler::{Failure, Request, Response};
use crate::bindings::plugin::{Plugin as Guest, PluginIndices as GuestIndices};
use crate::guest::call::{Call, CallError};
use crate::guest::cpu_time::metered;
use crate::guest::shared::Shared;
use crate::guest::state::State;
use crate::guest::store::{is_worn_out, new_store};
use crate::runtime::linking::Export;

/// Capacity reserved for the header fields that the host adds to a reply, so that the map does not
/// grow for them.
const HOST_FIELDS: usize = 20;

/// Time limit for making a first instance.
const WARM_TIMEOUT: Duration = Duration::from_secs(10);

/// Handler of components that export `edge:platform/handler`. Instances are kept between requests
/// if the manifest says so.
pub(in crate::runtime) struct RecordHandler {
    shared: Arc<Shared>,
    pre: InstancePre<State>,
    indices: GuestIndices,
    idle: ArrayQueue<Instance>,
}

struct Instance {
    store: Store<State>,
    component: Component,
    guest: Guest,
    answered: u32,
}

impl RecordHandler {
    pub(in crate::runtime) fn new(
        shared: &Arc<Shared>,
        pre: &InstancePre<State>,
        instances: u32,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            shared: shared.clone(),
            pre: pre.clone(),
            indices: GuestIndices::new(pre)?,
            idle: ArrayQueue::new(instances as usize),
        })
    }

    pub(in crate::runtime) async fn warm(&self) -> Result<(), CallError> {
        let call = Call::internal("warm".to_owned(), Instant::now() + WARM_TIMEOUT);
        let instance = self.instantiate(&call).await?;
        self.keep(instance);
        Ok(())
    }

    /// Answers `request`. The caller holds a permit for one instance.
    pub(in crate::runtime) async fn handle(
        &self,
        call: Call,
        request: http::Request<Bytes>,
    ) -> Result<Answer, CallError> {
        call.ledger.begin();
        let request = to_guest(request);
        let answer = self
            .with_instance(call, async |instance| {
                let handler = instance.guest.edge_platform_handler();
                handler.call_handle(&mut instance.store, &request).await
            })
            .await?;
        self.to_http(answer)
    }

    /// Calls a function that the plugin exports for other plugins. The caller holds a permit for
    /// one instance.
    pub(in crate::runtime) async fn call(
        &self,
        call: Call,
        export: &Export,
        parameters: &[Val],
        results: &mut [Val],
    ) -> Result<(), CallError> {
        self.with_instance(call, async |instance| {
            let Instance {
                store, component, ..
            } = instance;
            let function = component
                .get_func(&mut *store, export.index)
                .ok_or_else(|| wasmtime::Error::msg("the export is no function"))?;
            function.call_async(store, parameters, results).await
        })
        .await
    }

    /// Runs `work` with an instance, within the deadline and with its processor time counted. The
    /// instance is kept if the work succeeds, and dropped otherwise.
    async fn with_instance<T>(
        &self,
        call: Call,
        work: impl AsyncFnOnce(&mut Instance) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let mut instance = match self.idle.pop() {
            Some(instance) => instance,
            // Boxed, so that the common case does not move the large state of this future.
            None => Box::pin(self.instantiate(&call)).await?,
        };
        let deadline = call.deadline;
        instance.store.data_mut().begin(call, self.shared.bounds);
        instance.store.set_epoch_deadline(1);
        let cpu_timer = instance.store.data().meter.clone();
        let working = metered(cpu_timer, work(&mut instance));
        let outcome = tokio::time::timeout_at(deadline.into(), working).await;
        instance.store.data().note_end();
        instance.store.data().flush_cpu_time();
        self.log_output(&instance);
        match outcome {
            Ok(Ok(answer)) => {
                self.put_back(instance);
                Ok(answer)
            }
            Ok(Err(error)) => Err(instance.store.data().classify_trap(error)),
            Err(_) => Err(CallError::Deadline),
        }
    }

    async fn instantiate(&self, call: &Call) -> Result<Instance, CallError> {
        self.shared.stats.count_instance();
        let mut store = new_store(&self.shared, call.clone(), self.shared.bounds);
        let cpu_timer = store.data().meter.clone();
        let instantiated = metered(cpu_timer, async {
            let component = self.pre.instantiate_async(&mut store).await?;
            let guest = self.indices.load(&mut store, &component)?;
            Ok((component, guest))
        });
        match tokio::time::timeout_at(call.deadline.into(), instantiated).await {
            Ok(Ok((component, guest))) => Ok(Instance {
                store,
                component,
                guest,
                answered: 0,
            }),
            Ok(Err(error)) if store.data().memory.was_refused() => Err(CallError::Memory(error)),
            Ok(Err(error)) => Err(CallError::Instantiate(error)),
            Err(_) => Err(CallError::Deadline),
        }
    }

    /// Keeps an instance for another request, unless it left a transaction open.
    fn put_back(&self, mut instance: Instance) {
        let state = instance.store.data();
        if state.has_open_transactions() {
            tracing::warn!(
                plugin = &*self.shared.name,
                version = self.shared.version,
                request_id = state.call().id,
                trace_id = state.call().trace_id(),
                "a transaction was left open; it is rolled back and the instance dropped"
            );
        } else {
            instance.answered += 1;
            self.keep(instance);
        }
    }

    /// Keeps `instance` for another request, unless it has answered its share, or holds so many
    /// resources that the next request would suffer.
    fn keep(&self, mut instance: Instance) {
        let most = self.shared.requests_per_instance;
        let may_answer_more = most.is_some_and(|most| instance.answered < most);
        if may_answer_more && !is_worn_out(instance.store.as_context_mut()) {
            // Fails only while more instances exist than the queue holds; this one is dropped then.
            let _ = self.idle.push(instance);
        }
    }

    fn log_output(&self, instance: &Instance) {
        let state = instance.store.data();
        self.shared.log_output(state.call(), &state.output);
    }

    fn check_length(&self, length: usize) -> Result<(), CallError> {
        let most = self.shared.max_response;
        match length as u64 > most {
            true => Err(CallError::InvalidReply(format!(
                "{length} bytes of body; at most {most}"
            ))),
            false => Ok(()),
        }
    }

    fn to_http(&self, answer: Result<Response, Failure>) -> Result<Answer, CallError> {
        let response = match answer {
            Ok(response) => response,
            Err(failure) => {
                let Failure { code, field, .. } = &failure;
                let others = code.len() + field.as_ref().map_or(0, String::len);
                self.check_length(failure.message.len() + others)?;
                return Ok(Answer::Failure(failure));
            }
        };
        self.check_length(response.body.len())?;
        let mut http = http::Response::new(Either::Left(Full::new(Bytes::from(response.body))));
        *http.status_mut() = status(response.status)?;
        append(http.headers_mut(), headers(response.headers)?);
        Ok(Answer::Response(http))
    }
}

fn to_guest(request: http::Request<Bytes>) -> Request {
    let (head, body) = request.into_parts();
    Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        body: body.into(),
    }
}

fn status(status: u16) -> Result<StatusCode, CallError> {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| CallError::InvalidReply(format!("status {status}")))
}

fn append(map: &mut HeaderMap, headers: Vec<(HeaderName, HeaderValue)>) {
    map.reserve(headers.len() + HOST_FIELDS);
    for (name, value) in headers {
        map.append(name, value);
    }
}
