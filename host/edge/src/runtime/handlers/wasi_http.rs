//! The `wasi:http` handlers `wasi:http/incoming-handler@0.2` and `wasi:http/handler@0.3`, served by
//! wasmtime's `ProxyHandler`.
//!
//! `ProxyHandler` runs each instance in a task of its own. So processor time is counted in epoch
//! ticks here, and the reason of a failure is sent through a channel when the instance is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bundle::component::HandlerKind;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use tokio::sync::oneshot;
use tokio::time::Sleep;
use wasmtime::component::{GuestTaskId, InstancePre};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    self, ExpirationError, HandlerState, InstantiationError, ProxyHandler, ProxyPre, ShouldAccept,
    TrapOrPanicError, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{p2, p3};

use super::answer::{Answer, Body, BodyError};
use super::reserved::remove_reserved;
use crate::guest::call::{Call, CallError};
use crate::guest::shared::Shared;
use crate::guest::state::State;
use crate::guest::store::{is_worn_out, new_store, watch};
use crate::runtime::scheduling::admission::Permit;

/// Time after which a reusable instance without a request is dropped.
const IDLE: Duration = Duration::from_secs(30);

/// Time limit for waiting for the reason of a failure, once it is known that there is one. The
/// reason arrives as soon as the instance is dropped.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);

/// Handler of components that export `wasi:http`.
pub(in crate::runtime) struct WasiHttpHandler {
    handler: ProxyHandler<Instances>,
}

impl WasiHttpHandler {
    pub(in crate::runtime) fn new(
        shared: &Arc<Shared>,
        pre: &InstancePre<State>,
        kind: HandlerKind,
    ) -> wasmtime::Result<Self> {
        let pre = match kind {
            HandlerKind::Http03 => ProxyPre::P3(p3::bindings::ServicePre::new(pre.clone())?),
            _ => ProxyPre::P2(p2::bindings::ProxyPre::new(pre.clone())?),
        };
        Ok(Self {
            handler: ProxyHandler::new(Instances {
                shared: shared.clone(),
                pre,
            }),
        })
    }

    pub(in crate::runtime) async fn warm(&self) -> Result<(), CallError> {
        match self.handler.state().instantiate().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::Instantiate(error)),
        }
    }

    /// Answers `request`. `permit` is for one instance, and is released when the instance that
    /// answers is done with the request.
    pub(in crate::runtime) async fn handle(
        &self,
        call: Call,
        mut request: http::Request<Bytes>,
        permit: Permit,
    ) -> Result<Answer, CallError> {
        *request.headers_mut() = http::HeaderMap::clone(&call.headers);
        let (failure, failed) = oneshot::channel();
        let deadline = call.deadline;
        let data = RequestData {
            call,
            failure,
            permit,
        };
        let request = request.map(|body| {
            Full::new(body)
                .map_err(|never| match never {})
                .boxed_unsync()
        });
        let answering = self.handler.handle(data, with_authority(request));
        match tokio::time::timeout_at(deadline.into(), answering).await {
            Ok(Ok(response)) => self.bounded(response).map(Answer::Response),
            Ok(Err(error)) => Err(failure_reason(error, failed).await),
            Err(_) => Err(CallError::Deadline),
        }
    }

    /// Returns the response with a body that ends in an error past the plugin's size limit.
    fn bounded(&self, response: handler::Response) -> Result<http::Response<Body>, CallError> {
        let most = usize::try_from(self.handler.state().shared.max_response).unwrap_or(usize::MAX);
        let (mut head, body) = response.into_parts();
        if head.status.is_informational() {
            let status = head.status.as_u16();
            return Err(CallError::InvalidReply(format!("status {status}")));
        }
        remove_reserved(&mut head.headers);
        let body = Limited::new(body.map_err(BodyError::from), most).boxed_unsync();
        Ok(http::Response::from_parts(head, Either::Right(body)))
    }
}

/// Adds an authority to `request` if it has none, since `wasi:http` requires one: the `host` field,
/// or `localhost`.
fn with_authority(mut request: handler::Request) -> handler::Request {
    if request.uri().authority().is_some() {
        return request;
    }
    let host = request
        .headers()
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTP);
    parts.authority = host
        .and_then(|host| host.parse().ok())
        .or_else(|| Some(http::uri::Authority::from_static("localhost")));
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Returns the reason why there is no response.
async fn failure_reason(error: wasmtime::Error, failed: oneshot::Receiver<CallError>) -> CallError {
    if error.is::<ExpirationError>() {
        return CallError::Deadline;
    }
    if error.is::<InstantiationError<RequestData>>() {
        return CallError::Instantiate(error);
    }
    let guest_failed = error.is::<TrapOrPanicError>();
    match tokio::time::timeout(REASON_TIMEOUT, failed).await {
        Ok(Ok(failure)) => failure,
        _ if guest_failed => CallError::Trap(error),
        _ => CallError::InvalidReply(format!("{error:#}")),
    }
}

