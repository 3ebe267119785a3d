//! C9: tokens given, refused, ended and refreshed; and that none ever shows.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

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
