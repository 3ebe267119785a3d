//! Whose address counts.
//!
//! The peer's, unless the relay stands behind proxies that the operator trusts (`limits.trusted_proxy_hops`). Each trusted
//! proxy appends its own peer to `X-Forwarded-For`, so with N of them the client is the Nth entry from the right; everything
//! to the left of it was written by whoever asked, and is never read. Where there are fewer entries, or the entry is no address,
//! the peer's counts: then too many share one address, which is safe.
//!
//! Only `X-Forwarded-For` is read, not `Forwarded` (RFC 7239): a proxy that writes one of them hands the other on as the client
//! wrote it, so a relay that takes whichever is there believes the client.
//!
//! What counts as *one* address ([`AddressGroup`]): an IPv4 address, also one mapped into IPv6; of IPv6 the first 64 bits,
//! because whoever has one of those has all of them (RFC 6177).

use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The addresses that are counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressGroup(IpAddr);

impl AddressGroup {
    /// The group of this address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Where a request comes from: what is logged and what limits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    peer: SocketAddr,
    forwarded: Option<IpAddr>,
}

impl From<SocketAddr> for ClientAddress {
    fn from(peer: SocketAddr) -> Self {
        Self { peer, forwarded: None }
    }
}

impl ClientAddress {
    /// The address, IPv4 where it is one mapped into IPv6.
    pub fn ip(&self) -> IpAddr {
        self.forwarded.unwrap_or_else(|| self.peer.ip()).to_canonical()
    }
    /// What limits count.
    pub fn group(&self) -> AddressGroup {
        AddressGroup::of(self.ip())
    }
}

impl core::fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.forwarded {
            Some(_) => self.ip().fmt(f),
            // The port tells two connections of one machine apart.
            None => SocketAddr::new(self.ip(), self.peer.port()).fmt(f),
        }
    }
}

/// Which proxies are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    hops: usize,
    trusted: Vec<IpNet>,
}

impl Proxies {
    /// So many proxies stand before the relay; where networks are given, only peers in them are believed.
    pub fn new(hops: usize, trusted: &[IpNet]) -> Self {
        Self { hops, trusted: trusted.to_vec() }
    }

    /// Whether this peer is a proxy that is believed: what it brings is many clients'.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.hops > 0 && (self.trusted.is_empty() || self.trusted.iter().any(|network| network.contains(&peer)))
    }

    /// Whose request this is.
    pub fn client_of(&self, peer: SocketAddr, headers: &HeaderMap) -> ClientAddress {
        let forwarded = if self.is_proxy(peer.ip()) {
            entry_from_right(headers.get_all(FORWARDED_FOR).iter(), self.hops).and_then(address_in)
        } else {
            None
        };
        ClientAddress { peer, forwarded }
    }
}