/// Data passed with a request to the instance that answers it.
struct RequestData {
    call: Call,
    failure: oneshot::Sender<CallError>,
    permit: Permit,
}

/// Factory of instances for `ProxyHandler`.
struct Instances {
    shared: Arc<Shared>,
    pre: ProxyPre<State>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<handler::Instance<State, Expiration, Worker>> {
        self.shared.stats.count_instance();
        let call = Call::internal("-".to_owned(), Instant::now() + IDLE);
        let mut store = new_store(&self.shared, call, self.shared.bounds);
        store.data_mut().count_ticks();
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let current = Arc::new(Mutex::new(None));
        let worn_out = Arc::new(AtomicBool::new(false));
        if self.shared.requests_per_instance.is_some() {
            let worn_out = worn_out.clone();
            // Called last when the request has ended.
            let check = move |store: StoreContextMut<'_, State>| {
                worn_out.store(is_worn_out(store), Relaxed);
            };
            watch(&mut store, check);
        }
        Ok(handler::Instance {
            store,
            proxy,
            view: State::http,
            expiration: Expiration {
                current: current.clone(),
                sleep: None,
            },
            state: Worker {
                shared: self.shared.clone(),
                current,
                worn_out,
            },
        })
    }
}

/// Request that an instance is answering.
struct Current {
    id: String,
    deadline: Instant,
    failure: oneshot::Sender<CallError>,
    permit: Permit,
}

type Slot = Arc<Mutex<Option<Current>>>;

fn with<R>(slot: &Slot, act: impl FnOnce(&mut Option<Current>) -> R) -> R {
    act(&mut slot
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// State of one instance's worker, which takes one request at a time and reports how it ended.
struct Worker {
    shared: Arc<Shared>,
    current: Slot,
    worn_out: Arc<AtomicBool>,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = RequestData;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let most = self.shared.requests_per_instance.unwrap_or(1) as usize;
        match (concurrent, total) {
            (_, total) if total >= most => ShouldAccept::Never,
            (0, _) if self.worn_out.load(Relaxed) => ShouldAccept::Never,
            (0, _) => {
                // The previous request is done, its body included.
                with(&self.current, |current| current.take());
                ShouldAccept::Yes
            }
            _ => ShouldAccept::No,
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, State>,
        data: RequestData,
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let RequestData {
            call,
            failure,
            permit,
        } = data;
        let deadline = call.deadline;
        let id = call.id.clone();
        // Output of the previous request, whose body may have ended after its reply.
        let state = store.data_mut();
        self.shared.log_output(state.call(), &state.output);
        state.begin(call, self.shared.bounds);
        let current = Current {
            id,
            deadline,
            failure,
            permit,
        };
        with(&self.current, |slot| *slot = Some(current));
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }

    fn drop(&self, store: Store<State>, result: Result<(), wasmtime::Error>) {
        let current = with(&self.current, |slot| slot.take());
        let (id, waiting, permit) = match current {
            Some(current) => (current.id, Some(current.failure), Some(current.permit)),
            None => ("-".to_owned(), None, None),
        };
        let state = store.data();
        self.shared.log_output(state.call(), &state.output);
        let failure = result.err().map(|error| state.classify_trap(error));
        // The instance is dropped before its permit, so that no other one takes its place earlier.
        drop(store);
        drop(permit);
        let Some(failure) = failure else { return };
        match waiting.filter(|waiting| !waiting.is_closed()) {
            // The task that waits for the reply logs the reason.
            Some(waiting) => {
                let _ = waiting.send(failure);
            }
            // The reply has begun already; its body is cut off.
            None => tracing::error!(
                plugin = &*self.shared.name,
                version = self.shared.version,
                request_id = id,
                reason = failure.reason(),
                "{failure}"
            ),
        }
    }
}

/// Timer that ends an instance whose request is past its deadline, or that has waited too long for
/// the next request.
struct Expiration {
    current: Slot,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        let end = match status {
            WorkerStatus::Idle => since + IDLE,
            WorkerStatus::Requests | WorkerStatus::PostReturn => with(&self.current, |current| {
                current.as_ref().map(|current| current.deadline)
            })
            .unwrap_or(since + IDLE),
        };
        let sleep = match &mut self.sleep {
            Some((until, sleep)) if *until == end => sleep,
            other => {
                let sleep = Box::pin(tokio::time::sleep_until(end.into()));
                &mut other.insert((end, sleep)).1
            }
        };
        sleep.as_mut().poll(context)
    }
}
