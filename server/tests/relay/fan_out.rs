//! Events reach whoever subscribed: all of them, in order, in both encodings.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::Publisher;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Property 1: a status event reaches every subscriber of its device, and nobody else.
    #[test]
    fn property_01_a_status_event_reaches_every_subscriber(
        subscriptions in prop::collection::vec(prop::collection::btree_set(0_u8..4, 0..4), 1..12),
        published in prop::collection::vec((0_u8..4, 0.0..=1.0_f64), 1..20),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let mut clients = Vec::new();
            for (number, devices) in subscriptions.iter().enumerate() {
                let channels: Vec<String> = devices.iter().map(|device| format!("device:d{device}")).collect();
                let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
                clients.push((devices, Client::connect(&relay, &token(&format!("u{number}")), &channels).await.0));
            }
            for (device, battery) in &published {
                let name = format!("d{device}");
                relay.publish(system(), &format!("device:{name}"), status(&name, *battery), None).await.unwrap();
            }
            for (devices, client) in &mut clients {
                let got: Vec<(String, f64)> = client.events().await.into_iter().map(|event| match event.publication.payload {
                    Payload::DeviceStatus(status) => {
                        assert!(status.last_seen.is_some(), "the relay fills lastSeen in");
                        (event.channel, status.battery.unwrap())
                    }
                    other => panic!("{other:?}"),
                }).collect();
                let wanted: Vec<(String, f64)> = published.iter().filter(|(device, _)| devices.contains(device))
                    .map(|(device, battery)| (format!("device:d{device}"), *battery)).collect();
                assert_eq!(got, wanted);
            }
        });
    }

    /// Property 9: every point of telemetry arrives at every subscriber, bit for bit and in order, as CBOR and as JSON.
    #[test]
    fn property_09_telemetry_propagates_whole_and_in_order(
        batches in prop::collection::vec(prop::collection::vec((0.0..2e12_f64, -1e9..1e9_f64), 1..30), 1..15),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let mut clients = Vec::new();
            for format in [Format::Cbor, Format::Json, Format::Cbor] {
                let mut client = Client::open(&relay, format);
                client.say_connect(&token("viewer"), vec![SubscribeEntry::new("device:d1")]).await;
                clients.push(client);
            }
            for batch in &batches {
                let (t, v): (Vec<f64>, Vec<f64>) = batch.iter().copied().unzip();
                relay.publish(system(), "device:d1", telemetry("d1", &t, &v), None).await.unwrap();
            }
            for client in &mut clients {
                let events = client.events().await;
                assert_eq!(events.iter().map(|event| event.publication.offset.unwrap()).collect::<Vec<_>>(),
                    (1..=batches.len() as u64).collect::<Vec<_>>());
                let points: Vec<Vec<(f64, f64)>> = events.into_iter().map(|event| match event.publication.payload {
                    Payload::Telemetry(telemetry) => {
                        let series = &telemetry.series.0[0].1;
                        series.t.0.iter().copied().zip(series.v.0.iter().copied()).collect()
                    }
                    other => panic!("{other:?}"),
                }).collect();
                assert_eq!(&points, &batches);
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_goes_to_its_patient_first_and_then_to_the_tenant_under_one_id() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["patient:p1"]).await;
    let alert = |id: Option<&str>| {
        Payload::Alert(Alert {
            id: id.map(str::to_owned),
            patient_id: "p1".to_owned(),
            patient_name: "Maria".to_owned(),
            device_id: None,
            alert_type: "fall".to_owned(),
            severity: Severity::Critical,
            message: "fell".to_owned(),
            ts: None,
            metadata: None,
        })
    };
    for channel in ["patient:p1", "tenant"] {
        relay.publish(system(), channel, alert(None), None).await.unwrap();
        let events = client.events().await;
        let ids: Vec<Option<String>> = events
            .iter()
            .map(|event| if let Payload::Alert(alert) = &event.publication.payload { alert.id.clone() } else { panic!() })
            .collect();
        assert_eq!(events.iter().map(|event| event.channel.as_str()).collect::<Vec<_>>(), ["patient:p1", "tenant"]);
        assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    }
    // A retry with the id publishes nothing twice.
    relay.publish(system(), "patient:p1", alert(Some("a7")), None).await.unwrap();
    assert_eq!(client.events().await.len(), 2);
    relay.publish(system(), "patient:p1", alert(Some("a7")), None).await.unwrap();
    assert_eq!(client.events().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_subscribes_receives_its_own_event_with_itself_as_author() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    let id = client.id();
    client.send(&ClientMessage::Publish(Publish { id, channel: "lobby".to_owned(), payload: note(7), key: None })).await;
    let got = client.all().await;
    let [ServerMessage::Event(event), ServerMessage::Reply(reply)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(event.publication.from, Some(Author { user: "nurse".to_owned(), name: "Name of nurse".to_owned() }));
    assert_eq!((reply.id, &reply.result), (id, &ReplyResult::Published { offset: 1 }));
}

#[tokio::test(start_paused = true)]
async fn events_that_a_client_may_not_publish_are_forbidden_whatever_its_patterns() {
    let relay = relay();
    let nurse = relay.authenticate(Some(&token("nurse"))).unwrap();
    let service = relay.authenticate(Some(&sign(&with(claims("backend"), "role", "service".into())))).unwrap();
    let forbidden = relay.publish(Publisher::Principal(&nurse), "device:d1", status("d1", 0.5), None).await.unwrap_err();
    assert_eq!(forbidden.code, ErrorCode::Forbidden);
    relay.publish(Publisher::Principal(&service), "device:d1", status("d1", 0.5), None).await.unwrap();
    relay.publish(Publisher::Principal(&nurse), "device:d1", note(1), None).await.unwrap();
    let wrong = relay.publish(Publisher::Principal(&service), "device:d1", status("d2", 0.5), None).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::BadRequest, "the channel must be the device's own: {wrong}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_joined_into_one_frame() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    client.all().await;
    let before = client.frames;
    for number in 0..50 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
    }
    assert_eq!(client.events().await.len(), 50);
    assert_eq!(client.frames - before, 1);
}