/// The entry at this place from the right (1: the last), over all lines of the header as if they were one. An empty entry
/// is one: skipping it would reach further left than the trusted proxies wrote.
fn entry_from_right<'h>(lines: impl DoubleEndedIterator<Item = &'h HeaderValue>, place: usize) -> Option<&'h [u8]> {
    let entries = lines.rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    entries.into_iter().nth(place.checked_sub(1)?)
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address_in(entry: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(entry).ok()?.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEER: &str = "10.0.0.1:50000";

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn client(hops: usize, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        Proxies::new(hops, &[]).client_of(PEER.parse().unwrap(), &headers(&lines)).to_string()
    }

    #[test]
    fn without_trusted_proxies_no_header_has_any_effect() {
        for line in ["192.0.2.1", "192.0.2.1, 192.0.2.2", "127.0.0.1", ""] {
            assert_eq!(client(0, &[line]), PEER);
        }
    }

    #[test]
    fn the_entry_that_the_outermost_trusted_proxy_wrote_counts_and_nothing_left_of_it() {
        assert_eq!(client(1, &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(1, &["203.0.113.9, 192.0.2.1"]), "192.0.2.1", "what the client wrote itself is not believed");
        assert_eq!(client(2, &["203.0.113.9, 192.0.2.1,192.0.2.2"]), "192.0.2.1");
        // Several lines are one list.
        assert_eq!(client(2, &["203.0.113.9", "192.0.2.1", "192.0.2.2"]), "192.0.2.1");
        assert_eq!(client(3, &["192.0.2.3, 192.0.2.1", "192.0.2.2"]), "192.0.2.3");
    }

    #[test]
    fn ports_brackets_spaces_and_ipv6_are_read() {
        for (entry, address) in [
            ("192.0.2.1:8080", "192.0.2.1"),
            (" \t192.0.2.1 ", "192.0.2.1"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:DB8:0::7]:443", "2001:db8::7"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ] {
            assert_eq!(client(1, &[entry]), address, "{entry}");
        }
    }

    #[test]
    fn too_few_hops_and_what_is_no_address_leave_the_peers_address() {
        for line in
            ["unknown", "_hidden", "ward.example", "192.0.2.999", "1.2.3.4:99999", "[::1", "::1]", "192.0.2.1;", "\"192.0.2.1\"", ""]
        {
            assert_eq!(client(1, &[line]), PEER, "{line}");
        }
        assert_eq!(client(2, &["192.0.2.1"]), PEER);
        assert_eq!(client(2, &["192.0.2.1", "", "192.0.2.2"]), PEER, "an empty entry is one");
        assert_eq!(client(1, &[]), PEER);
        let latin = Proxies::new(1, &[]).client_of(PEER.parse().unwrap(), &headers(&[b"192.0.2.1\xe9"]));
        assert_eq!(latin.to_string(), PEER);
    }

    #[test]
    fn only_peers_in_the_trusted_networks_are_believed() {
        let proxies = Proxies::new(1, &["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let headers = headers(&[b"192.0.2.1"]);
        for (peer, client) in [
            ("10.1.2.3:1", "192.0.2.1"),
            ("[::ffff:10.1.2.3]:1", "192.0.2.1"),
            ("[fd00::1]:1", "192.0.2.1"),
            ("11.0.0.1:1", "11.0.0.1:1"),
            ("[2001:db8::1]:1", "[2001:db8::1]:1"),
        ] {
            assert_eq!(proxies.client_of(peer.parse().unwrap(), &headers).to_string(), client);
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_and_mapped_ones_count_as_one() {
        let group = |text: &str| AddressGroup::of(text.parse().unwrap());
        assert_eq!(group("2001:db8:0:1::1"), group("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(group("2001:db8:0:1::1"), group("2001:db8:0:2::1"));
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));
        assert_ne!(group("192.0.2.1"), group("192.0.2.2"));
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let entry = prop_oneof![
            "[0-9a-f:.\\[\\] ]{0,40}".prop_map(String::into_bytes),
            any::<[u8; 4]>().prop_map(|octets| IpAddr::from(octets).to_string().into_bytes()),
            any::<[u8; 16]>().prop_map(|octets| IpAddr::from(octets).to_string().into_bytes()),
            // What may stand in a header at all.
            proptest::collection::vec((0x20_u8..=0xff).prop_filter("a control character", |byte| *byte != 0x7f), 0..20),
        ];
        proptest::collection::vec(entry, 0..5).prop_map(|entries| entries.join(&b','))
    }

    proptest! {
        #[test]
        fn property_r10_no_header_makes_the_reading_panic_and_no_more_than_n_hops_are_ever_believed(
            lines in proptest::collection::vec(line(), 0..4),
            forged in line(),
            hops in 0_usize..5,
        ) {
            let proxies = Proxies::new(hops, &[]);
            let peer: SocketAddr = PEER.parse().unwrap();
            let as_sent: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            let client = proxies.client_of(peer, &headers(&as_sent));
            // The last N entries decide alone, or the peer does.
            let joined = as_sent.join(&b","[..]);
            let entries: Vec<&[u8]> = if as_sent.is_empty() { Vec::new() } else { joined.split(|byte| *byte == b',').collect() };
            let expected = (hops > 0).then(|| entries.len().checked_sub(hops)).flatten().and_then(|at| address_in(entries[at]));
            prop_assert_eq!(client.forwarded, expected);
            // Where the proxies wrote all they should, nothing that a client writes before it changes anything.
            if entries.len() >= hops {
                let mut with_forged = vec![forged.as_slice()];
                with_forged.extend(&as_sent);
                prop_assert_eq!(proxies.client_of(peer, &headers(&with_forged)), client);
            }
        }
    }
}
