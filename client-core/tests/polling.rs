//! C10: when polls stand in for the socket, that nothing is lost or doubled in either switch, and that sending goes on.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

const ROOM: &str = "conversation:1";
/// `{"sub":"ana","tenant":"t"}`.
const ANA: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEiLCJ0ZW5hbnQiOiJ0In0.c2ln";

fn asked(page: &Page) -> Vec<(String, Option<u64>)> {
    let of = |entry: PollEntry| (entry.channel, entry.recover.map(|position| position.offset));
    page.poll_under_way().expect("a poll is under way").poll().channels.into_iter().map(of).collect()
}
fn told(channel: &str, offset: u64, recovered: bool, offsets: &[u64]) -> SubscribedEntry {
    let publications = offsets.iter().map(|offset| custom(Some(*offset))).collect();
    SubscribedEntry::Subscribed(Subscribed { recovered, publications, ..fresh(None, channel, "a", offset) })
}

#[test]
fn three_failed_tries_or_one_handshake_that_hangs_begin_to_poll() {
    let mut page = Page::new(exact());
    page.token = Some(ANA.to_owned());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    for wait in [1_000, 2_000] {
        page.closed(1006, "");
        assert_eq!((page.state(), page.fetches.len()), (ConnectionState::Reconnecting, 0));
        page.advance(wait);
    }
    page.closed(1006, "");
    assert_eq!(page.state(), ConnectionState::Reconnecting, "not before HTTP has proved itself");
    let fetch = page.poll_under_way().unwrap();
    assert_eq!((fetch.path, fetch.token.as_str(), fetch.poll().wait_ms), ("/api/v1/poll", ANA, None));
    let names: Vec<String> = asked(&page).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tenant", "user:ana", ROOM], "nobody joins the user's own channels here");
    page.answer_poll(vec![told("tenant", 3, false, &[]), told("user:ana", 0, false, &[]), told(ROOM, 5, false, &[5])]);
    assert_eq!((page.state(), page.offsets(ROOM)), (ConnectionState::Polling, vec![5]));
    assert_eq!(page.client.channel(ROOM).unwrap().phase, ChannelPhase::Subscribed);
    assert_eq!(page.client.connection().user.as_deref(), Some("ana"));
    page.advance(1_000);
    assert_eq!(page.poll_under_way().unwrap().poll().wait_ms, Some(25_000), "now the relay may wait for news");
    assert_eq!(asked(&page), [("tenant".to_owned(), Some(3)), ("user:ana".to_owned(), Some(0)), (ROOM.to_owned(), Some(5))]);

    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.advance(9_999);
    assert_eq!(page.fetches.len(), 0);
    page.advance(1);
    assert_eq!(page.fetches.len(), 1);
}

#[test]
fn nothing_is_lost_or_doubled_in_either_switch() {
    let mut page = Page::new(exact());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![told(ROOM, 2, false, &[1, 2])]);
    page.event(ROOM, custom(Some(3)));
    page.closed(1006, "");
    page.block_socket();
    assert!(asked(&page).contains(&(ROOM.to_owned(), Some(3))));
    page.answer_poll(vec![told(ROOM, 5, true, &[4, 5])]);
    // The socket gets through while a poll is under way: `connect` carries what the polls brought.
    page.await_socket();
    page.opened();
    let entry = page.connect_message().subscribe.iter().find(|entry| entry.channel == ROOM).unwrap().clone();
    assert_eq!(entry.recover.map(|position| position.offset), Some(5));
    // A poll is answered between `connect` and `welcome`, which therefore tells some of it again.
    page.answer_poll(vec![told(ROOM, 7, true, &[6, 7])]);
    page.advance(1_000);
    assert!(page.poll_under_way().is_some());
    page.welcome(vec![told(ROOM, 6, true, &[6])]);
    assert_eq!((page.state(), page.fetches.len()), (ConnectionState::Connected, 0), "the poll under way is given up");
    page.event(ROOM, custom(Some(7)));
    page.event(ROOM, custom(Some(8)));
    assert_eq!(page.offsets(ROOM), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(page.resyncs().is_empty() && page.client.counters().gaps == 0);
}

#[test]
fn what_came_between_a_first_connect_and_its_welcome_is_not_jumped_over() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    page.await_socket();
    // Wanted just now, so neither the poll nor `connect` knows a position.
    page.subscribe(ROOM);
    page.opened();
    page.advance(50);
    page.answer_poll(vec![told(ROOM, 5, false, &[])]);
    page.welcome(vec![told(ROOM, 7, false, &[])]);
    let sent = page.take_sent();
    let recover = sent.iter().find_map(|message| match message {
        ClientMessage::Subscribe(subscribe) => subscribe.recover.clone(),
        _ => None,
    });
    assert_eq!(recover.map(|position| position.offset), Some(5), "6 and 7 are asked for");
}

