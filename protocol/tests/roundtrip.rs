//! What is written is read back, in both codecs, one message or many; and what the model leaves open makes no difference.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use ciborium::Value as Cbor;
use proptest::collection::vec;
use proptest::prelude::*;
use pulsewire_protocol::json::{FromJson as _, ToJson as _};
use pulsewire_protocol::*;
use serde_json::Value as Json;

fn client_cbor(frame: &[u8]) -> Vec<ClientMessage> {
    cbor::decode_client(frame).map(Result::unwrap).collect()
}
fn server_cbor(frame: &[u8]) -> Vec<ServerMessage> {
    cbor::decode_server(frame).map(Result::unwrap).collect()
}
fn client_json(frame: &str) -> Vec<ClientMessage> {
    json::decode_client(frame).map(Result::unwrap).collect()
}
fn server_json(frame: &str) -> Vec<ServerMessage> {
    json::decode_server(frame).map(Result::unwrap).collect()
}

/// The model's own view of a message: JSON with every number as a float.
fn model(text: &str) -> Json {
    fn floats(value: &mut Json) {
        match value {
            Json::Number(number) => *value = number.as_f64().unwrap().into(),
            Json::Array(items) => items.iter_mut().for_each(floats),
            Json::Object(entries) => entries.values_mut().for_each(floats),
            _ => {}
        }
    }
    let mut value: Json = serde_json::from_str(text).unwrap();
    floats(&mut value);
    value
}

fn read_cbor(bytes: &[u8]) -> Cbor {
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).expect("an independent decoder reads what we write");
    assert!(rest.is_empty(), "one message is one item");
    value
}
fn write_cbor(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// Writes whole floats as integers and integers as floats, and typed arrays as plain ones, as another encoder might.
fn swap_numbers(value: Cbor) -> Cbor {
    match value {
        Cbor::Integer(integer) => {
            let whole = i128::from(integer);
            // Only where a float still names that integer.
            if whole.unsigned_abs() <= u128::from(cbor::MAX_SAFE_INTEGER) { Cbor::Float(whole as f64) } else { Cbor::Integer(integer) }
        }
        Cbor::Float(float) if float.trunc() == float && float.abs() < 1e15 => Cbor::Integer((float as i64).into()),
        Cbor::Tag(86, bytes) => {
            let numbers = bytes.as_bytes().unwrap().chunks(8).map(|chunk| Cbor::Float(f64::from_le_bytes(chunk.try_into().unwrap())));
            swap_numbers(Cbor::Array(numbers.collect()))
        }
        Cbor::Array(items) => Cbor::Array(items.into_iter().map(swap_numbers).collect()),
        // The order of our keys means nothing; the order of metrics is the caller's.
        Cbor::Map(mut entries) => {
            if entries.iter().all(|(key, _)| key.is_integer()) {
                entries.reverse();
            }
            Cbor::Map(entries.into_iter().map(|(key, value)| (key, swap_numbers(value))).collect())
        }
        other => other,
    }
}

/// Adds keys that no version knows: to every map but those whose keys are the caller's own (metrics).
fn add_unknown_keys(value: Cbor) -> Cbor {
    match value {
        Cbor::Map(entries) => {
            let ours = !entries.is_empty() && entries.iter().all(|(key, _)| key.is_integer());
            let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, add_unknown_keys(value))).collect();
            if ours {
                entries.insert(0, (Cbor::Integer(900.into()), Cbor::Array(vec![Cbor::Null, Cbor::Bytes(vec![1, 2])])));
                entries.push((Cbor::Text("later".into()), Cbor::Tag(1, Box::new(Cbor::Float(1.5)))));
            }
            Cbor::Map(entries)
        }
        Cbor::Array(items) => Cbor::Array(items.into_iter().map(add_unknown_keys).collect()),
        other => other,
    }
}

/// Writes whole numbers of the message's own fields with a fraction.
fn with_fractions(value: Json) -> Json {
    match value {
        Json::Number(number) => number.as_f64().unwrap().into(),
        Json::Array(items) => items.into_iter().map(with_fractions).collect(),
        Json::Object(entries) => Json::Object(entries.into_iter().map(|(key, value)| (key, with_fractions(value))).collect()),
        other => other,
    }
}

