//! Row C12: presence, typing, notifications, executions, conversations and patients, from the wire to what the page reads.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

const CHANNELS: [&str; 5] = ["tenant", "user:ana", "conversation:c1", "execution:e1", "patient:p1"];

fn page() -> Page {
    let mut page = Page::new(exact());
    for channel in CHANNELS {
        page.subscribe(channel);
    }
    page.command(Command::Connect);
    page.accept();
    page.take_sent();
    page.changed = Slices::NONE;
    page
}
/// Publishes on a channel that this test never publishes on twice at the same offset.
fn tell(page: &mut Page, channel: &str, payload: Payload) {
    let offset = page.client.channel(channel).unwrap().offset + 1;
    let ts = page.now.unix;
    page.changed = Slices::NONE;
    page.event(channel, publication(offset, payload, ts));
}
fn by(mut publication: Publication, user: &str) -> Publication {
    publication.from = Some(Author { user: user.to_owned(), name: user.to_uppercase() });
    publication
}
fn typing(start: bool, user: &str) -> Publication {
    let typing = protocol::Typing { conversation_id: "c1".to_owned() };
    let payload = if start { Payload::TypingStart(typing) } else { Payload::TypingStop(typing) };
    by(Publication { offset: None, first_offset: None, payload, ts: UnixMs(1.0), from: None }, user)
}
fn message(id: &str, client_id: Option<&str>, content: &str, ts: f64) -> ConversationMessage {
    let client_id = client_id.map(str::to_owned);
    ConversationMessage {
        conversation_id: "c1".to_owned(),
        patient_id: None,
        message: Message {
            id: Some(id.to_owned()),
            client_id,
            content: content.to_owned(),
            sender: Sender::Nurse,
            sender_name: "Ana".to_owned(),
            ts: Some(UnixMs(ts)),
            is_audio: None,
            url: None,
        },
    }
}
fn notification(id: &str, severity: Severity) -> Payload {
    Payload::Notification(Notification {
        id: Some(id.to_owned()),
        title: id.to_owned(),
        body: "b".to_owned(),
        severity,
        link: Some("/n".to_owned()),
        ts: None,
    })
}
fn ids(page: &Page, list: Kept) -> Vec<(String, String, u8)> {
    page.client.kept(list).map(|item| (item.id.clone(), item.name.clone(), item.mark)).collect()
}
fn owned(list: &[(&str, &str, u8)]) -> Vec<(String, String, u8)> {
    list.iter().map(|(id, name, mark)| ((*id).to_owned(), (*name).to_owned(), *mark)).collect()
}
fn published(page: &mut Page) -> Vec<String> {
    let of = |message: ClientMessage| match message {
        ClientMessage::Publish(publish) => Some(publish.payload.event().to_owned()),
        _ => None,
    };
    page.take_sent().into_iter().filter_map(of).collect()
}

#[test]
fn a_notification_counts_until_it_is_read_or_dismissed_on_any_of_the_users_pages_and_toasts_once() {
    let mut page = page();
    for id in ["a", "b", "c"] {
        tell(&mut page, "user:ana", notification(id, Severity::Low));
        assert_eq!(page.changed, Slices::NOTIFICATIONS | Slices::TOASTS);
    }
    assert_eq!(page.client.toasts().visible().next().unwrap().link.as_deref(), Some("/n"));
    tell(&mut page, "user:ana", Payload::NotificationRead(Ids { ids: vec!["a".to_owned(), "unknown".to_owned()] }));
    assert_eq!(page.changed, Slices::NOTIFICATIONS);
    tell(&mut page, "user:ana", Payload::NotificationDismissed(Ids { ids: vec!["b".to_owned()] }));
    assert_eq!(ids(&page, Kept::Notifications), owned(&[("a", "", 1), ("c", "", 0)]));
    page.command(Command::MarkNotifications { id: None, dismiss: false });
    assert!(page.client.kept(Kept::Notifications).all(|item| item.mark == 1));
    page.command(Command::MarkNotifications { id: Some("a".to_owned()), dismiss: true });
    assert_eq!(ids(&page, Kept::Notifications), owned(&[("c", "", 1)]));
    assert_eq!(page.toasts().len(), 3, "what was read stays in sight for its time");
}

