//! Work that no request asked for: filling tables, scheduled tasks, making
//! accounts. Each piece runs in an instance of its own.

use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::accounts::AccountKeeperPre;
use crate::bindings::accounts::exports::edge::platform::accounts::{
    Account, Error as AccountError,
};
use crate::bindings::scheduled::ScheduledPre;
use crate::bindings::seeder::SeederPre;
use crate::bindings::seeder::exports::edge::platform::seed::Progress;
use crate::guest::call::{Call, CallError};
use crate::guest::cpu_time::metered;
use crate::guest::shared::{Bounds, Shared};
use crate::guest::state::State;

/// Calls into the host for one piece, which does the work of many requests.
const HOST_CALLS: u32 = 100_000;

/// Time for one step of seeding.
const SEED_STEP: Duration = Duration::from_secs(60);

/// Time for making one account.
const ACCOUNT: Duration = Duration::from_secs(10);

/// What a plugin answers: its own words for what went wrong.
pub(super) type JobResult<T> = Result<Result<T, String>, CallError>;

/// One step of filling the plugin's tables.
pub(super) async fn seed(
    shared: &Shared,
    pre: &InstancePre<State>,
    goal: Option<u64>,
) -> JobResult<Progress> {
    let call = Call::internal("seed".to_owned(), Instant::now() + SEED_STEP);
    run(shared, call, async |store| {
        let guest = SeederPre::new(pre.clone())?
            .instantiate_async(&mut *store)
            .await?;
        guest.edge_platform_seed().call_step(store, goal).await
    })
    .await
}

/// One piece of a scheduled task.
pub(super) async fn task(
    shared: &Shared,
    pre: &InstancePre<State>,
    call: Call,
    task: &str,
) -> JobResult<()> {
    run(shared, call, async |store| {
        let guest = ScheduledPre::new(pre.clone())?
            .instantiate_async(&mut *store)
            .await?;
        guest.edge_platform_schedule().call_run(store, task).await
    })
    .await
}

/// What is to become of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountTask {
    /// There is none with its e-mail address yet: make it.
    Add,
    /// There is one with its e-mail address: change it.
    Change,
}

/// Makes or changes an account.
pub(super) async fn account(
    shared: &Shared,
    pre: &InstancePre<State>,
    task: AccountTask,
    account: &Account,
) -> Result<Result<i64, AccountError>, CallError> {
    let call = Call::internal("account".to_owned(), Instant::now() + ACCOUNT);
    run(shared, call, async |store| {
        let guest = AccountKeeperPre::new(pre.clone())?
            .instantiate_async(&mut *store)
            .await?;
        let accounts = guest.edge_platform_accounts();
        match task {
            AccountTask::Add => accounts.call_add(store, account).await,
            AccountTask::Change => accounts.call_change(store, account).await,
        }
    })
    .await
}

async fn run<T, E>(
    shared: &Shared,
    call: Call,
    work: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<Result<T, E>>,
) -> Result<Result<T, E>, CallError> {
    let bounds = Bounds {
        cpu_time: call.left(),
        host_calls: HOST_CALLS,
    };
    let deadline = call.deadline;
    shared.stats.count_instance();
    let mut store = State::store(shared, call, bounds);
    let meter = store.data().meter.clone();
    let working = metered(meter, work(&mut store));
    let outcome = tokio::time::timeout_at(deadline.into(), working).await;
    let state = store.data();
    shared.log_output(state.call(), &state.output);
    match outcome {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(state.classify_trap(error)),
        Err(_) => Err(CallError::Deadline),
    }
}
