//! Conversations end to end in one relay: messages sent once, marks, who has it, lists, paging.

use crate::support::*;
use crate::world::{World, of_tenant, principal, world};
use pulsewire_protocol::{
    ConversationMessage, ConversationUpdated, DeliveryStatus, Message, MessageStatus, Pattern, Payload, RawJson, Sender,
};
use pulsewire_relay::store::Place;
use pulsewire_relay::{Principal, Publisher};
use serde_json::{Value, json};
use std::time::Duration;

fn message(client_id: Option<&str>, content: &str, sender: Sender) -> Payload {
    Payload::MessageNew(ConversationMessage {
        conversation_id: "c-1".to_owned(),
        patient_id: Some("p-7".to_owned()),
        message: Message {
            id: None,
            client_id: client_id.map(str::to_owned),
            content: content.to_owned(),
            sender,
            sender_name: "Somebody".to_owned(),
            ts: None,
            is_audio: None,
            url: None,
        },
    })
}

async fn publish(world: &World, by: &Principal, payload: Payload) {
    world.relay.publish(Publisher::Principal(by), "conversation:c-1", payload, None).await.unwrap();
}

async fn mark(world: &World, by: &Principal, message: &Value, status: DeliveryStatus) {
    let message_id = message.as_str().unwrap().to_owned();
    // Whoever it says it is for: a user speaks for themselves only.
    publish(world, by, Payload::MessageStatus(MessageStatus { message_id, status, user: "somebody-else".to_owned() })).await;
}

