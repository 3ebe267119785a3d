//! Who acts for the ward: the roles of `auth.acting_roles`. All others may look, and put nothing away.

use crate::support::*;
use pulsewire_protocol::schema::TOLD_EVENTS;
use pulsewire_protocol::{ConversationMessage, ErrorCode, Message, Pattern, Payload, RawJson, Sender, Severity};
use pulsewire_relay::config::Config;
use pulsewire_relay::store::Place;
use pulsewire_relay::{Principal, Publisher};
use serde_json::json;

async fn with_an_alert_and_a_conversation(config: Config) -> World {
    let world = World::start_at(&Place::Memory, START_MS, config);
    world.publish("patient:p-1", Payload::Alert(alert_of("al-1", "p-1", Severity::Critical))).await.unwrap();
    let message = Message {
        id: None,
        client_id: None,
        content: "I feel dizzy.".to_owned(),
        sender: Sender::Patient,
        sender_name: "Maria".to_owned(),
        ts: None,
        is_audio: None,
        url: None,
    };
    let body = ConversationMessage { conversation_id: "c-1".to_owned(), patient_id: Some("p-1".to_owned()), message };
    world.publish("conversation:c-1", Payload::MessageNew(body)).await.unwrap();
    world
}

/// What becomes of each thing that acting is; `None` where it is done.
async fn tries(world: &World, who: &Principal) -> [Option<ErrorCode>; 3] {
    let acknowledged = world.ask(who, "alerts.acknowledge", json!({"id": "al-1"})).await;
    let assumed = world.ask(who, "conversations.status", json!({"conversationId": "c-1", "status": "assumed", "takeOver": true})).await;
    let resolved = world.ask(who, "alerts.resolve", json!({"id": "al-1"})).await;
    [acknowledged, assumed, resolved].map(|answer| answer.err().map(|refusal| refusal.body.code))
}

#[tokio::test(start_paused = true)]
async fn a_relative_may_read_and_write_messages_and_puts_no_alert_away() {
    let world = with_an_alert_and_a_conversation(Config::development()).await;
    let channels = ["patient:p-1", "conversation:c-1"].map(|channel| Pattern::parse(channel).unwrap());
    let relative =
        Principal { role: Some("relative".to_owned()), subscribe: channels.to_vec(), publish: channels.to_vec(), ..nurse("rosa") };
    let listed = world.ask(&relative, "alerts.list", json!({})).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "they may look");
    world.ask(&relative, "conversations.send", json!({"conversationId": "c-1", "content": "She fell."})).await.unwrap();
    let everything = |role: Option<&str>| Principal { role: role.map(str::to_owned), ..nurse("rosa") };
    let screen = Principal { publish: Vec::new(), ..nurse("screen") };
    for who in [relative, everything(Some("relative")), everything(Some("patient")), everything(Some("Nurse")), everything(None), screen] {
        assert_eq!(tries(&world, &who).await, [Some(ErrorCode::Forbidden); 3], "{who:?}");
    }
    let listed = world.ask(&nurse("ana"), "alerts.list", json!({})).await.unwrap();
    assert_eq!(listed["items"][0]["state"], "active", "nothing of it was done");
    assert_eq!(tries(&world, &nurse("ana")).await, [None; 3]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hospital_names_its_own_roles_and_who_is_refused_is_told_them() {
    let mut config = Config::development();
    config.auth.acting_roles = vec!["enfermeira".to_owned(), "médico".to_owned()];
    let world = with_an_alert_and_a_conversation(config).await;
    let refusal = world.ask(&nurse("ana"), "alerts.acknowledge", json!({"id": "al-1"})).await.unwrap_err();
    let wanted = "alerts.acknowledge: the role \"nurse\" does not act for the ward; those that do: enfermeira, médico (auth.acting_roles)";
    assert_eq!(refusal.body.message, wanted);
    assert_eq!(tries(&world, &principal("ana", "enfermeira")).await, [None; 3]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_but_a_backend_tells_what_became_of_an_alert() {
    let world = with_an_alert_and_a_conversation(Config::development()).await;
    for event in TOLD_EVENTS {
        let told = || Payload::Custom { event: event.to_owned(), data: RawJson::parse(r#"{"id": "al-1", "state": "resolved"}"#).unwrap() };
        let by_nurse = nurse("ana");
        let refused = world.relay.publish(Publisher::Principal(&by_nurse), "patient:p-1", told(), None).await.unwrap_err();
        assert_eq!((refused.code, refused.message.contains(event)), (ErrorCode::Forbidden, true), "{refused:?}");
    }
    assert!(world.told("patient:p-1", "alert_updated").is_empty());
    // What an application calls its own events is its own business.
    let own = Payload::Custom { event: OF_A_TEST.to_owned(), data: RawJson::parse("{}").unwrap() };
    world.relay.publish(Publisher::Principal(&nurse("ana")), "patient:p-1", own, None).await.unwrap();
    world.end().await;
}
