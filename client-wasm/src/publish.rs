//! What a page publishes: built-in events from their fields, any other event as JSON text.
//!
//! In CBOR built-in events are typed, and there is no JSON parser in the wasm, so their fields are read from the object
//! itself. Only the events that a page may publish are known here; the rest come from backends, over HTTP.

use crate::convert::{bad, optional_text, property, text};
use pulsewire_protocol::{
    ConversationMessage, DeliveryStatus, EventKind, ExecutionRetry, Message, MessageStatus, Payload, RawJson, Sender, Typing,
};
use wasm_bindgen::prelude::*;

pub(crate) fn payload(event: String, data: &JsValue) -> Result<Payload, JsValue> {
    let field = |name: &'static str| text(&property(data, name), name);
    Ok(match EventKind::from_name(&event) {
        None => Payload::Custom { event, data: json(data)? },
        Some(EventKind::TypingStart) => Payload::TypingStart(Typing { conversation_id: field("conversationId")? }),
        Some(EventKind::TypingStop) => Payload::TypingStop(Typing { conversation_id: field("conversationId")? }),
        Some(EventKind::ExecutionRetry) => Payload::ExecutionRetry(ExecutionRetry { execution_id: field("executionId")? }),
        Some(EventKind::MessageStatus) => Payload::MessageStatus(MessageStatus {
            message_id: field("messageId")?,
            status: word(&field("status")?, DeliveryStatus::ALL, DeliveryStatus::as_str)
                .ok_or_else(|| bad("status", "must be one of sent, delivered and read"))?,
            user: field("user")?,
        }),
        Some(EventKind::MessageNew) => {
            let patient_id = optional_text(&property(data, "patientId"), "patientId")?;
            Payload::MessageNew(ConversationMessage {
                conversation_id: field("conversationId")?,
                patient_id,
                message: message(&property(data, "message"))?,
            })
        }
        Some(_) => return Err(bad(&event, "is published by backends only, over the relay's HTTP API")),
    })
}

fn message(given: &JsValue) -> Result<Message, JsValue> {
    let optional = |name: &'static str| optional_text(&property(given, name), name);
    Ok(Message {
        id: None,
        client_id: optional("clientId")?,
        content: text(&property(given, "content"), "message.content")?,
        sender: word(&text(&property(given, "sender"), "message.sender")?, Sender::ALL, Sender::as_str)
            .ok_or_else(|| bad("message.sender", "must be one of patient, agent, nurse and user"))?,
        sender_name: text(&property(given, "senderName"), "message.senderName")?,
        ts: None,
        is_audio: property(given, "isAudio").as_bool(),
        url: optional("url")?,
    })
}

fn word<T: Copy>(given: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|value| name(*value) == given)
}

/// The JSON text of any value; `null` for what JSON has no word for.
pub(crate) fn json(value: &JsValue) -> Result<RawJson, JsValue> {
    let text = js_sys::JSON::stringify(value).map_err(|thrown| {
        bad("data", &property(&thrown, "message").as_string().unwrap_or_else(|| "cannot be written as JSON".to_owned()))
    })?;
    Ok(RawJson::from_text_unchecked(text.as_string().unwrap_or_else(|| "null".to_owned())))
}
