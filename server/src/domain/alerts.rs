//! Alerts (D2): kept before they are accepted, listed, counted, read by each user, acknowledged and resolved.
//!
//! An alert is `active` until somebody acknowledges it (`acknowledged`) or resolves it (`resolved`, with or without the former). The
//! first who does stays; a repetition changes nothing and gives the alert as it stands. What changes is told as `alert_updated` on
//! the patient's channel and on `tenant`, read marks as `alert_read` on `user:{id}`. Unread is what a user has not read and nobody
//! has resolved.
//!
//! Nothing ends by itself but by age (`retention.alerts_days`): an alert that nobody resolves counts as active until then.

mod rows;

use super::params::{Fields, TEXT_BYTES};
use super::rights::may_act;
use super::scope::Scope;
use super::service::{Service, answer, is_news, tell};
use crate::auth::Principal;
use crate::config::days_ms;
use crate::relay::{Asked, Incoming, Methods, Refusal, Relay, WeakRelay};
use crate::store::{Store, StoreError, Tx};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{Alert, EventKind, Ids, Payload, RawJson, Severity, UnixMs};
use rows::Wanted;
use serde::Serialize;
use serde_json::{Value, json};

/// Ids of one request.
pub const MAX_IDS: usize = 1_000;
/// The event that tells a change.
pub const UPDATED: &str = "alert_updated";
/// Ids of one event, and rows that one write of `{all: true}` marks.
const IDS_PER_EVENT: usize = 500;
const SEVERITIES: &str = "critical, high, medium, low";

/// How far an alert was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has taken it on.
    Active,
    /// Somebody has seen to it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl State {
    fn parse(word: &str) -> Self {
        match word {
            "acknowledged" => Self::Acknowledged,
            "resolved" => Self::Resolved,
            _ => Self::Active,
        }
    }
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Acknowledge,
    Resolve,
}

impl Change {
    const fn method(self) -> &'static str {
        match self {
            Self::Acknowledge => "alerts.acknowledge",
            Self::Resolve => "alerts.resolve",
        }
    }
}

/// One of a list, and the data of `alert_updated`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(flatten)]
    alert: Alert,
    /// Of the user who asks; the event is for all and has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_by_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_at: Option<UnixMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledge_note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_by_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<UnixMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve_note: Option<String>,
    /// The newest note.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The cache keys of what it changes, in the event alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidates: Option<Value>,
}

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
    unread: i64,
    next: Option<String>,
}

#[derive(Serialize)]
struct Unread {
    unread: i64,
}

/// See the module.
pub struct Alerts {
    store: Store,
    relay: WeakRelay,
    kept_ms: i64,
    acting_roles: Vec<String>,
}

/// How many alerts of a tenant nobody has resolved.
pub async fn count_active(store: &Store, tenant: &str) -> Result<u64, StoreError> {
    let tenant = tenant.to_owned();
    store.read("stats", move |db| rows::active(db, &tenant)).await
}

impl Methods for Alerts {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "alerts.list" => Box::pin(self.list(by, params)),
            "alerts.read" => Box::pin(self.read(by, params)),
            "alerts.acknowledge" => Box::pin(self.change(by, params, Change::Acknowledge)),
            "alerts.resolve" => Box::pin(self.change(by, params, Change::Resolve)),
            _ => return None,
        })
    }
}

impl Alerts {
    /// On that store, for that relay.
    pub fn new(store: Store, relay: &Relay) -> Self {
        let config = relay.config();
        let (kept_ms, acting_roles) = (days_ms(config.retention.alerts_days), config.auth.acting_roles.clone());
        Self { store, relay: relay.downgrade(), kept_ms, acting_roles }
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let wanted = Wanted {
            patient: fields.optional_id("patientId"),
            severity: fields.optional_word::<Severity>("severity", SEVERITIES),
            state: state(&mut fields),
            unread: fields.flag("unread"),
            from_ms: fields.optional_time_ms("from"),
            to_ms: fields.optional_time_ms("to"),
            page: fields.page::<1>("alerts"),
        };
        fields.finish()?;
        let scope = Scope::of(by);
        let read = self.store.read("alerts.list", move |db| {
            let page = rows::list(db, &scope, &wanted)?;
            Ok(List { items: page.items, unread: rows::unread(db, &scope)?, next: page.next })
        });
        answer(&read.await?)
    }

