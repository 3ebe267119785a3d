//! Usage sessions and compliance (D4): found from telemetry, told at start and end, kept through a restart.
//!
//! A device that is registered for a patient is followed: its points are seconds of use (of `inUse`, where it sends that metric: 0 is
//! no use), and [`finder`] says what sessions they make. Points may come in any order and up to [`LATE_S`] late; what they change
//! afterwards is corrected and told again as the `end` of the session that it is now.
//!
//! Telemetry waits for no disk: the state lives in memory, and starts, ends and states are written together, once a second at most. A
//! relay that is killed forgets the last seconds; what a device sends then goes on where it was.
//!
//! Compliance is the use of a day (UTC) beside the device's target, at most 1. What a backend publishes as `usage_session` itself is
//! kept too.

pub mod finder;
mod rows;
pub mod tracked;

use super::dashboard::Dashboard;
use super::params::Fields;
use super::rights;
use super::service::{Service, answer};
use crate::auth::Principal;
use crate::config::{RetentionConfig, days_ms};
use crate::observe::faults::fault;
use crate::relay::{Asked, Incoming, Methods, Refusal, Relay};
use crate::store::{Store, StoreError, Tx};
use finder::Session;
use futures_util::future::BoxFuture;
use pulsewire_protocol::{EventKind, Payload, RawJson, SessionPhase, UnixMs, UsageSession};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracked::{Change, Turn};

/// What changed is looked for so often.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// Devices of one write: others come in between.
const KEPT_AT_ONCE: usize = 500;
const DAY_MS: i64 = 86_400_000;
/// The time of a list where nothing is said.
const LISTED_MS: i64 = 7 * DAY_MS;
/// The longest.
const MAX_LISTED_MS: i64 = 366 * DAY_MS;

/// One of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    patient_id: String,
    device_id: String,
    started_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<f64>,
}

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
    /// Of the days that are asked for; null where no device of the patient has a target.
    compliance: Option<f64>,
    next: Option<String>,
}

/// See the module.
pub struct Usage {
    store: Store,
    dashboard: Arc<Dashboard>,
    kept_ms: i64,
    /// What was kept has been read.
    loaded: OnceCell<()>,
}

impl Methods for Usage {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        (method == "sessions.list").then(|| Box::pin(self.list(by, params)) as BoxFuture<'a, _>)
    }
}

impl Usage {
    /// On that store, with the state that the dashboard gathers.
    pub fn new(store: Store, dashboard: Arc<Dashboard>, retention: RetentionConfig) -> Arc<Self> {
        Arc::new(Self { store, dashboard, kept_ms: days_ms(retention.sessions_days), loaded: OnceCell::new() })
    }

    /// Reads what was kept, the first time: states to go on from, and what the statistics are made of.
    pub async fn load(&self) -> Result<(), StoreError> {
        let load = || async {
            let (states, sessions) = self.store.read("sessions", |db| Ok((rows::states(db)?, rows::newest(db)?))).await?;
            let now_ms = self.store.clock().now_ms();
            for (tenant, device, state) in states {
                self.dashboard.with_ward_mut(&tenant, |ward| ward.usages_mut().restore(&device, state));
            }
            for (tenant, session) in sessions {
                self.dashboard.with_ward_mut(&tenant, |ward| ward.handle_session(&session, now_ms));
                self.dashboard.mark(&tenant);
            }
            Ok::<_, StoreError>(())
        };
        self.loaded.get_or_try_init(load).await?;
        Ok(())
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let now_ms = i64::try_from(self.store.clock().now_ms()).unwrap_or(i64::MAX);
        let mut fields = Fields::read(params)?;
        let patient = fields.id("patientId");
        let to_ms = fields.optional_time_ms("to").unwrap_or(now_ms.saturating_add(1));
        let from_ms = fields.optional_time_ms("from").unwrap_or(to_ms.saturating_sub(LISTED_MS));
        let page = fields.page::<2>("sessions");
        if from_ms >= to_ms || to_ms.saturating_sub(from_ms) > MAX_LISTED_MS {
            fields.blame("from", "is to lie before `to`, at most 366 days");
        }
        fields.finish()?;
        rights::may_read(by, &format!("patient:{patient}"))?;
        let found = self.dashboard.with_devices(&by.tenant, |devices| {
            let own = devices.after("").filter(|device| device.patient_id.as_ref() == Some(&patient));
            own.filter_map(|device| Some((device.device_id.clone(), device.target_use_ms_per_day?.cast_signed()))).collect()
        });
        let targets: BTreeMap<String, i64> = found.unwrap_or_default();
        let tenant = by.tenant.clone();
        let read = self.store.read("sessions.list", move |db| {
            let items = rows::list(db, &tenant, &patient, from_ms, to_ms, now_ms, &page)?;
            let compliance = rows::compliance(db, &tenant, &patient, &targets, from_ms, to_ms, now_ms)?;
            Ok(List { items: items.items, compliance, next: items.next })
        });
        answer(&read.await?)
    }

