//! Name resolution that checks addresses. The address which was checked is the one that is
//! connected to: a name is not resolved a second time, at which it could have another address.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::address::is_public;

/// Name that may resolve to this machine, and only to this machine.
const LOCALHOST: &str = "localhost";

/// Error of a name without an address that may be connected to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// The name has no address, or its resolution failed.
    #[error("the name cannot be resolved: {0}")]
    Failed(#[from] io::Error),
    /// All addresses of the name are private.
    #[error("the name is one of a private network")]
    Prohibited,
}

/// Resolver of the names of granted origins. Addresses in a URL are not resolved: the grant names
/// them.
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
        // The system's resolver accepts these forms of addresses too.
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