proptest! {
    // A failing case becomes a named test, not a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_clients_messages_come_back_from_cbor_one_by_one_and_as_one_frame(messages in vec(testing::client_message(), 0..5)) {
        let mut frame = Vec::new();
        for message in &messages {
            let bytes = cbor::encode_client(message);
            prop_assert_eq!(&client_cbor(&bytes), std::slice::from_ref(message));
            frame.extend_from_slice(&bytes);
        }
        prop_assert_eq!(client_cbor(&frame), messages);
    }

    #[test]
    fn a_relays_messages_come_back_from_cbor_one_by_one_and_as_one_frame(messages in vec(testing::server_message(), 0..5)) {
        let mut frame = Vec::new();
        for message in &messages {
            let bytes = cbor::encode_server(message);
            prop_assert_eq!(&server_cbor(&bytes), std::slice::from_ref(message));
            frame.extend_from_slice(&bytes);
        }
        prop_assert_eq!(server_cbor(&frame), messages);
    }

    #[test]
    fn a_clients_messages_come_back_from_json_one_by_one_and_as_one_frame(messages in vec(testing::client_message(), 0..5)) {
        let lines: Vec<String> = messages.iter().map(|message| json::encode_client(message).unwrap()).collect();
        for (line, message) in lines.iter().zip(&messages) {
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(&client_json(line), std::slice::from_ref(message));
        }
        prop_assert_eq!(&client_json(&lines.join("\n")), &messages);
        prop_assert_eq!(&client_json(&format!("\n{}\r\n\n", lines.join("\r\n"))), &messages);
    }

    #[test]
    fn a_relays_messages_come_back_from_json_one_by_one_and_as_one_frame(messages in vec(testing::server_message(), 0..5)) {
        let lines: Vec<String> = messages.iter().map(|message| json::encode_server(message).unwrap()).collect();
        for (line, message) in lines.iter().zip(&messages) {
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(&server_json(line), std::slice::from_ref(message));
        }
        prop_assert_eq!(server_json(&lines.join("\n")), messages);
    }

    #[test]
    fn http_bodies_come_back_from_both_codecs(
        request in testing::poll_request(), response in testing::poll_response(),
        items in vec(testing::publish_item(), 0..4), outcomes in vec(testing::publish_outcome(), 0..4)
    ) {
        prop_assert_eq!(&cbor::decode_poll_request(&cbor::encode_poll_request(&request)).unwrap(), &request);
        prop_assert_eq!(&cbor::decode_poll_response(&cbor::encode_poll_response(&response)).unwrap(), &response);
        prop_assert_eq!(&cbor::decode_publish_items(&cbor::encode_publish_items(&items)).unwrap(), &items);
        prop_assert_eq!(&cbor::decode_publish_outcomes(&cbor::encode_publish_outcomes(&outcomes)).unwrap(), &outcomes);

        prop_assert_eq!(&PollRequest::from_json(request.to_json().unwrap().as_str()).unwrap(), &request);
        prop_assert_eq!(&PollResponse::from_json(response.to_json().unwrap().as_str()).unwrap(), &response);
        let read: Vec<PublishItem> = json::items_from_json(items.to_json().unwrap().as_str()).unwrap().into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(&read, &items);
        let read: Vec<PublishOutcome> = Vec::from_json(outcomes.to_json().unwrap().as_str()).unwrap();
        prop_assert_eq!(&read, &outcomes);
    }

    #[test]
    fn one_publish_item_needs_no_array(item in testing::publish_item()) {
        let bytes = cbor::encode_publish_items(std::slice::from_ref(&item));
        prop_assert_eq!(bytes[0], 0x81);
        prop_assert_eq!(&cbor::decode_publish_items(&bytes[1..]).unwrap(), std::slice::from_ref(&item));
        let text = item.to_json().unwrap();
        prop_assert_eq!(&PublishItem::from_json(text.as_str()).unwrap(), &item);
        let alone: Vec<_> = json::items_from_json::<PublishItem>(text.as_str()).unwrap().into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(alone, vec![item]);
    }

    #[test]
    fn cbor_numbers_may_be_integers_or_floats_and_keys_in_any_order(client in testing::client_message(), server in testing::server_message()) {
        let swapped = write_cbor(&swap_numbers(read_cbor(&cbor::encode_client(&client))));
        prop_assert_eq!(client_cbor(&swapped), vec![client]);
        let swapped = write_cbor(&swap_numbers(read_cbor(&cbor::encode_server(&server))));
        prop_assert_eq!(server_cbor(&swapped), vec![server]);
    }

    #[test]
    fn json_numbers_may_be_integers_or_floats_and_keys_in_any_order(client in testing::client_message(), server in testing::server_message()) {
        // serde_json's map sorts the keys, so that `data` comes before `event` here and `type` near the end.
        let text = json::encode_client(&client).unwrap();
        let read = client_json(&with_fractions(serde_json::from_str(&text).unwrap()).to_string());
        prop_assert_eq!(model(&json::encode_client(&read[0]).unwrap()), model(&text));
        let text = json::encode_server(&server).unwrap();
        let read = server_json(&with_fractions(serde_json::from_str(&text).unwrap()).to_string());
        prop_assert_eq!(model(&json::encode_server(&read[0]).unwrap()), model(&text));
    }

    #[test]
    fn unknown_keys_are_ignored_everywhere(client in testing::client_message(), server in testing::server_message()) {
        let grown = write_cbor(&add_unknown_keys(read_cbor(&cbor::encode_client(&client))));
        prop_assert_eq!(client_cbor(&grown), vec![client.clone()]);
        let grown = write_cbor(&add_unknown_keys(read_cbor(&cbor::encode_server(&server))));
        prop_assert_eq!(server_cbor(&grown), vec![server.clone()]);

        let grow = |text: String| format!("{{\"later\":[{{\"a\":1e999}}],{}", &text[1..]);
        prop_assert_eq!(client_json(&grow(json::encode_client(&client).unwrap())), vec![client]);
        prop_assert_eq!(server_json(&grow(json::encode_server(&server).unwrap())), vec![server]);
    }

    #[test]
    fn both_codecs_hold_the_same_model(client in testing::client_message(), server in testing::server_message()) {
        let over_cbor = client_cbor(&cbor::encode_client(&client)).remove(0);
        prop_assert_eq!(json::encode_client(&over_cbor).unwrap(), json::encode_client(&client).unwrap());
        let over_json = server_json(&json::encode_server(&server).unwrap()).remove(0);
        prop_assert_eq!(client_cbor(&cbor::encode_client(&over_cbor)), vec![client]);
        prop_assert_eq!(server_cbor(&cbor::encode_server(&over_json)), vec![server]);
    }
}