#[test]
fn somebody_who_writes_counts_for_5_s_or_until_a_stop_or_a_message_and_nobody_is_told_of_their_own() {
    let mut page = page();
    for user in ["bo", "cy", "di", "ana"] {
        page.event("conversation:c1", typing(true, user));
    }
    assert_eq!(ids(&page, Kept::Typing), owned(&[("bo", "BO", 0), ("cy", "CY", 0), ("di", "DI", 0)]));
    page.event("conversation:c1", typing(false, "bo"));
    page.event("conversation:c1", by(publication(1, Payload::MessageNew(message("m", None, "hello", 1.0)), START.unix), "cy"));
    assert_eq!(ids(&page, Kept::Typing), owned(&[("di", "DI", 0)]));
    page.advance(4_000);
    page.event("conversation:c1", typing(true, "di"));
    page.advance(4_999);
    assert_eq!(page.client.kept(Kept::Typing).len(), 1);
    page.changed = Slices::NONE;
    page.advance(1);
    assert_eq!((page.client.kept(Kept::Typing).len(), page.changed), (0, Slices::TYPING));
    page.event("conversation:c1", typing(true, "di"));
    page.closed(1006, "");
    assert_eq!(page.client.kept(Kept::Typing).len(), 0, "a stop may have been missed");
}

#[test]
fn own_writing_is_told_at_most_every_2_s_and_its_end_once_and_only_while_connected() {
    let mut page = page();
    let write = |page: &mut Page, active| page.command(Command::Typing { conversation: "c1".to_owned(), active });
    for _ in 0..50 {
        write(&mut page, true);
        page.advance(100);
    }
    assert_eq!(published(&mut page), ["typing_start"; 3]);
    write(&mut page, false);
    write(&mut page, false);
    assert_eq!(published(&mut page), ["typing_stop"]);
    page.command(Command::Typing { conversation: "no id".to_owned(), active: true });
    page.closed(1006, "");
    write(&mut page, true);
    assert_eq!(published(&mut page), [""; 0]);
    page.await_socket();
    page.accept();
    page.take_sent();
    assert!(page.errors().is_empty());
    write(&mut page, true);
    assert_eq!(published(&mut page), ["typing_start"]);
}

