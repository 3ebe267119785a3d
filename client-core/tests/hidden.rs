//! Row C17: a page that nobody sees asks for less telemetry, and for all of it once it is seen again.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

fn hold(page: &mut Page, channel: &str, max_hz: Option<u32>) {
    page.command(Command::Subscribe { channel: channel.to_owned(), options: SubscribeOptions { history: None, max_hz } });
}
/// A page that holds a fast and a slow device, a patient and the tenant.
fn page() -> Page {
    let mut page = Page::new(exact());
    hold(&mut page, "device:fast", None);
    hold(&mut page, "device:ten", Some(10));
    hold(&mut page, "device:slow", Some(1));
    hold(&mut page, "patient:p", None);
    hold(&mut page, "tenant", None);
    page.command(Command::Connect);
    page.accept();
    page.take_sent();
    page
}
/// What was asked for, and answers it.
fn asked(page: &mut Page) -> Vec<(String, Option<u32>)> {
    let sent = page.take_sent();
    let mut asked = Vec::new();
    for message in sent {
        if let ClientMessage::Subscribe(subscribe) = message {
            let mut answer = fresh(Some(subscribe.id), &subscribe.channel, "a", 0);
            answer.recovered = true;
            assert!(subscribe.recover.is_some(), "nothing may be missed");
            page.relay(ServerMessage::Subscribed(answer));
            asked.push((subscribe.channel, subscribe.max_hz));
        }
    }
    asked
}
fn owned(list: &[(&str, Option<u32>)]) -> Vec<(String, Option<u32>)> {
    list.iter().map(|(name, hz)| ((*name).to_owned(), *hz)).collect()
}

#[test]
fn hidden_for_5_s_devices_are_asked_for_once_a_second_and_alerts_as_ever() {
    let mut page = page();
    page.wake(Wake::Hidden);
    page.advance(4_999);
    assert_eq!(asked(&mut page), []);
    page.advance(1);
    assert_eq!(asked(&mut page), owned(&[("device:fast", Some(1)), ("device:ten", Some(1))]));
    page.event("tenant", publication(1, alert("a", Severity::Critical, START.unix), START.unix));
    assert_eq!(page.toasts(), ["a"], "an alert never waits for a page to be seen");
    page.wake(Wake::Visible);
    assert_eq!(asked(&mut page), owned(&[("device:fast", None), ("device:ten", Some(10))]));
    page.advance(60_000);
    assert_eq!(asked(&mut page), []);
}

#[test]
fn a_grave_toast_is_still_there_when_the_page_is_seen_again_or_the_machine_wakes() {
    let mut page = page();
    page.wake(Wake::Hidden);
    page.event("tenant", publication(1, alert("hidden", Severity::Critical, START.unix), START.unix));
    page.event("tenant", publication(2, alert("light", Severity::Low, START.unix), START.unix));
    for _ in 0..60 {
        page.advance(10_000);
        page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
    }
    assert_eq!(page.toasts(), ["hidden"]);
    page.wake(Wake::Visible);
    page.advance(4_000);
    // The lid closes; nothing ticks until it is opened.
    page.jump(3_600_000);
    page.input(Input::Tick);
    assert!(page.toasts().contains(&"hidden".to_owned()), "{:?}", page.toasts());
    page.advance(5_999);
    assert!(page.toasts().contains(&"hidden".to_owned()), "{:?}", page.toasts());
    page.advance(1);
    assert!(!page.toasts().contains(&"hidden".to_owned()), "{:?}", page.toasts());
}

#[test]
fn a_glance_at_another_tab_asks_for_nothing() {
    let mut page = page();
    for _ in 0..5 {
        page.wake(Wake::Hidden);
        page.advance(3_000);
        page.wake(Wake::Visible);
        page.advance(3_000);
    }
    assert_eq!(asked(&mut page), []);
}

#[test]
fn whoever_connects_or_subscribes_while_hidden_asks_for_less_and_a_refusal_is_asked_again() {
    let mut page = page();
    page.wake(Wake::Hidden);
    page.advance(5_000);
    asked(&mut page);
    hold(&mut page, "device:new", Some(30));
    let sent = page.take_sent();
    let [ClientMessage::Subscribe(subscribe)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(subscribe.max_hz, Some(1));
    page.closed(1006, "");
    page.await_socket();
    page.accept();
    let entries = &page.connect_message().subscribe;
    let rates: Vec<_> = entries.iter().filter(|entry| entry.channel.starts_with("device:")).map(|entry| entry.max_hz).collect();
    assert_eq!(rates, [Some(1); 4]);
    assert!(entries.iter().filter(|entry| !entry.channel.starts_with("device:")).all(|entry| entry.max_hz.is_none()));

    page.take_sent();
    page.wake(Wake::Visible);
    let mut tries = 0;
    for message in page.take_sent() {
        let ClientMessage::Subscribe(subscribe) = message else { continue };
        tries += 1;
        let body = ErrorBody { code: ErrorCode::RateLimited, message: String::new(), retryable: true, retry_after_ms: Some(500) };
        page.relay(ServerMessage::Error(ErrorMessage { id: Some(subscribe.id), channel: Some(subscribe.channel), body }));
    }
    assert_eq!(tries, 3);
    page.advance(500);
    assert_eq!(asked(&mut page), owned(&[("device:fast", None), ("device:new", Some(30)), ("device:ten", Some(10))]));
}

#[test]
fn the_measures_follow_the_connection() {
    let mut page = page();
    assert_eq!(page.client.quality(page.now.monotonic).grade, Grade::Good);
    page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
    let Some(ClientMessage::Ping(ping)) = page.take_sent().into_iter().find(|message| matches!(message, ClientMessage::Ping(_))) else {
        panic!("a heartbeat is the moment to measure")
    };
    page.jump(350);
    page.relay(ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(1.0) } }));
    let quality = page.client.quality(page.now.monotonic);
    assert_eq!((quality.latency_ms, quality.latency_p95_ms, quality.grade), (Some(350), Some(350), Grade::Fair));
    assert!(quality.messages_per_second > 0.0 && quality.bytes_per_second > 0.0);
    assert_eq!(quality.uptime, 1.0);
    page.closed(1006, "");
    page.jump(350);
    let quality = page.client.quality(page.now.monotonic);
    assert_eq!((quality.grade, quality.uptime), (Grade::Offline, 0.5));
}
