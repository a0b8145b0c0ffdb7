//! Which addresses are public. A list of what is not, kept here because the standard library's is not stable; for IPv6 only
//! the part that is handed out is let through at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns whether an address may be dialled, or what it is instead.
pub fn judge_address(address: IpAddr) -> Result<(), &'static str> {
    match address {
        IpAddr::V4(v4) => named(&V4, v4.to_bits().into(), 32),
        IpAddr::V6(v6) if v6.to_bits() >> 125 != 1 => Err(outside(v6)),
        IpAddr::V6(v6) => named(&V6, v6.to_bits(), 128),
    }
}

type Range<A> = (A, u32, &'static str);

const fn v4(a: u8, b: u8, c: u8, bits: u32, what: &'static str) -> Range<u128> {
    (Ipv4Addr::new(a, b, c, 0).to_bits() as u128, bits, what)
}

const fn v6(a: u16, b: u16, bits: u32, what: &'static str) -> Range<u128> {
    (Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0).to_bits(), bits, what)
}

const V4: [Range<u128>; 15] = [
    v4(0, 0, 0, 8, "this network"),
    v4(10, 0, 0, 8, "private"),
    v4(100, 64, 0, 10, "carrier-grade NAT"),
    v4(127, 0, 0, 8, "loopback"),
    v4(169, 254, 0, 16, "link-local"),
    v4(172, 16, 0, 12, "private"),
    v4(192, 0, 0, 24, "reserved"),
    v4(192, 0, 2, 24, "documentation"),
    v4(192, 88, 99, 24, "6to4 relay"),
    v4(192, 168, 0, 16, "private"),
    v4(198, 18, 0, 15, "benchmarking"),
    v4(198, 51, 100, 24, "documentation"),
    v4(203, 0, 113, 24, "documentation"),
    v4(224, 0, 0, 4, "multicast"),
    v4(240, 0, 0, 4, "reserved"),
];

const V6: [Range<u128>; 4] = [
    v6(0x2001, 0, 23, "reserved or tunnelled"),
    v6(0x2001, 0xdb8, 32, "documentation"),
    v6(0x2002, 0, 16, "6to4"),
    v6(0x3fff, 0, 20, "documentation"),
];

fn named(ranges: &[Range<u128>], address: u128, width: u32) -> Result<(), &'static str> {
    let inside = |(start, bits, _): &&Range<u128>| (address ^ start) >> (width - bits) == 0;
    ranges.iter().find(inside).map_or(Ok(()), |(_, _, what)| Err(what))
}

/// What lies outside 2000::/3, by name where it has a usual one.
fn outside(address: Ipv6Addr) -> &'static str {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0, 0, 0, 0, 0, 0xffff, ..] => "IPv4 written as IPv6",
        [0x64, 0xff9b, ..] => "NAT64",
        [first, ..] if first & 0xfe00 == 0xfc00 => "private",
        [first, ..] if first & 0xffc0 == 0xfe80 => "link-local",
        [first, ..] if first & 0xff00 == 0xff00 => "multicast",
        _ => "reserved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        for (address, expected) in [
            // cases 7 to 12
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("::1", "loopback"),
            ("10.1.2.3", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("169.254.0.1", "link-local"),
            ("fe80::1", "link-local"),
            ("169.254.169.254", "link-local"),
            ("fd00:ec2::254", "private"),
            // cases 13 to 16
            ("64:ff9b::7f00:1", "NAT64"),
            ("64:ff9b::808:808", "NAT64"),
            ("64:ff9b:1::1", "NAT64"),
            ("2002:7f00:1::", "6to4"),
            ("192.88.99.1", "6to4 relay"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("0.0.0.0", "this network"),
            ("::", "reserved"),
            // and the rest of the table
            ("::ffff:127.0.0.1", "IPv4 written as IPv6"),
            ("::ffff:8.8.8.8", "IPv4 written as IPv6"),
            ("::7f00:1", "reserved"),
            ("192.0.0.1", "reserved"),
            ("192.0.2.1", "documentation"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("2001::1", "reserved or tunnelled"),
            ("2001:20::1", "reserved or tunnelled"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("fc00::1", "private"),
            ("4000::1", "reserved"),
            ("8.8.8.8", "public"),
            ("172.32.0.1", "public"),
            ("100.128.0.1", "public"),
            ("11.0.0.1", "public"),
            ("2001:4860:4860::8888", "public"),
            ("2a00:1450::1", "public"),
            ("2620:fe::fe", "public"),
        ] {
            assert_eq!(judge_address(address.parse().unwrap()).err().unwrap_or("public"), expected, "{address}");
        }
    }
}
