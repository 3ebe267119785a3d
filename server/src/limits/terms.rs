//! What a listener grants the TCP connections that come to it, before and until they are WebSockets (R10).
//!
//! Why places here too: an upgrade is counted when its head has been read, so a client that sends no head, or plain requests,
//! would be counted nowhere and could take every file descriptor.

use super::{ClientAddress, Full, Place, Places, Proxies};
use crate::entropy::Entropy;
use crate::observe::Metrics;
use crate::observe::faults::fault;
use crate::observe::metrics::Limit;
use crate::relay::Relay;
use axum::http::HeaderMap;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Told as it is, because nothing was read: whoever comes in great numbers must cost nothing. A peer that has sent its
/// request already may see a reset instead.
macro_rules! full {
    // Seconds of two digits: the length is the same for all.
    ($($seconds:literal)*) => {
        [$(concat!(
            "HTTP/1.1 503 Service Unavailable\r\n",
            "content-type: application/problem+json\r\n",
            "cache-control: no-store\r\n",
            "retry-after: ", $seconds, "\r\n",
            "connection: close\r\n",
            "content-length: 184\r\n",
            "\r\n",
            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,",
            "\"detail\":\"too many connections: close those you do not use\",",
            "\"code\":\"unavailable\",\"retryable\":true,\"retryAfterMs\":", $seconds, "000}",
        )),*]
    };
}
/// One for each time to come back, so that those who are turned away together do not come back together.
const FULL: [&str; 6] = full!("10" "12" "14" "16" "18" "20");
/// Places of the metrics' own listener: monitoring must see the flood that takes all others.
const METRICS_PLACES: usize = 64;
/// How often the log says that connections are turned away.
const WARNING_SPACING: Duration = Duration::from_secs(60);

/// See the module. Clones share their places.
#[derive(Clone)]
pub struct Terms {
    /// How long the first head on a connection may take.
    pub head_timeout: Duration,
    /// How long a connection that has brought a request is kept alive until the next head is whole.
    pub keep_alive: Duration,
    stall_timeout: Duration,
    in_all: usize,
    per_address: usize,
    places: Places,
    proxies: Arc<Proxies>,
    metrics: Arc<Metrics>,
    entropy: Entropy,
    warned: Arc<Mutex<Option<Instant>>>,
}

impl Terms {
    /// What this relay's configuration grants to all that come to its door.
    pub fn new(relay: &Relay) -> Self {
        let limits = &relay.config().limits;
        Self {
            head_timeout: Duration::from_millis(limits.head_timeout_ms),
            keep_alive: Duration::from_millis(limits.keep_alive_ms),
            stall_timeout: Duration::from_millis(limits.stall_timeout_ms),
            in_all: limits.http_connections(),
            per_address: limits.http_per_address(),
            places: relay.http_places(),
            proxies: Arc::new(Proxies::new(limits.trusted_proxy_hops, &limits.trusted_proxies)),
            metrics: Arc::clone(relay.metrics()),
            entropy: relay.entropy().clone(),
            warned: Arc::default(),
        }
    }

    /// The same for the metrics' own listener, with places that nobody else can take.
    pub fn of_metrics(relay: &Relay) -> Self {
        Self { in_all: METRICS_PLACES, per_address: METRICS_PLACES, places: Places::default(), ..Self::new(relay) }
    }

    /// Takes a place for a connection that was accepted, or turns it away. The place is held until the connection ends, or
    /// is upgraded and counted as a WebSocket.
    pub fn admit(&self, socket: &TcpStream, peer: SocketAddr) -> Option<Place> {
        self.bound_stalls(socket);
        // What a proxy brings is many clients': how many each of them may have is the proxy's to say.
        let address = (!self.proxies.is_proxy(peer.ip())).then(|| ClientAddress::from(peer).group());
        match self.places.take(address, self.in_all, self.per_address) {
            Ok(place) => Some(place),
            Err(full) => {
                self.turn_away(socket, peer, full);
                None
            }
        }
    }

    /// Whether connections may be kept alive between two requests: not while more than half of the places are taken, so that
    /// many pages that load at once give theirs back at once.
    pub fn keeps_alive(&self, peer: SocketAddr) -> bool {
        let (here, _) = self.places.of(ClientAddress::from(peer).group());
        self.places.count() <= self.in_all / 2 && here <= self.per_address / 2
    }

    /// Whose request this is.
    pub fn client_of(&self, peer: SocketAddr, headers: &HeaderMap) -> ClientAddress {
        self.proxies.client_of(peer, headers)
    }

    fn turn_away(&self, socket: &TcpStream, peer: SocketAddr, full: Full) {
        self.metrics.refused(match full {
            Full::Relay { .. } => Limit::HttpConnections,
            Full::Address { .. } => Limit::HttpPerAddress,
        });
        // A peer that cannot even take this is not waited for.
        let drawn = usize::try_from(self.entropy.between(0, FULL.len() as u64 - 1)).unwrap_or_default();
        let told = FULL.get(drawn).is_some_and(|text| socket.try_write(text.as_bytes()).is_ok());
        tracing::debug!(target: "pulsewire_relay::http", %peer, %full, told, "a TCP connection was turned away");
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= WARNING_SPACING) {
            *warned = Some(Instant::now());
            drop(warned);
            fault!(
                warning,
                Limits,
                %peer,
                %full,
                "TCP connections are turned away (limits.http_connections, limits.http_per_address); metric pulsewire_refusals_total counts them"
            );
        }
    }

    /// A peer that takes nothing would keep its connection for ever: HTTP has no time for the reading of an answer.
    #[cfg(target_os = "linux")]
    fn bound_stalls(&self, socket: &TcpStream) {
        if let Err(error) = socket2::SockRef::from(socket).set_tcp_user_timeout(Some(self.stall_timeout)) {
            tracing::debug!(target: "pulsewire_relay", %error, "TCP_USER_TIMEOUT could not be set");
        }
    }
    #[cfg(not(target_os = "linux"))]
    fn bound_stalls(&self, _: &TcpStream) {
        // Other systems have no such option: their own retransmission limits apply.
        let _ = self.stall_timeout;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_those_who_are_turned_away_is_a_whole_one_with_a_time_that_is_not_the_same_for_all() {
        let times = FULL.map(|text| {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!((problem["code"].as_str(), problem["retryable"].as_bool()), (Some("unavailable"), Some(true)));
            let after_ms = problem["retryAfterMs"].as_u64().unwrap();
            assert!(head.contains(&format!("retry-after: {}\r\n", after_ms / 1_000)));
            after_ms
        });
        assert!(times.is_sorted_by(|earlier, later| earlier < later), "{times:?}");
    }
}