#[test]
fn the_socket_is_tried_again_within_half_a_minute_for_as_long_as_it_takes() {
    let mut page = Page::polling(Config::default());
    for _ in 0..20 {
        let before = page.now.monotonic;
        page.await_socket();
        assert!(page.now.monotonic.since(before) <= 15_000);
        // It hangs: 10 s.
        while page.open.is_some() {
            page.advance(1_000);
            if page.poll_under_way().is_some() {
                page.answer_poll(vec![]);
            }
        }
        assert_eq!(page.state(), ConnectionState::Polling);
    }
    assert!(!page.client.connection().interrupted, "data comes: nothing is interrupted");
    page.await_socket();
    page.accept();
    assert_eq!(page.state(), ConnectionState::Connected);
}

#[test]
fn polls_that_fail_show_as_reconnecting_back_off_and_come_back() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    let fetch = page.poll_under_way().unwrap().fetch;
    page.answer(fetch, HttpAnswer::default());
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    page.advance(1_000);
    let fetch = page.poll_under_way().unwrap().fetch;
    page.answer(fetch, HttpAnswer { status: 503, code: "unavailable", retry_after_ms: Some(7_000), body: &[] });
    page.advance(6_999);
    assert!(page.poll_under_way().is_none());
    page.advance(1);
    // A captive portal answers everything.
    let fetch = page.poll_under_way().unwrap().fetch;
    page.answer(fetch, HttpAnswer { status: 200, ..HttpAnswer::default() });
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    while page.poll_under_way().is_none() {
        page.advance(1_000);
    }
    page.answer_poll(vec![]);
    assert_eq!(page.state(), ConnectionState::Polling);
}

#[test]
fn a_poll_that_is_never_answered_is_given_up() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    let fetch = page.poll_under_way().unwrap().fetch;
    page.advance(35_000);
    assert!(page.poll_under_way().is_none_or(|poll| poll.fetch != fetch));
}

#[test]
fn where_something_cuts_what_waits_polls_ask_every_five_seconds_without_waiting() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    page.advance(3_000);
    let fetch = page.poll_under_way().unwrap().fetch;
    page.answer(fetch, HttpAnswer { status: 504, ..HttpAnswer::default() });
    assert_eq!(page.state(), ConnectionState::Polling);
    let poll = page.poll_under_way().unwrap().poll();
    assert_eq!(poll.wait_ms, None);
    page.answer_poll(vec![told("tenant", 1, false, &[])]);
    page.advance(4_999);
    assert!(page.poll_under_way().is_none());
    page.advance(1);
    assert_eq!(page.poll_under_way().unwrap().poll().wait_ms, None);
}

#[test]
fn a_channel_that_is_wanted_while_a_poll_waits_is_asked_for_soon() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    for channel in ["device:1", "device:2"] {
        page.subscribe(channel);
    }
    page.advance(50);
    let names: Vec<String> = asked(&page).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tenant", "device:1", "device:2"]);
    let error = ErrorBody::new(ErrorCode::Forbidden, "no");
    let refused = SubscribedEntry::Refused(Refused { channel: "device:2".to_owned(), error });
    page.answer_poll(vec![told("tenant", 1, false, &[]), told("device:1", 1, false, &[]), refused]);
    assert_eq!(page.client.channel("device:2").unwrap().phase, ChannelPhase::Refused);
    assert_eq!(page.errors(), ["forbidden"]);
    page.advance(1_000);
    assert!(!asked(&page).iter().any(|(name, _)| name == "device:2"));
}

#[test]
fn a_channel_that_is_let_go_of_and_wanted_anew_does_not_take_the_answer_to_its_former_life() {
    let mut page = Page::polling(exact());
    page.subscribe(ROOM);
    page.advance(1_000);
    page.answer_poll(vec![told("tenant", 1, true, &[]), told(ROOM, 5, false, &[5])]);
    page.release(ROOM);
    page.advance(1_000);
    let asked_before = page.poll_under_way().unwrap();
    assert!(asked_before.poll().channels.iter().any(|entry| entry.channel == ROOM));
    page.advance(5_000);
    assert!(page.client.channel(ROOM).is_none());
    let options = SubscribeOptions { history: Some(9), max_hz: None };
    page.command(Command::Subscribe { channel: ROOM.to_owned(), options });
    assert_eq!(page.poll_under_way().map(|fetch| fetch.fetch), Some(asked_before.fetch), "the poll that asked for it goes on");
    page.answer_poll(vec![told("tenant", 1, true, &[]), told(ROOM, 6, true, &[6])]);
    assert_eq!(page.offsets(ROOM), [5], "6 alone is not the history that is wanted now");
    page.advance(1_000);
    assert!(asked(&page).contains(&(ROOM.to_owned(), None)));
}