    /// Keeps and tells what changed, until the shutdown.
    pub async fn run(&self, relay: &Relay, shutdown: &CancellationToken) {
        loop {
            if let Err(error) = self.load().await {
                fault!(error, Store, %error, "the usage sessions that are kept could not be read: it is tried again");
            }
            let stopping = shutdown.run_until_cancelled(tokio::time::sleep(LOOKED_EVERY)).await.is_none();
            let now_s = self.store.clock().now_ms() / 1_000;
            // Before what was kept is known, nothing is kept over it.
            if self.loaded.initialized() {
                for (tenant, turns) in self.dashboard.of_each_ward(|ward| ward.usage_turns(now_s)) {
                    for some in turns.chunks(KEPT_AT_ONCE) {
                        self.keep_turns(relay, &tenant, some).await;
                    }
                }
            }
            if stopping {
                return;
            }
        }
    }

    async fn keep_turns(&self, relay: &Relay, tenant: &str, turns: &[(Turn, Option<u64>)]) {
        let (of, kept) = (tenant.to_owned(), turns.to_vec());
        let written = self.store.write("sessions", move |tx| {
            let mut told = Vec::new();
            for (turn, target_ms) in &kept {
                for change in &turn.changes {
                    let session = told_of(turn, change);
                    match change {
                        Change::Gone(_) => rows::remove(tx, &of, &session)?,
                        _ => {
                            rows::put(tx, &of, &session)?;
                            let compliance = rows::of_day(tx, &of, &session, *target_ms)?;
                            told.push(UsageSession { compliance, ..session });
                        }
                    }
                }
                rows::put_state(tx, &of, &turn.device, &turn.patient, turn.state.as_deref())?;
            }
            Ok(told)
        });
        let told = written.await;
        self.dashboard.with_ward_mut(tenant, |ward| {
            let usages = ward.usages_mut();
            turns.iter().for_each(|(turn, _)| if told.is_ok() { usages.confirm(turn) } else { usages.give_back(turn) });
        });
        match told {
            Ok(told) => tell(relay, tenant, told).await,
            Err(error) => fault!(warning, Store, %error, "usage sessions could not be kept: it is tried again"),
        }
    }
}

async fn tell(relay: &Relay, tenant: &str, told: Vec<UsageSession>) {
    let asked = |session: UsageSession| Asked {
        channel: format!("patient:{}", session.patient_id),
        payload: Payload::UsageSession(session),
        key: None,
    };
    let asked: Vec<Asked> = told.into_iter().map(asked).collect();
    if asked.is_empty() {
        return;
    }
    if let Err(error) = relay.tell_kept(tenant, asked).await {
        fault!(warning, Store, %error, "usage sessions were kept and could not be told: they are found in the list");
    }
}

fn told_of(turn: &Turn, change: &Change) -> UsageSession {
    let (Change::Goes(session) | Change::Ended(session) | Change::Gone(session)) = change;
    let Session { from_s, to_s, ended } = *session;
    let at = |second: u64| UnixMs::from_millis(second.saturating_mul(1_000));
    UsageSession {
        patient_id: turn.patient.clone(),
        device_id: turn.device.clone(),
        phase: if ended { SessionPhase::End } else { SessionPhase::Start },
        started_at: at(from_s),
        ended_at: ended.then(|| at(to_s)),
        duration_ms: ended.then(|| to_s.saturating_sub(from_s).saturating_mul(1_000)),
        compliance: None,
    }
}

impl Service for Usage {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::UsageSession]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        match &incoming.publication.payload {
            Payload::UsageSession(session) => rows::put(tx, &incoming.tenant, session),
            _ => Ok(()),
        }
    }

    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        rows::expire(tx, tx.now_ms().saturating_sub(self.kept_ms), most)
    }
}
