//! The connection over time: tries, backoff, heartbeats, waking up, tokens, close codes. Virtual time throughout.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

#[test]
fn failures_are_tried_again_after_1_2_4_8_16_30_30_seconds() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    let mut delays = Vec::new();
    for _ in 0..7 {
        page.closed(1006, "");
        assert_eq!(page.state(), ConnectionState::Reconnecting);
        let next = page.client.connection().next_retry_at.unwrap();
        delays.push(next.since(page.now.unix));
        page.advance(next.since(page.now.unix));
    }
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert_eq!(page.client.connection().attempt, 7);
    assert_eq!(page.token_reasons.len(), 1, "a token that is still good is not asked for again");
}

#[test]
fn the_backoff_starts_over_only_after_five_seconds_of_uptime() {
    let mut page = Page::connected(exact());
    for expected in [1_000, 2_000, 4_000] {
        page.advance(4_999);
        page.closed(1006, "");
        let delay = page.client.connection().next_retry_at.unwrap().since(page.now.unix);
        assert_eq!(delay, expected);
        page.advance(delay);
        page.accept();
        assert_eq!(page.client.connection().attempt, 0);
    }
    page.advance(5_000);
    page.closed(1006, "");
    assert_eq!(page.client.connection().next_retry_at.unwrap().since(page.now.unix), 1_000);
}

#[test]
fn a_relay_that_names_a_delay_wins_even_over_waking_up() {
    let mut page = Page::connected(exact());
    page.closed(4503, "draining; retryAfterMs=7300");
    page.wake(Wake::Visible);
    page.wake(Wake::Online);
    page.advance(7_299);
    assert_eq!(page.tries.len(), 1);
    page.advance(1);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn a_handshake_over_ten_seconds_is_given_up_and_tried_again() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    page.advance(9_999);
    assert!(page.closes.is_empty());
    page.advance(1);
    assert_eq!(page.closes, [4408]);
    assert_eq!(page.client.connection().reason, Some("timeout"));
    page.advance(1_000);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn a_heartbeat_is_answered_at_once_and_silence_ends_the_connection() {
    let mut page = Page::connected(exact());
    page.take_sent();
    page.advance(59_000);
    page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(77.0) }));
    let sent = page.take_sent();
    assert_eq!(sent[0], ClientMessage::Pong(Pong { ts: UnixMs(77.0) }));
    let ClientMessage::Ping(ping) = &sent[1] else { panic!("a ping rides along: {sent:?}") };
    page.jump(33);
    page.relay(ServerMessage::Reply(Reply {
        id: ping.id,
        result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) },
    }));
    assert_eq!(page.client.connection().latency_ms, Some(33));
    page.advance(59_999);
    assert_eq!(page.state(), ConnectionState::Connected);
    page.advance(1);
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    assert_eq!(page.client.connection().reason, Some("timeout"));
}

#[test]
fn the_relay_may_set_another_timeout() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    let welcome = Welcome { timeout_ms: 5_000, ..welcome(1, page.now, vec![]) };
    page.relay(ServerMessage::Welcome(welcome));
    page.advance(4_999);
    assert_eq!(page.state(), ConnectionState::Connected);
    page.advance(1);
    assert_eq!(page.state(), ConnectionState::Reconnecting);
}

#[test]
fn waking_up_ends_a_pause_and_asks_a_living_connection_whether_it_lives() {
    for wake in [Wake::Visible, Wake::Online, Wake::Resumed] {
        let mut page = Page::connected(exact());
        page.take_sent();
        page.wake(wake);
        let sent = page.take_sent();
        let [ClientMessage::Ping(ping)] = &sent[..] else { panic!("{sent:?}") };
        page.relay(ServerMessage::Reply(Reply {
            id: ping.id,
            result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) },
        }));
        page.advance(3_000);
        assert_eq!(page.tries.len(), 1, "it lives");

        page.wake(wake);
        page.advance(1_999);
        assert_eq!(page.tries.len(), 1);
        page.advance(1);
        assert_eq!(page.tries.len(), 2, "it does not: no pause before the next try");

        page.closed(1006, "");
        page.wake(wake);
        assert_eq!(page.tries.len(), 3);
    }
}

