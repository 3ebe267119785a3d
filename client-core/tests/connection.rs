//! The connection over time: tries, backoff, heartbeats, waking up, tokens, close codes. Virtual time throughout.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

fn token(exp_s: u64) -> String {
    // base64url of {"exp":N}, without a library: the digits are padded so that the text is a multiple of three bytes.
    let claims = format!("{{\"exp\":{exp_s:>13}}}");
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in claims.as_bytes().chunks(3) {
        let bits = (u32::from(chunk[0]) << 16) | (u32::from(chunk[1]) << 8) | u32::from(chunk[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(letters[(bits >> shift) as usize & 63]));
        }
    }
    format!("eyJhbGciOiJub25lIn0.{text}.c2ln")
}

#[test]
fn a_first_start_goes_from_idle_over_connecting_to_connected_and_sends_the_token_in_the_first_message() {
    let mut page = Page::new(exact());
    assert_eq!(page.state(), ConnectionState::Idle);
    page.command(Command::Connect);
    assert_eq!(page.token_reasons, [TokenReason::Connect]);
    assert_eq!(page.state(), ConnectionState::Connecting);
    page.opened();
    assert_eq!(page.connect_message().token.as_deref(), Some(TOKEN));
    page.jump(80);
    page.welcome(vec![]);
    let status = page.client.connection();
    assert_eq!((status.state, status.attempt, status.latency_ms), (ConnectionState::Connected, 0, Some(80)));
    assert_eq!((status.user.as_deref(), status.tenant.as_deref()), (Some("ana"), Some("t")));
    assert!(status.ever_connected);
    assert!(page.changed.intersects(Slices::CONNECTION));
}

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
    page.relay(ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
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
        page.relay(ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
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
    page.relay(ServerMessage::Reply(Reply { id: 2, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
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
    page.relay(ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
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
fn a_close_before_the_token_came_leaves_nothing_behind() {
    let mut page = Page::new(exact());
    page.token = None;
    page.command(Command::Connect);
    page.command(Command::Close);
    page.give_token(Ok(TOKEN.to_owned()));
    assert!(page.tries.is_empty());
}

#[test]
fn a_refused_token_is_asked_for_once_more_and_then_the_client_stops() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    page.closed(4401, "token_expired");
    assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Expired]);
    page.opened();
    page.closed(4401, "token_invalid");
    assert_eq!(page.state(), ConnectionState::Unauthorized);
    assert_eq!(page.client.connection().reason, Some("token_invalid"));
    let unauthorized = ClientEvent::Unauthorized { reason: "token_invalid" };
    assert_eq!(page.events.iter().filter(|event| **event == unauthorized).count(), 1);
    assert_eq!(page.toasts(), ["sign_in_needed"]);
    page.wake(Wake::Visible);
    page.advance(600_000);
    assert_eq!(page.tries.len(), 2);
    page.command(Command::Connect);
    page.accept();
    assert_eq!(page.state(), ConnectionState::Connected);
}

#[test]
fn what_is_no_token_never_reaches_the_relay() {
    for (bad, reason) in [("", "token_missing"), ("not-a-token", "token_malformed")] {
        let mut page = Page::new(exact());
        page.token = Some(bad.to_owned());
        page.command(Command::Connect);
        assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Refused]);
        assert_eq!(page.client.connection().reason, Some(reason));
        assert_eq!((page.state(), page.tries.len()), (ConnectionState::Unauthorized, 0));
    }
}

#[test]
fn a_token_that_seems_to_have_ended_is_asked_for_again_and_then_left_to_the_relay() {
    let mut page = Page::new(exact());
    page.token = Some(token(page.now.unix.0 / 1_000 - 100));
    page.command(Command::Connect);
    assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Expired]);
    page.accept();
    assert_eq!(page.state(), ConnectionState::Connected, "it was this machine's clock that was wrong");
}

