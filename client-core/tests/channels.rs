//! Channels over time: holding and letting go, restoration in `connect`, positions, recovery, refusals, what cannot be read.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

fn unsubscribed(page: &mut Page) -> Vec<String> {
    let of = |message| match message {
        ClientMessage::Unsubscribe(unsubscribe) => Some(unsubscribe.channel),
        _ => None,
    };
    page.take_sent().into_iter().filter_map(of).collect()
}

#[test]
fn channels_wanted_before_the_connection_go_out_in_the_first_message_and_later_ones_as_commands() {
    let mut page = Page::new(exact());
    let options = SubscribeOptions { history: Some(100), max_hz: Some(10) };
    page.command(Command::Subscribe { channel: "device:1".to_owned(), options });
    page.command(Command::Connect);
    page.opened();
    let entry = SubscribeEntry { history: Some(100), max_hz: Some(10), ..SubscribeEntry::new("device:1") };
    assert_eq!(page.connect_message().subscribe, [entry]);
    page.welcome(vec![answered(fresh(None, "device:1", "a", 0))]);
    assert_eq!(page.phase("device:1"), Some(ChannelPhase::Subscribed));
    page.take_sent();
    page.subscribe("device:2");
    let sent = page.take_subscribes();
    assert_eq!(sent[0].channel, "device:2");
    assert_eq!(page.phase("device:2"), Some(ChannelPhase::Waiting));
    page.relay(ServerMessage::Subscribed(fresh(Some(sent[0].id), "device:2", "a", 0)));
    assert_eq!(page.phase("device:2"), Some(ChannelPhase::Subscribed));
}

#[test]
fn two_holders_share_one_subscription_that_ends_a_linger_after_the_last_one_left() {
    let mut page = Page::live();
    page.subscribe("patient:1");
    page.release("patient:1");
    page.advance(20_000);
    page.release("patient:1");
    page.advance(4_999);
    assert!(page.take_sent().is_empty());
    page.advance(1);
    assert_eq!(unsubscribed(&mut page), ["patient:1"]);
    assert_eq!(page.phase("patient:1"), None);
    page.release("patient:1");
    assert_eq!(page.errors(), ["not_subscribed"]);
}

#[test]
fn a_channel_whose_linger_ends_before_the_welcome_that_subscribes_it_is_let_go_of_at_the_relay_too() {
    let mut page = Page::live();
    page.release("patient:1");
    page.closed(1006, "");
    page.await_socket();
    page.opened();
    assert_eq!(page.connect_message().subscribe.len(), 1);
    page.take_sent();
    page.advance(page.client.config().linger_ms);
    page.relay(ServerMessage::Welcome(welcome(1, page.now, vec![answered(fresh(None, "patient:1", "a", 5))])));
    assert_eq!(unsubscribed(&mut page), ["patient:1"]);
    assert_eq!(page.phase("patient:1"), None);
}

#[test]
fn coming_back_within_the_linger_costs_nothing() {
    let mut page = Page::live();
    page.release("patient:1");
    page.advance(4_000);
    page.subscribe("patient:1");
    page.advance(20_000);
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_channel_left_and_wanted_again_is_not_killed_by_the_late_answer_to_the_first_wish() {
    let mut page = Page::live();
    page.release("patient:1");
    page.advance(5_000);
    let ClientMessage::Unsubscribe(first) = page.take_sent().remove(0) else { panic!() };
    page.subscribe("patient:1");
    let second = page.take_subscribes().remove(0);
    page.event("patient:1", custom(Some(6)));
    let gone = Unsubscribed { id: Some(first.id), channel: "patient:1".to_owned(), code: None };
    page.relay(ServerMessage::Unsubscribed(gone));
    page.relay(ServerMessage::Subscribed(fresh(Some(second.id), "patient:1", "a", 6)));
    page.event("patient:1", custom(Some(7)));
    assert_eq!(page.offsets("patient:1"), [7]);
}

#[test]
fn the_relays_own_channels_are_kept_with_their_positions_and_recovered() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    assert!(page.connect_message().subscribe.is_empty());
    page.welcome(vec![answered(fresh(None, "user:ana", "u", 3)), answered(fresh(None, "tenant", "t", 7))]);
    page.event("tenant", custom(Some(8)));
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    let mut recover: Vec<_> =
        page.connect_message().subscribe.iter().map(|entry| (entry.channel.as_str(), entry.recover.clone().unwrap())).collect();
    recover.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(recover, [("tenant", at("t", 8)), ("user:ana", at("u", 3))]);
}

