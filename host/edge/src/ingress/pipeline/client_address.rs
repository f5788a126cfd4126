//! The address of a client, which may be behind proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;

use crate::config::TrustedProxies;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the client address of a request that came from `peer`: the last address in
/// `X-Forwarded-For` that is no trusted proxy. Addresses before it could be forged by the client,
/// and so could the whole field if `peer` is no trusted proxy.
pub(super) fn client_address(
    proxies: &TrustedProxies,
    peer: IpAddr,
    headers: &HeaderMap,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let fields = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut hops = fields.flat_map(|field| field.to_str().unwrap_or("?").rsplit(','));
    while proxies.is_valid(client) {
        match hops.next().and_then(address) {
            Some(next) => client = next,
            None => return client,
        }
    }
    client
}

/// Returns the address of one hop, which some proxies write with its port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let plain = hop.trim_start_matches('[').trim_end_matches(']');
    let address = plain.parse().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    Some(address.or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, fields: &[&'static str]) -> String {
        let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().expect("networks");
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(FORWARDED_FOR, field.parse().expect("a value"));
        }
        let peer = peer.parse().expect("an address");
        client_address(&proxies, peer, &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("fd00::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        let forged = "203.0.113.9, 198.51.100.7, 10.1.1.1";
        assert_eq!(client("10.0.0.1", &[forged]), "198.51.100.7");
        let fields = ["203.0.113.9, 198.51.100.7", "10.1.1.1"];
        assert_eq!(client("10.0.0.1", &fields), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["10.2.2.2"]), "10.2.2.2");
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &[",,"]), "10.0.0.1");
    }
}
