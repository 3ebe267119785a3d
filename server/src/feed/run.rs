//! Runs the feeds: reads the clock, asks each feed what happened, publishes it by the path that everyone's events take.
//!
//! What a hospital's backend would say about a bed beforehand (whose it is, how long a day it shall be worn) is said by the same request
//! as its own (`devices.put`), so that the relay finds usage sessions and compliance.

use super::{Feed, FeedEvent, Recording, RecordingError, Replay, STEP_MS, TARGET_USE_MS_PER_DAY, Ward};
use crate::auth::{Principal, Publisher};
use crate::config::FeedConfig;
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use crate::relay::Relay;
use pulsewire_protocol::{ErrorCode, Pattern, RawJson};
use serde::Serialize;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// After the first, one refused event in so many is logged: a feed that is refused is refused twelve times a second.
const LOG_EVERY: u64 = 1_000;

/// `devices.put`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered<'a> {
    device_id: &'a str,
    patient_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_use_ms_per_day: Option<u64>,
}

/// Why the feeds cannot start.
pub type FeedError = RecordingError;

/// The feeds that a configuration asks for.
pub struct Feeds {
    feeds: Vec<Box<dyn Feed>>,
    /// Devices of a recording, which has no week behind it that a target could be held against.
    recorded: Vec<String>,
    tenant: String,
    refused: u64,
}

impl Feeds {
    /// Opens what the configuration asks for, to begin at `now_ms`; `None` where it asks for nothing. Beds that the recording
    /// has are left out of the simulated ward: one device, one source.
    pub fn open(config: &FeedConfig, now_ms: u64) -> Result<Option<Self>, FeedError> {
        let now_ms = now_ms as f64;
        let mut feeds: Vec<Box<dyn Feed>> = Vec::new();
        if let Some(file) = &config.replay {
            feeds.push(Box::new(Replay::new(Recording::open(file)?, config.speed, now_ms)));
        }
        let recorded: Vec<String> = feeds.iter().flat_map(|feed| feed.devices()).collect();
        if config.simulate > 0 {
            feeds.push(Box::new(Ward::new(config.seed, config.simulate, now_ms).without(&recorded)));
        }
        Ok((!feeds.is_empty()).then(|| Self { feeds, recorded, tenant: config.tenant.clone(), refused: 0 }))
    }

    /// The devices of all feeds.
    pub fn devices(&self) -> Vec<String> {
        self.feeds.iter().flat_map(|feed| feed.devices()).collect()
    }

    /// Says whose the beds are, then publishes until the shutdown.
    pub async fn run(mut self, relay: Relay, shutdown: CancellationToken) {
        register(&relay, &self.tenant, &self.devices(), &self.recorded).await;
        let mut steps = tokio::time::interval(Duration::from_millis(STEP_MS));
        steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while shutdown.run_until_cancelled(steps.tick()).await.is_some() {
            self.step(&relay).await;
        }
    }

    /// Publishes everything up to now.
    pub async fn step(&mut self, relay: &Relay) {
        let now_ms = relay.clock().now_ms() as f64;
        let events: Vec<FeedEvent> = self.feeds.iter_mut().flat_map(|feed| feed.advance(now_ms)).collect();
        for FeedEvent { channel, payload } in events {
            let event = payload.event().to_owned();
            let Err(error) = relay.publish(Publisher::System { tenant: &self.tenant }, &channel, payload, None).await else {
                relay.metrics().events_in(Door::Feed, 1);
                continue;
            };
            if self.refused.is_multiple_of(LOG_EVERY) {
                fault!(warning, Feed, %channel, event, %error, refused = self.refused + 1, "a feed's event was refused");
            }
            self.refused += 1;
        }
    }
}

/// Registers `bed-N` for `patient-N`. A relay without the domain's services keeps no devices, and needs none.
async fn register(relay: &Relay, tenant: &str, devices: &[String], recorded: &[String]) {
    let backend = Principal {
        user: "feed".to_owned(),
        name: "feed".to_owned(),
        tenant: tenant.to_owned(),
        role: Some("service".to_owned()),
        expires_at_ms: u64::MAX,
        counts_as_viewer: false,
        subscribe: Vec::new(),
        publish: vec![Pattern::Everything],
    };
    for device in devices {
        let Some(number) = device.strip_prefix("bed-") else { continue };
        let target_use_ms_per_day = (!recorded.contains(device)).then_some(TARGET_USE_MS_PER_DAY);
        let put = Registered { device_id: device, patient_id: format!("patient-{number}"), target_use_ms_per_day };
        let Ok(params) = RawJson::from_value(&put) else { continue };
        match relay.call(&backend, "devices.put", Some(&params)).await {
            Ok(_) => {}
            Err(refusal) if refusal.body.code == ErrorCode::NotFound => return,
            Err(refusal) => fault!(warning, Feed, %device, error = refusal.detail(), "a feed's device could not be registered"),
        }
    }
}
