//! Keys of client addresses, for limits by client.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the key under which requests from `address` are counted. Addresses of one IPv6 network
/// (/64) have one key, since a client usually has all 2^64 of them.
#[must_use]
pub(crate) fn client_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            format!("{}/64", Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str) -> String {
        client_key(address.parse().expect("an address"))
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        assert_eq!(key("192.0.2.7"), "192.0.2.7");
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2::1"), "2001:db8:1:2::/64");
        assert_ne!(key("2001:db8:1:3::1"), "2001:db8:1:2::/64");
    }
}
