//! C19: whatever bytes come, nothing panics and nothing grows without bound. And under any mixture of inputs: never two sockets,
//! never two token requests, never a deadline in the past (the harness checks these at every step).

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use proptest::prelude::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

/// Everything that a frame could have made grow.
fn assert_bounded(page: &Page) {
    let config = page.client.config();
    assert!(page.client.alerts().items().len() <= config.max_alerts);
    assert!(page.client.devices().statuses().len() <= config.max_devices);
    assert!(page.client.viewers().counts().len() <= page.client.channels().count());
    assert!(page.client.toasts().count() <= config.toasts.max_kept);
    assert!(page.client.channels().count() <= 3 + 8);
    assert!(page.client.requests_in_flight() <= config.max_requests + 8);
}

fn small() -> Config {
    let mut config = exact();
    config.max_alerts = 5;
    config.max_devices = 5;
    config.max_requests = 5;
    config.toasts.max_kept = 7;
    config.telemetry.max_series = 5;
    config
}
fn ready() -> Page {
    let mut page = Page::new(small());
    for channel in ["patient:1", "device:1", "tenant"] {
        page.subscribe(channel);
    }
    page.command(Command::Connect);
    page.accept();
    page
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Message(Box<ServerMessage>),
    /// A valid message with one byte changed, or cut short.
    Mutated(Box<ServerMessage>, prop::sample::Index, u8, bool),
    /// An event that fits a channel of the page.
    Event(usize, u64, Box<Payload>),
    Opened,
    Closed(u16, String),
    Accept,
    Pass(u64),
    Leap(u64),
    Wake(Wake),
    Token(bool),
    WallClock(i64),
    Subscribe(usize),
    Release(usize),
    Request(u32),
    Connect,
    Close,
}

const NAMES: [&str; 4] = ["patient:1", "device:1", "tenant", "Not a name"];

fn step() -> impl Strategy<Value = Step> {
    let wake = prop::sample::select(vec![Wake::Visible, Wake::Hidden, Wake::Online, Wake::Offline, Wake::Resumed]);
    let code = prop_oneof![prop::sample::select(vec![1000u16, 1006, 1009, 4400, 4401, 4403, 4408, 4410, 4413, 4429, 4503]), any::<u16>()];
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Step::Bytes),
        6 => testing::server_message().prop_map(|message| Step::Message(Box::new(message))),
        6 => (testing::server_message(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>())
            .prop_map(|(message, at, byte, cut)| Step::Mutated(Box::new(message), at, byte, cut)),
        6 => (0..3usize, 0..12u64, testing::payload()).prop_map(|(channel, offset, payload)| Step::Event(channel, offset, Box::new(payload))),
        3 => Just(Step::Opened),
        2 => (code, "[ -~]{0,30}").prop_map(|(code, reason)| Step::Closed(code, reason)),
        6 => Just(Step::Accept),
        4 => (0..70_000u64).prop_map(Step::Pass),
        1 => (0..10_000_000u64).prop_map(Step::Leap),
        3 => wake.prop_map(Step::Wake),
        2 => any::<bool>().prop_map(Step::Token),
        1 => (-10_000_000..10_000_000i64).prop_map(Step::WallClock),
        2 => (0..4usize).prop_map(Step::Subscribe),
        2 => (0..4usize).prop_map(Step::Release),
        2 => any::<u32>().prop_map(Step::Request),
        2 => Just(Step::Connect),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_skipped_or_read_but_never_panic_and_never_pile_up(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..50),
    ) {
        let mut page = ready();
        for frame in frames {
            if page.open.is_some() {
                page.bytes(&frame);
            }
            assert_bounded(&page);
        }
        prop_assert!(page.events.len() < 2_000);
    }

    #[test]
    fn any_mixture_of_inputs_leaves_one_socket_one_token_request_and_bounded_lists(
        steps in prop::collection::vec(step(), 1..80), gives_tokens: bool,
    ) {
        let mut page = Page::new(small());
        if !gives_tokens {
            page.token = None;
        }
        let mut last = page.now;
        for step in steps {
            match step {
                Step::Bytes(bytes) if page.open.is_some() => page.bytes(&bytes),
                Step::Message(message) if page.open.is_some() => page.relay(*message),
                Step::Mutated(message, at, byte, cut) if page.open.is_some() => {
                    let mut bytes = cbor::encode_server(&message);
                    let at = at.index(bytes.len());
                    bytes[at] ^= byte;
                    if cut {
                        bytes.truncate(at);
                    }
                    page.bytes(&bytes);
                }
                Step::Event(channel, offset, payload) if page.open.is_some() => {
                    page.event(NAMES[channel], publication(offset.max(1), *payload, START.unix));
                }
                Step::Opened if page.open.is_some() => page.opened(),
                Step::Closed(code, reason) if page.open.is_some() => page.closed(code, &reason),
                Step::Accept if page.open.is_some() && page.state() != ConnectionState::Connected => {
                    page.opened();
                    if page.open.is_some() {
                        let now = page.now;
                        page.relay(ServerMessage::Welcome(welcome(1, now, vec![])));
                    }
                }
                Step::Pass(ms) => page.advance(ms),
                Step::Leap(ms) => {
                    page.jump(ms);
                    page.input(Input::Tick);
                }
                Step::Wake(wake) => page.wake(wake),
                Step::Token(good) if page.asked.is_some() => {
                    page.give_token(if good { Ok(TOKEN.to_owned()) } else { Ok("bad".to_owned()) });
                }
                Step::WallClock(ms) => page.now.unix = Millis(page.now.unix.0.saturating_add_signed(ms)),
                Step::Subscribe(channel) => page.subscribe(NAMES[channel]),
                Step::Release(channel) => page.release(NAMES[channel]),
                Step::Request(number) => page.command(Command::Ping { request: RequestId(number) }),
                Step::Connect => page.command(Command::Connect),
                Step::Close => {
                    page.command(Command::Close);
                    prop_assert_eq!((page.state(), page.open), (ConnectionState::Closed, None));
                }
                _ => {}
            }
            assert_bounded(&page);
            let status = page.client.connection();
            prop_assert!(!(status.interrupted && status.state == ConnectionState::Connected));
            prop_assert_eq!(status.state == ConnectionState::Connected, status.connection_id.is_some());
            prop_assert!(page.now.monotonic >= last.monotonic);
            last = page.now;
        }
        // And it can always come back.
        page.token = Some(TOKEN.to_owned());
        page.command(Command::Close);
        page.advance(1);
        page.command(Command::Connect);
        page.accept();
        prop_assert_eq!(page.state(), ConnectionState::Connected);
    }
}

