//! Whoever subscribes is in the registry, whoever leaves is out of it, however it leaves.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Enter(u8, u8),
    Leave(u8, u8),
    Vanish(u8),
    Close(u8),
    Return(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, 0_u8..5).prop_map(|(client, page)| Step::Enter(client, page)),
        3 => (0_u8..4, 0_u8..5).prop_map(|(client, page)| Step::Leave(client, page)),
        1 => (0_u8..4).prop_map(Step::Vanish),
        1 => (0_u8..4).prop_map(Step::Close),
        2 => (0_u8..4).prop_map(Step::Return),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Property 18: after any walk through pages (subscribe on entering, unsubscribe on leaving, connections lost on the way)
    /// the registry holds exactly what is open, and events reach exactly those.
    #[test]
    fn property_18_navigation_leaves_exactly_the_right_registry(steps in prop::collection::vec(step(), 1..80)) {
        under_virtual_time(async {
            let relay = relay();
            let mut clients: BTreeMap<u8, Client> = BTreeMap::new();
            let mut open: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Return(number) => if let Entry::Vacant(place) = clients.entry(number) {
                        place.insert(Client::connect(&relay, &token(&format!("u{number}")), &[]).await.0);
                        open.insert(number, BTreeSet::new());
                    },
                    Step::Enter(number, page) => if let Some(client) = clients.get_mut(&number) {
                        client.all().await;
                        client.subscribe(&format!("patient:p{page}")).await.unwrap();
                        open.get_mut(&number).unwrap().insert(page);
                    },
                    Step::Leave(number, page) => if let Some(client) = clients.get_mut(&number) {
                        client.all().await;
                        let (id, channel) = (client.id(), format!("patient:p{page}"));
                        client.send(&ClientMessage::Unsubscribe(Unsubscribe { id, channel: channel.clone() })).await;
                        let was_open = open.get_mut(&number).unwrap().remove(&page);
                        match client.next_answer().await {
                            ServerMessage::Unsubscribed(told) => assert!(was_open && told == Unsubscribed { id: Some(id), channel, code: None }),
                            ServerMessage::Error(error) => assert!(!was_open && error.body.code == ErrorCode::NotSubscribed, "{error:?}"),
                            other => panic!("{other:?}"),
                        }
                    },
                    Step::Vanish(number) => if let Some(client) = clients.remove(&number) {
                        open.remove(&number);
                        client.vanish().await.unwrap();
                    },
                    Step::Close(number) => if let Some(client) = clients.remove(&number) {
                        open.remove(&number);
                        client.close().await;
                    },
                }
                settle().await;
                let pages: usize = open.values().map(BTreeSet::len).sum();
                let (rooms, subscriptions) = relay.hub().room_counts();
                assert_eq!(subscriptions, pages + 2 * clients.len(), "two channels are the relay's own");
                let distinct: BTreeSet<u8> = open.values().flatten().copied().collect();
                assert_eq!(rooms, distinct.len() + clients.len() + usize::from(!clients.is_empty()));
                assert_eq!(relay.hub().connection_count(), clients.len());
            }
            for page in 0..5_u8 {
                let data = RawJson::parse(&format!("{{\"patientId\":\"p{page}\"}}")).unwrap();
                let change = PatientChange { patient_id: format!("p{page}"), data };
                for client in clients.values_mut() {
                    client.all().await;
                }
                relay.publish(system(), &format!("patient:p{page}"), Payload::PriorityUpdate(change), None).await.unwrap();
                for (number, client) in &mut clients {
                    assert_eq!(client.events().await.len(), usize::from(open[number].contains(&page)));
                }
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn no_event_comes_before_subscribed_and_none_after_unsubscribed() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    let publisher = {
        let relay = relay.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                relay.publish(system(), "lobby", note(number), None).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    for _ in 0..20 {
        let id = client.id();
        let subscribe = Subscribe { id, channel: "lobby".to_owned(), recover: None, history: None, max_hz: None };
        client.send(&ClientMessage::Subscribe(subscribe)).await;
        client.send(&ClientMessage::Unsubscribe(Unsubscribe { id: id + 1, channel: "lobby".to_owned() })).await;
        client.id();
    }
    publisher.await.unwrap();
    let mut inside = false;
    let mut rounds = 0;
    for message in client.all().await {
        match message {
            ServerMessage::Subscribed(_) => {
                assert!(!inside);
                inside = true;
            }
            ServerMessage::Unsubscribed(_) => {
                assert!(inside);
                inside = false;
                rounds += 1;
            }
            ServerMessage::Event(_) => assert!(inside, "an event outside of a subscription"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rounds, 20);
}

#[tokio::test(start_paused = true)]
async fn too_many_subscriptions_are_refused_and_the_others_go_on() {
    let mut config = config();
    config.limits.subscriptions = 3;
    let relay = relay_with(config);
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["a:1", "a:2", "a:3"]).await;
    assert_eq!(client.subscribe("a:4").await.unwrap_err().code, ErrorCode::TooManySubscriptions);
    client.subscribe("a:3").await.unwrap();
    relay.publish(system(), "a:3", note(1), None).await.unwrap();
    relay.publish(system(), "a:4", note(2), None).await.unwrap();
    assert_eq!(client.events().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn welcome_lists_refused_channels_with_their_error_and_joins_its_own() {
    let relay = relay();
    let limited = sign(&with(claims("nurse"), "subscribe", serde_json::json!(["device:*", "tenant"])));
    let (_client, welcome) =
        Client::connect(&relay, &limited, &["device:d1", "patient:p1", "Not A Channel", "user:other", "device:d1"]).await;
    let told: Vec<(String, Option<ErrorCode>)> = welcome
        .subscribed
        .iter()
        .map(|entry| match entry {
            SubscribedEntry::Subscribed(subscribed) => (subscribed.channel.clone(), None),
            SubscribedEntry::Refused(refused) => (refused.channel.clone(), Some(refused.error.code)),
        })
        .collect();
    let expected = [
        ("device:d1", None),
        ("patient:p1", Some(ErrorCode::Forbidden)),
        ("Not A Channel", Some(ErrorCode::InvalidChannel)),
        ("user:other", Some(ErrorCode::Forbidden)),
        ("device:d1", Some(ErrorCode::BadRequest)),
        ("user:nurse", None),
        ("tenant", None),
    ];
    assert_eq!(told, expected.map(|(channel, code)| (channel.to_owned(), code)));
}
