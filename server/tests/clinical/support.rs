//! A relay with its domain under virtual time, and what it told.

use pulsewire_protocol::schema::TOLD_EVENTS;
use pulsewire_protocol::{Alert, ChannelName, ErrorBody, Pattern, Payload, Publication, RawJson, Severity, UnixMs};
use pulsewire_relay::config::Config;
use pulsewire_relay::domain::Domain;
use pulsewire_relay::relay::{Refusal, Tap};
use pulsewire_relay::store::{Place, Store};
use pulsewire_relay::{Clock, Entropy, Principal, Publisher, Relay};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const START_MS: u64 = 1_800_000_000_000;

/// What was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<(String, Payload)>>);

impl Tap for Told {
    fn handle_publication(&self, _: &str, channel: &ChannelName, publication: &Publication) {
        self.0.lock().unwrap().push((channel.to_string(), publication.payload.clone()));
    }
    fn handle_viewers(&self, _: &str) {}
}

/// What a test here publishes itself, as an application would.
pub const OF_A_TEST: &str = "self_test";

impl Told {
    /// Each is as docs/asyncapi.json says: its event stands there, and its data passes the schema.
    fn assert_documented(&self) {
        let validator = documented();
        for (channel, payload) in self.0.lock().unwrap().iter() {
            // Opaque data travels as it was written, and JSON has numbers that no double holds: this reader cannot check those.
            let Ok(data) = serde_json::from_str::<Value>(payload.data_json().unwrap().as_str()) else { continue };
            let event = json!({ "type": "event", "channel": channel, "event": payload.event(), "ts": START_MS, "data": data });
            if payload.event() == OF_A_TEST {
                continue;
            }
            assert!(payload.kind().is_some() || TOLD_EVENTS.contains(&payload.event()), "docs/asyncapi.json does not know {event}");
            assert!(validator.is_valid(&event), "not as documented: {}: {event}", validator.validate(&event).unwrap_err());
        }
    }
}

/// The message `event` of docs/asyncapi.json.
fn documented() -> &'static jsonschema::Validator {
    static VALIDATOR: OnceLock<jsonschema::Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut root = document["components"]["messages"]["event"]["payload"].clone();
        root["components"] = document["components"].clone();
        jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(&root).unwrap()
    })
}

pub struct World {
    pub relay: Relay,
    pub store: Store,
    told: Arc<Told>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl World {
    /// In memory, as a development relay has it.
    pub fn start() -> Self {
        Self::start_at(&Place::Memory, START_MS, Config::development())
    }

    pub fn start_at(place: &Place, now_ms: u64, config: Config) -> Self {
        Self::on(Relay::new(config, Clock::starting_at(now_ms), Entropy::from_seed(7)), place)
    }

    /// On that relay.
    pub fn on(relay: Relay, place: &Place) -> Self {
        let store = Store::open(place, relay.clock().clone(), relay.entropy().clone(), Arc::clone(relay.metrics())).unwrap();
        let domain = Domain::attach(&relay, store.clone());
        let told = Arc::new(Told::default());
        relay.add_tap(Arc::clone(&told) as Arc<dyn Tap>);
        let stop = CancellationToken::new();
        let running = tokio::spawn(domain.run(relay.clone(), stop.clone()));
        Self { relay, store, told, stop, running }
    }

    /// Goes down in order, as the process would.
    pub async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
        self.store.close().await;
        self.told.assert_documented();
    }

    /// Is gone at once, as by `kill -9`: nothing is written any more.
    pub async fn kill(self) {
        self.running.abort();
        let _cancelled = self.running.await;
        self.store.close().await;
        self.told.assert_documented();
    }

    pub async fn publish(&self, channel: &str, payload: Payload) -> Result<(), ErrorBody> {
        let backend = principal("backend", "service");
        self.relay.publish(Publisher::Principal(&backend), channel, payload, None).await.map(drop)
    }

    pub async fn ask(&self, by: &Principal, method: &str, params: Value) -> Result<Value, Refusal> {
        let params = RawJson::from_value(&params).unwrap();
        let answer = self.relay.call(by, method, Some(&params)).await?;
        Ok(serde_json::from_str(answer.as_str()).unwrap())
    }

    /// All events that were told, each once.
    pub fn events(&self) -> BTreeSet<String> {
        self.told.0.lock().unwrap().iter().map(|(_, payload)| payload.event().to_owned()).collect()
    }

    /// The data of that event on that channel, in order.
    pub fn told(&self, channel: &str, event: &str) -> Vec<Value> {
        let told = self.told.0.lock().unwrap();
        let wanted = told.iter().filter(|(on, payload)| on == channel && payload.event() == event);
        wanted.map(|(_, payload)| serde_json::from_str(payload.data_json().unwrap().as_str()).unwrap()).collect()
    }
}

/// A folder that goes with the test.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pulsewire-clinical-{name}-{}", std::process::id()));
        let _missing = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
    pub fn place(&self) -> Place {
        Place::Folder(self.0.clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

pub fn principal(user: &str, role: &str) -> Principal {
    Principal {
        user: user.to_owned(),
        name: format!("Name of {user}"),
        tenant: "ward".to_owned(),
        role: Some(role.to_owned()),
        expires_at_ms: u64::MAX,
        counts_as_viewer: true,
        subscribe: vec![Pattern::Everything],
        publish: vec![Pattern::Everything],
    }
}

pub fn nurse(user: &str) -> Principal {
    principal(user, "nurse")
}

/// Who may read these channels alone.
pub fn who_reads(user: &str, channels: &[&str]) -> Principal {
    Principal { subscribe: channels.iter().map(|channel| Pattern::parse(channel).unwrap()).collect(), ..nurse(user) }
}

pub fn alert_of(id: &str, patient: &str, severity: Severity) -> Alert {
    Alert {
        id: Some(id.to_owned()),
        patient_id: patient.to_owned(),
        patient_name: "Maria Oliveira".to_owned(),
        device_id: Some("bed-1".to_owned()),
        alert_type: "spo2_low".to_owned(),
        severity,
        message: "SpO2 at 84 %".to_owned(),
        ts: Some(UnixMs::from_millis(START_MS)),
        metadata: None,
    }
}
