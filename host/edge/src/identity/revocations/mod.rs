//! Revoked tokens: for each principal, the second up to which every token that
//! was issued does not hold any more.
//!
//! The truth is a table of the control database ([`store`]), so that all nodes
//! agree, and its clock says when tokens are issued and revoked. Each node keeps a copy in memory ([`cutoffs`]), which is never relied
//! upon for longer than [`MAX_AGE`]: a token that was revoked longer ago than
//! that is rejected by every node. Requests without a token ask nothing here.

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

/// How old the copy in memory may be: the longest time for which a node
/// accepts a token that was revoked through another node.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Age from which the copy is refreshed in the background, so that requests
/// need not wait for that.
const REFRESH_AGE: Duration = Duration::from_millis(500);

/// How long a failed refresh answers for the next ones.
const FAILURE_AGE: Duration = Duration::from_millis(200);

/// Revocations of this many seconds are read again by each refresh: a change is
/// seen later than it was made.
const OVERLAP: u64 = 60;

/// How often a revocation is tried that met another one of the same second.
const TRIES: u32 = 10;

/// The revoked tokens of a shop, as one node knows them.
#[derive(Clone)]
pub struct Revocations {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    copy: RwLock<Copy>,
    /// When the last refresh failed; held while one is under way.
    refreshing: Mutex<Option<Instant>>,
}

struct Copy {
    cutoffs: Cutoffs,
    /// The database's second at the last successful refresh.
    second: u64,
    /// When the last successful refresh began.
    read_at: Instant,
}

/// What the copy in memory says of a token.
enum Known {
    Revoked,
    /// Not revoked when the copy was read, so long ago.
    Valid(Duration),
}

impl Revocations {
    /// Reads the revocations from the control database at `url`, whose table is
    /// made if it is not there; `clock` takes note of its time whenever it tells it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(
        databases: &Databases,
        url: &str,
        clock: Arc<SharedClock>,
    ) -> Result<Self, RevocationError> {
        let database = databases.open_own(url, &store::TABLES).await?;
        Self::with(database, clock).await
    }

    async fn with(
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

    /// Returns what they are kept in, and the connections to it.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        self.inner.store.connections()
    }

    /// Revokes all tokens of `principal` that have been issued so far. This
    /// node rejects them from now on, and all others within [`MAX_AGE`].
    ///
    /// # Errors
    /// When the database does not answer: then nothing may have been revoked.
    pub async fn revoke(&self, principal: i64) -> Result<(), RevocationError> {
        let store = &self.inner.store;
        for _ in 0..TRIES {
            let last = store.last(principal).await?;
            // A database that takes another one's place may have a slower clock.
            let cutoff = (last.now + LEEWAY).max(next_after(last.cutoff));
            if store.append(principal, cutoff).await? {
                self.inner
                    .write(|copy| copy.cutoffs.revoke(principal, cutoff));
                return store.prune(expired_before(last.now)).await;
            }
        }
        Err(RevocationError::Contention)
    }

    /// The second in which a token of `principal` is issued that is not revoked:
    /// the present one, or the first after the last revocation.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn issue_second(&self, principal: i64) -> Result<u64, RevocationError> {
        let last = self.inner.store.last(principal).await?;
        Ok(last.now.max(next_after(last.cutoff)))
    }

    /// Whether a token of `principal` that was issued in this second has been
    /// revoked.
    ///
    /// # Errors
    /// When this node's copy is too old, and the database does not answer.
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

    /// Whether this node's copy says that the token has been revoked, however
    /// old the copy is.
    #[must_use]
    pub fn is_known_as_revoked(&self, principal: i64, issued_at: u64) -> bool {
        matches!(self.inner.known(principal, issued_at), Known::Revoked)
    }

    /// Refreshes the copy, unless somebody does already.
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

    /// Reads what was revoked since the last time. Of many who ask at once, one
    /// reads, and its success or failure is everybody's.
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

/// The first second that no revocation covers.
fn next_after(cutoff: Option<u64>) -> u64 {
    cutoff.map_or(0, |cutoff| cutoff.saturating_add(1))
}

/// No token that was issued before this second can still hold.
fn expired_before(now: u64) -> u64 {
    now.saturating_sub(u64::from(MAX_LIFETIME) + 2 * LEEWAY)
}

#[cfg(test)]
mod tests;