#[test]
fn a_token_that_ended_meanwhile_is_replaced_before_the_next_try() {
    let mut page = Page::new(exact());
    page.token = Some(token(page.now.unix.0 / 1_000 + 300));
    page.command(Command::Connect);
    page.closed(1006, "");
    page.now.unix = page.now.unix.plus(400_000);
    page.token = Some(token(page.now.unix.0 / 1_000 + 300));
    page.advance(1_000);
    assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Expired]);
    assert_eq!(page.tries.len(), 2);
}

#[test]
fn an_expired_connection_comes_back_at_once_with_a_new_token_but_not_in_a_circle() {
    let mut page = Page::connected(exact());
    page.advance(6_000);
    page.closed(4410, "");
    assert_eq!((page.tries.len(), page.token_reasons.last()), (2, Some(&TokenReason::Expired)));
    page.closed(1006, "");
    page.advance(1_000);
    page.accept();
    page.closed(4410, "");
    assert_eq!(page.tries.len(), 3, "a connection that never became a good one waits its turn");
    page.advance(2_000);
    assert_eq!(page.tries.len(), 4);
}

#[test]
fn a_token_is_refreshed_in_place_before_it_ends_by_our_own_clock_or_the_relays_word() {
    let mut page = Page::connected(exact());
    page.take_sent();
    page.relay(ServerMessage::Reauth(Reauth { expires_at: UnixMs(0.0) }));
    assert_eq!(page.token_reasons, [TokenReason::Connect, TokenReason::Expiring]);
    let sent = page.take_sent();
    let [ClientMessage::Refresh(refresh)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(refresh.token, TOKEN);
    let expires_at = UnixMs::from_millis(page.now.unix.0 + 120_000);
    page.relay(ServerMessage::Reply(Reply { id: refresh.id, result: ReplyResult::Refreshed { expires_at } }));
    for _ in 0..6 {
        page.advance(9_999);
        page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
    }
    assert_eq!(page.token_reasons.len(), 2);
    page.advance(10_000);
    assert_eq!(page.token_reasons.len(), 3);
    assert_eq!(page.tries.len(), 1);
}

#[test]
fn a_page_that_gives_no_token_is_asked_again_with_backoff_and_told_why() {
    let mut page = Page::new(exact());
    page.token = None;
    page.command(Command::Connect);
    page.give_token(Err("backend down".to_owned()));
    assert_eq!(page.errors(), ["token_unavailable"]);
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    page.advance(1_000);
    assert_eq!(page.token_reasons.len(), 2);
    page.advance(30_000);
    assert_eq!(page.errors().len(), 2, "a getToken that hangs is no different");
    page.advance(2_000);
    page.token = Some(TOKEN.to_owned());
    page.give_token(Ok(TOKEN.to_owned()));
    page.accept();
    assert_eq!(page.state(), ConnectionState::Connected);
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

#[test]
fn requests_end_with_their_answer_or_as_unknown_and_none_is_sent_without_a_connection() {
    let publish = |n| Command::Publish {
        request: RequestId(n),
        channel: "patient:1".to_owned(),
        payload: custom(None).payload,
        key: Some("k".to_owned()),
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
    page.relay(ServerMessage::Reply(Reply { id: 4, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
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
    page.command(Command::Publish { request: RequestId(1), channel: "patient:1".to_owned(), payload, key: None });
    let payload = custom(None).payload;
    page.command(Command::Publish { request: RequestId(2), channel: "Patient 1".to_owned(), payload, key: None });
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

#[test]
fn no_debug_text_shows_a_token() {
    let mut page = Page::new(exact());
    page.token = None;
    page.command(Command::Connect);
    let input = Input::Token { request: 1, result: Ok(TOKEN.to_owned()) };
    assert!(!format!("{input:?}").contains(TOKEN));
    page.give_token(Ok(TOKEN.to_owned()));
    page.client.handle(page.now, Input::Opened { conn: Conn(1) });
    let output = page.client.poll_output();
    let sent = format!("{:?}{output:?}", page.client);
    assert!(sent.contains("bytes") && !sent.contains(TOKEN) && !sent.contains("101, 121"));
}
