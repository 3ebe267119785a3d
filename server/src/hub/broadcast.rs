//! A message on its way to many: encoded at most once per format, shared by all receivers.

use bytes::Bytes;
use pulsewire_protocol::{Format, ServerMessage, cbor, json};
use std::sync::OnceLock;

/// Encodes one message. JSON can fail only for a map key that is no text, which no message has; the caller logs it.
pub fn encode(message: &ServerMessage, format: Format) -> Option<Bytes> {
    match format {
        Format::Cbor => Some(Bytes::from(cbor::encode_server(message))),
        Format::Json => match json::encode_server(message) {
            Ok(text) => Some(Bytes::from(text)),
            Err(error) => {
                tracing::error!(target: "pulsewire_relay::hub", %error, "a message could not be encoded as JSON");
                None
            }
        },
    }
}

/// See the module.
pub struct Broadcast {
    message: ServerMessage,
    json: OnceLock<Option<Bytes>>,
    cbor: OnceLock<Option<Bytes>>,
}

impl Broadcast {
    /// Nothing is encoded yet.
    pub fn new(message: ServerMessage) -> Self {
        Self { message, json: OnceLock::new(), cbor: OnceLock::new() }
    }
    /// The message in this format.
    pub fn bytes(&self, format: Format) -> Option<Bytes> {
        let slot = match format {
            Format::Json => &self.json,
            Format::Cbor => &self.cbor,
        };
        slot.get_or_init(|| encode(&self.message, format)).clone()
    }
}
