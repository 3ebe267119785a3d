//! The handshake of RFC 6455, section 4: tungstenite judges the request, hyper hands over the socket.

use super::Socket;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use pulsewire_protocol::{Format, SUBPROTOCOL_CBOR, SUBPROTOCOL_JSON};
use std::fmt;
use tokio::net::TcpStream;
use tungstenite::handshake::server::create_response_with_body;

/// Why a request is no upgrade.
#[derive(Debug)]
pub enum NoUpgrade {
    /// What is wrong with the request.
    Request(Box<tungstenite::Error>),
    /// A connection that cannot be taken over, such as one of HTTP/1.0.
    Connection,
}

impl fmt::Display for NoUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Connection => f.write_str("this connection cannot be upgraded"),
        }
    }
}

impl std::error::Error for NoUpgrade {}

/// A good request: how it is answered, and what then becomes the socket.
pub struct Upgrade {
    response: Response<Body>,
    socket: OnUpgrade,
    /// A subprotocol was offered, so one is answered.
    offered: bool,
}

impl Upgrade {
    /// Judges the request.
    ///
    /// # Errors
    /// Where it is none for a WebSocket of version 13.
    pub fn of(mut parts: Parts) -> Result<Self, NoUpgrade> {
        let socket = parts.extensions.remove::<OnUpgrade>();
        let offered = parts.headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
        let response = create_response_with_body(&Request::from_parts(parts, ()), Body::empty);
        let response = response.map_err(|error| NoUpgrade::Request(Box::new(error)))?;
        Ok(Self { response, socket: socket.ok_or(NoUpgrade::Connection)?, offered })
    }

    /// The answer, and the socket that is there once the answer is out; it takes no message of more than `limit_bytes`. `None` where
    /// the peer goes before.
    pub fn accept(mut self, format: Format, limit_bytes: usize) -> (Response<Body>, impl Future<Output = Option<Socket>>) {
        let subprotocol = match format {
            Format::Json => SUBPROTOCOL_JSON,
            Format::Cbor => SUBPROTOCOL_CBOR,
        };
        if self.offered {
            self.response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        (self.response, take_over(self.socket, limit_bytes))
    }
}

/// Waits until the answer is out; then the socket is bare. What hyper has read ahead is copied, and its buffer goes: it has 8 KiB,
/// and whoever held it would hold it for as long as the connection lives.
async fn take_over(upgrade: OnUpgrade, limit_bytes: usize) -> Option<Socket> {
    let upgraded = upgrade.await.inspect_err(|error| {
        // The peer went before it had the answer.
        tracing::debug!(target: "pulsewire_relay::connections", %error, "upgrade failed");
    });
    match upgraded.ok()?.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Some(Socket::new(parts.io.into_inner(), &parts.read_buf, limit_bytes)),
        Err(_) => {
            tracing::error!(target: "pulsewire_relay::connections", "what was upgraded is no TCP connection");
            None
        }
    }
}
