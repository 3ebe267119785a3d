//! Any frames to a session: it answers each command once and in order or ends, keeps to its encoding, leaves nothing behind, and
//! tells nothing to another tenant.
//!
//! Input: one byte of choices (bit 0: CBOR, bit 1: a token at the upgrade, bit 2: the role `service`), then frames, each with two
//! bytes of length. A length with the top bit set moves time by that many milliseconds × 16 instead.

use super::relay::{relay, token, under_virtual_time};
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use pulsewire_protocol::*;
use pulsewire_relay::Relay;
use pulsewire_relay::session::{self, Inbound, MemoryClient, Opening, Outbound, pair};
use std::time::Duration;

/// Every id that a command may have, as it is answered.
fn id_of(message: &ServerMessage) -> Option<u64> {
    match message {
        ServerMessage::Welcome(welcome) => Some(welcome.id),
        ServerMessage::Subscribed(subscribed) => subscribed.id,
        ServerMessage::Unsubscribed(unsubscribed) => unsubscribed.id,
        ServerMessage::Reply(reply) => Some(reply.id),
        ServerMessage::Error(error) => error.id,
        _ => None,
    }
}

fn asked(message: &Result<ClientMessage, DecodeError>) -> Option<u64> {
    match message {
        Ok(ClientMessage::Connect(command)) => Some(command.id),
        Ok(ClientMessage::Subscribe(command)) => Some(command.id),
        Ok(ClientMessage::Unsubscribe(command)) => Some(command.id),
        Ok(ClientMessage::Publish(command)) => Some(command.id),
        Ok(ClientMessage::Call(command)) => Some(command.id),
        Ok(ClientMessage::Refresh(command)) => Some(command.id),
        Ok(ClientMessage::Ping(command)) => Some(command.id),
        Ok(ClientMessage::Pong(_)) => None,
        Err(error) => error.id,
    }
}

struct Peer {
    link: MemoryClient,
    format: Format,
    answers: Vec<u64>,
    closed: bool,
}

impl Peer {
    /// Takes what the session has sent by now.
    fn take(&mut self) {
        while let Some(Some(frame)) = self.link.receive.next().now_or_never() {
            assert!(!self.closed, "something after the close: {frame:?}");
            match frame {
                Outbound::Close(closing) => {
                    assert!(closing.reason.len() <= 123, "{closing:?}");
                    self.closed = true;
                }
                Outbound::Text(text) => {
                    assert_eq!(self.format, Format::Json);
                    self.hear(json::decode_server(core::str::from_utf8(&text).unwrap()));
                }
                Outbound::Binary(bytes) => {
                    assert_eq!(self.format, Format::Cbor);
                    self.hear(cbor::decode_server(&bytes));
                }
            }
        }
    }

    fn hear(&mut self, messages: impl Iterator<Item = Result<ServerMessage, DecodeError>>) {
        for message in messages {
            let message = message.expect("the relay's own words can be read");
            if let ServerMessage::Event(event) = &message {
                assert_ne!(event.channel, "", "an event has a channel");
            }
            self.answers.extend(id_of(&message));
        }
    }
}

/// See the module.
pub fn check(input: &[u8]) {
    let Some((choices, mut rest)) = input.split_first() else { return };
    let format = if choices & 1 == 1 { Format::Cbor } else { Format::Json };
    let role = if choices & 4 == 4 { "service" } else { "nurse" };
    under_virtual_time(async {
        let relay = relay();
        let witness = witness(&relay).await;
        let principal = (choices & 2 == 2).then(|| relay.authenticate(Some(&token("ana", "ward", role))).unwrap());
        let (transport, link) = pair(64);
        let session = tokio::spawn(session::run(
            relay.clone(),
            transport,
            Opening { format, address: std::net::SocketAddr::from(([192, 0, 2, 7], 1)).into(), principal },
        ));
        let mut peer = Peer { link, format, answers: Vec::new(), closed: false };
        let mut commands = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if length >= 0x8000 {
                tokio::time::sleep(Duration::from_millis((length as u64 & 0x7fff) * 16)).await;
                peer.take();
                rest = after;
                continue;
            }
            let (frame, after) = after.split_at(length.min(after.len()));
            rest = after;
            let inbound = match (format, core::str::from_utf8(frame)) {
                (Format::Json, Ok(text)) => {
                    commands.extend(json::decode_client(text).filter_map(|message| asked(&message)));
                    Inbound::Text(Bytes::copy_from_slice(frame))
                }
                (Format::Cbor, _) => {
                    commands.extend(cbor::decode_client(frame).filter_map(|message| asked(&message)));
                    Inbound::Binary(Bytes::copy_from_slice(frame))
                }
                // Text that is no UTF-8 does not come through a WebSocket: it comes as the wrong kind of frame.
                (Format::Json, Err(_)) => Inbound::Binary(Bytes::copy_from_slice(frame)),
            };
            if peer.link.send.send(inbound).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            peer.take();
        }
        let told = peer.closed;
        if !told {
            assert_eq!(peer.answers, commands, "every command has its answer, in order");
        }
        assert!(commands.starts_with(&peer.answers), "answers {:?} to {commands:?}", peer.answers);
        let Peer { link, .. } = peer;
        drop(link);
        session.await.expect("a session does not panic");
        nothing_told(witness);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let snapshot = relay.snapshot();
        assert_eq!((snapshot.connections, snapshot.users, snapshot.subscriptions, snapshot.queued_messages), (0, 0, 0, 0), "left behind");
        assert_eq!(relay.hub().room_counts(), (0, 0), "rooms left behind");
    });
}

/// One of another tenant who listens to the channels that inputs are likely to name.
async fn witness(relay: &Relay) -> MemoryClient {
    let principal = relay.authenticate(Some(&token("eve", "elsewhere", "nurse"))).unwrap();
    let (transport, mut link) = pair(64);
    let opening =
        Opening { format: Format::Cbor, address: std::net::SocketAddr::from(([192, 0, 2, 8], 1)).into(), principal: Some(principal) };
    tokio::spawn(session::run(relay.clone(), transport, opening));
    let subscribe = ["device:bed-1", "patient:p-9", "tenant", "lobby", "conversation:c-1"].map(SubscribeEntry::new).to_vec();
    let connect = ClientMessage::Connect(Connect { id: 1, token: None, client: ClientInfo::default(), subscribe });
    link.send.send(Inbound::Binary(Bytes::from(cbor::encode_client(&connect)))).await.unwrap();
    link
}

fn nothing_told(mut witness: MemoryClient) {
    while let Some(Some(frame)) = witness.receive.next().now_or_never() {
        let Outbound::Binary(bytes) = frame else { continue };
        for message in cbor::decode_server(&bytes).map(Result::unwrap) {
            let foreign = matches!(&message, ServerMessage::Event(event) if !matches!(event.publication.payload, Payload::Presence(_)));
            assert!(!foreign, "told to another tenant: {message:?}");
        }
    }
}
