//! Any bytes in: messages or errors out, never a panic, and errors that say where.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::collection::vec;
use proptest::prelude::*;
use pulsewire_protocol::json::{FromJson as _, ToJson as _};
use pulsewire_protocol::*;

/// Everything that reads bytes reads these.
fn read_as_everything(bytes: &[u8]) {
    for error in cbor::decode_client(bytes).filter_map(Result::err).chain(cbor::decode_server(bytes).filter_map(Result::err)) {
        assert_useful(&error);
    }
    let bodies = [
        cbor::decode_poll_request(bytes).err(),
        cbor::decode_poll_response(bytes).err(),
        cbor::decode_publish_items(bytes).err(),
        cbor::decode_publish_outcomes(bytes).err(),
    ];
    bodies.iter().flatten().for_each(assert_useful);
    let text = String::from_utf8_lossy(bytes);
    for error in json::decode_client(&text).filter_map(Result::err).chain(json::decode_server(&text).filter_map(Result::err)) {
        assert_useful(&error);
    }
    let bodies = [
        PollRequest::from_json(&text).err(),
        PollResponse::from_json(&text).err(),
        json::items_from_json::<PublishItem>(&text).err(),
        Vec::<PublishOutcome>::from_json(&text).err(),
        RawJson::from_json(&text).err(),
    ];
    bodies.iter().flatten().for_each(assert_useful);
    for kind in EventKind::ALL {
        if let Err(error) = Payload::from_json(kind.as_str(), &text) {
            assert_useful(&error);
        }
    }
    let _ = (ChannelName::parse(&text), Pattern::parse(&text), error::retry_after_from_reason(&text), TokenProblem::from_reason(&text));
}

fn assert_useful(error: &DecodeError) {
    assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
    assert!(!error.problem.contains('\u{1f}'), "{error:?}");
    assert!(error.id.is_none_or(|id| id > 0), "{error:?}");
}