#[test]
fn another_user_on_the_same_page_sees_nothing_of_the_former_one() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![answered(fresh(None, "tenant", "t", 0)), answered(fresh(None, "user:ana", "u", 3))]);
    page.event("tenant", publication(1, alert("x", Severity::High, page.now.unix), page.now.unix));
    assert_eq!(page.client.alerts().unread(), 1);
    page.command(Command::Close);
    page.command(Command::Connect);
    page.opened();
    let refused = Refused { channel: "user:ana".to_owned(), error: ErrorBody::new(ErrorCode::Forbidden, "not yours") };
    let entries = vec![SubscribedEntry::Refused(refused), answered(fresh(None, "user:bo", "v", 0))];
    let other = Welcome { user: "bo".to_owned(), ..welcome(page.connect_message().id, page.now, entries) };
    page.relay(ServerMessage::Welcome(other));
    assert_eq!((page.client.alerts().unread(), page.toasts().len()), (0, 0));
    assert_eq!(page.phase("user:ana"), None);
    assert_eq!(page.phase("user:bo"), Some(ChannelPhase::Subscribed));
}

#[test]
fn a_refused_channel_says_why_is_left_alone_and_is_asked_for_again_on_the_next_connection_or_wish() {
    let mut page = Page::new(exact());
    page.subscribe("patient:9");
    page.command(Command::Connect);
    page.opened();
    let body = ErrorBody::new(ErrorCode::Forbidden, "your role may not see patient:9");
    let refused = || SubscribedEntry::Refused(Refused { channel: "patient:9".to_owned(), error: body.clone() });
    page.welcome(vec![refused()]);
    let view = page.client.channel("patient:9").unwrap();
    assert_eq!((view.phase, view.error.map(|error| error.code)), (ChannelPhase::Refused, Some(ErrorCode::Forbidden)));
    assert_eq!(page.errors(), ["forbidden"]);
    page.take_sent();
    page.advance(20_000);
    assert!(page.take_subscribes().is_empty());
    page.subscribe("patient:9");
    assert_eq!(page.take_subscribes().len(), 1);
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    assert_eq!(page.connect_message().subscribe.len(), 1);
}

#[test]
fn a_refusal_that_may_pass_is_tried_again_after_the_delay_it_names() {
    let mut page = Page::live();
    page.subscribe("patient:2");
    let first = page.take_subscribes().remove(0);
    let body = ErrorBody::retryable(ErrorCode::RateLimited, "slow down", Some(700));
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(first.id), channel: None, body }));
    page.advance(699);
    assert!(page.take_subscribes().is_empty());
    page.advance(1);
    assert_eq!(page.take_subscribes().len(), 1);
    assert_eq!(page.phase("patient:2"), Some(ChannelPhase::Waiting));
}

#[test]
fn a_subscription_that_the_relay_ends_is_told_and_not_believed_to_live() {
    let mut page = Page::live();
    let ended = Unsubscribed { id: None, channel: "patient:1".to_owned(), code: Some(ErrorCode::Forbidden) };
    page.relay(ServerMessage::Unsubscribed(ended));
    page.event("patient:1", custom(Some(6)));
    assert_eq!(page.phase("patient:1"), Some(ChannelPhase::Refused));
    assert_eq!(page.errors(), ["forbidden"]);
    assert!(page.offsets("patient:1").is_empty());
}

#[test]
fn room_made_by_leaving_a_channel_is_given_to_one_that_found_none() {
    let mut page = Page::live();
    page.subscribe("patient:2");
    let second = page.take_subscribes().remove(0);
    let body = ErrorBody::new(ErrorCode::TooManySubscriptions, "256 at most");
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(second.id), channel: None, body }));
    page.release("patient:1");
    page.advance(5_000);
    let sent = page.take_sent();
    assert!(matches!(&sent[..], [ClientMessage::Unsubscribe(_), ClientMessage::Subscribe(_)]), "{sent:?}");
}

