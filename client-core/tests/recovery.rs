//! C5 and C19: positions, recovery, gaps, resyncs, and what cannot be read.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

fn with(answer: Subscribed, offsets: &[u64]) -> Subscribed {
    Subscribed { publications: offsets.iter().map(|offset| custom(Some(*offset))).collect(), ..answer }
}
fn recovered(answer: Subscribed, offsets: &[u64]) -> Subscribed {
    Subscribed { recovered: true, ..with(answer, offsets) }
}

#[test]
fn a_reconnect_restores_every_channel_with_its_position_and_only_what_was_missed_comes() {
    let mut page = Page::live();
    page.event("patient:1", custom(Some(6)));
    page.closed(1006, "");
    assert_eq!(page.phase("patient:1"), Some(ChannelPhase::Waiting));
    page.advance(1_000);
    page.opened();
    assert_eq!(page.connect_message().subscribe[0].recover, Some(at("a", 6)));
    page.welcome(vec![answered(recovered(fresh(None, "patient:1", "a", 8), &[7, 8]))]);
    page.event("patient:1", custom(Some(9)));
    assert_eq!(page.offsets("patient:1"), [6, 7, 8, 9]);
    assert!(page.resyncs().is_empty());
    let replayed: Vec<bool> = page
        .events
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Event(event) => Some(event.replayed),
            _ => None,
        })
        .collect();
    assert_eq!(replayed, [false, true, true, false]);
}

#[test]
fn a_history_that_does_not_reach_back_or_began_anew_raises_resync_once() {
    for answer in [fresh(None, "patient:1", "a", 90), fresh(None, "patient:1", "b", 0)] {
        let mut page = Page::live();
        page.closed(1006, "");
        page.advance(1_000);
        page.opened();
        page.welcome(vec![answered(answer)]);
        assert_eq!(page.resyncs(), ["patient:1"]);
    }
}

#[test]
fn a_duplicate_is_dropped_and_a_gap_is_mended_by_a_recovery_without_going_silently_on() {
    let mut page = Page::live();
    for offset in [6, 6, 5, 9, 10] {
        page.event("patient:1", custom(Some(offset)));
    }
    assert_eq!(page.offsets("patient:1"), [6]);
    let sent = page.take_subscribes();
    assert_eq!((sent.len(), &sent[0].recover), (1, &Some(at("a", 6))));
    page.relay(ServerMessage::Subscribed(recovered(fresh(Some(sent[0].id), "patient:1", "a", 10), &[7, 8, 9, 10])));
    page.event("patient:1", custom(Some(11)));
    assert_eq!(page.offsets("patient:1"), [6, 7, 8, 9, 10, 11]);
    assert_eq!((page.client.counters().gaps, page.client.counters().duplicates), (1, 2));
    assert!(page.resyncs().is_empty());
}

#[test]
fn a_relay_that_keeps_skipping_numbers_is_asked_at_most_once_a_second() {
    let mut page = Page::live();
    let mut asked = 0;
    for step in 0..100u64 {
        page.event("patient:1", custom(Some(100 + step * 10)));
        for subscribe in page.take_subscribes() {
            asked += 1;
            page.relay(ServerMessage::Subscribed(fresh(Some(subscribe.id), "patient:1", "a", 100 + step * 10)));
        }
        page.advance(50);
    }
    assert!((4..=7).contains(&asked), "{asked} recoveries in 5 s");
}

#[test]
fn a_merged_event_stands_for_all_it_covers() {
    let mut page = Page::live();
    page.event("patient:1", Publication { first_offset: Some(6), ..custom(Some(9)) });
    page.event("patient:1", custom(Some(10)));
    assert_eq!(page.offsets("patient:1"), [9, 10]);
    assert!(page.take_subscribes().is_empty());
}

#[test]
fn events_without_a_number_pass_and_channels_without_history_never_resync() {
    let mut page = Page::new(exact());
    page.subscribe("room:1");
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![answered(fresh(None, "room:1", "", 0))]);
    page.event("room:1", custom(None));
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    assert_eq!(page.connect_message().subscribe[0].recover, None);
    page.welcome(vec![answered(fresh(None, "room:1", "", 0))]);
    assert!(page.resyncs().is_empty());
    assert_eq!(page.events.iter().filter(|event| matches!(event, ClientEvent::Event(_))).count(), 1);
}

#[test]
fn a_second_holder_with_a_longer_history_fills_the_rings_without_repeating_events() {
    let telemetry = |offset: u64| {
        let column = Column(vec![offset as f64 * 1_000.0]);
        let series = protocol::Series { t: column.clone(), v: column, unit: None };
        let event = protocol::Telemetry { device_id: "1".to_owned(), series: SeriesMap(vec![("hr".to_owned(), series)]) };
        publication(offset, Payload::Telemetry(event), START.unix)
    };
    let mut page = Page::new(exact());
    page.subscribe("device:1");
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![answered(fresh(None, "device:1", "a", 5))]);
    page.event("device:1", telemetry(6));
    page.take_sent();
    page.take_events();
    let options = SubscribeOptions { history: Some(50), max_hz: None };
    page.command(Command::Subscribe { channel: "device:1".to_owned(), options });
    let asked = page.take_subscribes().remove(0);
    assert_eq!((asked.recover, asked.history), (None, Some(50)));
    let history = (2..=7).map(telemetry).collect();
    let answer = Subscribed { publications: history, ..fresh(Some(asked.id), "device:1", "a", 7) };
    page.relay(ServerMessage::Subscribed(answer));
    page.event("device:1", telemetry(8));
    let times = page.client.telemetry().series("device:1".strip_prefix("device:").unwrap(), "hr").unwrap().times().to_vec();
    assert_eq!(times, [2e3, 3e3, 4e3, 5e3, 6e3, 7e3, 8e3]);
    assert_eq!(page.offsets("device:1"), [7, 8]);
    assert!(page.resyncs().is_empty());
}