#[derive(Clone, Debug)]
enum Mutation {
    Flip { at: prop::sample::Index, bit: u8 },
    Set { at: prop::sample::Index, to: u8 },
    Cut { at: prop::sample::Index },
    Insert { at: prop::sample::Index, bytes: Vec<u8> },
    Remove { at: prop::sample::Index },
    Repeat { from: prop::sample::Index, to: prop::sample::Index },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (index(), prop::sample::select(vec![0x00, 0x18, 0x1b, 0x5f, 0x7f, 0x9f, 0xbf, 0xd8, 0xf6, 0xfb, 0xff, b'"', b'{', b'[']))
            .prop_map(|(at, to)| Mutation::Set { at, to }),
        index().prop_map(|at| Mutation::Cut { at }),
        (index(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Mutation::Insert { at, bytes }),
        index().prop_map(|at| Mutation::Remove { at }),
        (index(), index()).prop_map(|(from, to)| Mutation::Repeat { from, to }),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Flip { at, bit } => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Set { at, to } => bytes[at.index(length)] = to,
        Mutation::Cut { at } => bytes.truncate(at.index(length)),
        Mutation::Insert { at, bytes: more } => {
            let at = at.index(length);
            bytes.splice(at..at, more);
        }
        Mutation::Remove { at } => {
            bytes.remove(at.index(length));
        }
        Mutation::Repeat { from, to } => {
            let (from, to) = (from.index(length).min(to.index(length)), from.index(length).max(to.index(length)));
            let piece = bytes[from..to].to_vec();
            bytes.extend(piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn mutated_frames_never_panic(
        client in vec(testing::client_message(), 1..3), server in vec(testing::server_message(), 1..3), mutations in vec(mutation(), 1..4)
    ) {
        let frames: [Vec<u8>; 4] = [
            client.iter().flat_map(cbor::encode_client).collect(),
            server.iter().flat_map(cbor::encode_server).collect(),
            client.iter().flat_map(|message| format!("{}\n", json::encode_client(message).unwrap()).into_bytes()).collect(),
            server.iter().flat_map(|message| format!("{}\n", json::encode_server(message).unwrap()).into_bytes()).collect(),
        ];
        for mut frame in frames {
            for mutation in &mutations {
                mutate(&mut frame, mutation.clone());
                read_as_everything(&frame);
            }
        }
    }

    #[test]
    fn mutated_bodies_never_panic(
        request in testing::poll_request(), response in testing::poll_response(), items in vec(testing::publish_item(), 0..3),
        outcomes in vec(testing::publish_outcome(), 0..3), mutations in vec(mutation(), 1..4)
    ) {
        let bodies: [Vec<u8>; 8] = [
            cbor::encode_poll_request(&request),
            cbor::encode_poll_response(&response),
            cbor::encode_publish_items(&items),
            cbor::encode_publish_outcomes(&outcomes),
            request.to_json().unwrap().as_str().into(),
            response.to_json().unwrap().as_str().into(),
            items.to_json().unwrap().as_str().into(),
            outcomes.to_json().unwrap().as_str().into(),
        ];
        for mut body in bodies {
            for mutation in &mutations {
                mutate(&mut body, mutation.clone());
                read_as_everything(&body);
            }
        }
    }

    #[test]
    fn a_cut_cbor_frame_gives_its_whole_messages_and_then_one_final_error(
        messages in vec(testing::server_message(), 1..4), cut in any::<prop::sample::Index>()
    ) {
        let frame: Vec<u8> = messages.iter().flat_map(cbor::encode_server).collect();
        let cut = cut.index(frame.len());
        let (mut whole, mut end) = (0, 0);
        for message in &messages {
            end += cbor::encode_server(message).len();
            if end > cut { break }
            whole += 1;
        }
        let read: Vec<_> = cbor::decode_server(&frame[..cut]).collect();
        prop_assert!(read[..whole].iter().all(Result::is_ok));
        let at_a_border = messages[..whole].iter().map(|message| cbor::encode_server(message).len()).sum::<usize>() == cut;
        prop_assert_eq!(read.len(), whole + usize::from(!at_a_border));
        if !at_a_border {
            prop_assert!(!read[whole].as_ref().unwrap_err().well_formed);
        }
    }

    #[test]
    fn an_unknown_type_is_a_well_formed_error_between_its_neighbours(
        before in testing::server_message(), after in testing::server_message(), number in 10u64..1000, name in "[a-z_]{1,12}x"
    ) {
        let mut unknown = vec![0xa2, 0x00, 0x19];
        unknown.extend_from_slice(&(number as u16).to_be_bytes());
        unknown.extend_from_slice(&[0x01, 0x07]);
        let frame = [cbor::encode_server(&before), unknown, cbor::encode_server(&after)].concat();
        let read: Vec<_> = cbor::decode_server(&frame).collect();
        prop_assert_eq!((read[0].as_ref().unwrap(), read[2].as_ref().unwrap()), (&before, &after));
        let error = read[1].as_ref().unwrap_err();
        prop_assert!(error.well_formed && error.field == "type" && error.id == Some(7), "{:?}", error);

        let frame = format!("{}\n{{\"type\":\"{name}\",\"id\":7}}\n{}", json::encode_server(&before).unwrap(), json::encode_server(&after).unwrap());
        let read: Vec<_> = json::decode_server(&frame).collect();
        prop_assert_eq!((read[0].as_ref().unwrap(), read[2].as_ref().unwrap()), (&before, &after));
        let error = read[1].as_ref().unwrap_err();
        prop_assert!(error.well_formed && error.field == "type" && error.id == Some(7), "{:?}", error);
    }
}

fn client_json_error(line: &str) -> DecodeError {
    json::decode_client(line).next().unwrap().unwrap_err()
}
fn client_cbor_error(frame: &[u8]) -> DecodeError {
    cbor::decode_client(frame).next().unwrap().unwrap_err()
}

#[test]
fn an_error_names_the_path_of_the_field_in_json() {
    let cases = [
        (
            r#"{"type":"connect","id":1,"client":{"name":"a","version":"1","session":"s"},"subscribe":[{"channel":"tenant"},{"channel":"tenant","recover":{"epoch":"e","offset":-1}}]}"#,
            "subscribe[1].recover.offset",
        ),
        (
            r#"{"type":"publish","id":1,"channel":"device:a","event":"telemetry","data":{"deviceId":"a","series":{"ecg":{"t":[1,2,"x"],"v":[]}}}}"#,
            "data.series.ecg.t[2]",
        ),
        (
            r#"{"type":"publish","id":1,"channel":"device:a","data":{"deviceId":"a","series":{"ecg":{"t":[1,2,"x"],"v":[]}}},"event":"telemetry"}"#,
            "data.series.ecg.t[2]",
        ),
        (r#"{"id":1,"channel":"device:a","data":{"deviceId":"a","status":"on"},"event":"device_status","type":"publish"}"#, "data.status"),
        (r#"{"type":"publish","id":1,"channel":"tenant","event":"new_patient","data":{"patientId":7}}"#, "data.patientId"),
        (r#"{"type":"publish","id":1,"channel":"tenant","event":"new_patient","data":"p1"}"#, "data"),
        (r#"{"type":"publish","id":1,"channel":"tenant","event":"alert"}"#, "data"),
        (r#"{"type":"subscribe","id":1,"channel":"tenant","history":5000000000}"#, "history"),
        (r#"{"type":"subscribe","id":1.5,"channel":"tenant"}"#, "id"),
        (r#"{"type":"subscribe","id":0,"channel":"tenant"}"#, "id"),
        (r#"{"type":"ping","id":9007199254740993}"#, "id"),
        (r#"{"type":7,"id":1}"#, "type"),
        (r#"{"type":"pong","ts":1e999}"#, "ts"),
        (r#"["connect"]"#, "message"),
        (r#""ping""#, "message"),
    ];
    for (line, field) in cases {
        let error = client_json_error(line);
        assert_eq!(error.field, field, "{line} → {error:?}");
        assert!(error.well_formed, "{line} → {error:?}");
    }
    let error = json::decode_server(r#"{"type":"subscribed","channel":"c","epoch":"e","offset":1,"recovered":true,"publications":[{"data":{"deviceId":1},"event":"telemetry","ts":1}]}"#).next().unwrap().unwrap_err();
    assert_eq!((error.field.as_ref(), error.well_formed), ("publications[0].data.deviceId", true), "{error:?}");
    let error =
        json::items_from_json::<PublishItem>(r#"[{"channel":"c","event":"x"},{"channel":"c","event":"telemetry","data":{}}]"#).unwrap();
    assert!(error[0].is_ok());
    assert_eq!(error[1].as_ref().unwrap_err().field, "[1].data.deviceId");
}

#[test]
fn what_is_no_json_or_no_cbor_is_not_well_formed() {
    for line in [
        "{",
        "{\"type\":\"ping\",\"id\":1}}",
        "{\"type\":\"ping\" \"id\":1}",
        "nul",
        "{\"type\":\"ping\",\"id\":01}",
        "{type:1}",
        "\u{feff}{}",
    ] {
        assert!(!client_json_error(line).well_formed, "{line}");
    }
    for frame in [
        &[0xa1][..],
        &[0xff],
        &[0x81, 0xff],
        &[0xbf, 0x00, 0xff],
        &[0x1c],
        &[0x62, 0xff, 0xff],
        &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
        &[0x5f, 0x61, 0x61, 0xff],
    ] {
        let error = client_cbor_error(frame);
        assert!(!error.well_formed, "{frame:02x?} → {error:?}");
    }
}

#[test]
fn an_error_names_the_path_of_the_field_in_cbor() {
    let publish = |payload| ClientMessage::Publish(Publish { id: 5, channel: "device:a".into(), payload, key: None });
    let series = |t: Vec<f64>| {
        Payload::Telemetry(Telemetry {
            device_id: "a".into(),
            series: SeriesMap(vec![("heart_rate".into(), Series { t: Column(t), v: Column(vec![]), unit: None })]),
        })
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = client_cbor_error(&cbor::encode_client(&publish(series(vec![1.0, bad]))));
        assert_eq!((error.field.as_ref(), error.id, error.well_formed), ("data.series.heart_rate.t[1]", Some(5), true), "{error:?}");
        let error = client_cbor_error(&cbor::encode_client(&publish(Payload::DeviceStatus(DeviceStatus {
            device_id: "a".into(),
            status: DeviceState::Online,
            battery: Some(bad),
            last_seen: None,
        }))));
        assert_eq!((error.field.as_ref(), error.id), ("data.battery", Some(5)), "{error:?}");
    }
    let error = client_cbor_error(&cbor::encode_client(&publish(Payload::Custom {
        event: "note".into(),
        data: RawJson::from_text_unchecked("{oops".into()),
    })));
    assert_eq!((error.field.as_ref(), error.id, error.well_formed), ("data", Some(5), true), "{error:?}");
    // {0: 2 (subscribe), 1: 3, 2: "c", 3: {1: "e", 2: -1}}
    let error = client_cbor_error(&[0xa4, 0, 2, 1, 3, 2, 0x61, b'c', 3, 0xa2, 1, 0x61, b'e', 2, 0x20]);
    assert_eq!((error.field.as_ref(), error.id), ("recover.offset", Some(3)), "{error:?}");
    // {0: 1 (connect), 1: 3, 3: {…}, 4: [{}]}
    let error = client_cbor_error(&[0xa4, 0, 1, 1, 3, 3, 0xa3, 1, 0x60, 2, 0x60, 3, 0x60, 4, 0x81, 0xa0]);
    assert_eq!((error.field.as_ref(), error.id), ("subscribe[0].channel", Some(3)), "{error:?}");
    // {0: 8 (ping), 1: 0}
    assert_eq!(client_cbor_error(&[0xa2, 0, 8, 1, 0]).field, "id");
}

#[test]
fn nesting_is_bounded_in_both_codecs() {
    let deep_json = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let line = |levels| format!(r#"{{"type":"publish","id":1,"channel":"c","event":"x","data":{}}}"#, deep_json(levels));
    assert!(json::decode_client(&line(scalar::MAX_JSON_DEPTH)).next().unwrap().is_ok());
    for levels in [scalar::MAX_JSON_DEPTH + 1, 10_000, 1_000_000] {
        let error = client_json_error(&line(levels));
        assert_eq!((error.field.as_ref(), error.well_formed, error.id), ("data", true, Some(1)), "{error:?}");
    }
    assert!(
        json::decode_client(&format!(r#"{{"type":"ping","later":{},"id":1}}"#, deep_json(1_000_000))).next().unwrap().is_ok(),
        "what is not known is not read"
    );
    // A CBOR array in an array …, as an unknown value of a ping.
    for (levels, reads) in [(cbor::MAX_CBOR_DEPTH - 1, true), (cbor::MAX_CBOR_DEPTH, false), (1_000_000, false)] {
        for open in [0x81u8, 0xc1] {
            let mut frame = vec![0xa3, 0, 8, 1, 1, 2];
            frame.extend(std::iter::repeat_n(open, levels));
            frame.push(0);
            assert_eq!(cbor::decode_client(&frame).next().unwrap().is_ok(), reads, "{levels} levels of {open:x}");
        }
    }
}

#[test]
fn opaque_json_is_put_on_one_line_and_otherwise_left_as_it_is() {
    let given = "{\r\n \"b\": 1.10,\n \"a\": [1e999, 12345678901234567890123, \"\\ud800\\n\"]\n}";
    let raw = RawJson::parse(&format!("  {given}\n ")).unwrap();
    assert_eq!(raw.as_str(), given.replace(['\r', '\n'], " "));
    let message = ClientMessage::Publish(Publish {
        id: 1,
        channel: "c".into(),
        payload: Payload::Custom { event: "x".into(), data: RawJson::from_text_unchecked(given.into()) },
        key: None,
    });
    assert!(json::encode_client(&message).is_err(), "unchecked text with a line break would end the line");
    let read = cbor::decode_client(&cbor::encode_client(&message)).next().unwrap().unwrap();
    assert_eq!(
        json::decode_client(&json::encode_client(&read).unwrap()).next().unwrap().unwrap(),
        read,
        "checked on its way in through CBOR"
    );
}

#[test]
fn a_patient_change_is_the_callers_whole_object() {
    let data = r#"{"priority":"high","patientId":"p1","bed":{"n":4}}"#;
    let payload = Payload::from_json("priority_update", data).unwrap();
    assert_eq!(payload, Payload::PriorityUpdate(PatientChange { patient_id: "p1".into(), data: RawJson::parse(data).unwrap() }));
    assert_eq!(payload.data_json().unwrap().as_str(), data);
}

#[test]
fn a_later_versions_event_keeps_its_place_for_a_client_and_is_refused_from_one() {
    // {0: 4 (event), 1: "c", 2: 99, 3: 5, 4: {1: "?"}, 5: 17}
    let event = [0xa6, 0, 4, 1, 0x61, b'c', 2, 0x18, 99, 3, 5, 4, 0xa1, 1, 0x61, b'?', 5, 17];
    let Some(Ok(ServerMessage::Event(event))) = cbor::decode_server(&event).next() else { panic!("reads") };
    assert_eq!((event.publication.offset, event.publication.payload.event()), (Some(17), "#99"));
    // {0: 4 (publish), 1: 1, 2: "c", 3: 99, 4: {}}
    let error = client_cbor_error(&[0xa5, 0, 4, 1, 1, 2, 0x61, b'c', 3, 0x18, 99, 4, 0xa0]);
    assert_eq!((error.field.as_ref(), error.well_formed), ("event", true));
}

#[test]
fn a_page_without_a_json_parser_may_send_a_built_in_events_data_as_json_text() {
    let text = r#"{"conversationId":"c1"}"#;
    let sent = Publish {
        id: 1,
        channel: "conversation:c1".into(),
        payload: Payload::Custom { event: "typing_start".into(), data: RawJson::parse(text).unwrap() },
        key: None,
    };
    let Some(Ok(ClientMessage::Publish(read))) = cbor::decode_client(&cbor::encode_client(&ClientMessage::Publish(sent.clone()))).next()
    else {
        panic!("reads")
    };
    assert_eq!(read.payload, Payload::TypingStart(Typing { conversation_id: "c1".into() }));
    for (bad, field) in [(r#"{"conversationId":1}"#, "data.conversationId"), ("[]", "data"), ("{", "data")] {
        let sent = Publish {
            payload: Payload::Custom { event: "typing_start".into(), data: RawJson::from_text_unchecked(bad.into()) },
            ..sent.clone()
        };
        let error = client_cbor_error(&cbor::encode_client(&ClientMessage::Publish(sent)));
        assert_eq!((error.field.as_ref(), error.well_formed, error.id), (field, true, Some(1)), "{error:?}");
    }
}

#[test]
fn an_event_that_a_client_cannot_read_keeps_its_place() {
    // {0: 4 (event), 1: "c", 2: 1 (device_status), 3: 5, 4: {1: "d", 2: 77}, 5: 17}: a status of a later version
    let event = [0xa6, 0, 4, 1, 0x61, b'c', 2, 1, 3, 5, 4, 0xa2, 1, 0x61, b'd', 2, 0x18, 77, 5, 17];
    let Some(Ok(ServerMessage::Event(event))) = cbor::decode_server(&event).next() else { panic!("reads") };
    assert!(event.publication.payload.is_unread());
    assert_eq!((event.publication.offset, event.publication.payload.event()), (Some(17), "#1"));
}

#[test]
fn an_array_is_no_result_of_fixed_shape() {
    let reply = ServerMessage::Reply(Reply { id: 1, result: ReplyResult::Json(RawJson::parse("[null,0.0,null]").unwrap()) });
    assert_eq!(json::decode_server(&json::encode_server(&reply).unwrap()).next().unwrap().unwrap(), reply);
}