#[test]
fn what_is_told_of_own_writing_names_the_conversation() {
    let mut page = page();
    page.command(Command::Typing { conversation: "c1".to_owned(), active: true });
    let sent = page.take_sent();
    let [ClientMessage::Publish(publish)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(publish.channel, "conversation:c1");
    // The relay, which has every event typed, reads it as what it is.
    assert_eq!(publish.payload, Payload::TypingStart(protocol::Typing { conversation_id: "c1".to_owned() }));
}

#[test]
fn messages_stand_in_the_order_of_their_times_are_found_again_by_their_senders_id_and_only_go_forward() {
    let mut page = page();
    tell(&mut page, "conversation:c1", Payload::MessageNew(message("m2", Some("mine"), "two", 20.0)));
    tell(&mut page, "conversation:c1", Payload::MessageNew(message("m1", None, "one", 10.0)));
    tell(&mut page, "conversation:c1", Payload::MessageUpdated(message("m1", None, "one!", 99.0)));
    assert_eq!(page.changed, Slices::MESSAGES);
    let status = |status| Payload::MessageStatus(MessageStatus { message_id: "m2".to_owned(), status, user: "bo".to_owned() });
    tell(&mut page, "conversation:c1", status(DeliveryStatus::Read));
    tell(&mut page, "conversation:c1", status(DeliveryStatus::Delivered));
    assert_eq!(page.changed, Slices::NONE);
    assert_eq!(ids(&page, Kept::Messages), owned(&[("m1", "", 0), ("m2", "mine", 3)]));
    let first = page.client.kept(Kept::Messages).next().unwrap().clone();
    assert_eq!(first.ts, 10.0, "a change does not move it");
    assert_eq!(first.cbor, Payload::MessageUpdated(message("m1", None, "one!", 99.0)).data_cbor().into_owned());
    page.release("conversation:c1");
    page.advance(6_000);
    assert_eq!(page.client.kept(Kept::Messages).len(), 0, "messages go with their channel");
}

#[test]
fn older_messages_that_a_later_holder_asks_for_find_their_place() {
    let mut page = page();
    for id in 1..=3 {
        tell(&mut page, "conversation:c1", Payload::MessageNew(message(&format!("m{id}"), None, "x", f64::from(id) * 10.0)));
    }
    page.take_sent();
    page.command(Command::Subscribe {
        channel: "conversation:c1".to_owned(),
        options: SubscribeOptions { history: Some(9), max_hz: None },
    });
    let Some(ClientMessage::Subscribe(subscribe)) = page.take_sent().pop() else { panic!() };
    let older = publication(2, Payload::MessageNew(message("m0", None, "older", 5.0)), START.unix);
    let mut answer = fresh(Some(subscribe.id), "conversation:c1", "a", 3);
    answer.publications = vec![older];
    page.relay(ServerMessage::Subscribed(answer));
    let seen: Vec<_> = page.client.kept(Kept::Messages).map(|item| item.id.as_str()).collect();
    assert_eq!(seen, ["m0", "m1", "m2", "m3"]);
}

#[test]
fn what_is_said_of_a_conversation_or_a_patient_is_put_together_whatever_channel_tells_it() {
    let mut page = page();
    let updated = |json: &str| {
        let updates = RawJson::parse(json).unwrap();
        Payload::ConversationUpdated(ConversationUpdated { conversation_id: "c1".to_owned(), updates })
    };
    tell(&mut page, "conversation:c1", updated(r#"{"status":"assumed","assignee":"ana"}"#));
    tell(&mut page, "tenant", updated(r#"{"unread":3,"status":"resolved"}"#));
    assert_eq!(page.changed, Slices::CONVERSATIONS);
    assert_eq!(ids(&page, Kept::Conversations), owned(&[("status", "\"resolved\"", 0), ("assignee", "\"ana\"", 0), ("unread", "3", 0)]));
    assert!(page.client.kept(Kept::Conversations).all(|item| item.scope == "c1"));

    let change = |json: &str| PatientChange { patient_id: "p1".to_owned(), data: RawJson::parse(json).unwrap() };
    tell(&mut page, "tenant", Payload::NewPatient(change(r#"{"patientId":"p1","name":"Rui","bed":4}"#)));
    page.advance(1);
    tell(&mut page, "patient:p1", Payload::PriorityUpdate(change(r#"{"patientId":"p1","priority":1}"#)));
    tell(&mut page, "tenant", Payload::PatientStatusChange(change(r#"{"status":"stable","patientId":"p1","bed":5}"#)));
    assert_eq!(page.changed, Slices::PATIENTS);
    let mut told = ids(&page, Kept::Patients);
    told.sort();
    let expected = [("bed", "5", 0), ("name", "\"Rui\"", 0), ("patientId", "\"p1\"", 0), ("priority", "1", 0), ("status", "\"stable\"", 0)];
    assert_eq!(told, owned(&expected));
    assert!(page.client.kept(Kept::Patients).all(|item| item.scope == "p1"));
}

#[test]
fn an_execution_shows_its_newest_state_and_toasts_when_it_ends_and_goes_with_its_channel() {
    let mut page = page();
    let update = |status, attempt, error| {
        Payload::ExecutionUpdate(ExecutionUpdate {
            execution_id: "e1".to_owned(),
            status,
            step: Some("sorting".to_owned()),
            progress: 0.5,
            error,
            attempt,
        })
    };
    let error = ExecutionError { code: "disk".to_owned(), message: "disk full".to_owned(), detail: None };
    tell(&mut page, "execution:e1", update(ExecutionState::Running, 1, None));
    assert_eq!(page.changed, Slices::EXECUTIONS);
    tell(&mut page, "execution:e1", update(ExecutionState::Failed, 1, Some(error)));
    tell(&mut page, "execution:e1", update(ExecutionState::Retrying, 2, None));
    tell(&mut page, "execution:e1", update(ExecutionState::Succeeded, 2, None));
    let toasts: Vec<_> =
        page.client.toasts().visible().map(|toast| (toast.id.as_str(), toast.title.as_str(), toast.message.as_str())).collect();
    assert_eq!(toasts, [("e1:1", "execution_failed", "disk full"), ("e1:2", "execution_succeeded", "sorting")]);
    assert_eq!(page.client.kept(Kept::Executions).len(), 1);
    assert_eq!(
        page.client.kept(Kept::Executions).next().unwrap().cbor,
        update(ExecutionState::Succeeded, 2, None).data_cbor().into_owned()
    );
    page.release("execution:e1");
    page.advance(6_000);
    assert_eq!(page.client.kept(Kept::Executions).len(), 0);
}

#[test]
fn who_is_online_is_asked_for_once_wanted_and_again_on_each_connection_and_changes_are_applied() {
    let mut page = page();
    page.command(Command::WatchPresence);
    page.command(Command::WatchPresence);
    let sent = page.take_sent();
    let [ClientMessage::Call(call)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((call.method.as_str(), call.params.as_ref().unwrap().as_str()), ("presence.get", r#"{"channel":"tenant"}"#));
    let json = RawJson::parse(r#"{"users":[{"userId":"a","name":"Ana"}]}"#).unwrap();
    page.relay(ServerMessage::Reply(Reply { id: call.id, result: ReplyResult::Json(json.clone()) }));
    assert_eq!(page.events.last(), Some(&ClientEvent::PresenceGiven(json)));
    for (user, name) in [("", ""), ("a", "Ana"), ("b", "Bo")] {
        page.command(Command::Present { user: user.to_owned(), name: name.to_owned() });
    }
    let present = |user: &str, name: &str| PresentUser { user_id: user.to_owned(), name: name.to_owned() };
    let payload =
        Payload::Presence(protocol::Presence { online: vec![present("c", "Cy"), present("b", "Bob")], offline: vec!["a".to_owned()] });
    let change = Publication { offset: None, first_offset: None, payload, ts: UnixMs(1.0), from: None };
    page.event("tenant", change);
    assert_eq!(ids(&page, Kept::Presence), owned(&[("b", "Bob", 0), ("c", "Cy", 0)]));
    page.closed(1006, "");
    page.await_socket();
    page.accept();
    assert!(page.take_sent().iter().any(|message| matches!(message, ClientMessage::Call(_))));
    page.command(Command::Present { user: String::new(), name: String::new() });
    assert_eq!(page.client.kept(Kept::Presence).len(), 0);
}

#[test]
fn a_relay_that_cannot_say_who_is_online_is_reported() {
    let mut page = page();
    page.command(Command::WatchPresence);
    let Some(ClientMessage::Call(call)) = page.take_sent().pop() else { panic!() };
    let body = ErrorBody::new(ErrorCode::Forbidden, "no");
    page.relay(ServerMessage::Error(ErrorMessage { id: Some(call.id), channel: None, body }));
    assert_eq!(page.errors(), ["forbidden"]);
}

#[test]
fn another_user_sees_nothing_of_the_former_one() {
    let mut page = page();
    tell(&mut page, "user:ana", notification("a", Severity::Low));
    tell(&mut page, "conversation:c1", Payload::MessageNew(message("m", None, "x", 1.0)));
    page.command(Command::Present { user: "a".to_owned(), name: "A".to_owned() });
    page.closed(1006, "");
    page.await_socket();
    page.opened();
    let mut other = welcome(page.connect_message().id, page.now, Vec::new());
    other.user = "bo".to_owned();
    page.changed = Slices::NONE;
    page.relay(ServerMessage::Welcome(other));
    assert!(Kept::ALL.iter().all(|list| page.client.kept(*list).len() == 0));
    assert!(page.changed.intersects(Slices::KEPT));
}
