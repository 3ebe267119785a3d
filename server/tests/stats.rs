//! Dashboard statistics: equal to a recomputation from every event, and told at most once a second where they changed.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use pulsewire_protocol::{
    Alert, ChannelName, Column, DashboardStats, DeviceState, DeviceStatus, Payload, Publication, RawJson, Series, SeriesMap, SessionPhase,
    Severity, Telemetry, UnixMs, UsageSession,
};
use pulsewire_relay::config::Config;
use pulsewire_relay::domain::state::SESSION_ACTIVE_MS;
use pulsewire_relay::domain::{Domain, WardState};
use pulsewire_relay::relay::Tap;
use pulsewire_relay::store::{Place, Store};
use pulsewire_relay::{Clock, Entropy, Moment, Principal, Publisher, Relay};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const START: u64 = 1_700_000_000_000;

fn publication(payload: Payload, ts_ms: u64) -> Publication {
    Publication { offset: None, first_offset: None, payload, ts: UnixMs::from_millis(ts_ms), from: None }
}

fn status(device: &str, status: DeviceState) -> Payload {
    Payload::DeviceStatus(DeviceStatus { device_id: device.to_owned(), status, battery: None, last_seen: None })
}

fn telemetry(device: &str) -> Payload {
    let series = Series { t: Column(vec![1.0]), v: Column(vec![2.0]), unit: None };
    Payload::Telemetry(Telemetry { device_id: device.to_owned(), series: SeriesMap(vec![("ecg".to_owned(), series)]) })
}

fn alert(id: &str, ts_ms: u64) -> Payload {
    Payload::Alert(Alert {
        id: Some(id.to_owned()),
        patient_id: "patient-1".to_owned(),
        patient_name: "Maria Oliveira".to_owned(),
        device_id: None,
        alert_type: "spo2_low".to_owned(),
        severity: Severity::High,
        message: "low".to_owned(),
        ts: Some(UnixMs::from_millis(ts_ms)),
        metadata: None,
    })
}

fn session(patient: &str, phase: SessionPhase, started_ms: u64, compliance: Option<f64>) -> Payload {
    Payload::UsageSession(UsageSession {
        patient_id: patient.to_owned(),
        device_id: "bed-1".to_owned(),
        phase,
        started_at: UnixMs::from_millis(started_ms),
        ended_at: None,
        duration_ms: None,
        compliance,
    })
}

/// The statistics from scratch: walks every event that ever was.
fn recompute(events: &[(u64, Payload)], now_ms: u64) -> DashboardStats {
    let mut devices: BTreeMap<&str, Option<DeviceState>> = BTreeMap::new();
    let mut sessions: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut compliance: BTreeMap<&str, f64> = BTreeMap::new();
    for (at_ms, payload) in events {
        match payload {
            Payload::DeviceStatus(status) => {
                devices.insert(&status.device_id, Some(status.status));
            }
            Payload::Telemetry(telemetry) => {
                devices.entry(&telemetry.device_id).or_insert(None);
            }
            Payload::UsageSession(session) => {
                let key = (session.patient_id.as_str(), session.device_id.as_str());
                match session.phase {
                    SessionPhase::Start => sessions.insert(key, session.started_at.as_millis().min(*at_ms) + SESSION_ACTIVE_MS),
                    SessionPhase::End => sessions.remove(&key),
                };
                if let Some(share) = session.compliance {
                    compliance.insert(&session.patient_id, share);
                }
            }
            _ => {}
        }
    }
    let mean = if compliance.is_empty() { 0.0 } else { compliance.values().sum::<f64>() / compliance.len() as f64 };
    DashboardStats {
        devices: devices.len() as u64,
        online: devices.values().filter(|state| **state == Some(DeviceState::Online)).count() as u64,
        active_alerts: 0,
        active_sessions: sessions.values().filter(|end| **end > now_ms).count() as u64,
        average_compliance: (mean * 10_000.0).round() / 10_000.0,
        viewers: 0,
    }
}

fn event() -> impl Strategy<Value = Payload> {
    let state = prop::sample::select(DeviceState::ALL.to_vec());
    let phase = prop::sample::select(SessionPhase::ALL.to_vec());
    let ago_ms = 0..2 * SESSION_ACTIVE_MS;
    prop_oneof![
        (0..6, state).prop_map(|(device, state)| status(&format!("bed-{device}"), state)),
        (0..8).prop_map(|device| telemetry(&format!("bed-{device}"))),
        // Whole per cent: the mean of thirds differs in its last digit by the order of the sum.
        (0..4, phase, ago_ms, prop::option::of(0..=100_u32)).prop_map(|(patient, phase, ago_ms, share)| {
            session(&format!("patient-{patient}"), phase, START - ago_ms, share.map(|share| f64::from(share) / 100.0))
        }),
        Just(Payload::Custom { event: "note".to_owned(), data: RawJson::parse("{}").unwrap() }),
    ]
}

fn moment(now_ms: u64) -> Moment {
    Moment { unix_ms: now_ms, uptime_ms: now_ms - START }
}