#[test]
fn every_request_is_settled_exactly_once_whatever_happens_to_the_connection() {
    let mut page = ready();
    let mut settled = vec![0; 40];
    for number in 0..40u32 {
        page.command(Command::Ping { request: RequestId(number) });
        match number % 8 {
            5 => page.closed(1006, ""),
            6 => {
                page.await_socket();
                page.accept();
            }
            _ => {}
        }
    }
    page.command(Command::Close);
    for event in page.take_events() {
        if let ClientEvent::Settled { request, .. } = event {
            settled[request.0 as usize] += 1;
        }
    }
    assert_eq!(settled, vec![1; 40]);
}

#[test]
fn a_flood_of_good_events_grows_no_list_beyond_its_bound() {
    let mut page = ready();
    for offset in 1..=200u64 {
        let (name, ts) = (format!("x{offset}"), page.now.unix);
        page.event("patient:1", publication(offset, alert(&name, Severity::High, ts), ts));
        let status = protocol::DeviceStatus { device_id: name.clone(), status: DeviceState::Online, battery: None, last_seen: None };
        page.event("device:1", publication(2 * offset - 1, Payload::DeviceStatus(status), ts));
        let column = Column(vec![offset as f64]);
        let series = protocol::Series { t: column.clone(), v: column, unit: None };
        let points = protocol::Telemetry { device_id: "1".to_owned(), series: SeriesMap(vec![(name, series)]) };
        page.event("device:1", publication(2 * offset, Payload::Telemetry(points), ts));
        page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(1.0) }));
        page.relay(ServerMessage::Viewers(protocol::Viewers { channel: format!("patient:{offset}"), count: 1, names: vec![] }));
        assert_bounded(&page);
    }
    assert_eq!((page.client.alerts().items().len(), page.client.alerts().unread()), (5, 5));
    assert_eq!(page.client.devices().statuses().len(), 5);
    assert_eq!(page.client.toasts().count(), 7);
    assert_eq!(page.client.telemetry().metrics("1").count(), 5);
    assert_eq!(page.errors(), ["too_many_series"], "told once");
}
