//! Jobs that no request asked for: seeding, scheduled tasks, accounts. Each runs in an instance of
//! its own.

use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::{Plugin, panicked};
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
use crate::guest::store::new_store;

/// Maximum number of host calls of one job, which does the work of many requests.
const MAX_HOST_CALLS: u32 = 100_000;

/// Time limit for one step of seeding.
const SEED_STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for creating or changing one account.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(10);

/// Result of a job. The inner error is the plugin's own.
type JobResult<T, E = String> = Result<Result<T, E>, CallError>;

/// Operation on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountTask {
    /// Create an account; none has its e-mail address yet.
    Add,
    /// Change the account that has its e-mail address.
    Change,
}

impl Plugin {
    /// Runs one step of filling the plugin's tables; see `edge:platform/seed`.
    ///
    /// # Errors
    /// Returns an error if the instance failed. The inner error is the plugin's reason for not
    /// continuing.
    pub async fn seed_step(&self, goal: Option<u64>) -> JobResult<Progress> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { seed(&shared, &pre, goal).await })
            .await
    }

    /// Runs one piece of the scheduled `task`; see `edge:platform/schedule`.
    ///
    /// # Errors
    /// Returns an error if the instance failed. The inner error is the plugin's reason for not
    /// continuing.
    pub async fn run_task(&self, call: Call, task: String) -> JobResult<()> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { run_scheduled(&shared, &pre, call, &task).await })
            .await
    }

    /// Creates or changes an account, and returns its id; see `edge:platform/accounts`.
    ///
    /// # Errors
    /// Returns an error if the instance failed, if the plugin refuses the account, or if the
    /// account could never log in because the manifest lets the plugin issue no token with its
    /// role.
    pub async fn keep_account(
        &self,
        task: AccountTask,
        account: Account,
    ) -> JobResult<i64, AccountError> {
        let roles = &self.shared.granted.token_roles;
        if !roles.contains(&account.role) {
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            return Ok(Err(AccountError::Other(format!(
                "role: {} may have one of these: {} (`roles` in [grants.identity] of its manifest)",
                self.name(),
                roles.join(", ")
            ))));
        }
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { change_account(&shared, &pre, task, &account).await })
            .await
    }

    /// Runs a job on the threads of low priority, since no client waits for it.
    async fn run_job<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl Future<Output = JobResult<T, E>> + Send + 'static,
    ) -> JobResult<T, E> {
        // The semaphore is never closed, so this never fails.
        let _permit = self.job_permits.acquire().await;
        let done = self.shared.background.run(work).await;
        done.unwrap_or_else(|error| Err(panicked(error)))
    }
}

/// Runs one step of filling the plugin's tables.
async fn seed(shared: &Shared, pre: &InstancePre<State>, goal: Option<u64>) -> JobResult<Progress> {
    let call = Call::internal("seed".to_owned(), Instant::now() + SEED_STEP_TIMEOUT);
    run(shared, call, async |store| {
        let guest = SeederPre::new(pre.clone())?
            .instantiate_async(&mut *store)
            .await?;
        guest.edge_platform_seed().call_step(store, goal).await
    })
    .await
}

/// Runs one piece of a scheduled task.
async fn run_scheduled(
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

/// Creates or changes an account.
async fn change_account(
    shared: &Shared,
    pre: &InstancePre<State>,
    task: AccountTask,
    account: &Account,
) -> JobResult<i64, AccountError> {
    let call = Call::internal("account".to_owned(), Instant::now() + ACCOUNT_TIMEOUT);
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
) -> JobResult<T, E> {
    let bounds = Bounds {
        cpu_time: call.left(),
        host_calls: MAX_HOST_CALLS,
    };
    let deadline = call.deadline;
    shared.stats.count_instance();
    let mut store = new_store(shared, call, bounds);
    let cpu_timer = store.data().meter.clone();
    let working = metered(cpu_timer, work(&mut store));
    let outcome = tokio::time::timeout_at(deadline.into(), working).await;
    let state = store.data();
    shared.log_output(state.call(), &state.output);
    match outcome {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(state.classify_trap(error)),
        Err(_) => Err(CallError::Deadline),
    }
}
