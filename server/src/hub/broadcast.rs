//! A message on its way to many: encoded at most once per format, shared by all receivers.

use crate::observe::faults::fault;
use bytes::Bytes;
use pulsewire_protocol::{ChannelName, Event, Format, Publication, ServerMessage, cbor, json};
use std::sync::{Arc, OnceLock};

/// Encodes one message. JSON can fail only for a map key that is no text, which no message has; the caller logs it.
pub fn encode(message: &ServerMessage, format: Format) -> Option<Bytes> {
    match format {
        Format::Cbor => Some(Bytes::from(cbor::encode_server(message))),
        Format::Json => match json::encode_server(message) {
            Ok(text) => Some(Bytes::from(text)),
            Err(error) => {
                fault!(error, Protocol, %error, "a message could not be encoded as JSON");
                None
            }
        },
    }
}

enum Content {
    Message(Box<ServerMessage>),
    /// The `event` of a publication that the history shares: copied only when somebody is to be told.
    Publication(ChannelName, Arc<Publication>),
}

/// See the module.
pub struct Broadcast {
    content: Content,
    json: OnceLock<Option<Bytes>>,
    cbor: OnceLock<Option<Bytes>>,
}

impl Broadcast {
    /// Nothing is encoded yet.
    pub fn new(message: ServerMessage) -> Self {
        Self { content: Content::Message(Box::new(message)), json: OnceLock::new(), cbor: OnceLock::new() }
    }
    /// The `event` of a publication.
    pub fn of_publication(channel: ChannelName, publication: Arc<Publication>) -> Self {
        Self { content: Content::Publication(channel, publication), json: OnceLock::new(), cbor: OnceLock::new() }
    }
    /// The message in this format.
    pub fn bytes(&self, format: Format) -> Option<Bytes> {
        let slot = match format {
            Format::Json => &self.json,
            Format::Cbor => &self.cbor,
        };
        let made = slot.get_or_init(|| match &self.content {
            Content::Message(message) => encode(message, format),
            Content::Publication(channel, publication) => {
                let event = Event { channel: channel.as_str().to_owned(), publication: (**publication).clone() };
                encode(&ServerMessage::Event(event), format)
            }
        });
        made.clone()
    }
}
