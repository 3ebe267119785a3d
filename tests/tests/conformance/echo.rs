//! A relay on a free port with one route more: `/echo` sends every frame back, over the transport and with the settings of `/ws`.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_protocol::CloseCode;
use pulsewire_relay::config::Config;
use pulsewire_relay::hub::Closing;
use pulsewire_relay::session::{Inbound, Outbound, Transport};
use pulsewire_relay::{Clock, Entropy, Relay, ws};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The largest message of Autobahn's cases, and one byte: `/ws` refuses above four times `limits.max_message_bytes`, 256 KiB at least.
pub const LIMIT_BYTES: usize = 16 * 1024 * 1024 + 1;

/// Sends everything back; what cannot be read is closed with the code that a session would close with.
async fn echo(mut socket: impl Transport) {
    while let Some(inbound) = socket.next().await {
        let (answer, over) = match inbound {
            Inbound::Text(text) => (Outbound::Text(text), false),
            Inbound::Binary(bytes) => (Outbound::Binary(bytes), false),
            Inbound::TooLarge => (Outbound::Close(Closing::new(CloseCode::TOO_LARGE, "too large")), true),
            Inbound::Broken(closing) => (Outbound::Close(closing), true),
            Inbound::Closed(_) => break,
        };
        if socket.send(answer).await.is_err() || over {
            break;
        }
    }
    // The close handshake's other half, where it is still to be written; the peer may be gone by now.
    let _ = socket.close().await;
}

/// A relay that ends with the guard.
pub async fn serve() -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let relay = Relay::new(Config::development(), Clock::system(), Entropy::from_seed(1));
    let routes = Router::new().route("/echo", get(|upgrade: WebSocketUpgrade| async { ws::upgraded(upgrade, LIMIT_BYTES, echo) }));
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    tokio::spawn(pulsewire_relay::serve_connections(listener, relay, routes, stop));
    (address, guard)
}
