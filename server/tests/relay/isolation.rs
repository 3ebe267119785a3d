//! Tenants never meet: not in events, not in history, viewers, presence, idempotency keys or polls.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::Publisher;

const CHANNELS: [&str; 5] = ["device:d1", "patient:p1", "tenant", "lobby", "dashboard"];

#[tokio::test(start_paused = true)]
async fn the_same_names_in_two_tenants_are_different_channels_everywhere() {
    let relay = relay();
    let other_token = sign(&with(claims("nurse"), "tenant", "other".into()));
    let other = relay.authenticate(Some(&other_token)).unwrap();
    let (mut mine, my_welcome) = Client::connect(&relay, &token("nurse"), &CHANNELS).await;
    let (mut theirs, their_welcome) = Client::connect(&relay, &other_token, &CHANNELS).await;
    let mut epochs = std::collections::BTreeSet::new();
    for channel in CHANNELS {
        assert!(epochs.insert(entry(&my_welcome, channel).epoch.clone()) && epochs.insert(entry(&their_welcome, channel).epoch.clone()));
    }
    theirs.all().await;
    mine.all().await;
    for (number, channel) in CHANNELS.into_iter().enumerate() {
        let by = Publisher::System { tenant: "other" };
        let first = relay.publish(by, channel, note(number as u64), Some("key-1")).await.unwrap();
        assert_eq!(first.offset, 1);
        // The same key in another tenant is another key.
        let position = relay.publish(system(), channel, note(100 + number as u64), Some("key-1")).await.unwrap();
        assert_eq!(position.offset, 1);
        assert_ne!(position.epoch, first.epoch);
    }
    let numbers = |events: Vec<Event>| events.iter().map(|event| number_of(&event.publication.payload)).collect::<Vec<_>>();
    assert_eq!(numbers(theirs.events().await), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(mine.events().await), [100, 101, 102, 103, 104]);

    // Another tenant's position is worth nothing here, and its history is not read.
    let recover = Some(Position { epoch: entry(&their_welcome, "lobby").epoch.clone(), offset: 0 });
    let asked = SubscribeEntry { recover, history: Some(10), ..SubscribeEntry::new("lobby") };
    let answer = mine.subscribe_entry(asked.clone()).await.unwrap();
    assert!(!answer.recovered);
    assert_eq!(answer.publications.iter().map(|publication| number_of(&publication.payload)).collect::<Vec<_>>(), [103]);
    let polled = relay.poll(&other, PollRequest { channels: vec![asked], wait_ms: None }).await.unwrap();
    let SubscribedEntry::Subscribed(polled) = &polled.channels[0] else { panic!() };
    assert_eq!(polled.publications.iter().map(|publication| number_of(&publication.payload)).collect::<Vec<_>>(), [3]);
    assert!(polled.recovered, "it is their own position");

    assert_eq!(entry(&my_welcome, "patient:p1").viewers.as_ref().unwrap().count, 1);
    assert_eq!(relay.viewing_users("ward"), 1);
    let present = relay.presence(&other, "tenant").await.unwrap();
    assert_eq!(present.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_cannot_be_reached_by_any_channel_name() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    for name in
        ["other/lobby", "other:lobby:1", "../lobby", "lobby\0other", "tenant:other", "other\u{1f}lobby", "", ":", "a:", "*", "lobby:*"]
    {
        let error = client.subscribe(name).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidChannel, "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is published in whichever tenant, a client gets exactly its own tenant's, also where nobody else listens.
    #[test]
    fn events_stay_in_their_tenant(
        listeners in prop::collection::vec((0_u8..3, prop::sample::subsequence(CHANNELS.to_vec(), 0..5)), 1..8),
        published in prop::collection::vec((0_u8..3, prop::sample::select(CHANNELS.to_vec())), 1..30),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let tenant_of = |number: u8| format!("t{number}");
            let mut clients = Vec::new();
            for (tenant, channels) in &listeners {
                let token = sign(&with(claims("nurse"), "tenant", tenant_of(*tenant).into()));
                clients.push((tenant, channels, Client::connect(&relay, &token, channels).await.0));
            }
            for (number, (tenant, channel)) in published.iter().enumerate() {
                let tenant = tenant_of(*tenant);
                relay.publish(Publisher::System { tenant: &tenant }, channel, note(number as u64), None).await.unwrap();
            }
            for (tenant, channels, client) in &mut clients {
                let got: Vec<u64> = client.events().await.iter().map(|event| number_of(&event.publication.payload)).collect();
                // `tenant` is joined by the relay itself.
                let wanted: Vec<u64> = published.iter().enumerate()
                    .filter(|(_, (of, channel))| of == *tenant && (channels.contains(channel) || *channel == "tenant"))
                    .map(|(number, _)| number as u64).collect();
                assert_eq!(got, wanted);
            }
        });
    }
}
