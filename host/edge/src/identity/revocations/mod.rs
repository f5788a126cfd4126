//! Revoked tokens: for each principal, the second up to which all issued tokens are invalid.
//!
//! A table of the control database ([`store`]) holds them, so that all nodes agree, and its clock
//! decides in which second tokens are issued and revoked. Each node has a copy in memory
//! ([`cutoffs`]), which is used for at most [`MAX_AGE`]: a token that was revoked longer ago is
//! rejected by every node. Requests without a token need none of this.

mod cutoffs;
mod store;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use cutoffs::Cutoffs;
pub use store::RevocationError;
use store::Store;

use stores::clock::SharedClock;
use stores::sql::{Connections, DatabaseAccess, Databases};

use super::tokens::{LEEWAY, MAX_LIFETIME};

/// Greatest age of the copy in memory: the longest time for which a node accepts a token that was
/// revoked on another node.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Age from which the copy is refreshed in the background, so that requests need not wait for it.
const REFRESH_AGE: Duration = Duration::from_millis(500);

/// Time for which the failure of a refresh is returned to further ones.
const FAILURE_AGE: Duration = Duration::from_millis(200);

/// Seconds of revocations that each refresh reads again, since a change becomes visible later than
/// it was made.
const OVERLAP: u64 = 60;

/// Attempts at a revocation that conflicts with others of the same second.
const TRIES: u32 = 10;

/// Revoked tokens of a shop, as one node knows them.
#[derive(Clone)]
pub struct Revocations {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    copy: RwLock<Copy>,
    /// Time of the last failed refresh; locked during a refresh.
    refreshing: Mutex<Option<Instant>>,
}

struct Copy {
    cutoffs: Cutoffs,
    /// Second of the database's clock at the last successful refresh.
    second: u64,
    /// Time at which the last successful refresh began.
    read_at: Instant,
}

/// State of a token in the copy in memory.
enum Known {
    Revoked,
    /// Not revoked when the copy was read, which was this long ago.
    Valid(Duration),
}

impl Revocations {
    /// Opens the revocations in the control database at `url`, and creates their table if it does
    /// not exist. `clock` is updated whenever the database tells its time.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn open(
        databases: &Databases,
        url: &str,
        clock: Arc<SharedClock>,
    ) -> Result<Self, RevocationError> {
        let database = databases.open_own(url, &store::TABLES).await?;
        Self::open_in(database, clock).await
    }

    async fn open_in(
        database: DatabaseAccess,
        clock: Arc<SharedClock>,
    ) -> Result<Self, RevocationError> {
        let store = Store::create(database, clock).await?;
        let read_at = Instant::now();
        let second = store.newest().await?.now;
        let mut cutoffs = Cutoffs::default();
        cutoffs.extend(store.read_since(expired_before(second)).await?);
        let copy = Copy {
            cutoffs,
            second,
            read_at,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                copy: RwLock::new(copy),
                refreshing: Mutex::new(None),
            }),
        })
    }

    /// Returns the kind of the database, and its connections.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        self.inner.store.connections()
    }

    /// Revokes all tokens of `principal` that have been issued so far. This node rejects them from
    /// now on, and other nodes within [`MAX_AGE`].
    ///
    /// # Errors
    /// Returns an error if the database does not answer: nothing may have been revoked then.
    pub async fn revoke(&self, principal: i64) -> Result<(), RevocationError> {
        let store = &self.inner.store;
        for _ in 0..TRIES {
            let last = store.last(principal).await?;
            // After a fail-over, the clock of the new database may be behind.
            let cutoff = (last.now + LEEWAY).max(next_after(last.cutoff));
            if store.append(principal, cutoff).await? {
                self.inner
                    .write(|copy| copy.cutoffs.revoke(principal, cutoff));
                return store.prune(expired_before(last.now)).await;
            }
        }
        Err(RevocationError::Contention)
    }

    /// Returns the second in which a token of `principal` is to be issued so that it is not
    /// revoked: the present one, or the first after the last revocation.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn issue_second(&self, principal: i64) -> Result<u64, RevocationError> {
        let last = self.inner.store.last(principal).await?;
        Ok(last.now.max(next_after(last.cutoff)))
    }

    /// Returns whether a token of `principal` that was issued in the second `issued_at` has been
    /// revoked.
    ///
    /// # Errors
    /// Returns an error if this node's copy is too old, and the database does not answer.
    pub async fn is_revoked(
        &self,
        principal: i64,
        issued_at: u64,
    ) -> Result<bool, RevocationError> {
        match self.inner.known(principal, issued_at) {
            Known::Revoked => Ok(true),
            Known::Valid(age) if age < REFRESH_AGE => Ok(false),
            Known::Valid(age) if age < MAX_AGE => {
                self.refresh_in_background();
                Ok(false)
            }
            Known::Valid(_) => {
                self.inner.refresh().await?;
                Ok(self.is_known_as_revoked(principal, issued_at))
            }
        }
    }

    /// Returns whether this node's copy has the token as revoked, whatever the copy's age.
    #[must_use]
    pub fn is_known_as_revoked(&self, principal: i64, issued_at: u64) -> bool {
        matches!(self.inner.known(principal, issued_at), Known::Revoked)
    }

    /// Refreshes the copy in a task, unless a refresh is under way.
    fn refresh_in_background(&self) {
        if self.inner.refreshing.try_lock().is_ok() {
            let inner = self.inner.clone();
            tokio::spawn(async move {
                if let Err(error) = inner.refresh().await {
                    tracing::warn!("revoked tokens cannot be read: {error}");
                }
            });
        }
    }
}

impl Inner {
    fn known(&self, principal: i64, issued_at: u64) -> Known {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner);
        match copy.cutoffs.covers(principal, issued_at) {
            true => Known::Revoked,
            false => Known::Valid(copy.read_at.elapsed()),
        }
    }

    fn write(&self, change: impl FnOnce(&mut Copy)) {
        change(&mut self.copy.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn age(&self) -> Duration {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner);
        copy.read_at.elapsed()
    }

    /// Reads the revocations since the last refresh. Concurrent callers share one refresh and its
    /// result.
    async fn refresh(&self) -> Result<(), RevocationError> {
        let mut failed_at = self.refreshing.lock().await;
        if self.age() < REFRESH_AGE {
            return Ok(());
        }
        if failed_at.is_some_and(|at| at.elapsed() < FAILURE_AGE) {
            return Err(RevocationError::Unanswered);
        }
        let read = self.read_new().await;
        *failed_at = read.is_err().then(Instant::now);
        read
    }

    async fn read_new(&self) -> Result<(), RevocationError> {
        let read_at = Instant::now();
        let second = self.store.newest().await?.now;
        let before = {
            let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner);
            copy.second
        };
        let since = second.min(before).saturating_sub(OVERLAP);
        let revoked = self.store.read_since(since).await?;
        self.write(|copy| {
            copy.cutoffs.extend(revoked);
            copy.cutoffs.forget_before(expired_before(second));
            copy.second = second;
            copy.read_at = read_at;
        });
        Ok(())
    }
}

/// Returns the first second that the revocation does not cover.
fn next_after(cutoff: Option<u64>) -> u64 {
    cutoff.map_or(0, |cutoff| cutoff.saturating_add(1))
}

/// Returns the second before which no issued token can still be valid.
fn expired_before(now: u64) -> u64 {
    now.saturating_sub(u64::from(MAX_LIFETIME) + 2 * LEEWAY)
}

#[cfg(test)]
mod tests;
