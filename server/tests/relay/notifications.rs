//! Notifications on real connections: two devices of one user agree at once, one that was away finds everything when it returns.

use crate::support::*;
use pulsewire_protocol::*;
use pulsewire_relay::domain::Domain;
use pulsewire_relay::store::{Place, Store};
use pulsewire_relay::{Clock, Entropy, Relay};
use serde_json::{Value, json};
use std::sync::Arc;

fn remembering() -> (Relay, Domain) {
    let relay = Relay::new(config(), Clock::starting_at(START_MS), Entropy::from_seed(1));
    let store = Store::open(&Place::Memory, relay.clock().clone(), relay.entropy().clone(), Arc::clone(relay.metrics())).unwrap();
    let domain = Domain::attach(&relay, store);
    (relay, domain)
}

/// Calls, and gives what else came before the answer with it.
async fn call(client: &mut Client, method: &str, params: Value) -> (Value, Vec<ServerMessage>) {
    let id = client.id();
    let params = Some(RawJson::parse(&params.to_string()).unwrap());
    client.send(&ClientMessage::Call(Call { id, method: method.to_owned(), params })).await;
    let mut before = Vec::new();
    loop {
        match client.next().await {
            ServerMessage::Reply(Reply { id: of, result: ReplyResult::Json(result) }) if of == id => {
                return (serde_json::from_str(result.as_str()).unwrap(), before);
            }
            ServerMessage::Error(error) => panic!("{error:?}"),
            other => before.push(other),
        }
    }
}

fn told(messages: Vec<ServerMessage>) -> Vec<Payload> {
    let events = messages.into_iter().filter_map(|message| if let ServerMessage::Event(event) = message { Some(event) } else { None });
    events.map(|event| event.publication.payload).collect()
}

#[tokio::test(start_paused = true)]
async fn two_devices_agree_at_once_and_one_that_was_away_on_its_return() {
    let (relay, _domain) = remembering();
    let (mut desk, _) = Client::connect(&relay, &token("ana"), &[]).await;
    let (mut phone, _) = Client::connect(&relay, &token("ana"), &[]).await;
    let (away, welcome) = Client::connect(&relay, &token("ana"), &[]).await;
    let SubscribedEntry::Subscribed(own) = &welcome.subscribed[0] else { panic!("{welcome:?}") };
    assert_eq!(own.channel, "user:ana");
    let position = Position { epoch: own.epoch.clone(), offset: own.offset };
    away.close().await;
    let (mut other, _) = Client::connect(&relay, &token("bo"), &[]).await;
    let (mut backend, _) = Client::connect(&relay, &sign(&with(claims("b"), "role", json!("service"))), &[]).await;
    phone.all().await;
    desk.all().await;
    other.all().await;

    let new = json!({"to": {"roles": ["nurse"]}, "title": "Handover", "body": "Bed 3", "severity": "high"});
    let (created, _) = call(&mut backend, "notifications.create", new).await;
    let ids: Vec<String> = serde_json::from_value(created["ids"].clone()).unwrap();
    assert_eq!(ids.len(), 2, "ana and bo were here, the service is no addressee");
    for (client, id) in [(&mut desk, &ids[0]), (&mut phone, &ids[0]), (&mut other, &ids[1])] {
        let told = told(client.all().await);
        let [Payload::Notification(body)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((body.id.as_ref(), body.title.as_str(), body.ts.is_some()), (Some(id), "Handover", true));
    }

    // Read at the desk: the phone hears of it.
    let (left, before) = call(&mut desk, "notifications.read", json!({"ids": [ids[0]]})).await;
    assert_eq!(left, json!({"unread": 0}));
    let mut at_desk = told(before);
    at_desk.extend(told(desk.all().await));
    let read = Payload::NotificationRead(Ids { ids: vec![ids[0].clone()] });
    assert_eq!((at_desk, told(phone.all().await)), (vec![read.clone()], vec![read.clone()]));
    // Again: nothing changes, nothing is told; what is another's is not touched.
    let (left, _) = call(&mut phone, "notifications.read", json!({"ids": [ids[0], ids[1]]})).await;
    assert_eq!(left, json!({"unread": 0}));
    assert_eq!(told(desk.all().await), []);
    assert_eq!(call(&mut other, "notifications.list", json!({})).await.0["unread"], 1);

    // The one that was away recovers all of it, in order.
    let entry = SubscribeEntry { recover: Some(position), ..SubscribeEntry::new("user:ana") };
    let (mut away, welcome) = Client::connect_entries(&relay, &token("ana"), vec![entry]).await;
    let SubscribedEntry::Subscribed(own) = &welcome.subscribed[0] else { panic!("{welcome:?}") };
    assert!(own.recovered);
    let missed: Vec<&Payload> = own.publications.iter().map(|publication| &publication.payload).collect();
    assert!(matches!(missed.as_slice(), [Payload::Notification(_), second] if **second == read), "{missed:?}");
    let (list, _) = call(&mut away, "notifications.list", json!({})).await;
    assert_eq!((list["unread"].as_i64(), list["items"][0]["read"].as_bool()), (Some(0), Some(true)));

    // Dismissed: listed no more, anywhere.
    call(&mut away, "notifications.dismiss", json!({"all": true})).await;
    assert!(matches!(told(phone.all().await).as_slice(), [Payload::NotificationDismissed(gone)] if gone.ids == [ids[0].clone()]));
    assert_eq!(call(&mut desk, "notifications.list", json!({})).await.0["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn everything_at_once_is_told_in_events_of_a_bounded_size() {
    let (relay, _domain) = remembering();
    let (mut backend, _) = Client::connect(&relay, &sign(&with(claims("b"), "role", json!("service"))), &[]).await;
    let (mut ana, _) = Client::connect(&relay, &token("ana"), &[]).await;
    for i in 0..30 {
        let mut to: Vec<String> = vec!["ana".to_owned()];
        to.extend((0..2).map(|u| format!("other-{u}")));
        let new = json!({"to": {"users": to}, "title": format!("T{i}"), "body": "B", "severity": "low"});
        call(&mut backend, "notifications.create", new).await;
    }
    // 1,170 more, kept by the other door.
    for i in 0..1_170 {
        let body =
            Notification { id: Some(format!("n-{i}")), title: "T".into(), body: "B".into(), severity: Severity::Low, link: None, ts: None };
        relay.publish(system(), "user:ana", Payload::Notification(body), None).await.unwrap();
        if i % 100 == 0 {
            ana.all().await;
        }
    }
    ana.all().await;
    let (left, mut before) = call(&mut ana, "notifications.read", json!({"all": true})).await;
    assert_eq!(left, json!({"unread": 0}));
    before.extend(ana.all().await);
    let mut seen = std::collections::BTreeSet::new();
    for payload in told(before) {
        let Payload::NotificationRead(ids) = payload else { panic!("{payload:?}") };
        assert!((1..=500).contains(&ids.ids.len()));
        ids.ids.into_iter().for_each(|id| assert!(seen.insert(id)));
    }
    assert_eq!(seen.len(), 1_200);
}
