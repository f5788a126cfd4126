//! `wasi:keyvalue`: buckets that the plugin's manifest grants.

use std::time::Instant;

use stores::keyvalue::{Bucket, CompareAndSwap, Error, Swap};
use wasmtime::component::{HasSelf, Linker, Resource};

use super::host_call_limit::ok_or_answer;
use crate::bindings::keyvalue::{atomics, batch, store};
use crate::guest::{AsOutcome, HostCall, Operation, Outcome, State};

/// Maximum weight of the buckets and compare-and-swap values that one instance may hold at once. A
/// long value weighs more than one.
const MAX_HANDLES: usize = 256;

/// Bytes of a value that add one to its weight.
const BYTES_PER_WEIGHT: usize = 64 << 10;

/// Value that the host keeps for a handle of the guest.
trait HeldValue: Send + 'static {
    /// Returns the weight of the value, of which an instance may hold [`MAX_HANDLES`] in total.
    fn weight(&self) -> usize {
        1
    }
}

impl HeldValue for Bucket {}

impl HeldValue for CompareAndSwap {
    fn weight(&self) -> usize {
        1 + self.current.as_ref().map_or(0, Vec::len) / BYTES_PER_WEIGHT
    }
}

/// Adds `wasi:keyvalue/store`, `atomics` and `batch` to the linker.
///
/// # Errors
/// Returns an error if the linker has one of the interfaces already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    atomics::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    batch::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

type Answer<T> = wasmtime::Result<Result<T, store::Error>>;

fn other(reason: impl ToString) -> store::Error {
    store::Error::Other(reason.to_string())
}

impl State {
    /// Counts a host call, and returns the bucket of `handle` with the operation started on it.
    fn bucket(
        &mut self,
        handle: &Resource<Bucket>,
        operation: Operation,
    ) -> Answer<(Bucket, StartedOperation)> {
        let bucket = self.table().get(handle)?.clone();
        ok_or_answer!(self.count_host_call());
        let started = self.begin_in(&bucket, operation);
        Ok(Ok((bucket, started)))
    }

    fn begin_in(&self, bucket: &Bucket, operation: Operation) -> StartedOperation {
        StartedOperation {
            deadline: self.call().store_deadline(),
            counting: self.begin_operation(operation, bucket.system()),
        }
    }

    /// Returns a new handle for `value`, or an error if the instance holds too many.
    fn hold<T: HeldValue>(&mut self, value: T) -> Answer<Resource<T>> {
        let weight = value.weight();
        if self.keyvalue_handles() + weight > MAX_HANDLES {
            let most = format!("an instance holds at most {MAX_HANDLES} buckets and values");
            return Ok(Err(other(most)));
        }
        let handle = self.table().push(value)?;
        *self.keyvalue_handles_mut() += weight;
        Ok(Ok(handle))
    }

    fn release<T: HeldValue>(&mut self, handle: Resource<T>) -> wasmtime::Result<T> {
        let value = self.table().delete(handle)?;
        *self.keyvalue_handles_mut() -= value.weight();
        Ok(value)
    }
}

/// Operation in progress, with its deadline.
struct StartedOperation {
    deadline: Instant,
    counting: HostCall,
}

/// Runs `work` on `bucket` within the operation's deadline, and counts its outcome.
async fn within_deadline<T>(
    bucket: &Bucket,
    started: StartedOperation,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, store::Error> {
    let outcome = match tokio::time::timeout_at(started.deadline.into(), work).await {
        Ok(outcome) => outcome,
        Err(elapsed) => {
            bucket.was_late(&elapsed);
            Err(Error::Timeout)
        }
    };
    started.counting.with(outcome).map_err(other)
}

impl AsOutcome for Error {
    fn as_outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(_) => Outcome::Unavailable,
            Self::Timeout => Outcome::Timeout,
            Self::TooLarge { .. } | Self::TooManyKeys(_) => Outcome::TooLarge,
            Self::InvalidKey { .. } | Self::InvalidCursor | Self::NotANumber => Outcome::Invalid,
        }
    }
}

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        ok_or_answer!(self.count_host_call());
        let bucket = self.granted().buckets.get(&identifier).cloned();
        self.hold(ok_or_answer!(bucket.ok_or(store::Error::AccessDenied)))
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueGet)?);
        Ok(within_deadline(&bucket, started, bucket.get(&key)).await)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueSet)?);
        Ok(within_deadline(&bucket, started, bucket.set(&key, &value)).await)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<()> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueDelete)?);
        Ok(within_deadline(&bucket, started, bucket.delete(&key)).await)
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<bool> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueExists)?);
        Ok(within_deadline(&bucket, started, bucket.exists(&key)).await)
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Answer<store::KeyResponse> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueListKeys)?);
        let page = within_deadline(&bucket, started, bucket.list_keys(cursor.as_deref())).await;
        Ok(page.map(|page| store::KeyResponse {
            keys: page.keys,
            cursor: page.cursor,
        }))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.release(bucket).map(drop)
    }
}

impl atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueIncrement)?);
        Ok(within_deadline(&bucket, started, bucket.increment(&key, delta)).await)
    }

    async fn swap(
        &mut self,
        cas: Resource<CompareAndSwap>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), atomics::CasError>> {
        let read = self.release(cas)?;
        ok_or_answer!(self.count_host_call().map_err(store::Error::from));
        let started = self.begin_in(&read.bucket, Operation::KeyvalueSwap);
        let swapping = read.bucket.swap(&read.key, read.current.as_deref(), &value);
        match ok_or_answer!(within_deadline(&read.bucket, started, swapping).await) {
            Swap::Done => Ok(Ok(())),
            Swap::Lost(current) => {
                let newer = ok_or_answer!(self.hold(CompareAndSwap { current, ..read })?);
                Ok(Err(atomics::CasError::CasFailed(newer)))
            }
        }
    }
}

impl From<store::Error> for atomics::CasError {
    fn from(error: store::Error) -> Self {
        Self::StoreError(error)
    }
}

impl atomics::HostCas for State {
    async fn new(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Answer<Resource<CompareAndSwap>> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueGet)?);
        let current = ok_or_answer!(within_deadline(&bucket, started, bucket.get(&key)).await);
        self.hold(CompareAndSwap {
            bucket,
            key,
            current,
        })
    }

    async fn current(&mut self, cas: Resource<CompareAndSwap>) -> Answer<Option<Vec<u8>>> {
        Ok(Ok(self.table().get(&cas)?.current.clone()))
    }

    async fn drop(&mut self, cas: Resource<CompareAndSwap>) -> wasmtime::Result<()> {
        self.release(cas).map(drop)
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueGetMany)?);
        let values = ok_or_answer!(within_deadline(&bucket, started, bucket.get_many(&keys)).await);
        Ok(Ok(keys.into_iter().zip(values).collect()))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueSetMany)?);
        Ok(within_deadline(&bucket, started, bucket.set_many(&entries)).await)
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        let (bucket, started) = ok_or_answer!(self.bucket(&bucket, Operation::KeyvalueDeleteMany)?);
        Ok(within_deadline(&bucket, started, bucket.delete_many(&keys)).await)
    }
}
