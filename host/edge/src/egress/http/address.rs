//! Classification of addresses as public or not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: its first address, and the length of its prefix in bits.
type Network<Bits> = (Bits, u32);

/// IPv4 networks that are not public: IANA's special-purpose registry, multicast and the reserved
/// rest.
const SPECIAL_V4: [Network<[u8; 4]>; 15] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // carrier-grade NAT
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, with the clouds' metadata
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// IPv6 addresses that are allocated for the public internet.
const GLOBAL_V6: Network<u16> = (0x2000, 3);

/// IPv6 networks within [`GLOBAL_V6`] that are not public.
const SPECIAL_V6: [Network<[u16; 2]>; 4] = [
    ([0x2001, 0x0000], 23), // protocol assignments, Teredo among them
    ([0x2001, 0x0db8], 32), // documentation
    ([0x2002, 0x0000], 16), // 6to4, which embeds an IPv4 address
    ([0x3fff, 0x0000], 20), // documentation
];

/// Prefix under which a network without IPv4 maps all of IPv4 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Returns whether `address` is one of the public internet, so that it cannot be in the node's own
/// networks.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|&(network, bits)| {
        address.to_bits() >> (32 - bits) == u32::from_be_bytes(network) >> (32 - bits)
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, high, low] = address.segments();
    if [a, b, c, d, e, f] == NAT64 {
        let embedded = u32::from(high) << 16 | u32::from(low);
        return is_public_v4(Ipv4Addr::from_bits(embedded));
    }
    let (global, bits) = GLOBAL_V6;
    let start = u32::from(a) << 16 | u32::from(b);
    a >> (16 - bits) == global >> (16 - bits)
        && !SPECIAL_V6.iter().any(|&([high, low], bits)| {
            let network = u32::from(high) << 16 | u32::from(low);
            start >> (32 - bits) == network >> (32 - bits)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_public(expected: bool, addresses: &[&str]) {
        for text in addresses {
            let address = text.parse().expect(text);
            assert_eq!(is_public(address), expected, "{text}");
        }
    }

    #[test]
    fn servers_of_the_internet_are_public() {
        assert_public(
            true,
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.0",
                "192.167.255.255",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2606:4700:4700::1111",
                "2001:4860:4860::8888",
                "2a00:1450::1",
                "2003::1",
                "64:ff9b::1.1.1.1",
            ],
        );
    }

    #[test]
    fn special_ipv4_networks_are_not_public() {
        assert_public(
            false,
            &[
                "0.0.0.0",
                "0.255.255.255",
                "10.0.0.1",
                "10.255.255.255",
                "100.64.0.0",
                "100.127.255.255",
                "127.0.0.1",
                "127.255.255.254",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.8",
                "192.0.2.1",
                "192.88.99.1",
                "192.168.1.1",
                "198.18.0.1",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.1",
                "255.255.255.255",
            ],
        );
    }

    #[test]
    fn other_ipv6_networks_are_not_public() {
        assert_public(
            false,
            &[
                "::",
                "::1",
                "::127.0.0.1",
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "::ffff:1.1.1.1",
                "64:ff9b::127.0.0.1",
                "64:ff9b::a00:1",
                "64:ff9b:1::1.1.1.1",
                "100::1",
                "2001::1",
                "2001:1ff::1",
                "2001:db8::1",
                "2002:7f00:1::1",
                "3fff::1",
                "3fff:fff::1",
                "4000::1",
                "5f00::1",
                "fc00::1",
                "fd12:3456::1",
                "fe80::1",
                "fec0::1",
                "ff02::1",
            ],
        );
    }
}
