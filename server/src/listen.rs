//! Accepting and serving HTTP/1.1 connections, until told to stop.
//!
//! Why not `axum::serve`: it sets no time for the head of a request, so whoever sends half of one keeps its socket for ever,
//! before any limit of the relay counts it. Here the first head must come whole within its time ([`Terms`]), from the moment the
//! socket is accepted, and each later one within another from the moment the request before was answered ([`HeadTimer`]); that also
//! ends connections that are kept alive and not used. And there are so many connections at most that are no WebSockets.
//!
//! Trap: an upgraded connection leaves this module with its answer. Whoever takes it over must be waited for elsewhere
//! ([`Relay::track`](crate::Relay::track)).

use crate::limits::Terms;
use crate::observe::faults::fault;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long to wait where no connection can be accepted, as a rule for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stop`, then answers what was begun and returns. Dropping the future cuts off what is left.
pub async fn serve(listener: TcpListener, app: Router, terms: Terms, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.header_read_timeout(terms.head_timeout);
    loop {
        let (socket, address) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let Some(place) = terms.admit(&socket, address) else { continue };
        let served = Arc::new(AtomicBool::new(false));
        http.keep_alive(terms.keeps_alive(address)).timer(HeadTimer {
            first: terms.head_timeout,
            later: terms.keep_alive,
            served: Arc::clone(&served),
        });
        let (app, terms) = (app.clone(), terms.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            served.store(true, Ordering::Relaxed);
            let mut request = request.map(Body::new);
            let client = terms.client_of(address, request.headers());
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(ConnectInfo(address));
            app.clone().oneshot(request)
        });
        let connection = http.serve_connection(TokioIo::new(socket), service).with_upgrades();
        let stop = stop.clone();
        connections.spawn(async move {
            // Given back when the connection ends or is handed over as a WebSocket.
            let _place = place;
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    // What was begun is answered; a connection that is only kept alive ends.
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(target: "pulsewire_relay::http", %address, %error, "a connection failed");
            }
        });
        while connections.try_join_next().is_some() {}
    }
    // Nobody new comes in while the others are answered.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The time for a head. hyper has one figure for the first one and for those that come later, with the pause before them. The first
/// comes as fast as the peer can send it; the pause before a later one is a proxy's that keeps the connection for the next
/// client, and whoever closes it first risks to meet a request on its way.
struct HeadTimer {
    /// What hyper was told.
    first: Duration,
    later: Duration,
    /// Whether the connection has brought a request.
    served: Arc<AtomicBool>,
}

impl HeadTimer {
    fn of_this_head(&self, deadline: std::time::Instant) -> std::time::Instant {
        if !self.served.load(Ordering::Relaxed) {
            return deadline;
        }
        deadline.checked_sub(self.first).and_then(|began| began.checked_add(self.later)).unwrap_or(deadline)
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }
    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep_until(self.of_this_head(deadline))
    }
    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: std::time::Instant) {
        TokioTimer::new().reset(sleep, self.of_this_head(deadline));
    }
    fn now(&self) -> std::time::Instant {
        TokioTimer::new().now()
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, address)) => {
                // Small messages must not wait for each other's acknowledgement.
                if let Err(error) = socket.set_nodelay(true) {
                    tracing::debug!(target: "pulsewire_relay", %error, "TCP_NODELAY could not be set");
                }
                return (socket, address);
            }
            // The peer's own: it went before it was accepted.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                fault!(critical, Io, %error, "no connection can be accepted; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