proptest! {
    #[test]
    fn statistics_equal_a_recomputation_from_every_event(events in proptest::collection::vec((0_u64..400_000, event()), 0..120)) {
        let mut ward = WardState::default();
        let mut now_ms = START;
        let mut told = ward.stats(0, 0);
        let mut all = Vec::new();
        for (wait_ms, payload) in events {
            now_ms += wait_ms;
            let expired = ward.expire(now_ms);
            let changed = ward.apply(&publication(payload.clone(), now_ms), moment(now_ms));
            all.push((now_ms, payload));
            let stats = ward.stats(0, 0);
            prop_assert!((stats.average_compliance - recompute(&all, now_ms).average_compliance).abs() <= 0.000_11);
            let same = |s: &DashboardStats| DashboardStats { average_compliance: 0.0, ..s.clone() };
            prop_assert_eq!(same(&stats), same(&recompute(&all, now_ms)));
            // Who is told only of changes must be told of every change.
            prop_assert!(changed || expired || stats == told, "{:?} became {:?} without a word", told, stats);
            told = stats;
        }
        if let Some(end_ms) = ward.next_expiry_ms() {
            prop_assert!(end_ms > now_ms);
            prop_assert!(ward.expire(end_ms), "something ends when it says so");
        }
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<(u64, DashboardStats)>>);

struct SeenTap {
    seen: Arc<Seen>,
    clock: Clock,
}

impl Tap for SeenTap {
    fn handle_publication(&self, _tenant: &str, channel: &ChannelName, publication: &Publication) {
        if let Payload::DashboardStats(stats) = &publication.payload {
            assert_eq!(channel.as_str(), "dashboard");
            self.seen.0.lock().unwrap().push((self.clock.now_ms(), stats.clone()));
        }
    }
    fn handle_viewers(&self, _tenant: &str) {}
}

fn principal(tenant: &str) -> Principal {
    Principal {
        user: "nina".to_owned(),
        name: "Nina".to_owned(),
        tenant: tenant.to_owned(),
        role: Some("nurse".to_owned()),
        expires_at_ms: u64::MAX,
        counts_as_viewer: true,
        subscribe: vec![pulsewire_protocol::Pattern::Everything],
        publish: vec![pulsewire_protocol::Pattern::Everything],
    }
}

struct World {
    relay: Relay,
    seen: Arc<Seen>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    fn start() -> Self {
        let clock = Clock::starting_at(START);
        let relay = Relay::new(Config::development(), clock.clone(), Entropy::from_seed(1));
        let seen = Arc::new(Seen::default());
        let store = Store::open(&Place::Memory, clock.clone(), relay.entropy().clone(), Arc::clone(relay.metrics())).unwrap();
        let domain = Domain::attach(&relay, store);
        relay.add_tap(Arc::new(SeenTap { seen: Arc::clone(&seen), clock }));
        let stop = CancellationToken::new();
        let task = tokio::spawn(domain.run(relay.clone(), stop.clone()));
        Self { relay, seen, stop, task }
    }
    async fn publish(&self, tenant: &str, channel: &str, payload: Payload) {
        self.relay.publish(Publisher::System { tenant }, channel, payload, None).await.unwrap();
    }
    fn seen(&self) -> Vec<(u64, DashboardStats)> {
        self.seen.0.lock().unwrap().clone()
    }
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_changes_is_told_once_a_second_and_ends_with_the_truth() {
    let world = World::start();
    for round in 0..50 {
        let state = if round % 2 == 0 { DeviceState::Online } else { DeviceState::Offline };
        world.publish("demo", &format!("device:bed-{}", round % 7), status(&format!("bed-{}", round % 7), state)).await;
        tokio::time::sleep(Duration::from_millis(90)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = world.seen();
    assert!((4..=6).contains(&seen.len()), "4.5 s of changes are told about five times, not {}", seen.len());
    for pair in seen.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= 1_000, "told twice within a second: {pair:?}");
        assert_ne!(pair[0].1, pair[1].1, "nothing changed");
    }
    assert_eq!(seen.last().unwrap().1.devices, 7);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_counts_until_it_is_resolved() {
    let world = World::start();
    world.publish("demo", "patient:patient-1", alert("a", START)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let nina = principal("demo");
    for method in ["alerts.acknowledge", "alerts.resolve"] {
        world.relay.call(&nina, method, Some(&RawJson::parse(r#"{"id": "a"}"#).unwrap())).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let counts: Vec<u64> = world.seen().iter().map(|(_, stats)| stats.active_alerts).collect();
    assert_eq!(counts, [1, 0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_statistics_of_one_tenant_hold_nothing_of_another() {
    let world = World::start();
    world.publish("north", "device:bed-1", status("bed-1", DeviceState::Online)).await;
    world.publish("south", "device:bed-2", status("bed-2", DeviceState::Online)).await;
    world.publish("south", "device:bed-3", status("bed-3", DeviceState::Offline)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let of = principal;
    let call = async |tenant: &str, method: &str| world.relay.call(&of(tenant), method, None).await.unwrap().as_str().to_owned();
    let north = call("north", "stats.get").await;
    assert!(north.contains("\"devices\":1,\"online\":1,"), "{north}");
    let south = call("south", "devices.list").await;
    assert!(south.contains("bed-2") && south.contains("bed-3") && !south.contains("bed-1"), "{south}");
    let stranger = Principal { subscribe: vec![pulsewire_protocol::Pattern::parse("device:bed-2").unwrap()], ..of("south") };
    let seen = world.relay.call(&stranger, "devices.list", None).await.unwrap();
    assert!(seen.as_str().contains("bed-2") && !seen.as_str().contains("bed-3"), "a pattern bounds what is listed: {seen:?}");
    let refused = world.relay.call(&stranger, "stats.get", None).await.unwrap_err();
    assert_eq!(refused.body.code, pulsewire_protocol::ErrorCode::Forbidden);
    world.end().await;
}

#[test]
fn every_metric_a_device_sends_is_listed_once() {
    let mut ward = WardState::default();
    for _ in 0..3 {
        ward.apply(&publication(telemetry("bed-1"), START), moment(START));
    }
    assert_eq!(ward.devices().get("bed-1").unwrap().metrics, BTreeSet::from(["ecg".to_owned()]));
    assert_eq!(ward.stats(0, 4).online, 0, "telemetry alone says nothing of the status");
}