#[test]
fn more_channels_than_fit_into_connect_go_on_as_subscribes_below_the_limit_and_not_all_at_once() {
    let mut page = Page::new(exact());
    let names: Vec<String> = (0..400).map(|n| format!("patient:{n:0>128}")).collect();
    for name in &names {
        page.subscribe(name);
    }
    page.command(Command::Connect);
    page.opened();
    let first = page.connect_message().subscribe.len();
    assert!((200..=256).contains(&first), "{first}");
    let entries = page.connect_message().subscribe.clone();
    page.welcome(entries.iter().map(|entry| answered(fresh(None, &entry.channel, "a", 0))).collect());
    let burst = page.take_subscribes();
    assert_eq!(burst.len(), 100, "the relay counts messages");
    page.advance(10_000);
    let rest = page.take_subscribes();
    let mut all: Vec<&str> = entries.iter().map(|entry| entry.channel.as_str()).collect();
    all.extend(burst.iter().chain(&rest).map(|subscribe| subscribe.channel.as_str()));
    all.sort_unstable();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(all, names);
}

#[test]
fn the_highest_rate_of_all_holders_counts() {
    let mut page = Page::live();
    let hold = |page: &mut Page, max_hz| {
        let options = SubscribeOptions { history: None, max_hz };
        page.command(Command::Subscribe { channel: "device:1".to_owned(), options });
        let sent = page.take_subscribes();
        for subscribe in &sent {
            page.relay(ServerMessage::Subscribed(fresh(Some(subscribe.id), "device:1", "a", 0)));
        }
        sent.iter().map(|subscribe| subscribe.max_hz).collect::<Vec<_>>()
    };
    assert_eq!(hold(&mut page, Some(5)), [Some(5)]);
    assert_eq!(hold(&mut page, Some(2)), []);
    assert_eq!(hold(&mut page, Some(20)), [Some(20)]);
    assert_eq!(hold(&mut page, None), [None]);
}

#[test]
fn a_question_that_is_never_answered_is_asked_again() {
    let mut page = Page::live();
    page.subscribe("patient:2");
    assert_eq!(page.take_subscribes().len(), 1);
    for _ in 0..3 {
        page.advance(10_000);
        page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
    }
    assert_eq!(page.take_subscribes().len(), 1);
}

#[test]
fn what_welcome_leaves_out_is_asked_for_again() {
    let mut page = Page::new(exact());
    page.subscribe("patient:1");
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![]);
    assert_eq!(page.take_subscribes().len(), 1);
}

#[test]
fn a_name_that_is_none_is_refused_at_once() {
    let mut page = Page::live();
    page.subscribe("Patient 1");
    assert_eq!(page.errors(), ["invalid_channel"]);
    assert!(page.take_sent().is_empty());
}

/// As from a relay whose store is away: nobody else would ask for the channel in which alerts come.
#[test]
fn a_channel_of_its_own_that_the_relay_could_not_join_is_asked_for_again() {
    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    let refused = |code, retryable| {
        let error = ErrorBody { code, message: String::new(), retryable, retry_after_ms: retryable.then_some(500) };
        SubscribedEntry::Refused(Refused { channel: "tenant".to_owned(), error })
    };
    page.welcome(vec![refused(ErrorCode::Unavailable, true)]);
    page.take_sent();
    page.advance(500);
    let asked = page.take_subscribes();
    assert_eq!(asked.iter().map(|asked| asked.channel.as_str()).collect::<Vec<_>>(), ["tenant"]);
    page.relay(ServerMessage::Subscribed(fresh(Some(asked[0].id), "tenant", "a", 3)));
    assert_eq!(page.phase("tenant"), Some(ChannelPhase::Subscribed));

    let mut page = Page::new(exact());
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![refused(ErrorCode::Forbidden, false)]);
    page.advance(10_000);
    assert!(page.take_subscribes().is_empty(), "what is forbidden stays so");
}
