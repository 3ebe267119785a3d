//! Runs the feeds: reads the clock, asks each feed what happened, publishes it by the path that everyone's events take.

use super::{Feed, FeedEvent, Recording, RecordingError, Replay, STEP_MS, Ward};
use crate::auth::Publisher;
use crate::config::FeedConfig;
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use crate::relay::Relay;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// After the first, one refused event in so many is logged: a feed that is refused is refused twelve times a second.
const LOG_EVERY: u64 = 1_000;

/// Why the feeds cannot start.
pub type FeedError = RecordingError;

/// The feeds that a configuration asks for.
pub struct Feeds {
    feeds: Vec<Box<dyn Feed>>,
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
        if config.simulate > 0 {
            let recorded: Vec<String> = feeds.iter().flat_map(|feed| feed.devices()).collect();
            feeds.push(Box::new(Ward::new(config.seed, config.simulate, now_ms).without(&recorded)));
        }
        Ok((!feeds.is_empty()).then(|| Self { feeds, tenant: config.tenant.clone(), refused: 0 }))
    }

    /// The devices of all feeds.
    pub fn devices(&self) -> Vec<String> {
        self.feeds.iter().flat_map(|feed| feed.devices()).collect()
    }

    /// Publishes until the shutdown.
    pub async fn run(mut self, relay: Relay, shutdown: CancellationToken) {
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