#[test]
fn a_refused_token_counts_once_however_many_requests_carried_it() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    page.note(1, ROOM);
    let (poll, post) = (page.poll_under_way().unwrap().fetch, page.post_under_way().unwrap().fetch);
    let expired = HttpAnswer { status: 401, code: "token_expired", ..HttpAnswer::default() };
    page.token = None;
    page.answer(post, expired);
    assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Expired]);
    assert!(page.fetches.iter().all(|fetch| fetch.fetch != poll), "it carried the same token");
    page.give_token(Ok(TOKEN.to_owned()));
    page.answer_poll(vec![]);
    assert_eq!(page.state(), ConnectionState::Polling);
    assert_eq!(page.post_under_way().unwrap().items().len(), 1, "the message waits for a token, and goes out");
    page.token = Some(TOKEN.to_owned());
    page.advance(11_000);
    page.answer_poll(vec![told("tenant", 1, true, &[])]);
    page.advance(1_000);
    let poll = page.poll_under_way().unwrap().fetch;
    page.answer(poll, HttpAnswer { status: 401, code: "token_invalid", ..HttpAnswer::default() });
    let poll = page.poll_under_way().unwrap().fetch;
    page.answer(poll, HttpAnswer { status: 401, code: "token_invalid", ..HttpAnswer::default() });
    assert_eq!(page.state(), ConnectionState::Unauthorized);
    assert!(page.fetches.iter().all(|fetch| fetch.path != "/api/v1/poll") && page.open.is_none());
}

#[test]
fn messages_go_out_in_one_post_and_one_by_one_where_one_of_them_is_at_fault() {
    let mut page = Page::polling(exact());
    page.take_events();
    page.command(Command::Call { request: RequestId(9), method: "stats.get".to_owned(), params: None });
    for number in 1..=4 {
        page.note(number, ROOM);
    }
    let answer = |page: &mut Page, status, outcomes: &[PublishOutcome]| {
        let fetch = page.post_under_way().unwrap().fetch;
        let body = cbor::encode_publish_outcomes(outcomes);
        page.answer(fetch, HttpAnswer { status, code: if status == 202 { "" } else { "bad_request" }, retry_after_ms: None, body: &body });
    };
    let accepted = |offset| PublishOutcome { accepted: Some(Position { epoch: "a".to_owned(), offset }), error: None };
    assert_eq!(page.post_under_way().unwrap().items().len(), 1);
    answer(&mut page, 202, &[accepted(1)]);
    let post = page.post_under_way().unwrap();
    assert_eq!((post.path, post.items().len()), ("/api/v1/publish?atomic=true", 3));
    answer(&mut page, 400, &[]);
    let error = ErrorBody::new(ErrorCode::Forbidden, "no");
    for outcome in [accepted(2), PublishOutcome { accepted: None, error: Some(error) }, accepted(3)] {
        assert_eq!(page.post_under_way().unwrap().items().len(), 1);
        answer(&mut page, 202, &[outcome]);
    }
    let settled: Vec<(u32, &str)> = page
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            ClientEvent::Settled { request, result } => Some((request.0, result.map_or_else(|failure| failure.code(), |_| "ok"))),
            _ => None,
        })
        .collect();
    assert_eq!(settled, [(9, "unavailable"), (1, "ok"), (2, "ok"), (3, "forbidden"), (4, "ok")]);
}

#[test]
fn a_page_whose_token_ended_does_not_say_that_it_polls_while_nobody_gives_it_another() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    page.token = None;
    let poll = page.poll_under_way().unwrap().fetch;
    page.answer(poll, HttpAnswer { status: 401, code: "token_expired", ..HttpAnswer::default() });
    page.give_token(Err("the backend is down".to_owned()));
    page.advance(2_000);
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    assert!(page.client.connection().interrupted && page.fetches.is_empty());
}