#[test]
fn an_answer_that_cannot_be_read_costs_a_resync_and_not_the_channel() {
    let mut page = Page::live();
    page.event("patient:1", custom(Some(9)));
    let asked = page.take_subscribes().remove(0);
    // {0: 2 (subscribed), 1: id, 2: 7}: a channel that is no text.
    page.bytes(&[0xa3, 0x00, 0x02, 0x01, asked.id as u8, 0x02, 0x07]);
    assert_eq!(page.resyncs(), ["patient:1"]);
    assert_eq!(page.errors(), ["unreadable_message"]);
    let again = page.take_subscribes().remove(0);
    assert_eq!((again.recover, again.history), (None, None));
    page.relay(ServerMessage::Subscribed(fresh(Some(again.id), "patient:1", "a", 9)));
    page.event("patient:1", custom(Some(10)));
    assert_eq!(page.offsets("patient:1"), [10]);
}

#[test]
fn a_welcome_that_cannot_be_read_is_a_failed_try_and_the_next_one_asks_for_less() {
    let mut page = Page::live();
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    page.bytes(&[0xa2, 0x00, 0x01, 0x01, 0x01]);
    assert_eq!(page.state(), ConnectionState::Reconnecting);
    assert_eq!(page.resyncs(), ["patient:1"]);
    page.advance(2_000);
    page.opened();
    assert_eq!(page.connect_message().subscribe[0].recover, None);
}

#[test]
fn a_broken_frame_makes_the_client_look_after_what_it_may_have_held() {
    let mut page = Page::live();
    page.bytes(&[0xff, 0x00, 0x13]);
    let asked = page.take_subscribes().remove(0);
    assert_eq!(asked.recover, Some(at("a", 5)));
    page.relay(ServerMessage::Subscribed(recovered(fresh(Some(asked.id), "patient:1", "a", 6), &[6])));
    assert_eq!(page.offsets("patient:1"), [6]);
    assert_eq!((page.client.counters().unreadable, page.errors()), (1, vec!["unreadable_message"]));
}

#[test]
fn a_message_of_a_later_version_is_skipped_without_a_word() {
    let mut page = Page::live();
    let mut frame = vec![0xa1, 0x00, 0x18, 0x63];
    frame.extend(cbor::encode_server(&ServerMessage::Event(Event { channel: "patient:1".to_owned(), publication: custom(Some(6)) })));
    page.bytes(&frame);
    assert_eq!(page.offsets("patient:1"), [6]);
    assert_eq!(page.client.counters().unknown, 1);
    assert!(page.errors().is_empty());
}

#[test]
fn a_position_of_a_former_life_is_taken_up() {
    let mut page = Page::new(exact());
    page.subscribe("patient:1");
    page.command(Command::Resume { channel: "patient:1".to_owned(), position: at("a", 4) });
    page.command(Command::Connect);
    page.opened();
    assert_eq!(page.connect_message().subscribe[0].recover, Some(at("a", 4)));
}

#[test]
fn a_page_that_took_up_a_former_position_shows_the_retained_state_it_never_showed_in_this_life() {
    let mut page = Page::new(exact());
    page.subscribe("device:1");
    page.command(Command::Resume { channel: "device:1".to_owned(), position: at("a", 4) });
    page.command(Command::Connect);
    page.opened();
    let status = DeviceStatus { device_id: "1".to_owned(), status: DeviceState::Online, battery: None, last_seen: None };
    let retained = Publication { payload: Payload::DeviceStatus(status), ..custom(Some(2)) };
    let answer = Subscribed { state: vec![retained], ..recovered(fresh(None, "device:1", "a", 4), &[]) };
    page.welcome(vec![SubscribedEntry::Subscribed(answer)]);
    assert!(page.client.devices().statuses().at("1").is_some());
    assert!(page.offsets("device:1").is_empty(), "the page was told of it in its former life");
}

#[test]
fn older_publications_that_fill_a_chart_bring_no_old_status_back() {
    let status = |offset, status| {
        let status = DeviceStatus { device_id: "1".to_owned(), status, battery: None, last_seen: None };
        Publication { payload: Payload::DeviceStatus(status), ..custom(Some(offset)) }
    };
    let mut page = Page::new(exact());
    page.subscribe("device:1");
    page.command(Command::Connect);
    page.opened();
    page.welcome(vec![SubscribedEntry::Subscribed(fresh(None, "device:1", "a", 4))]);
    page.event("device:1", status(5, DeviceState::Offline));
    page.take_sent();
    let options = SubscribeOptions { history: Some(100), max_hz: None };
    page.command(Command::Subscribe { channel: "device:1".to_owned(), options });
    let asked = page.take_subscribes().remove(0);
    let publications = vec![status(3, DeviceState::Online), custom(Some(4))];
    let answer = Subscribed { publications, ..fresh(Some(asked.id), "device:1", "a", 5) };
    page.relay(ServerMessage::Subscribed(answer));
    assert_eq!(page.client.devices().statuses().at("1").unwrap().status, DeviceState::Offline);
}
