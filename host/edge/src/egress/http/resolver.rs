//! Names, resolved here, so that the address which was judged is the one
//! that is connected to: a name that answers differently the second time is
//! not asked a second time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::address::is_public;

/// A name that may be of this machine, and then is of nothing else.
const LOCALHOST: &str = "localhost";

/// A name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// It has none, or nobody could tell.
    #[error("the name cannot be resolved: {0}")]
    Failed(#[from] io::Error),
    /// All that it has are of private networks.
    #[error("the name is one of a private network")]
    Prohibited,
}

/// Resolves the names of granted origins. Addresses that stand in a URL
/// themselves do not come here: the grant names them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver;

type Addresses = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Addresses, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let addresses = resolve(name.as_str()).await?;
            Ok(addresses.into_iter())
        })
    }
}

async fn resolve(name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    let allowed = match name.eq_ignore_ascii_case(LOCALHOST) {
        true => |address: IpAddr| address.is_loopback(),
        false => is_public,
    };
    let addresses: Vec<_> = found.filter(|address| allowed(address.ip())).collect();
    match addresses.is_empty() {
        true => Err(ResolveError::Prohibited),
        false => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_this_machine() {
        let addresses = resolve("LocalHost").await.expect("every machine has it");
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_prohibited() {
        // The system's resolver takes these ways to write an address, too.
        for name in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0",
            "::1",
            "10.0.0.1",
        ] {
            let resolved = resolve(name).await;
            assert!(
                matches!(resolved, Err(ResolveError::Prohibited)),
                "{name}: {resolved:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_an_error() {
        let resolved = resolve("name.invalid").await;
        assert!(
            matches!(resolved, Err(ResolveError::Failed(_))),
            "{resolved:?}"
        );
    }
}
