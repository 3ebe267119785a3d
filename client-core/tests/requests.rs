//! What the page sends: each request ends exactly once, and none is sent without a connection.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

#[test]
fn requests_end_with_their_answer_or_as_unknown_and_none_is_sent_without_a_connection() {
    let publish = |n| Command::Publish {
        request: RequestId(n),
        channel: "patient:1".to_owned(),
        payload: custom(None).payload,
        key: Some("k".to_owned()),
        queue: false,
    };
    let settled = |page: &mut Page| -> Vec<(u32, Result<Settlement, &'static str>)> {
        let of = |event| match event {
            ClientEvent::Settled { request, result } => Some((request.0, result.map_err(|failure| failure.code()))),
            _ => None,
        };
        page.take_events().into_iter().filter_map(of).collect()
    };
    let mut page = Page::new(exact());
    page.command(publish(1));
    assert_eq!(settled(&mut page), [(1, Err("unavailable"))]);
    page.command(Command::Connect);
    page.command(publish(2));
    assert_eq!(settled(&mut page), [(2, Err("unavailable"))]);
    page.accept();
    page.command(publish(3));
    page.command(Command::Call { request: RequestId(4), method: "stats.get".to_owned(), params: None });
    page.command(Command::Ping { request: RequestId(5) });
    page.command(publish(6));
    page.relay(ServerMessage::Reply(Reply { id: 2, result: ReplyResult::Published { offset: 9 } }));
    let body = ErrorBody::new(ErrorCode::NotFound, "no such method");
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(3), channel: None, body }));
    page.jump(12);
    page.relay(ServerMessage::Reply(Reply { id: 4, result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) } }));
    page.closed(1006, "");
    assert_eq!(
        settled(&mut page),
        [
            (3, Ok(Settlement::Published { offset: 9 })),
            (4, Err("not_found")),
            (5, Ok(Settlement::Pong { round_trip_ms: 12 })),
            (6, Err("unknown")),
        ]
    );
    page.advance(1_000);
    page.accept();
    page.command(publish(7));
    page.advance(30_000);
    assert_eq!(settled(&mut page), [(7, Err("unknown"))], "a relay that never answers");
}

#[test]
fn a_request_that_is_too_large_or_names_no_channel_is_settled_at_once() {
    let mut page = Page::connected(exact());
    page.take_sent();
    let data = RawJson::from_text_unchecked("1".repeat(70_000));
    let payload = Payload::Custom { event: "e".to_owned(), data };
    page.command(Command::Publish { request: RequestId(1), channel: "patient:1".to_owned(), payload, key: None, queue: false });
    let payload = custom(None).payload;
    page.command(Command::Publish { request: RequestId(2), channel: "Patient 1".to_owned(), payload, key: None, queue: false });
    let codes: Vec<_> = page
        .take_events()
        .into_iter()
        .map(|event| match event {
            ClientEvent::Settled { result: Err(failure), .. } => failure.code(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, ["too_large", "invalid_channel"]);
    assert!(page.take_sent().is_empty());
    assert_eq!(page.client.requests_in_flight(), 0);
}
