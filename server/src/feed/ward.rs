//! A simulated ward: beds whose sensors, batteries, alerts and use all follow from one seed.
//!
//! A generator of time: it is told what time it is and hands out everything that happened since, so tests run an hour in a
//! moment. Decisions fall on whole seconds, samples on their own clock; the steps it is asked in change nothing.
//!
//! A device says once a second whether it is worn (`inUse`); what sessions that makes is found by the relay, as with real devices. Only
//! what was before it began is told as sessions, because nobody was there to measure it.
//!
//! Limits: bed-1 stays online, because a visitor looks at it first; the others go offline or into maintenance now and then.

use super::pattern::{self, Episode};
use super::signals::{Signals, Vitals};
use super::{Feed, FeedEvent, MAX_LAG_MS, STATUS_EVERY_MS, TARGET_USE_MS_PER_DAY, status};
use pulsewire_protocol::{DeviceState, Payload, SessionPhase, UnixMs, UsageSession};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use super::pattern::patient_name;

const SECOND_MS: f64 = 1_000.0;
/// A battery lasts about two hours and charges in eight minutes: a demo must show both.
const DRAIN_PER_SECOND: f64 = 0.000_14;
const CHARGE_PER_SECOND: f64 = 0.002;
const BATTERY_LOW: f64 = 0.15;
const DAY_MS: f64 = 86_400_000.0;
/// Days before today whose sessions are told.
const PAST_DAYS: u32 = 7;
/// Today's session before the ward began ended so long ago, or earlier.
const PAUSE_MS: f64 = 60_000.0;

/// One bed.
struct Bed {
    number: usize,
    device: String,
    signals: Signals,
    usual: Vitals,
    state: DeviceState,
    /// When an offline device comes back.
    back_ms: f64,
    battery: f64,
    charging: bool,
    episode: Option<Running>,
    status_due_ms: f64,
    /// The share of its target that a usual day comes to.
    compliance: f64,
    in_use: bool,
    usage_turns_ms: f64,
    began: bool,
}

/// An episode under way.
struct Running {
    episode: Episode,
    told: bool,
    ends_ms: f64,
}

/// The ward.
pub struct Ward {
    rng: StdRng,
    beds: Vec<Bed>,
    /// The next whole second.
    tick_ms: f64,
    next_episode_ms: f64,
    next_outage_ms: f64,
    events: Vec<FeedEvent>,
}

impl Ward {
    /// A ward of so many beds that begins at `now_ms`.
    pub fn new(seed: u64, beds: u32, now_ms: f64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let beds = (1..=beds as usize).map(|number| Bed::new(number, seed, now_ms, &mut rng)).collect();
        Self { rng, beds, tick_ms: now_ms, next_episode_ms: now_ms + 3_000.0, next_outage_ms: now_ms + 20_000.0, events: Vec::new() }
    }

    /// The ward without these devices, which another feed speaks for.
    #[must_use]
    pub fn without(mut self, devices: &[String]) -> Self {
        self.beds.retain(|bed| !devices.contains(&bed.device));
        self
    }

    fn tick(&mut self, now_ms: f64) {
        for bed in &mut self.beds {
            bed.tick(now_ms, &mut self.rng, &mut self.events);
        }
        if now_ms >= self.next_episode_ms {
            self.next_episode_ms = now_ms + self.rng.random_range(14.0..32.0) * SECOND_MS;
            let episode = Episode::draw(&mut self.rng);
            let ends_ms = now_ms + self.rng.random_range(25.0..40.0) * SECOND_MS;
            if let Some(bed) = self.pick(|bed| bed.episode.is_none() && bed.state == DeviceState::Online) {
                bed.signals.target = episode.target(bed.usual);
                bed.episode = Some(Running { episode, told: false, ends_ms });
            }
        }
        if now_ms >= self.next_outage_ms {
            self.next_outage_ms = now_ms + self.rng.random_range(30.0..70.0) * SECOND_MS;
            let state = if self.rng.random_bool(0.7) { DeviceState::Offline } else { DeviceState::Maintenance };
            let back_ms = now_ms + self.rng.random_range(15.0..40.0) * SECOND_MS;
            if let Some(bed) = self.pick(|bed| bed.number > 1 && bed.state == DeviceState::Online && bed.episode.is_none()) {
                bed.state = state;
                bed.back_ms = back_ms;
                bed.status_due_ms = now_ms;
            }
        }
    }

    /// One of the beds that fit, drawn from the ward's generator.
    fn pick(&mut self, fits: impl Fn(&Bed) -> bool) -> Option<&mut Bed> {
        let count = self.beds.iter().filter(|bed| fits(bed)).count();
        let chosen = if count == 0 { return None } else { self.rng.random_range(0..count) };
        self.beds.iter_mut().filter(|bed| fits(bed)).nth(chosen)
    }
}

impl Feed for Ward {
    fn advance(&mut self, now_ms: f64) -> Vec<FeedEvent> {
        if now_ms - self.tick_ms > MAX_LAG_MS {
            let missed = ((now_ms - self.tick_ms) / SECOND_MS).floor();
            self.tick_ms += missed * SECOND_MS;
            for bed in &mut self.beds {
                bed.signals.skip(self.tick_ms);
            }
        }
        while self.tick_ms <= now_ms {
            let tick_ms = self.tick_ms;
            for bed in &mut self.beds {
                bed.signals.advance(tick_ms, bed.state == DeviceState::Online);
            }
            self.tick(tick_ms);
            self.tick_ms += SECOND_MS;
        }
        for bed in &mut self.beds {
            bed.signals.advance(now_ms, bed.state == DeviceState::Online);
            self.events.extend(bed.signals.take(&bed.device));
        }
        std::mem::take(&mut self.events)
    }
    fn devices(&self) -> Vec<String> {
        self.beds.iter().map(|bed| bed.device.clone()).collect()
    }
}

