//! A relay on a free port with one route more: `/echo` sends every frame back, over the transport and with the settings of `/ws`.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt as _;
use pulsewire_protocol::{CloseCode, Format};
use pulsewire_relay::config::Config;
use pulsewire_relay::hub::{Closing, Connection, OutboxLimits};
use pulsewire_relay::session::{Inbound, Outlet as _, Transport as _};
use pulsewire_relay::{Clock, Entropy, Relay, ws};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The largest message of Autobahn's cases, and one byte: `/ws` refuses above four times `limits.max_message_bytes`, 256 KiB at least.
pub const LIMIT_BYTES: usize = 16 * 1024 * 1024 + 1;

/// Sends everything back; what cannot be read is closed with the code that a session would close with.
async fn echo(relay: Relay, socket: ws::Socket, format: Format) {
    let limits = OutboxLimits { messages: usize::MAX, bytes: usize::MAX };
    let connection =
        Connection::new(relay.hub().next_number(), "echo".to_owned(), format, SocketAddr::from(([127, 0, 0, 1], 1)).into(), 0, limits);
    let (mut inlet, mut outlet) = socket.open(relay.hub(), &connection);
    let read = async {
        while let Some(inbound) = inlet.next().await {
            match inbound {
                Inbound::Text(bytes) | Inbound::Binary(bytes) => {
                    connection.outbox.push(bytes);
                    // One by one: what waits together is joined into one frame, and an echo must not.
                    while connection.outbox.waiting().0 > 0 {
                        tokio::task::yield_now().await;
                    }
                }
                Inbound::TooLarge => return connection.outbox.close(Closing::new(CloseCode::TOO_LARGE, "too large")),
                Inbound::Broken(closing) => return connection.outbox.close(closing),
                Inbound::Closed(_) => return,
            }
        }
    };
    let written = async { outlet.write_all(&connection, relay.metrics()).await };
    tokio::pin!(written);
    tokio::select! {
        biased;
        _ = &mut written => {}
        () = read => {
            if connection.outbox.is_closing() {
                // The peer may be gone by now.
                let _ = written.await;
            }
        }
    }
    // The close handshake's other half, where it is still to come.
    let _ = tokio::time::timeout(Duration::from_secs(2), async { while inlet.next().await.is_some() {} }).await;
}

/// Text comes back as text on `/echo`, as binary on `/echo/binary`: a connection has one format.
async fn handle(State(relay): State<Relay>, request: Request) -> Response {
    let format = if request.uri().path().ends_with("binary") { Format::Cbor } else { Format::Json };
    let (response, socket) = ws::Upgrade::of(request.into_parts().0).unwrap().accept(format, LIMIT_BYTES);
    tokio::spawn(async move {
        if let Some(socket) = socket.await {
            echo(relay, socket, format).await;
        }
    });
    response
}

/// A relay that ends with the guard.
pub async fn serve() -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let relay = Relay::new(Config::development(), Clock::system(), Entropy::from_seed(1));
    let routes = Router::new().route("/echo", get(handle)).route("/echo/binary", get(handle)).with_state(relay.clone());
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    tokio::spawn(pulsewire_relay::serve_connections(listener, relay, routes, stop));
    (address, guard)
}