#[test]
fn what_was_refused_by_somebody_else_was_not_refused_by_the_relay() {
    for status in [400, 403, 404, 413] {
        let mut page = Page::polling(exact());
        page.note(1, ROOM);
        let post = page.post_under_way().unwrap().fetch;
        page.answer(post, HttpAnswer { status, ..HttpAnswer::default() });
        let words: Vec<&str> = page.deliveries().into_iter().map(|(_, word)| word).collect();
        let failed =
            page.events.iter().any(|event| matches!(event, ClientEvent::Delivery { state: Delivery::Failed(Failure::Refused(_)), .. }));
        assert!(!failed, "{status}: {words:?}");
    }
}

#[test]
fn many_that_the_relay_puts_off_together_wait_and_go_out_later() {
    let mut page = Page::polling(exact());
    page.note(1, ROOM);
    for number in 2..=4 {
        page.note(number, ROOM);
    }
    let post = page.post_under_way().unwrap().fetch;
    let accepted = PublishOutcome { accepted: Some(Position { epoch: "a".to_owned(), offset: 1 }), error: None };
    page.answer(post, HttpAnswer { status: 202, body: &cbor::encode_publish_outcomes(&[accepted]), ..HttpAnswer::default() });
    let post = page.post_under_way().unwrap();
    assert_eq!(post.items().len(), 3);
    page.answer(post.fetch, HttpAnswer { status: 503, code: "unavailable", retry_after_ms: Some(1_000), body: &[] });
    assert!(page.post_under_way().is_none());
    page.advance(1_000);
    assert_eq!(page.post_under_way().unwrap().items().len(), 3, "none of them was stored, and none is given up");
}

#[test]
fn nobodys_wish_for_patience_outlives_a_new_connection() {
    let mut page = Page::polling(exact());
    page.note(1, ROOM);
    let post = page.post_under_way().unwrap().fetch;
    page.answer(post, HttpAnswer { status: 503, retry_after_ms: Some(3_600_000), ..HttpAnswer::default() });
    page.note(2, "room:2");
    page.await_socket();
    page.accept();
    page.advance(5_000);
    let sent = page.sent.iter().any(|message| matches!(message, ClientMessage::Publish(publish) if publish.channel == "room:2"));
    assert!(sent, "a healthy connection sends what waits");
}

#[test]
fn a_client_that_is_closed_or_offline_polls_no_more() {
    let mut page = Page::polling(exact());
    page.advance(1_000);
    page.wake(Wake::Offline);
    while page.open.is_some() {
        page.closed(1006, "");
    }
    page.advance(60_000);
    if page.open.is_some() {
        page.closed(1006, "");
    }
    assert!(page.fetches.is_empty());
    page.wake(Wake::Online);
    assert!(page.poll_under_way().is_some());
    page.command(Command::Close);
    assert!(page.fetches.is_empty() && page.client.poll_timeout().is_none());
}

#[test]
fn points_that_polls_bring_are_as_live_as_any_and_the_grade_says_that_it_is_polling() {
    let mut page = Page::new(exact());
    page.subscribe("device:d1");
    page.command(Command::Connect);
    page.block_socket();
    let column = Column(vec![page.now.unix.0 as f64]);
    let series = protocol::Series { t: column.clone(), v: column, unit: None };
    let points = protocol::Telemetry { device_id: "d1".to_owned(), series: SeriesMap(vec![("hr".to_owned(), series)]) };
    let publications = vec![publication(1, Payload::Telemetry(points), page.now.unix)];
    let answer = Subscribed { publications, ..fresh(None, "device:d1", "a", 1) };
    page.answer_poll(vec![SubscribedEntry::Subscribed(answer)]);
    assert_eq!(page.state(), ConnectionState::Polling);
    assert_eq!(page.client.freshness(page.now.unix, "d1", "hr").0, Freshness::Live);
    assert_eq!(page.client.quality(page.now.monotonic).grade, Grade::Poor);
}

#[test]
fn a_page_that_gives_the_same_token_until_it_ends_is_not_asked_at_every_poll() {
    let mut page = Page::new(exact());
    page.token = Some(token(page.now.unix.0 / 1_000 + 120));
    page.command(Command::Connect);
    page.block_socket();
    page.answer_poll(vec![told("tenant", 1, false, &[])]);
    let before = page.token_reasons.len();
    for _ in 0..115 {
        page.advance(1_000);
        while page.open.is_some() {
            page.closed(1006, "");
        }
        if page.poll_under_way().is_some() {
            page.answer_poll(vec![told("tenant", 1, true, &[])]);
        }
    }
    let asked = page.token_reasons.len() - before;
    assert!((1..15).contains(&asked), "asked {asked} times in the last minute of a token");
}
