//! `maxHz` and `[throttle]` (R9): merged for those who asked for it, nothing lost, in order, and alerts never wait.
//! Any schedule at any rate: `throttle_properties`.

use crate::support::*;
use pulsewire_protocol::*;
use pulsewire_relay::session::Outbound;

pub const CHANNEL: &str = "device:d1";

fn at(hz: u32) -> SubscribeEntry {
    SubscribeEntry { max_hz: Some(hz), ..SubscribeEntry::new(CHANNEL) }
}

fn point(number: u64) -> Payload {
    telemetry("d1", &[number as f64], &[number as f64])
}

pub async fn publish(relay: &pulsewire_relay::Relay, payload: Payload) -> Position {
    relay.publish(system(), CHANNEL, payload, None).await.unwrap()
}

pub fn values(publication: &Publication) -> Vec<f64> {
    match &publication.payload {
        Payload::Telemetry(telemetry) => telemetry.series.0.iter().flat_map(|(_, series)| series.v.0.clone()).collect(),
        _ => Vec::new(),
    }
}

pub fn covered(publication: &Publication) -> (u64, u64) {
    let offset = publication.offset.unwrap();
    (publication.first_offset.unwrap_or(offset), offset)
}

#[tokio::test(start_paused = true)]
async fn points_are_joined_at_the_rate_and_an_alert_takes_what_waits_along() {
    let relay = relay();
    let (mut slow, _) = Client::connect_entries(&relay, &token("slow"), vec![at(1)]).await;
    let (mut fast, _) = Client::connect(&relay, &token("fast"), &[CHANNEL]).await;
    for number in 1..=10 {
        publish(&relay, point(number)).await;
        advance(50).await;
    }
    assert_eq!(fast.events().await.len(), 10, "who asked for nothing gets everything");
    let events = slow.events().await;
    assert_eq!(events.iter().map(|event| covered(&event.publication)).collect::<Vec<_>>(), [(1, 1)], "the first goes out at once");
    // Something that must not wait, on the same channel.
    publish(&relay, note(11)).await;
    let events = slow.events().await;
    assert_eq!(events.iter().map(|event| covered(&event.publication)).collect::<Vec<_>>(), [(2, 10), (11, 11)]);
    assert_eq!(values(&events[0].publication), (2..=10).map(|number| number as f64).collect::<Vec<_>>());
    // The history has every publication as it came.
    let read = relay.history(&relay.authenticate(Some(&token("reader"))).unwrap(), CHANNEL, None, None).await.unwrap();
    assert_eq!(read.publications.len(), 11);
    assert!(read.publications.iter().all(|publication| publication.first_offset.is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_the_patient_is_told_at_once_at_one_a_second() {
    let relay = relay();
    let entry = |channel: &str| SubscribeEntry { max_hz: Some(1), ..SubscribeEntry::new(channel) };
    let (mut client, _) = Client::connect_entries(&relay, &token("slow"), vec![entry("patient:p1"), entry("tenant")]).await;
    for number in 0..20 {
        let alert = Alert {
            id: None,
            patient_id: "p1".to_owned(),
            patient_name: "Ana".to_owned(),
            device_id: None,
            alert_type: "low".to_owned(),
            severity: Severity::Critical,
            message: number.to_string(),
            ts: None,
            metadata: None,
        };
        relay.publish(system(), "patient:p1", Payload::Alert(alert), None).await.unwrap();
        let events = client.events().await;
        assert_eq!(events.len(), 2, "on the patient's channel and the tenant's, alert {number}");
        assert!(events.iter().all(|event| event.publication.first_offset.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_state_the_newest_is_told_and_covers_the_others() {
    let relay = relay();
    let (mut client, _) = Client::connect_entries(&relay, &token("slow"), vec![at(2)]).await;
    for number in 1..=30_u64 {
        publish(&relay, status("d1", number as f64 / 100.0)).await;
        advance(10).await;
    }
    advance(1_000).await;
    let told: Vec<_> = client.events().await.iter().map(|event| covered(&event.publication)).collect();
    assert_eq!(told, [(1, 1), (2, 30)]);
}

#[tokio::test(start_paused = true)]
async fn the_lower_of_the_two_rates_counts() {
    for (throttle, max_hz, per_second) in [(Some(2), None, 2), (Some(2), Some(30), 2), (Some(30), Some(2), 2), (None, Some(9), 5)] {
        let mut config = config();
        config.throttle.extend(throttle.map(|hz| ("device".to_owned(), hz)));
        let relay = relay_with(config);
        let wanted = SubscribeEntry { max_hz, ..SubscribeEntry::new(CHANNEL) };
        let (mut client, _) = Client::connect_entries(&relay, &token("nurse"), vec![wanted]).await;
        for number in 1..=1_000 {
            publish(&relay, point(number)).await;
            advance(10).await;
        }
        advance(1_000).await;
        let events = client.events().await;
        assert_eq!(events.len(), per_second * 10 + 1, "{throttle:?} {max_hz:?}");
        let told: Vec<f64> = events.iter().flat_map(|event| values(&event.publication)).collect();
        assert_eq!(told, (1..=1_000).map(f64::from).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_merged_event_is_encoded_once_for_all_of_its_rate() {
    let relay = relay();
    let mut clients = Vec::new();
    for user in ["a", "b", "c"] {
        clients.push(Client::connect_entries(&relay, &token(user), vec![at(5)]).await.0);
    }
    for number in 1..=5 {
        publish(&relay, point(number)).await;
    }
    for client in &mut clients {
        client.all().await;
    }
    advance(300).await;
    let mut addresses = Vec::new();
    for client in &mut clients {
        match client.raw_frames().await.as_slice() {
            [Outbound::Binary(bytes)] => addresses.push(bytes.as_ptr() as usize),
            other => panic!("one frame with one event: {other:?}"),
        }
    }
    assert!(addresses.windows(2).all(|pair| pair[0] == pair[1]), "the same bytes in memory");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_bounded_and_goes_out_early_when_it_is_much() {
    let relay = relay();
    let (mut client, _) = Client::connect_entries(&relay, &token("slow"), vec![at(1)]).await;
    publish(&relay, point(1)).await;
    client.all().await;
    // Large ones: 2,000 points each, so that a few fill what a tier holds.
    let column: Vec<f64> = (0..2_000).map(f64::from).collect();
    for _ in 0..10 {
        publish(&relay, telemetry("d1", &column, &column)).await;
    }
    let events = client.events().await;
    assert!(events.len() >= 3, "they went out without waiting: {}", events.len());
    // Many small ones.
    for number in 0..5_000_u64 {
        publish(&relay, status("d1", number as f64 / 10_000.0)).await;
    }
    let mut events = [events, client.events().await].concat();
    assert!(events.len() >= 8, "{}", events.len());
    advance(1_100).await;
    events.extend(client.events().await);
    let mut next = 2;
    for event in &events {
        let (first, offset) = covered(&event.publication);
        assert_eq!(first, next);
        next = offset + 1;
    }
    assert_eq!(next, 5_012);
    assert_eq!(client.closed, None);
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_and_draining_bring_what_was_held() {
    let relay = relay();
    let (mut leaver, _) = Client::connect_entries(&relay, &token("leaver"), vec![at(1)]).await;
    let (mut stayer, _) = Client::connect_entries(&relay, &token("stayer"), vec![at(1)]).await;
    for number in 1..=3 {
        publish(&relay, point(number)).await;
    }
    assert_eq!(leaver.events().await.len(), 1);
    let id = leaver.id();
    leaver.send(&ClientMessage::Unsubscribe(Unsubscribe { id, channel: CHANNEL.to_owned() })).await;
    let messages = leaver.all().await;
    match messages.as_slice() {
        [ServerMessage::Event(event), ServerMessage::Unsubscribed(_)] => assert_eq!(covered(&event.publication), (2, 3)),
        other => panic!("{other:?}"),
    }
    assert_eq!(stayer.events().await.len(), 1, "the other one's still waits");
    publish(&relay, point(4)).await;
    relay.drain(std::time::Duration::from_secs(1)).await;
    assert_eq!(leaver.events().await.len(), 0, "nothing after `unsubscribed`");
    let events = stayer.events().await;
    assert_eq!(events.iter().map(|event| covered(&event.publication)).collect::<Vec<_>>(), [(2, 4)]);
    assert_eq!(stayer.closed.map(|closing| closing.code), Some(CloseCode::UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_closed_and_delays_nobody_of_its_rate() {
    let mut config = config();
    config.limits.queue_bytes = 65_536;
    config.limits.max_message_bytes = 65_536;
    let relay = relay_with(config);
    let mut stuck = Client::open_with(&relay, Format::Cbor, 1);
    stuck.say_connect(&token("stuck"), vec![at(10)]).await;
    let (mut reader, _) = Client::connect_entries(&relay, &token("reader"), vec![at(10)]).await;
    let column: Vec<f64> = (0..200).map(f64::from).collect();
    let mut told = 0;
    for _ in 0..400 {
        publish(&relay, telemetry("d1", &column, &column)).await;
        advance(20).await;
        told += reader.events().await.iter().map(|event| values(&event.publication).len()).sum::<usize>();
    }
    advance(200).await;
    told += reader.events().await.iter().map(|event| values(&event.publication).len()).sum::<usize>();
    assert_eq!(told, 400 * 200);
    assert_eq!(stuck.closing().await.code, CloseCode::SLOW_CONSUMER);
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_history_is_merged_too_and_counts_nothing() {
    let mut config = config();
    config.history.kinds.insert("device".to_owned(), pulsewire_relay::config::KindOverride { publications: Some(0), age_ms: None });
    let relay = relay_with(config);
    let (mut early, _) = Client::connect_entries(&relay, &token("early"), vec![at(1)]).await;
    for number in 1..=5 {
        publish(&relay, point(number)).await;
    }
    // Comes while something is held: it gets what is published from now on, once.
    let (mut late, _) = Client::connect_entries(&relay, &token("late"), vec![at(1)]).await;
    publish(&relay, point(6)).await;
    advance(1_100).await;
    let all = |events: Vec<Event>| events.iter().flat_map(|event| values(&event.publication)).collect::<Vec<_>>();
    let (early, late) = (early.events().await, late.events().await);
    assert!(early.iter().all(|event| event.publication.offset.is_none() && event.publication.first_offset.is_none()));
    assert_eq!(early.len(), 2);
    assert_eq!(all(early), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(all(late), [6.0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_behind_when_everybody_has_gone() {
    let relay = relay();
    for round in 0..20 {
        let (client, _) = Client::connect_entries(&relay, &token("nurse"), vec![at(1)]).await;
        for number in 0..3 {
            publish(&relay, point(round * 3 + number)).await;
        }
        client.vanish().await.unwrap();
    }
    advance(200_000).await;
    assert_eq!(relay.hub().room_counts(), (0, 0));
    assert_eq!(relay.hub().wheel.waiting(), 1, "housekeeping alone");
}

#[tokio::test(start_paused = true)]
async fn subscribing_again_brings_what_was_held_before_the_answer_and_the_new_rate_after_it() {
    let relay = relay();
    let (mut client, _) = Client::connect_entries(&relay, &token("nurse"), vec![at(1)]).await;
    for number in 1..=4 {
        publish(&relay, point(number)).await;
    }
    client.all().await;
    // Without `recover`: the client stands at the answer's offset from then on, so what was held must have come before.
    let id = client.id();
    let again = Subscribe { id, channel: CHANNEL.to_owned(), recover: None, history: None, max_hz: None };
    client.send(&ClientMessage::Subscribe(again)).await;
    match client.all().await.as_slice() {
        [ServerMessage::Event(event), ServerMessage::Subscribed(answer)] => {
            assert_eq!((covered(&event.publication), answer.offset), ((2, 4), 4));
        }
        other => panic!("{other:?}"),
    }
    publish(&relay, point(5)).await;
    publish(&relay, point(6)).await;
    let told: Vec<_> = client.events().await.iter().map(|event| covered(&event.publication)).collect();
    assert_eq!(told, [(5, 5), (6, 6)], "no rate any more");
}