async fn messages(world: &World, by: &Principal) -> Vec<Value> {
    let page = world.call(by, "conversations.messages", r#"{"conversationId": "c-1"}"#).await.unwrap();
    page["items"].as_array().unwrap().clone()
}

async fn listed(world: &World, by: &Principal) -> Vec<Value> {
    world.call(by, "conversations.list", "{}").await.unwrap()["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_one_message_however_often_and_by_whichever_door_it_comes() {
    let world = world(&Place::Memory);
    let (patient, nurse) = (principal("pat", "patient"), principal("ana", "nurse"));
    for _ in 0..2 {
        publish(&world, &patient, message(Some("m-1"), "I feel dizzy.", Sender::Patient)).await;
    }
    let params = r#"{"conversationId": "c-1", "clientId": "n-1", "content": "I am on my way."}"#;
    let sent = world.call(&nurse, "conversations.send", params).await.unwrap();
    assert_eq!(world.call(&nurse, "conversations.send", params).await.unwrap(), sent);
    assert_eq!((&sent["sender"], &sent["senderName"], &sent["status"]), (&json!("nurse"), &json!("ANA"), &json!("sent")));
    let told: Vec<_> = world.told.0.lock().unwrap().iter().filter(|(_, payload)| payload.event() == "message_new").cloned().collect();
    assert_eq!(told.len(), 2);
    let Payload::MessageNew(last) = &told[1].1 else { panic!() };
    assert_eq!(last.message.id.as_deref(), sent["id"].as_str(), "the id that was told is the one that was kept");
    let found = messages(&world, &nurse).await;
    let texts: Vec<&str> = found.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["I am on my way.", "I feel dizzy."]);
    // Long after, when the broker no longer knows the key, the store still does.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(world.call(&nurse, "conversations.send", params).await.unwrap()["id"], sent["id"]);
    assert_eq!(messages(&world, &nurse).await.len(), 2);
    // An id of one's own choice is not taken, or it would stand for somebody else's message.
    let Payload::MessageNew(mut forged) = message(None, "Forged", Sender::Patient) else { unreachable!() };
    forged.message.id = sent["id"].as_str().map(str::to_owned);
    publish(&world, &patient, Payload::MessageNew(forged)).await;
    let found = messages(&world, &nurse).await;
    assert_eq!((found.len(), found[0]["id"] == sent["id"], &found[1]["content"]), (3, false, &json!("I am on my way.")));
    // The same client id of somebody else is another message.
    publish(&world, &nurse, message(Some("m-1"), "Mine", Sender::Nurse)).await;
    assert_eq!(messages(&world, &nurse).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn how_far_a_message_came_follows_from_what_the_others_received_and_read() {
    let world = world(&Place::Memory);
    let (patient, nurse) = (principal("pat", "patient"), principal("ana", "nurse"));
    for text in ["one", "two", "three"] {
        publish(&world, &patient, message(Some(text), text, Sender::Patient)).await;
    }
    let found = messages(&world, &patient).await;
    let status = |found: &[Value]| found.iter().map(|message| message["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(status(&found), ["sent", "sent", "sent"]);
    assert_eq!(
        (listed(&world, &nurse).await[0]["unread"].clone(), listed(&world, &patient).await[0]["unread"].clone()),
        (json!(3), json!(0))
    );
    mark(&world, &nurse, &found[0]["id"], DeliveryStatus::Delivered).await;
    mark(&world, &nurse, &found[1]["id"], DeliveryStatus::Read).await;
    // A device that was away tells what is old.
    mark(&world, &nurse, &found[2]["id"], DeliveryStatus::Delivered).await;
    // What its own writer reads tells nobody anything.
    mark(&world, &patient, &found[0]["id"], DeliveryStatus::Read).await;
    assert_eq!(status(&messages(&world, &patient).await), ["delivered", "read", "read"]);
    assert_eq!(listed(&world, &nurse).await[0]["unread"], json!(1));
    // A mark of a message that is not there changes nothing.
    mark(&world, &nurse, &json!("nowhere"), DeliveryStatus::Read).await;
    assert_eq!(listed(&world, &nurse).await[0]["unread"], json!(1));
    // What a backend answers by itself was read by nobody.
    publish(&world, &principal("bot", "service"), message(None, "We got your message.", Sender::Agent)).await;
    assert_eq!(
        (messages(&world, &patient).await[1]["status"].clone(), listed(&world, &nurse).await[0]["unread"].clone()),
        (json!("delivered"), json!(2))
    );
    // Whoever answers has read what stands above.
    publish(&world, &nurse, message(None, "four", Sender::Nurse)).await;
    assert_eq!(listed(&world, &nurse).await[0]["unread"], json!(0));
}

#[tokio::test(start_paused = true)]
async fn lists_follow_what_happens_once_for_several_messages_and_without_their_words() {
    let world = world(&Place::Memory);
    let patient = principal("pat", "patient");
    for text in ["one", "two", "three"] {
        publish(&world, &patient, message(None, text, Sender::Patient)).await;
    }
    world.news();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = world.told.0.lock().unwrap().clone();
    let [(first, _), (channel, Payload::ConversationUpdated(update))] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((first.as_str(), channel.as_str()), ("conversation:c-1", "tenant"));
    let updates: Value = serde_json::from_str(update.updates.as_str()).unwrap();
    assert_eq!(updates["invalidates"], json!([["conversations"], ["conversation", "c-1"]]));
    assert_eq!((&updates["status"], &updates["patientId"]), (&json!("open"), &json!("p-7")));
    assert!(!update.updates.as_str().contains("three"));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_assumed_by_one_and_a_patient_who_writes_opens_it_again() {
    let world = world(&Place::Memory);
    let (patient, ana, rui) = (principal("pat", "patient"), principal("ana", "nurse"), principal("rui", "nurse"));
    publish(&world, &patient, message(None, "Hello?", Sender::Patient)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.news();
    let set = |status: &str, more: &str| format!(r#"{{"conversationId": "c-1", "status": "{status}"{more}}}"#);
    let taken = world.call(&ana, "conversations.status", &set("assumed", "")).await.unwrap();
    assert_eq!((&taken["assignee"], &taken["assigneeName"]), (&json!("ana"), &json!("ANA")));
    let both = [("conversation:c-1", "conversation_updated"), ("tenant", "conversation_updated")];
    assert_eq!(world.news(), both.map(|(channel, event)| (channel.to_owned(), event.to_owned())));
    assert!(world.refused(&rui, "conversations.status", &set("assumed", "")).await.contains("ANA has assumed this conversation already"));
    world.call(&rui, "conversations.status", &set("assumed", r#", "takeOver": true"#)).await.unwrap();
    let resolved = world.call(&rui, "conversations.status", &set("resolved", r#", "note": "Walked her to bed 3""#)).await.unwrap();
    assert_eq!(
        (&resolved["status"], &resolved["assignee"], &resolved["note"]),
        (&json!("resolved"), &json!("rui"), &json!("Walked her to bed 3"))
    );
    let doctor = principal("chika", "doctor");
    for (of_staff, said) in [(&ana, Sender::Nurse), (&doctor, Sender::User)] {
        publish(&world, of_staff, message(None, "For the record", said)).await;
        assert_eq!(listed(&world, &ana).await[0]["status"], json!("resolved"), "{}", of_staff.user);
    }
    publish(&world, &patient, message(None, "It is back", Sender::Patient)).await;
    let open = &listed(&world, &ana).await[0];
    assert_eq!((&open["status"], &open["assignee"], &open["lastMessage"]["content"]), (&json!("open"), &Value::Null, &json!("It is back")));
    assert!(world.refused(&patient, "conversations.status", &set("resolved", "")).await.starts_with("forbidden"));
    let mut screen = principal("wall", "nurse");
    screen.publish = Vec::new();
    assert!(world.refused(&screen, "conversations.status", &set("resolved", "")).await.starts_with("forbidden"));
    assert!(world.refused(&ana, "conversations.status", &set("closed", "")).await.contains("params.status: expected one of open, assumed"));
    assert!(world.refused(&ana, "conversations.status", r#"{"conversationId": "c-1"}"#).await.contains("params.status: is missing"));
    assert!(world.refused(&ana, "conversations.status", r#"{"conversationId": "no", "status": "open"}"#).await.starts_with("not_found"));
}

#[tokio::test(start_paused = true)]
async fn what_backends_tell_is_kept_and_what_they_edit_keeps_its_place() {
    let world = world(&Place::Memory);
    let (backend, nurse) = (principal("b", "service"), principal("ana", "nurse"));
    let updates = r#"{"status": "assumed", "assignee": "ana", "priority": "high", "unread": 99}"#;
    let tell = |updates: &str| {
        Payload::ConversationUpdated(ConversationUpdated { conversation_id: "c-1".to_owned(), updates: RawJson::parse(updates).unwrap() })
    };
    publish(&world, &backend, tell(updates)).await;
    publish(&world, &backend, tell(r#"{"topic": "falls", "priority": null}"#)).await;
    let known = listed(&world, &nurse).await.remove(0);
    assert_eq!((&known["status"], &known["assignee"], &known["topic"]), (&json!("assumed"), &json!("ana"), &json!("falls")));
    assert_eq!((&known["priority"], &known["unread"]), (&Value::Null, &json!(0)));
    let refused = world.relay.publish(Publisher::Principal(&backend), "conversation:c-1", tell(r#"{"status": "gone"}"#), None).await;
    assert!(refused.unwrap_err().message.contains("expected open, assumed or resolved"));
    publish(&world, &nurse, message(Some("m"), "Typo", Sender::Nurse)).await;
    let Payload::MessageNew(mut edited) = message(None, "Mended", Sender::Nurse) else { unreachable!() };
    edited.message.id = messages(&world, &nurse).await[0]["id"].as_str().map(str::to_owned);
    publish(&world, &backend, Payload::MessageUpdated(edited)).await;
    let found = messages(&world, &nurse).await;
    assert_eq!((found.len(), &found[0]["content"], &found[0]["clientId"]), (1, &json!("Mended"), &json!("m")));
}

#[tokio::test(start_paused = true)]
async fn pages_go_back_to_the_first_message_and_filters_and_rights_hold() {
    let world = world(&Place::Memory);
    let (patient, nurse) = (principal("pat", "patient"), principal("ana", "nurse"));
    for number in 0..120 {
        publish(&world, &patient, message(None, &number.to_string(), Sender::Patient)).await;
    }
    let (mut texts, mut before) = (Vec::new(), Value::Null);
    loop {
        let params = json!({ "conversationId": "c-1", "limit": 50, "before": before }).to_string();
        let page = world.call(&nurse, "conversations.messages", &params).await.unwrap();
        texts.extend(page["items"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_owned()));
        // What comes meanwhile shifts no page.
        publish(&world, &patient, message(None, "late", Sender::Patient)).await;
        before = page["next"].clone();
        if before.is_null() {
            break;
        }
    }
    assert_eq!(texts, (0..120).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    for (filter, count) in [
        ("{}", 1),
        (r#"{"unread": true}"#, 1),
        (r#"{"status": "resolved"}"#, 0),
        (r#"{"patientId": "p-7"}"#, 1),
        (r#"{"assignee": "ana"}"#, 0),
    ] {
        assert_eq!(world.call(&nurse, "conversations.list", filter).await.unwrap()["items"].as_array().unwrap().len(), count, "{filter}");
    }
    assert_eq!(world.call(&patient, "conversations.list", r#"{"unread": true}"#).await.unwrap()["items"], json!([]));
    let mut stranger = of_tenant("ward", "eve", "nurse");
    stranger.subscribe = vec![Pattern::parse("conversation:c-2").unwrap()];
    stranger.publish = Vec::new();
    assert_eq!(listed(&world, &stranger).await, Vec::<Value>::new());
    for (method, params) in [
        ("conversations.messages", r#"{"conversationId": "c-1"}"#),
        ("conversations.send", r#"{"conversationId": "c-1", "content": "x"}"#),
        ("conversations.status", r#"{"conversationId": "c-1", "status": "open"}"#),
        ("conversations.status", r#"{"conversationId": "c-2", "status": "open"}"#),
    ] {
        assert!(world.refused(&stranger, method, params).await.starts_with("forbidden"), "{method} {params}");
    }
    let other = of_tenant("clinic", "ana", "nurse");
    assert_eq!((listed(&world, &other).await, messages(&world, &other).await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn conversations_are_there_after_a_restart() {
    let folder = Folder::new();
    let place = Place::Folder(folder.path().to_owned());
    let (patient, nurse) = (principal("pat", "patient"), principal("ana", "nurse"));
    let before = world(&place);
    publish(&before, &patient, message(Some("m-1"), "Hello", Sender::Patient)).await;
    let id = messages(&before, &nurse).await[0]["id"].clone();
    mark(&before, &nurse, &id, DeliveryStatus::Read).await;
    before.domain.store().close().await;
    drop(before);
    let after = world(&place);
    // Sent again because its answer was lost with the relay.
    publish(&after, &patient, message(Some("m-1"), "Hello", Sender::Patient)).await;
    let found = messages(&after, &nurse).await;
    assert_eq!((found.len(), &found[0]["id"], &found[0]["status"]), (1, &id, &json!("read")));
    after.domain.store().close().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_as_somebody_else_but_a_backend_does() {
    let world = world(&Place::Memory);
    let (patient, backend) = (principal("pat", "patient"), principal("b", "service"));
    publish(&world, &patient, message(Some("m-1"), "I am the nurse.", Sender::Nurse)).await;
    let params = r#"{"conversationId": "c-1", "content": "I am, too.", "sender": "agent", "senderName": "Night desk"}"#;
    world.call(&patient, "conversations.send", params).await.unwrap();
    publish(&world, &backend, message(Some("m-2"), "For her.", Sender::Nurse)).await;
    let told: Vec<_> = messages(&world, &backend).await.iter().map(|one| (one["sender"].clone(), one["senderName"].clone())).collect();
    let of = |sender: &str, name: &str| (json!(sender), json!(name));
    assert_eq!(told, [of("nurse", "Somebody"), of("patient", "PAT"), of("patient", "PAT")]);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_on_one_device_is_told_to_the_readers_others() {
    let world = world(&Place::Memory);
    let (patient, ana) = (principal("pat", "patient"), principal("ana", "nurse"));
    for content in ["one", "two"] {
        publish(&world, &patient, message(None, content, Sender::Patient)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.news();
    let older = &messages(&world, &ana).await[1];
    mark(&world, &ana, &older["id"], DeliveryStatus::Delivered).await;
    mark(&world, &ana, &older["id"], DeliveryStatus::Read).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = std::mem::take(&mut *world.told.0.lock().unwrap());
    let updates: Vec<_> = told
        .iter()
        .filter_map(|(channel, payload)| match payload {
            Payload::Custom { event, data } => {
                Some((channel.as_str(), event.as_str(), serde_json::from_str::<Value>(data.as_str()).unwrap()))
            }
            _ => None,
        })
        .collect();
    let expected = json!({ "conversationId": "c-1", "unread": 1, "invalidates": [["conversations"], ["conversation", "c-1"]] });
    assert_eq!(updates, [("user:ana", "conversation_read", expected)], "once, and to nobody else");
}