#[test]
fn an_answer_to_an_older_ping_does_not_prove_life() {
    let mut page = Page::connected(exact());
    page.command(Command::Ping { request: RequestId(1) });
    page.wake(Wake::Resumed);
    page.relay(ServerMessage::Reply(Reply { id: 2, result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) } }));
    page.advance(2_000);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn sleep_is_noticed_by_the_clocks_and_does_not_count_as_silence() {
    // A monotonic clock that stood still while the machine slept.
    let mut page = Page::connected(exact());
    page.take_sent();
    page.now.unix = page.now.unix.plus(3_600_000);
    page.input(Input::Tick);
    assert!(matches!(page.take_sent()[..], [ClientMessage::Ping(_)]));
    assert_eq!(page.state(), ConnectionState::Connected);
    // One that went on, so that the timer came far too late.
    let mut page = Page::connected(exact());
    page.take_sent();
    page.jump(1_800_000);
    page.input(Input::Tick);
    assert!(matches!(page.take_sent()[..], [ClientMessage::Ping(_)]));
    assert_eq!(page.state(), ConnectionState::Connected);
    page.advance(2_000);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn without_a_network_nothing_is_tried_until_there_is_one() {
    let mut page = Page::connected(exact());
    page.wake(Wake::Offline);
    page.advance(2_000);
    assert_eq!(page.client.connection().reason, Some("offline"));
    page.advance(600_000);
    page.wake(Wake::Visible);
    assert_eq!(page.tries.len(), 1);
    page.wake(Wake::Online);
    assert_eq!(page.tries.len(), 2);
    page.closed(1006, "");
    page.wake(Wake::Offline);
    page.advance(600_000);
    assert_eq!(page.tries.len(), 2);
    page.command(Command::Connect);
    assert_eq!(page.tries.len(), 3, "the page may insist");
}

#[test]
fn a_machine_that_wrongly_says_offline_keeps_its_living_connection() {
    let mut page = Page::connected(exact());
    page.take_sent();
    page.wake(Wake::Offline);
    let [ClientMessage::Ping(ping)] = &page.take_sent()[..] else { panic!() };
    page.relay(ServerMessage::Reply(Reply {
        id: ping.id,
        result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) },
    }));
    page.advance(5_000);
    page.closed(1006, "");
    page.advance(1_000);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn an_interruption_shows_after_a_second_and_a_blip_never_does() {
    let mut page = Page::connected(exact());
    page.advance(10_000);
    page.closed(4410, "");
    page.advance(900);
    page.accept();
    page.advance(5_000);
    assert!(!page.client.connection().interrupted && page.toasts().is_empty());
    page.closed(1006, "");
    page.advance(999);
    assert!(!page.client.connection().interrupted);
    page.advance(1);
    assert!(page.client.connection().interrupted);
    assert_eq!(page.toasts(), ["connection_lost"]);
    page.accept();
    assert!(!page.client.connection().interrupted && page.toasts().is_empty());
}

#[test]
fn closing_on_purpose_is_final_whatever_wakes_up() {
    let mut page = Page::connected(exact());
    page.command(Command::Close);
    assert_eq!((page.state(), page.closes.clone()), (ConnectionState::Closed, vec![1000]));
    for wake in [Wake::Visible, Wake::Online, Wake::Resumed, Wake::Offline, Wake::Online] {
        page.wake(wake);
    }
    page.advance(3_600_000);
    assert_eq!(page.tries.len(), 1);
    assert_eq!(page.client.poll_timeout(), None);
    page.command(Command::Connect);
    assert_eq!((page.tries.len(), page.token_reasons.len()), (2, 2), "and the next start asks for a token anew");
}

#[test]
fn what_the_relay_does_not_want_back_stops_and_says_so() {
    for (code, reason) in [(4400, "protocol_error"), (4403, "forbidden")] {
        let mut page = Page::connected(exact());
        page.closed(code, "");
        assert_eq!((page.state(), page.client.connection().reason), (ConnectionState::Closed, Some(reason)));
        assert_eq!(page.client.connection().close_code, Some(code));
        assert_eq!(page.errors(), [reason]);
        page.wake(Wake::Online);
        page.advance(3_600_000);
        assert_eq!(page.tries.len(), 1);
    }
}

#[test]
fn every_other_close_code_comes_back_with_backoff() {
    for code in [1000, 1001, 1005, 1006, 1009, 1011, 3000, 4408, 4413, 4999] {
        let mut page = Page::connected(exact());
        page.closed(code, "");
        page.advance(1_000);
        assert_eq!(page.tries.len(), 2, "{code}");
    }
}

#[test]
fn late_news_of_an_old_socket_is_ignored() {
    let mut page = Page::connected(exact());
    let old = page.open.unwrap();
    page.advance(60_000);
    page.advance(1_000);
    let new = page.open.unwrap();
    assert_ne!(old, new);
    let heartbeat = cbor::encode_server(&ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
    page.client.handle(page.now, Input::Closed { conn: old, code: 4403, reason: "" });
    page.client.handle(page.now, Input::Frame { conn: old, bytes: &heartbeat });
    page.client.handle(page.now, Input::Opened { conn: old });
    assert_eq!(page.client.poll_output(), None);
    page.accept();
    assert_eq!(page.state(), ConnectionState::Connected);
}
