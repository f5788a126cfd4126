//! Settings of rate limits and of trusted proxies.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// A rate limit, with its burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests allowed in each window.
    pub quota: u32,
    /// Length of the window.
    pub window: Duration,
    /// Requests allowed at once.
    pub burst: u32,
}

/// Proxies that are trusted to name their client.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// Default limit of one client address: far above a person's rate, and far
/// below a node's capacity.
pub(super) const DEFAULT_RATE: Rate = Rate {
    quota: 100,
    window: Duration::from_secs(1),
    burst: 500,
};

/// Maximum of a quota and of a burst, as limits count in microseconds.
const MAX_RATE: u32 = 1_000_000;

impl TrustedProxies {
    /// Returns whether `address` is a trusted proxy. An IPv4-mapped IPv6
    /// address has to be converted to IPv4 first.
    #[must_use]
    pub fn is_valid(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses a rate such as `100/s burst 500`, or `off`. The burst defaults to the
/// quota.
pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" {
        return Ok(None);
    }
    match parts(text) {
        Some(rate) => Ok(Some(rate)),
        None => Err(format!(
            "is neither `off` nor a rate such as `100/s burst 500` or `1000/m`, \
             with numbers of 1 to {MAX_RATE}"
        )),
    }
}

fn parts(text: &str) -> Option<Rate> {
    let (rate, burst) = match text.split_once(" burst ") {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let (quota, unit) = rate.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let quota = number(quota)?;
    Some(Rate {
        quota,
        window: Duration::from_secs(seconds),
        burst: burst.map_or(Some(quota), number)?,
    })
}

fn number(text: &str) -> Option<u32> {
    let number = text.trim().parse().ok()?;
    (1..=MAX_RATE).contains(&number).then_some(number)
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Parses addresses and networks, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|n| !n.is_empty());
        let networks: Result<Vec<IpNet>, String> = names.map(network).collect();
        networks.map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().ok();
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    network
        .or_else(address)
        .ok_or_else(|| format!("holds {text:?}, which is no address or network such as 10.0.0.0/8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_quota_a_unit_and_perhaps_a_burst() {
        let read = |text| rate(text).expect(text);
        assert_eq!(read("off"), None);
        assert_eq!(read("100/s burst 500"), Some(DEFAULT_RATE));
        let minute = Rate {
            quota: 60,
            window: Duration::from_secs(60),
            burst: 60,
        };
        assert_eq!(read("60/m"), Some(minute));
        for wrong in [
            "",
            "100",
            "0/s",
            "1/s burst 0",
            "1/d",
            "-1/s",
            "1/s burst",
            "1000001/h",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let proxies = TrustedProxies::from_str("10.0.0.0/8, fd00::/8,::1").expect("three");
        for address in ["10.1.2.3", "fd00::7", "::1"] {
            assert!(proxies.is_valid(address.parse().expect("an address")));
        }
        assert!(!proxies.is_valid(IpAddr::from([192, 0, 2, 1])));
        assert!(TrustedProxies::from_str("").is_ok());
        assert!(TrustedProxies::from_str("10.0.0.0/33").is_err_and(|why| why.contains("/33")));
        assert!(TrustedProxies::from_str("proxy.example").is_err());
    }
}
