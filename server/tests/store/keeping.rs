//! The door between publishing and storing: what must be kept is kept before it is accepted, or refused.

use crate::support::*;
use crate::world::{World, principal, world};
use pulsewire_protocol::{ErrorCode, Notification, Payload, RawJson, Severity};
use pulsewire_relay::Publisher;
use pulsewire_relay::relay::Asked;
use pulsewire_relay::store::Place;

async fn listed(world: &World, user: &str) -> serde_json::Value {
    world.call(&principal(user, "nurse"), "notifications.list", "{}").await.unwrap()
}

fn notification(id: Option<&str>, title: &str) -> Payload {
    Payload::Notification(Notification {
        id: id.map(str::to_owned),
        title: title.to_owned(),
        body: "text".to_owned(),
        severity: Severity::Low,
        link: None,
        ts: None,
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_kept_before_it_is_accepted_and_once() {
    let world = world(&Place::Memory);
    let backend = principal("b", "service");
    let by = Publisher::Principal(&backend);
    let first = world.relay.publish(by, "user:ana", notification(Some("n-1"), "A"), None).await.unwrap();
    assert_eq!((first.offset, world.told()), (1, 1));
    // The same again, told again for want of a key, and kept once.
    world.relay.publish(by, "user:ana", notification(Some("n-1"), "A"), None).await.unwrap();
    // Without an id but with a key: the retry is the same one.
    for _ in 0..2 {
        world.relay.publish(by, "user:ana", notification(None, "B"), Some("k")).await.unwrap();
    }
    let list = listed(&world, "ana").await;
    let titles: Vec<&str> = list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
    assert_eq!((titles, list["unread"].as_i64()), (vec!["B", "A"], Some(2)));
    let told: Vec<_> = world.told.0.lock().unwrap().clone();
    let Payload::Notification(last) = &told.last().unwrap().1 else { panic!("{told:?}") };
    assert_eq!(list["items"][0]["id"].as_str(), last.id.as_deref(), "the id that was told is the one that was kept");
    // The same key with another body is neither told nor kept.
    let conflict = world.relay.publish(by, "user:ana", notification(None, "C"), Some("k")).await.unwrap_err();
    assert_eq!(conflict.code, ErrorCode::BadRequest);
    assert_eq!((listed(&world, "ana").await["unread"].as_i64(), world.told()), (Some(2), told.len()));
}

#[tokio::test]
async fn a_store_that_fails_refuses_what_must_be_kept_and_nothing_else() {
    let folder = Folder::new();
    let world = world(&Place::Folder(folder.path().to_owned()));
    let other = rusqlite::Connection::open(folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let backend = principal("b", "service");
    let by = Publisher::Principal(&backend);
    let refused = world.relay.publish(by, "user:ana", notification(Some("n-1"), "A"), Some("k-1")).await.unwrap_err();
    assert_eq!((refused.code, refused.retryable), (ErrorCode::Unavailable, true));
    assert!(refused.message.contains("nothing was kept"), "{refused}");
    let note = || Payload::Custom { event: "note".to_owned(), data: RawJson::parse("1").unwrap() };
    // Together with what cannot be kept, nothing is told.
    let asked = |channel: &str, payload: Payload| Asked { channel: channel.to_owned(), payload, key: None };
    let both = vec![asked("lobby", note()), asked("user:ana", notification(Some("n-2"), "B"))];
    world.relay.publish_all(by, both).await.unwrap_err();
    assert_eq!(world.told(), 0);
    // What needs no keeping goes on.
    world.relay.publish(by, "lobby", note(), None).await.unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    // The retry completes it, under the same key.
    world.relay.publish(by, "user:ana", notification(Some("n-1"), "A"), Some("k-1")).await.unwrap();
    assert_eq!((listed(&world, "ana").await["items"][0]["id"].as_str(), world.told()), (Some("n-1"), 2));
    world.domain.store().close().await;
}
