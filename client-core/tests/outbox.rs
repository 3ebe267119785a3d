//! C8: what waits, when it goes out, what is sent again, and how each message's end is told.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::relay::ModelRelay;
use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

/// `{"sub":"ana","tenant":"t"}` and the same of `eva`.
const ANA: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEiLCJ0ZW5hbnQiOiJ0In0.c2ln";
const EVA: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJldmEiLCJ0ZW5hbnQiOiJ0In0.c2ln";
const ROOM: &str = "conversation:1";

fn published(page: &mut Page) -> Vec<Publish> {
    let of = |message| match message {
        ClientMessage::Publish(publish) => Some(publish),
        _ => None,
    };
    page.take_sent().into_iter().filter_map(of).collect()
}
fn text(publish: &Publish) -> &str {
    let Payload::Custom { data, .. } = &publish.payload else { panic!("a note") };
    data.as_str()
}
/// Carries frames both ways until nothing is on its way.
fn serve(page: &mut Page, relay: &mut ModelRelay) {
    relay.open(page);
    relay.serve(page);
    while let Some(frame) = relay.frames.pop_front() {
        page.bytes(&frame);
        relay.serve(page);
    }
}
fn failures(page: &mut Page) -> Vec<(u32, &'static str)> {
    let of = |event| match event {
        ClientEvent::Settled { request, result: Err(failure) } => Some((request.0, failure.code())),
        _ => None,
    };
    page.take_events().into_iter().filter_map(of).collect()
}

#[test]
fn a_hundred_messages_typed_offline_are_stored_once_each_and_in_order_after_a_reload() {
    let config = || Config { outbox: OutboxConfig { persist: true, ..OutboxConfig::default() }, ..exact() };
    let mut page = Page::new(config());
    page.token = Some(ANA.to_owned());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    page.restore();
    page.closed(1006, "");
    for number in 1..=100 {
        page.note(number, ROOM);
    }
    assert_eq!((page.saved.len(), page.client.outbox().len()), (100, 100));
    let mut second = config();
    second.client.session = "second life".to_owned();
    page.reloaded(second, 7);
    page.token = Some(ANA.to_owned());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    page.note(101, ROOM);
    let mut relay = ModelRelay::new(1_000);
    serve(&mut page, &mut relay);
    assert!(relay.accepted.is_empty(), "what an earlier life left comes first");
    page.restore();
    for _ in 0..50 {
        serve(&mut page, &mut relay);
        page.advance(100);
    }
    let stored: Vec<u32> = relay.accepted.iter().map(|(_, text)| text.parse().unwrap()).collect();
    assert_eq!(stored, (1..=101).collect::<Vec<_>>());
    assert!(page.saved.is_empty() && page.client.outbox().is_empty());
}

