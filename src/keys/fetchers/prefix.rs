//! As much of an address as is kept.
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The network that an address is in: a /24 of IPv4, a /48 of IPv6. Enough to tell whose resource
/// server it is, and no person's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPrefix(Option<IpAddr>);

impl AddressPrefix {
    /// An IPv4 address in the form of an IPv6 address (RFC 4291 §2.5.5.2) counts as IPv4.
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80).into(),
        }))
    }
}

/// As CIDR; empty if the address is not known.
impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V4(v4)) => write!(f, "{v4}/24"),
            Some(IpAddr::V6(v6)) => write!(f, "{v6}/48"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_kept_and_no_address() {
        for (address, prefix) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("255.255.255.255", "255.255.255.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:ffff:ffff:3:4:5:6", "2001:db8:ffff::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(AddressPrefix::of(address.parse().ok()).to_string(), prefix);
        }
        assert_eq!(AddressPrefix::of(None).to_string(), "");
    }
}