impl Bed {
    fn new(number: usize, seed: u64, now_ms: f64, rng: &mut StdRng) -> Self {
        // A generator of its own for each bed: another bed more changes nothing about this one's signals.
        let signals = Signals::new(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), now_ms);
        let mut bed = Self {
            number,
            device: format!("bed-{number}"),
            usual: signals.vitals,
            signals,
            state: DeviceState::Online,
            back_ms: now_ms,
            battery: rng.random_range(0.3..1.0),
            charging: false,
            episode: None,
            status_due_ms: now_ms,
            compliance: rng.random_range(0.55..0.98),
            in_use: number == 1 || rng.random_bool(0.5),
            usage_turns_ms: now_ms + rng.random_range(40.0..120.0) * SECOND_MS,
            began: false,
        };
        if number == 5 {
            // So that a fresh page shows all three states within its first minute.
            bed.state = DeviceState::Maintenance;
            bed.back_ms = now_ms + 45.0 * SECOND_MS;
        }
        bed
    }

    /// One second of this bed's story.
    fn tick(&mut self, now_ms: f64, rng: &mut StdRng, events: &mut Vec<FeedEvent>) {
        if self.state != DeviceState::Online && now_ms >= self.back_ms {
            self.state = DeviceState::Online;
            self.status_due_ms = now_ms;
        }
        self.signals.tick(now_ms, self.state == DeviceState::Online);
        self.battery_tick(now_ms, events);
        self.episode_tick(now_ms, events);
        self.usage_tick(now_ms, rng, events);
        if now_ms >= self.status_due_ms {
            self.status_due_ms = now_ms + STATUS_EVERY_MS;
            events.push(status(&self.device, self.state, self.battery, now_ms));
        }
    }

    fn battery_tick(&mut self, now_ms: f64, events: &mut Vec<FeedEvent>) {
        let before = self.battery;
        self.battery = (before + if self.charging { CHARGE_PER_SECOND } else { -DRAIN_PER_SECOND }).clamp(0.0, 1.0);
        if before > BATTERY_LOW && self.battery <= BATTERY_LOW {
            events.push(self.alert(pattern::battery_alert(self.number, self.battery, now_ms)));
            self.charging = true;
            self.status_due_ms = now_ms;
        }
        self.charging &= self.battery < 1.0;
    }

    fn episode_tick(&mut self, now_ms: f64, events: &mut Vec<FeedEvent>) {
        let vitals = self.signals.vitals;
        let Some(running) = &mut self.episode else { return };
        // The vital signs need some seconds to get where the alert says they are.
        let alert = if running.told { None } else { running.episode.alert(self.number, vitals, now_ms) };
        running.told |= alert.is_some();
        if now_ms >= running.ends_ms {
            self.episode = None;
            self.signals.target = self.usual;
        }
        events.extend(alert.map(|alert| self.alert(alert)));
    }

    fn usage_tick(&mut self, now_ms: f64, rng: &mut StdRng, events: &mut Vec<FeedEvent>) {
        if !std::mem::replace(&mut self.began, true) {
            events.extend(self.past(now_ms, rng));
        }
        if now_ms >= self.usage_turns_ms {
            self.in_use = !self.in_use;
            // Worn more often than not.
            let seconds = if self.in_use { rng.random_range(90.0..240.0) } else { rng.random_range(20.0..60.0) };
            self.usage_turns_ms = now_ms + seconds * SECOND_MS;
        }
        if self.state == DeviceState::Online {
            self.signals.wears(now_ms, self.in_use);
        }
    }

    /// A session of each day from its first minute (UTC), the oldest first, today's as far as it could go: a ward has a past, so compliance is
    /// known from the first second. They begin at the same times whenever it is started, so a ward that is started again tells none twice.
    fn past(&self, now_ms: f64, rng: &mut StdRng) -> Vec<FeedEvent> {
        let today_ms = (now_ms / DAY_MS).floor() * DAY_MS;
        let day = |ago: u32| {
            let share = (self.compliance + rng.random_range(-0.15..0.15)).clamp(0.2, 1.0);
            let began_ms = today_ms - f64::from(ago) * DAY_MS;
            let duration_ms = (share * TARGET_USE_MS_PER_DAY as f64).min(now_ms - PAUSE_MS - began_ms).floor();
            if duration_ms <= 0.0 {
                return None;
            }
            let share = duration_ms / TARGET_USE_MS_PER_DAY as f64;
            let session = UsageSession {
                patient_id: format!("patient-{}", self.number),
                device_id: self.device.clone(),
                phase: SessionPhase::End,
                started_at: UnixMs(began_ms),
                ended_at: Some(UnixMs(began_ms + duration_ms)),
                duration_ms: Some(duration_ms as u64),
                compliance: Some((share * 100.0).round() / 100.0),
            };
            Some(FeedEvent { channel: format!("patient:patient-{}", self.number), payload: Payload::UsageSession(session) })
        };
        (0..=PAST_DAYS).rev().filter_map(day).collect()
    }

    fn alert(&self, alert: pulsewire_protocol::Alert) -> FeedEvent {
        // Published to the patient; the relay brings it to the tenant's channel too.
        FeedEvent { channel: format!("patient:patient-{}", self.number), payload: Payload::Alert(alert) }
    }
}