#[test]
fn nothing_is_sent_before_its_channel_is_restored_and_one_of_a_channel_at_a_time() {
    let mut page = Page::new(exact());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    for number in 1..=3 {
        page.note(number, ROOM);
    }
    page.opened();
    page.welcome(vec![]);
    assert!(published(&mut page).is_empty(), "welcomed, but not restored");
    page.relay(ServerMessage::Subscribed(fresh(Some(2), ROOM, "a", 0)));
    let sent = published(&mut page);
    assert_eq!(sent.iter().map(text).collect::<Vec<_>>(), ["1"]);
    assert!(sent[0].key.as_ref().is_some_and(|key| key.len() <= 128));
    page.relay(ServerMessage::Reply(Reply { id: sent[0].id, result: ReplyResult::Published { offset: 1 } }));
    assert_eq!(published(&mut page).iter().map(text).collect::<Vec<_>>(), ["2"]);
    let told = page.deliveries();
    assert_eq!(told, [(1, "queued"), (2, "queued"), (3, "queued"), (1, "sent"), (1, "confirmed"), (2, "sent")]);
    assert_eq!(page.client.outbox().items().iter().map(OutboxItem::is_sent).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn what_was_not_answered_is_sent_again_with_its_key_where_the_epoch_stayed_and_is_unknown_where_it_did_not() {
    for (epoch, code) in [("a", None), ("b", Some("unknown"))] {
        let mut page = Page::new(exact());
        page.subscribe(ROOM);
        page.command(Command::Connect);
        page.accept();
        page.note(1, ROOM);
        let first = published(&mut page).remove(0);
        page.take_events();
        page.closed(1006, "");
        page.await_socket();
        page.opened();
        page.welcome(vec![SubscribedEntry::Subscribed(fresh(None, ROOM, epoch, 1))]);
        let again = published(&mut page);
        match code {
            None => assert_eq!((again.len(), &again[0].key), (1, &first.key)),
            Some(code) => {
                assert!(again.is_empty(), "never sent again in silence");
                assert_eq!(failures(&mut page), [(1, code)]);
            }
        }
    }
}

#[test]
fn what_the_relay_says_of_a_repetition_is_not_believed_of_the_first_time() {
    let mut page = Page::new(exact());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    page.accept();
    page.note(1, ROOM);
    page.take_sent();
    page.closed(1006, "");
    page.await_socket();
    page.accept();
    let busy = ErrorBody::retryable(ErrorCode::Unavailable, "busy", Some(100));
    let forbidden = ErrorBody::new(ErrorCode::Forbidden, "your rights were changed meanwhile");
    for body in [busy, forbidden] {
        page.advance(100);
        let again = published(&mut page).remove(0);
        page.relay(ServerMessage::Error(ErrorMessage { id: Some(again.id), channel: None, body }));
    }
    assert_eq!(failures(&mut page), [(1, "unknown")], "it may have been stored before");
}

#[test]
fn a_message_to_a_channel_that_nobody_holds_is_unknown_at_once_when_its_connection_dies() {
    let mut page = Page::connected(exact());
    page.note(1, ROOM);
    assert_eq!(published(&mut page).len(), 1);
    page.closed(1006, "");
    assert_eq!(failures(&mut page), [(1, "unknown")]);
}

#[test]
fn a_relay_that_asks_for_patience_gets_the_same_message_again_and_no_later_one_before_it() {
    let mut page = Page::connected(exact());
    page.note(1, ROOM);
    page.note(2, ROOM);
    let first = published(&mut page).remove(0);
    let body = ErrorBody::retryable(ErrorCode::RateLimited, "slower", Some(700));
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(first.id), channel: None, body }));
    page.advance(699);
    assert!(published(&mut page).is_empty());
    page.advance(2);
    let again = published(&mut page);
    assert_eq!((again.len(), text(&again[0]), &again[0].key), (1, "1", &first.key));
    let body = ErrorBody::new(ErrorCode::Forbidden, "no");
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(again[0].id), channel: None, body }));
    assert_eq!(published(&mut page).iter().map(text).collect::<Vec<_>>(), ["2"], "a refused one holds nobody up");
    assert_eq!(failures(&mut page), [(1, "forbidden")]);
}

#[test]
fn what_waits_too_long_is_told_and_so_is_what_does_not_fit() {
    let outbox = OutboxConfig { max_messages: 2, ttl_ms: 60_000, ..OutboxConfig::default() };
    let mut page = Page::new(Config { outbox, ..exact() });
    for number in 1..=3 {
        page.note(number, ROOM);
    }
    assert_eq!(failures(&mut page), [(3, "outbox_full")]);
    page.advance(60_000);
    assert_eq!(failures(&mut page), [(1, "expired"), (2, "expired")]);
    page.note(4, ROOM);
    // The monotonic clock stood still while the machine slept.
    page.now.unix = page.now.unix.plus(3_600_000);
    page.input(Input::Tick);
    assert_eq!(failures(&mut page), [(4, "expired")]);
    assert_eq!(page.client.poll_timeout(), None);
}

#[test]
fn without_queue_a_message_fails_at_once_and_typing_is_never_queued() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    let publish = |event: &str, queue| Command::Publish {
        request: RequestId(1),
        channel: ROOM.to_owned(),
        payload: Payload::Custom { event: event.to_owned(), data: RawJson::from_text_unchecked("{\"conversationId\":\"1\"}".to_owned()) },
        key: None,
        queue,
    };
    page.command(publish("note", false));
    page.command(publish("typing_start", true));
    assert_eq!(failures(&mut page), [(1, "unavailable"), (1, "unavailable")]);
    page.accept();
    page.command(publish("typing_start", true));
    assert_eq!(published(&mut page).len(), 1);
    page.command(Command::Close);
    page.command(publish("note", true));
    assert_eq!(failures(&mut page), [(1, "unknown"), (1, "unavailable")], "nobody would send what is queued on a closed client");
}