    async fn read(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let all = fields.flag("all");
        let ids = fields.optional_ids("ids", MAX_IDS);
        if all == fields.value("ids").is_some() {
            fields.blame("ids", "name the ids, or say all: true; one of both");
        }
        fields.finish()?;
        let scope = Scope::of(by);
        let Some(ids) = ids else { return answer(&Unread { unread: self.read_all(by, scope).await? }) };
        let written = self.store.write("alerts.read", move |tx| {
            let marked = rows::mark(tx, &scope, &ids)?;
            Ok((marked, rows::unread(tx, &scope)?))
        });
        let (marked, unread) = written.await?;
        tell(&self.relay, &by.tenant, told_read(by, marked)).await;
        answer(&Unread { unread })
    }

    /// Everything that was unread when it began, in bites.
    async fn read_all(&self, by: &Principal, scope: Scope) -> Result<i64, Refusal> {
        let mut newest = None;
        loop {
            let scope = scope.clone();
            let written = self.store.write("alerts.read", move |tx| {
                let newest = newest.map_or_else(|| rows::newest(tx), Ok)?;
                let ids = rows::some_unread(tx, &scope, newest, IDS_PER_EVENT as i64)?;
                Ok((newest, rows::mark(tx, &scope, &ids)?, rows::unread(tx, &scope)?))
            });
            let (of, marked, unread) = written.await?;
            newest = Some(of);
            let more = marked.len() == IDS_PER_EVENT;
            tell(&self.relay, &by.tenant, told_read(by, marked)).await;
            if !more {
                return Ok(unread);
            }
        }
    }

    async fn change(&self, by: &Principal, params: Option<&RawJson>, change: Change) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("id");
        let note = fields.optional_text("note", TEXT_BYTES);
        fields.finish()?;
        may_act(by, &self.acting_roles, change.method())?;
        let (who, scope) = (by.clone(), Scope::of(by));
        let written = self.store.write(change.method(), move |tx| rows::change(tx, &who, &scope, &id, note.as_deref(), change));
        let (_, item, marked) = written.await?;
        let changed_at = match change {
            Change::Acknowledge => item.acknowledged_at,
            Change::Resolve => item.resolved_at,
        };
        let is_news = changed_at.is_none_or(|at| is_news(&self.store, at.as_millis().cast_signed()));
        let mut asked = if is_news { told_updated(&item, changed_at)? } else { Vec::new() };
        if marked {
            asked.extend(told_read(by, item.alert.id.clone().into_iter().collect()));
        }
        tell(&self.relay, &by.tenant, asked).await;
        answer(&item)
    }
}

/// `alert_read` for the user's other devices.
fn told_read(by: &Principal, marked: Vec<String>) -> Vec<Asked> {
    let channel = format!("user:{}", by.user);
    let told = |ids: &[String]| Asked { channel: channel.clone(), payload: Payload::AlertRead(Ids { ids: ids.to_vec() }), key: None };
    marked.chunks(IDS_PER_EVENT).map(told).collect()
}

/// The whole alert for everyone who follows the patient or the tenant. A repetition is told once: by its
/// id, its state and when it came to it, which are the same on no two relays and in no two lives by chance, as rows are.
fn told_updated(item: &Item, changed_at: Option<UnixMs>) -> Result<Vec<Asked>, StoreError> {
    let (id, patient) = (&item.alert.id, &item.alert.patient_id);
    let invalidates = json!([["alerts"], ["alert", id], ["patient", patient, "alerts"]]);
    let data = RawJson::from_value(&Item { read: None, invalidates: Some(invalidates), ..item.clone() })?;
    let changed_ms = changed_at.unwrap_or_default().as_millis();
    let key = format!("{UPDATED}:{}:{}:{changed_ms}", id.as_deref().unwrap_or_default(), item.state.as_str());
    let told = |channel: String| Asked {
        channel,
        payload: Payload::Custom { event: UPDATED.to_owned(), data: data.clone() },
        key: Some(key.clone()),
    };
    Ok(vec![told(format!("patient:{patient}")), told("tenant".to_owned())])
}

fn state(fields: &mut Fields) -> Option<&'static str> {
    const WORDS: [&str; 4] = [rows::OPEN, "active", "acknowledged", "resolved"];
    let given = fields.value("state")?.as_str().map(str::to_owned);
    let known = WORDS.into_iter().find(|word| given.as_deref() == Some(word));
    if known.is_none() {
        fields.blame("state", "expected one of open (not resolved), active, acknowledged, resolved");
    }
    known
}

impl Service for Alerts {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::Alert, EventKind::AlertRead]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        match (&incoming.publication.payload, incoming.channel.id()) {
            (Payload::Alert(alert), _) => rows::insert(tx, &incoming.tenant, alert),
            (Payload::AlertRead(body), Some(user)) => rows::mark(tx, &Scope::all_as(&incoming.tenant, user), &body.ids).map(drop),
            _ => Ok(()),
        }
    }

    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        rows::expire(tx, tx.now_ms().saturating_sub(self.kept_ms), most)
    }
}
