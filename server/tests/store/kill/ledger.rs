//! What one writer does, one thing after the other, and what the relay's lists must say of all that was accepted.

use super::doors::{Door, Op, nurse_of};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NOON_MS: u64 = 1_800_000_000_000;

/// One thing, and what follows from it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub op: Op,
    pub by_nurse: bool,
    effect: Effect,
}

#[derive(Clone, Debug)]
enum Effect {
    Notification(String),
    NotificationRead(String),
    Alert(String),
    AlertRead(String),
    Acknowledged(String),
    Message(String),
    MessagesRead,
    Execution(String),
    Step(String, String),
    Lines(String, [String; 2]),
    Session(String),
    PatientStatus(String),
    DeviceName(String),
    Status(&'static str),
}

/// What the relay accepted of one writer in one round.
#[derive(Default)]
pub struct Ledger {
    round: u64,
    writer: u64,
    count: usize,
    /// By title, whether it was read.
    notifications: BTreeMap<String, bool>,
    newest_notification: Option<(String, String)>,
    /// By id, whether it was read, and acknowledged.
    alerts: BTreeMap<String, (bool, bool)>,
    newest_alert: Option<String>,
    /// By client id, in their order; how many of them were read.
    messages: Vec<String>,
    newest_message: Option<String>,
    read: usize,
    /// By id, the step and the lines.
    executions: BTreeMap<String, (Option<String>, Vec<String>)>,
    newest_execution: Option<String>,
    sessions: BTreeSet<String>,
    patient_status: Option<String>,
    device_name: Option<String>,
    status: Option<&'static str>,
}

fn call(method: &'static str, params: Value) -> Op {
    Op::Call { method, params }
}

impl Ledger {
    pub fn new(round: u64, writer: u64) -> Self {
        Self { round, writer, ..Self::default() }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The name of a thing of this writer's.
    fn own(&self, kind: &str) -> String {
        format!("{kind}-{}-{}", self.round, self.writer)
    }

    pub fn next(&self, number: u64) -> Deed {
        let name = |kind: &str| format!("{}-{number}", self.own(kind));
        let by_backend = |op, effect| Deed { op, by_nurse: false, effect };
        let by_nurse = |op, effect| Deed { op, by_nurse: true, effect };
        let (nurse, patient, conversation) = (nurse_of(self.round), format!("p-{}", self.round), self.own("c"));
        // Not all begin with the same; marks come after what they mark.
        match (number + self.writer * 5) % 14 {
            1 if self.newest_notification.is_some() => {
                let (id, title) = self.newest_notification.clone().unwrap();
                by_nurse(call("notifications.read", json!({ "ids": [id] })), Effect::NotificationRead(title))
            }
            2 => {
                let data = json!({
                    "id": name("al"), "patientId": patient, "patientName": "Maria", "type": "spo2_low", "severity": "high", "message": "84 %",
                });
                let op = Op::Publish { channel: format!("patient:{patient}"), event: "alert", data, key: name("al") };
                by_backend(op, Effect::Alert(name("al")))
            }
            3 if self.newest_alert.is_some() => {
                let id = self.newest_alert.clone().unwrap();
                by_nurse(call("alerts.read", json!({ "ids": [id] })), Effect::AlertRead(id))
            }
            4 if self.newest_alert.is_some() => {
                let id = self.newest_alert.clone().unwrap();
                by_nurse(call("alerts.acknowledge", json!({ "id": id, "note": "On my way." })), Effect::Acknowledged(id))
            }
            5 => {
                let params =
                    json!({ "conversationId": conversation, "clientId": name("m"), "content": "I feel dizzy.", "sender": "patient" });
                by_backend(call("conversations.send", params), Effect::Message(name("m")))
            }
            6 if self.newest_message.is_some() => {
                let data = json!({ "messageId": self.newest_message, "status": "read", "user": nurse });
                let (channel, key) = (format!("conversation:{conversation}"), name("r"));
                by_nurse(Op::Publish { channel, event: "message_status", data, key }, Effect::MessagesRead)
            }
            7 => by_backend(
                call("executions.create", json!({ "executionId": name("e"), "title": "Report", "key": name("e") })),
                Effect::Execution(name("e")),
            ),
            8 if self.newest_execution.is_some() => {
                let id = self.newest_execution.clone().unwrap();
                let params = json!({ "executionId": id, "status": "running", "step": name("step"), "progress": 0.5 });
                by_backend(call("executions.update", params), Effect::Step(id, name("step")))
            }
            9 if self.newest_execution.is_some() => {
                let (id, lines) = (self.newest_execution.clone().unwrap(), [name("a"), name("b")]);
                by_backend(call("executions.log", json!({ "executionId": id, "lines": lines, "key": name("l") })), Effect::Lines(id, lines))
            }
            10 => {
                let data = json!({ "patientId": patient, "deviceId": name("d"), "phase": "start", "startedAt": NOON_MS });
                let (channel, key) = (format!("patient:{patient}"), name("u"));
                by_backend(Op::Publish { channel, event: "usage_session", data, key }, Effect::Session(name("d")))
            }
            11 => by_backend(
                call("patients.put", json!({ "patientId": self.own("p"), "name": "Maria", "status": name("s") })),
                Effect::PatientStatus(name("s")),
            ),
            12 => by_backend(
                call("devices.put", json!({ "deviceId": self.own("bed"), "name": name("bed") })),
                Effect::DeviceName(name("bed")),
            ),
            13 if !self.messages.is_empty() => {
                let status = if self.status == Some("assumed") { "resolved" } else { "assumed" };
                by_nurse(call("conversations.status", json!({ "conversationId": conversation, "status": status })), Effect::Status(status))
            }
            _ => {
                let to = json!({ "users": [nurse] });
                let params = json!({ "to": to, "title": name("n"), "body": "B", "severity": "low", "key": name("n") });
                by_backend(call("notifications.create", params), Effect::Notification(name("n")))
            }
        }
    }

    pub fn accept(&mut self, deed: Deed, answer: &Value) {
        self.count += 1;
        match deed.effect {
            Effect::Notification(title) => {
                self.newest_notification = Some((answer["ids"][0].as_str().unwrap().to_owned(), title.clone()));
                self.notifications.insert(title, false);
            }
            Effect::NotificationRead(title) => *self.notifications.get_mut(&title).unwrap() = true,
            Effect::Alert(id) => {
                self.newest_alert = Some(id.clone());
                self.alerts.insert(id, (false, false));
            }
            Effect::AlertRead(id) => self.alerts.get_mut(&id).unwrap().0 = true,
            // Who acknowledges has read it.
            Effect::Acknowledged(id) => *self.alerts.get_mut(&id).unwrap() = (true, true),
            Effect::Message(client_id) => {
                self.newest_message = Some(answer["id"].as_str().unwrap().to_owned());
                self.messages.push(client_id);
                // A patient who writes opens it again.
                if self.status == Some("resolved") {
                    self.status = Some("open");
                }
            }
            Effect::MessagesRead => self.read = self.messages.len(),
            Effect::Execution(id) => {
                self.newest_execution = Some(id.clone());
                self.executions.insert(id, (None, Vec::new()));
            }
            Effect::Step(id, step) => self.executions.get_mut(&id).unwrap().0 = Some(step),
            Effect::Lines(id, lines) => self.executions.get_mut(&id).unwrap().1.extend(lines),
            Effect::Session(device) => drop(self.sessions.insert(device)),
            Effect::PatientStatus(status) => self.patient_status = Some(status),
            Effect::DeviceName(name) => self.device_name = Some(name),
            Effect::Status(status) => self.status = Some(status),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// A list as a map; nothing stands in it twice.
fn by<T>(items: &[Value], field: &str, what: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
    let map: BTreeMap<String, T> = items.iter().map(|item| (text(&item[field]), what(item))).collect();
    assert_eq!(map.len(), items.len(), "something is listed twice by {field}: {items:?}");
    map
}

/// The lists of a round say just what was accepted.
pub fn check(door: &mut Door, round: u64, ledgers: &[Ledger]) {
    let all = |of: fn(&Ledger) -> BTreeMap<String, (bool, bool)>| ledgers.iter().flat_map(of).collect::<BTreeMap<_, _>>();

    let listed = door.list("/api/v1/notifications", true);
    let listed = by(&listed, "title", |item| (item["read"].as_bool().unwrap(), false));
    assert_eq!(listed, all(|ledger| ledger.notifications.iter().map(|(title, read)| (title.clone(), (*read, false))).collect()));

    let listed = door.list(&format!("/api/v1/alerts?patientId=p-{round}"), true);
    let listed = by(&listed, "id", |item| (item["read"].as_bool().unwrap(), item["state"] == "acknowledged"));
    assert_eq!(listed, all(|ledger| ledger.alerts.clone()));

    let path = format!("/api/v1/patients/p-{round}/sessions?from={}&to={}", NOON_MS - 1_000, NOON_MS + 1_000);
    let listed = by(&door.list(&path, false), "deviceId", |_| ());
    assert_eq!(listed.into_keys().collect::<BTreeSet<_>>(), ledgers.iter().flat_map(|ledger| ledger.sessions.clone()).collect());

    for ledger in ledgers {
        check_one(door, ledger);
    }
}

fn check_one(door: &mut Door, ledger: &Ledger) {
    let mut listed = door.list(&format!("/api/v1/conversations/{}/messages", ledger.own("c")), false);
    listed.reverse();
    let listed: Vec<(String, bool)> = listed.iter().map(|item| (text(&item["clientId"]), item["status"] == "read")).collect();
    let wanted = ledger.messages.iter().enumerate().map(|(place, id)| (id.clone(), place < ledger.read));
    assert_eq!(listed, wanted.collect::<Vec<_>>());
    if let Some(status) = ledger.status {
        let listed = door.list("/api/v1/conversations", true);
        let own = listed.iter().find(|item| item["conversationId"] == ledger.own("c").as_str());
        assert_eq!(own.unwrap()["status"], status);
    }
    for (id, (step, lines)) in &ledger.executions {
        assert_eq!(door.get(&format!("/api/v1/executions/{id}"), false)["step"].as_str(), step.as_deref(), "{id}");
        let mut listed = door.list(&format!("/api/v1/executions/{id}/log"), false);
        listed.reverse();
        assert_eq!(listed.iter().map(|line| text(&line["text"])).collect::<Vec<_>>(), *lines, "{id}");
    }
    if let Some(status) = &ledger.patient_status {
        assert_eq!(door.get(&format!("/api/v1/patients/{}", ledger.own("p")), false)["status"], status.as_str());
    }
    if let Some(name) = &ledger.device_name {
        assert_eq!(door.get(&format!("/api/v1/devices/{}", ledger.own("bed")), false)["name"], name.as_str());
    }
}
