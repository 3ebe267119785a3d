//! The bare bytes of the bench: a client's handshake, and publications that carry the moment they were due.
//!
//! The moment stands in a publication's unit as [`MARK`] and sixteen digits, so that a receiver finds it without decoding and
//! counts deliveries by counting marks, whatever frames they came in.

use anyhow::{Context as _, Result, bail};
use pulsewire_protocol::{
    ClientInfo, ClientMessage, Column, Connect, Payload, Publish, SUBPROTOCOL_CBOR, Series, SeriesMap, ServerMessage, SubscribeEntry,
    Telemetry, cbor,
};
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// What no other part of a message holds.
pub const MARK: &[u8] = b"pwbench!";
/// The digits behind it: microseconds.
pub const DIGITS: usize = 16;
/// Points of an ordinary publication.
pub const POINTS: usize = 2;
/// What the system of a slow reader holds for it; the kernel doubles it.
const NARROW_BYTES: usize = 4_096;

/// Who connects, and to what.
#[derive(Clone, Debug)]
pub struct Login {
    /// The token.
    pub token: String,
    /// Channels.
    pub channels: Vec<String>,
}

/// The device of channel number `index`.
pub fn device(index: usize) -> String {
    format!("bench-{index}")
}

/// The channel of number `index`.
pub fn channel(index: usize) -> String {
    format!("device:{}", device(index))
}

/// Connects, says who it is, and waits for the welcome. Blocking.
///
/// # Errors
/// Where the relay refuses.
pub fn connect(address: SocketAddr, login: &Login) -> Result<WebSocket<TcpStream>> {
    connect_over(TcpStream::connect(address)?, address, login)
}

/// A socket through which little goes where nobody reads: what is sent to it soon waits at the sender.
///
/// # Errors
/// The system's.
pub fn narrow(address: SocketAddr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Before it connects: the window that is promised to the peer follows from it.
    socket.set_recv_buffer_size(NARROW_BYTES)?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// As [`connect`], over a socket that is connected.
///
/// # Errors
/// Where the relay refuses.
pub fn connect_over(stream: TcpStream, address: SocketAddr, login: &Login) -> Result<WebSocket<TcpStream>> {
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL_CBOR));
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
    let (mut socket, _) = tungstenite::client::client_with_config(request, stream, Some(config)).context("the upgrade was refused")?;
    let client =
        ClientInfo { name: "pulsewire-bench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), session: "bench".to_owned() };
    let subscribe = login.channels.iter().map(SubscribeEntry::new).collect();
    let connect = ClientMessage::Connect(Connect { id: 1, token: Some(login.token.clone()), client, subscribe });
    socket.send(Message::binary(cbor::encode_client(&connect)))?;
    loop {
        match socket.read().context("there was no welcome")? {
            Message::Binary(frame) => {
                if let Some(Ok(ServerMessage::Welcome(welcome))) = cbor::decode_server(&frame).next() {
                    let refused =
                        welcome.subscribed.iter().find(|entry| !matches!(entry, pulsewire_protocol::SubscribedEntry::Subscribed(_)));
                    return refused.map_or(Ok(socket), |refused| bail!("a channel was refused: {refused:?}"));
                }
            }
            Message::Close(frame) => bail!("the relay closed: {frame:?}"),
            _ => {}
        }
    }
}

/// A `publish` of so many points, of 16 bytes each, for channel number `index`.
pub fn publish(id: u64, index: usize, due_us: u64, points: usize) -> Vec<u8> {
    let unit = format!("{}{due_us:0width$}", String::from_utf8_lossy(MARK), width = DIGITS);
    let at_ms = 1_790_000_000_000.0 + due_us as f64 / 1_000.0;
    let times = (0..points).map(|point| at_ms + point as f64 * 4.0).collect();
    let values = (0..points).map(|point| 97.5 + (point % 8) as f64 * 0.75).collect();
    let series = Series { t: Column(times), v: Column(values), unit: Some(unit) };
    let telemetry = Telemetry { device_id: device(index), series: SeriesMap(vec![("spo2".to_owned(), series)]) };
    let publish = Publish { id, channel: channel(index), payload: Payload::Telemetry(telemetry), key: None };
    cbor::encode_client(&ClientMessage::Publish(publish))
}

/// One binary frame as a client sends it, masked with zeros (which the standard allows and costs nothing).
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload.len() {
        len @ ..=125 => frame.push(0x80 | len as u8),
        len @ ..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
