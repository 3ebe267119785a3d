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

    /// The answer, and what is to be spawned: it waits until the answer is out and runs `run` over the socket, which takes no
    /// message of more than `limit_bytes`.
    pub fn accept<F: Future<Output = ()>>(
        mut self,
        format: Format,
        limit_bytes: usize,
        run: impl FnOnce(Socket) -> F,
    ) -> (Response<Body>, impl Future<Output = ()>) {
        let subprotocol = match format {
            Format::Json => SUBPROTOCOL_JSON,
            Format::Cbor => SUBPROTOCOL_CBOR,
        };
        if self.offered {
            self.response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        let socket = self.socket;
        let served = async move {
            let upgraded = match socket.await {
                Ok(upgraded) => upgraded,
                // The peer went before it had the answer.
                Err(error) => return tracing::debug!(target: "pulsewire_relay::connections", %error, "upgrade failed"),
            };
            // The bare socket: hyper's own buffers stay behind.
            match upgraded.downcast::<TokioIo<TcpStream>>() {
                Ok(parts) => run(Socket::new(parts.io.into_inner(), &parts.read_buf, limit_bytes)).await,
                Err(_) => tracing::error!(target: "pulsewire_relay::connections", "what was upgraded is no TCP connection"),
            }
        };
        (self.response, served)
    }
}
