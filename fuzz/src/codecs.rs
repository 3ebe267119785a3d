//! Both codecs on any bytes: nothing panics, errors say where, and what one codec reads the other one writes and reads alike.

use pulsewire_protocol::json::FromJson as _;
use pulsewire_protocol::*;

/// Reads the bytes as every message and every body there is.
pub fn check(input: &[u8]) {
    for read in cbor::decode_client(input) {
        client(read);
    }
    for read in cbor::decode_server(input) {
        server(read);
    }
    body(cbor::decode_poll_request(input), |body| cbor::decode_poll_request(&cbor::encode_poll_request(body)), PollRequest::from_json);
    body(cbor::decode_poll_response(input), |body| cbor::decode_poll_response(&cbor::encode_poll_response(body)), PollResponse::from_json);
    if let Ok(items) = cbor::decode_publish_items(input) {
        assert_eq!(cbor::decode_publish_items(&cbor::encode_publish_items(&items)).unwrap(), items, "items over CBOR");
    }
    if let Ok(each) = cbor::decode_publish_items_each(input) {
        each.iter().filter_map(|item| item.as_ref().err()).for_each(useful);
    }
    if let Ok(outcomes) = cbor::decode_publish_outcomes(input) {
        assert_eq!(cbor::decode_publish_outcomes(&cbor::encode_publish_outcomes(&outcomes)).unwrap(), outcomes);
    }
    let Ok(text) = core::str::from_utf8(input) else { return };
    for read in json::decode_client(text) {
        client(read);
    }
    for read in json::decode_server(text) {
        server(read);
    }
    body(PollRequest::from_json(text), |body| cbor::decode_poll_request(&cbor::encode_poll_request(body)), PollRequest::from_json);
    body(PollResponse::from_json(text), |body| cbor::decode_poll_response(&cbor::encode_poll_response(body)), PollResponse::from_json);
    if let Ok(items) = json::items_from_json::<PublishItem>(text) {
        items.iter().filter_map(|item| item.as_ref().err()).for_each(useful);
    }
    for kind in EventKind::ALL {
        match Payload::from_json(kind.as_str(), text) {
            Ok(payload) => {
                let _ = payload.validate(&ChannelName::tenant());
                let again = Payload::from_json(kind.as_str(), payload.data_json().unwrap().as_str());
                assert_eq!(again.unwrap(), payload, "the data of {} over JSON", kind.as_str());
            }
            Err(error) => useful(&error),
        }
    }
    if let Ok(channel) = ChannelName::parse(text) {
        assert_eq!(channel.as_str(), text, "a channel is its name");
    }
    let _ = (Pattern::parse(text), error::retry_after_from_reason(text), TokenProblem::from_reason(text));
}

fn client(read: Result<ClientMessage, DecodeError>) {
    let message = match read {
        Ok(message) => message,
        Err(error) => return useful(&error),
    };
    let over_cbor: Vec<_> = cbor::decode_client(&cbor::encode_client(&message)).collect();
    assert_eq!(over_cbor, [Ok(message.clone())], "over CBOR");
    let text = json::encode_client(&message).unwrap();
    assert!(!text.contains('\n'), "one message is one line: {text:?}");
    let over_json: Vec<_> = json::decode_client(&text).collect();
    assert_eq!(over_json, [Ok(message)], "over JSON");
}

fn server(read: Result<ServerMessage, DecodeError>) {
    let message = match read {
        Ok(message) => message,
        Err(error) => return useful(&error),
    };
    let over_cbor: Vec<_> = cbor::decode_server(&cbor::encode_server(&message)).collect();
    assert_eq!(over_cbor, [Ok(message.clone())], "over CBOR");
    let text = json::encode_server(&message).unwrap();
    assert!(!text.contains('\n'), "one message is one line: {text:?}");
    let over_json: Vec<_> = json::decode_server(&text).collect();
    assert_eq!(over_json, [Ok(message)], "over JSON");
}

fn body<T: json::ToJson + PartialEq + core::fmt::Debug>(
    read: Result<T, DecodeError>,
    over_cbor: impl Fn(&T) -> Result<T, DecodeError>,
    from_json: impl Fn(&str) -> Result<T, DecodeError>,
) {
    match read {
        Ok(body) => {
            assert_eq!(over_cbor(&body).as_ref(), Ok(&body), "over CBOR");
            let text = body.to_json().unwrap();
            assert_eq!(from_json(text.as_str()).as_ref(), Ok(&body), "over JSON");
        }
        Err(error) => useful(&error),
    }
}

/// An error names a field and a problem, and never id 0.
fn useful(error: &DecodeError) {
    assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
    assert!(error.id.is_none_or(|id| id > 0), "{error:?}");
}