#[test]
fn another_users_messages_are_never_sent_and_not_kept_either() {
    let mut page = Page::new(Config { outbox: OutboxConfig { persist: true, ..OutboxConfig::default() }, ..exact() });
    page.token = Some(ANA.to_owned());
    page.note(1, ROOM);
    page.command(Command::Connect);
    page.restore();
    page.note(2, ROOM);
    assert_eq!((page.scope.as_deref(), page.saved.len()), (Some("t\nana"), 2));
    page.command(Command::Close);
    assert_eq!(page.saved.len(), 2, "to close is not to sign out");
    page.token = Some(EVA.to_owned());
    page.command(Command::Connect);
    page.restore();
    assert_eq!(failures(&mut page), [(1, "signed_out"), (2, "signed_out")]);
    assert_eq!((page.scope.as_deref(), page.saved.len()), (Some("t\neva"), 0));
    page.accept();
    assert!(published(&mut page).is_empty());
    page.note(3, "conversation:2");
    page.command(Command::SignOut);
    assert_eq!((page.state(), page.scope.as_deref(), page.saved.len()), (ConnectionState::Closed, None, 0));
    assert_eq!(page.client.connection().user, None);
}

#[test]
fn a_store_that_never_answers_holds_messages_up_for_three_seconds_and_garbage_in_it_harms_nobody() {
    let mut page = Page::new(Config { outbox: OutboxConfig { persist: true, ..OutboxConfig::default() }, ..exact() });
    page.token = Some(ANA.to_owned());
    page.command(Command::Connect);
    page.accept();
    page.note(1, ROOM);
    page.advance(2_999);
    assert!(published(&mut page).is_empty());
    page.advance(1);
    assert_eq!(published(&mut page).len(), 1);
    let entries = vec![vec![], vec![0xff; 9], page.saved.values().next().unwrap().clone()];
    page.events.clear();
    page.input(Input::Restored { scope: "t\nana".to_owned(), entries: entries.clone() });
    let told = page.events.iter().filter(|event| matches!(event, ClientEvent::Error { code: "saved_unreadable", .. })).count();
    assert_eq!(told, 1, "once, however many there are");
    page.input(Input::Restored { scope: "t\neva".to_owned(), entries });
    assert_eq!(page.client.outbox().len(), 1, "what is there already is not taken in twice");
}

#[test]
fn a_message_that_something_on_the_way_finds_too_large_ends_and_the_next_one_goes_out() {
    let mut page = Page::new(exact());
    page.subscribe(ROOM);
    page.command(Command::Connect);
    page.accept();
    page.note(1, ROOM);
    page.note(2, ROOM);
    page.take_sent();
    page.closed(1009, "");
    assert_eq!(failures(&mut page), [(1, "too_large")]);
    page.await_socket();
    page.accept();
    assert_eq!(published(&mut page).iter().map(text).collect::<Vec<_>>(), ["2"]);
}

#[test]
fn no_debug_text_shows_what_is_kept_or_posted() {
    let texts = [
        format!("{:?}", Output::Save { id: "1".to_owned(), bytes: b"secret".to_vec() }),
        format!("{:?}", Output::Fetch { fetch: 1, path: "/p", token: "secret".to_owned(), body: b"secret".to_vec() }),
        format!("{:?}", Input::Restored { scope: "secret".to_owned(), entries: vec![b"secret".to_vec()] }),
        format!("{:?}", Input::Fetched { fetch: 1, answer: HttpAnswer { body: b"secret", ..HttpAnswer::default() } }),
    ];
    for text in texts {
        assert!(!text.contains("secret") && !text.contains("115, 101"), "{text}");
    }
}

#[test]
fn a_token_whose_claims_cannot_be_read_never_carries_the_messages_of_the_user_before_it() {
    // The relay's word is that TOKEN is ana's.
    for (owner, sent) in [(EVA, 0), (ANA, 1)] {
        let mut page = Page::new(exact());
        page.token = Some(owner.to_owned());
        page.subscribe(ROOM);
        page.command(Command::Connect);
        page.note(1, ROOM);
        page.closed(4401, "expired");
        page.token = Some(TOKEN.to_owned());
        page.advance(60_000);
        page.await_socket();
        page.accept();
        page.advance(100);
        assert_eq!(published(&mut page).len(), sent);
        assert_eq!(failures(&mut page).len(), 1 - sent);
    }
}

#[test]
fn nothing_is_posted_under_a_token_that_does_not_tell_whose_it_is_where_the_messages_have_an_owner() {
    for (token, posted) in [(ANA, true), (TOKEN, false)] {
        let mut page = Page::new(exact());
        page.token = Some(ANA.to_owned());
        page.subscribe(ROOM);
        page.command(Command::Connect);
        page.note(1, ROOM);
        page.token = Some(token.to_owned());
        page.closed(4401, "expired");
        page.block_socket();
        let channels = page.poll_under_way().expect("a poll").poll().channels;
        page.answer_poll(channels.iter().map(|entry| SubscribedEntry::Subscribed(fresh(None, &entry.channel, "a", 0))).collect());
        assert_eq!(page.state(), ConnectionState::Polling);
        assert_eq!(page.post_under_way().is_some(), posted);
    }
}
