//! Notifications (D1): made for users, roles or everyone of a tenant, listed, counted, read and dismissed.
//!
//! Each addressee has a row of their own, so what one does with theirs is nobody else's matter. What happens is told on `user:{id}`,
//! to all devices of the user; who is offline finds it in the list. What is published as `notification`, `notification_read` or
//! `notification_dismissed` by a backend is kept before it is accepted, as if it had come by these methods.
//!
//! Limits: [`MAX_ADDRESSEES`] of one request, [`MAX_IDS`] marked by one; `{all: true}` has none, and is done in bites.

use super::params::{Fields, LINE_BYTES, TEXT_BYTES};
use super::rights;
use super::service::{Service, answer, is_news, tell};
use super::users::{self, Users};
use crate::auth::Principal;
use crate::config::{RetentionConfig, days_ms};
use crate::relay::{Asked, Incoming, Methods, Refusal, WeakRelay};
use crate::store::{Known, PageRequest, Store, StoreError, Tx, once};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ChannelName, ErrorBody, ErrorCode, EventKind, Ids, Notification, Payload, RawJson, Severity, UnixMs};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Users of one request, whatever names them.
pub const MAX_ADDRESSEES: usize = 10_000;
/// Ids of one request.
pub const MAX_IDS: usize = 1_000;
/// Ids of one event, and rows that one write of `{all: true}` marks.
const IDS_PER_EVENT: usize = 500;
const SEVERITIES: &str = "critical, high, medium, low";

/// See the module.
pub struct Notifications {
    store: Store,
    relay: WeakRelay,
    users: Arc<Users>,
    kept_ms: i64,
}

/// One of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    title: String,
    body: String,
    severity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    ts: i64,
    read: bool,
}

#[derive(Serialize)]
struct List {
    items: Vec<Listed>,
    unread: i64,
    next: Option<String>,
}

#[derive(Serialize)]
struct Unread {
    unread: i64,
}

/// What `create` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Created {
    ids: Vec<String>,
    /// Whose they are, in the same order; for telling them, not for the answer.
    users: Vec<String>,
    ts_ms: i64,
}

#[derive(Serialize)]
struct CreatedIds {
    ids: Vec<String>,
}

/// To whom.
#[derive(Clone, Debug, Default)]
struct Addressees {
    users: Vec<String>,
    roles: Vec<String>,
    all: bool,
}

/// What is done to one that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Read,
    Dismissed,
}

impl Mark {
    const fn method(self) -> &'static str {
        match self {
            Self::Read => "notifications.read",
            Self::Dismissed => "notifications.dismiss",
        }
    }
    fn payload(self, ids: Vec<String>) -> Payload {
        match self {
            Self::Read => Payload::NotificationRead(Ids { ids }),
            Self::Dismissed => Payload::NotificationDismissed(Ids { ids }),
        }
    }
    const fn one(self) -> &'static str {
        match self {
            Self::Read => {
                "UPDATE notifications SET read_at_ms = ?4 WHERE tenant = ?1 AND user = ?2 AND id = ?3 AND read_at_ms IS NULL AND dismissed_at_ms IS NULL"
            }
            Self::Dismissed => {
                "UPDATE notifications SET dismissed_at_ms = ?4 WHERE tenant = ?1 AND user = ?2 AND id = ?3 AND dismissed_at_ms IS NULL"
            }
        }
    }
    /// Those that are still to be marked, up to a row.
    const fn some(self) -> &'static str {
        match self {
            Self::Read => {
                "SELECT id FROM notifications WHERE tenant = ?1 AND user = ?2 AND dismissed_at_ms IS NULL AND read_at_ms IS NULL AND seq <= ?3 ORDER BY seq LIMIT ?4"
            }
            Self::Dismissed => {
                "SELECT id FROM notifications WHERE tenant = ?1 AND user = ?2 AND dismissed_at_ms IS NULL AND seq <= ?3 ORDER BY seq LIMIT ?4"
            }
        }
    }
}

impl Methods for Notifications {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "notifications.list" => Box::pin(self.list(by, params)),
            "notifications.read" => Box::pin(self.mark(by, params, Mark::Read)),
            "notifications.dismiss" => Box::pin(self.mark(by, params, Mark::Dismissed)),
            "notifications.create" => Box::pin(self.create(by, params)),
            _ => return None,
        })
    }
}

impl Notifications {
    /// On that store, for that relay.
    pub fn new(store: Store, relay: WeakRelay, users: Arc<Users>, retention: RetentionConfig) -> Self {
        Self { store, relay, users, kept_ms: days_ms(retention.notifications_days) }
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let unread = fields.flag("unread");
        let page = fields.page::<1>(if unread { "notifications.unread" } else { "notifications" });
        fields.finish()?;
        let (tenant, user) = (by.tenant.clone(), by.user.clone());
        let list = self.store.read("notifications.list", move |db| list(db, &tenant, &user, unread, &page)).await?;
        answer(&list)
    }

    async fn mark(&self, by: &Principal, params: Option<&RawJson>, mark: Mark) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let all = fields.flag("all");
        let ids = fields.optional_ids("ids", MAX_IDS);
        if all == fields.value("ids").is_some() {
            fields.blame("ids", "name the ids, or say all: true; one of both");
        }
        fields.finish()?;
        let unread = match ids {
            Some(ids) => {
                let (tenant, user) = (by.tenant.clone(), by.user.clone());
                let written = self.store.write(mark.method(), move |tx| {
                    let marked = mark_ids(tx, &tenant, &user, &ids, mark)?;
                    Ok((marked, unread(tx, &tenant, &user)?))
                });
                let (marked, unread) = written.await?;
                self.tell_marked(by, mark, marked).await;
                unread
            }
            None => self.mark_all(by, mark).await?,
        };
        answer(&Unread { unread })
    }

    /// Everything that was there when it began.
    async fn mark_all(&self, by: &Principal, mark: Mark) -> Result<i64, Refusal> {
        let mut newest = None;
        loop {
            let (tenant, user) = (by.tenant.clone(), by.user.clone());
            let written = self.store.write(mark.method(), move |tx| {
                let newest = match newest {
                    Some(newest) => newest,
                    None => tx.prepare_cached("SELECT coalesce(max(seq), 0) FROM notifications")?.query_row([], |row| row.get(0))?,
                };
                let mut find = tx.prepare_cached(mark.some())?;
                let found = find.query_map((&tenant, &user, newest, IDS_PER_EVENT as i64), |row| row.get(0))?;
                let ids: Vec<String> = found.collect::<Result<_, _>>()?;
                let marked = mark_ids(tx, &tenant, &user, &ids, mark)?;
                Ok((newest, marked, unread(tx, &tenant, &user)?))
            });
            let (of, marked, unread): (i64, Vec<String>, i64) = written.await?;
            newest = Some(of);
            let more = marked.len() == IDS_PER_EVENT;
            self.tell_marked(by, mark, marked).await;
            if !more {
                return Ok(unread);
            }
        }
    }

    async fn tell_marked(&self, by: &Principal, mark: Mark, marked: Vec<String>) {
        let channel = format!("user:{}", by.user);
        let asked =
            marked.chunks(IDS_PER_EVENT).map(|ids| Asked { channel: channel.clone(), payload: mark.payload(ids.to_vec()), key: None });
        tell(&self.relay, &by.tenant, asked.collect()).await;
    }

    async fn create(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        rights::is_service(by, "notifications.create")?;
        let mut fields = Fields::read(params)?;
        let to = addressees(&mut fields);
        let notification = Notification {
            id: None,
            title: fields.text("title", LINE_BYTES),
            body: fields.text("body", TEXT_BYTES),
            severity: severity(&mut fields),
            link: fields.optional_text("link", TEXT_BYTES),
            ts: None,
        };
        let known = fields.key().map(|key| Known::new(by, "notifications.create", &key, &fields.without("key")));
        fields.finish()?;
        check(&notification)?;
        if to.all || !to.roles.is_empty() {
            // Who was here a moment ago is one of them.
            self.users.flush().await?;
        }
        let (caller, content) = (by.clone(), notification.clone());
        let written = self.store.write("notifications.create", move |tx| {
            once(tx, known.as_ref(), |tx| {
                let users = expand(tx, &caller, &to)?;
                let ts_ms = tx.now_ms();
                let ids: Vec<String> = users.iter().map(|_| tx.new_id()).collect();
                for (user, id) in users.iter().zip(&ids) {
                    insert(tx, &caller.tenant, user, id, &content, ts_ms)?;
                }
                Ok(Created { ids, users, ts_ms })
            })
        });
        let Created { ids, users, ts_ms } = written.await?.answer;
        if !is_news(&self.store, ts_ms) {
            return answer(&CreatedIds { ids });
        }
        let ts = Some(UnixMs::from_millis(ts_ms.unsigned_abs()));
        let asked = users.iter().zip(&ids).map(|(user, id)| Asked {
            channel: format!("user:{user}"),
            payload: Payload::Notification(Notification { id: Some(id.clone()), ts, ..notification.clone() }),
            // A repetition completes the telling and tells nobody twice.
            key: Some(id.clone()),
        });
        tell(&self.relay, &by.tenant, asked.collect()).await;
        answer(&CreatedIds { ids })
    }
}

impl Service for Notifications {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::Notification, EventKind::NotificationRead, EventKind::NotificationDismissed]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        let Some(user) = incoming.channel.id() else { return Ok(()) };
        let marked = |ids: &Ids, mark| mark_ids(tx, &incoming.tenant, user, &ids.ids, mark).map(drop);
        match &incoming.publication.payload {
            Payload::Notification(body) => {
                let Some(id) = &body.id else { return Err(StoreError::internal("a notification came without its id")) };
                let ts_ms = body.ts.map_or(tx.now_ms(), |ts| i64::try_from(ts.as_millis()).unwrap_or(i64::MAX));
                insert(tx, &incoming.tenant, user, id, body, ts_ms)
            }
            Payload::NotificationRead(ids) => marked(ids, Mark::Read),
            Payload::NotificationDismissed(ids) => marked(ids, Mark::Dismissed),
            _ => Ok(()),
        }
    }

    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        let oldest_ms = tx.now_ms().saturating_sub(self.kept_ms);
        let mut forget = tx.prepare_cached(
            "DELETE FROM notifications WHERE seq IN (SELECT seq FROM notifications WHERE kept_at_ms < ?1 ORDER BY kept_at_ms LIMIT ?2)",
        )?;
        Ok(forget.execute((oldest_ms, most as i64))?)
    }
}

fn severity(fields: &mut Fields) -> Severity {
    let given = fields.optional_word("severity", SEVERITIES);
    if fields.value("severity").is_none() {
        fields.blame("severity", format!("is missing: one of {SEVERITIES}"));
    }
    given.unwrap_or(Severity::Low)
}

fn addressees(fields: &mut Fields) -> Addressees {
    let Some(mut to) = fields.optional_object("to") else {
        if fields.value("to").is_none() {
            fields.blame("to", "is missing: {users: [id]}, {roles: [role]} or {all: true}");
        }
        return Addressees::default();
    };
    let addressees = Addressees {
        users: to.optional_ids("users", MAX_ADDRESSEES).unwrap_or_default(),
        roles: to.optional_ids("roles", 100).unwrap_or_default(),
        all: to.flag("all"),
    };
    let named = ["users", "roles"].iter().any(|field| to.value(field).is_some()) || addressees.all;
    fields.take_over(to);
    if !named {
        fields.blame("to", "names nobody: {users: [id]}, {roles: [role]} or {all: true}");
    }
    addressees
}

/// The rules that the event has, too.
fn check(notification: &Notification) -> Result<(), Refusal> {
    let anyone = ChannelName::user("anyone").map_err(|error| ErrorBody::new(ErrorCode::Internal, error.to_string()))?;
    Payload::Notification(notification.clone())
        .validate(&anyone)
        .map_err(|error| Refusal::field(error.field.strip_prefix("data.").unwrap_or(&error.field), error.problem))
}

/// Everyone who is meant, each once: those named, then those of the roles, or everyone.
fn expand(tx: &Tx<'_>, by: &Principal, to: &Addressees) -> Result<Vec<String>, StoreError> {
    let mut meant = to.users.clone();
    if to.all || !to.roles.is_empty() {
        let roles = (!to.all).then_some(to.roles.as_slice());
        meant.extend(users::of_roles(tx, &by.tenant, roles, MAX_ADDRESSEES)?);
    }
    let mut seen = BTreeSet::new();
    meant.retain(|user| seen.insert(user.clone()));
    if meant.len() > MAX_ADDRESSEES {
        let problem = format!("means more than {MAX_ADDRESSEES} users: name them in several requests");
        return Err(Refusal::field("to", problem).into());
    }
    for user in &meant {
        rights::may_tell(by, "notifications.create", &format!("user:{user}"))?;
    }
    Ok(meant)
}

fn insert(tx: &Tx<'_>, tenant: &str, user: &str, id: &str, body: &Notification, ts_ms: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO notifications (tenant, user, id, title, body, severity, link, ts_ms, kept_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (tenant, user, id) DO NOTHING",
    )?
    .execute((tenant, user, id, &body.title, &body.body, body.severity.as_str(), &body.link, ts_ms, tx.now_ms()))?;
    Ok(())
}

/// Those of them that were not marked before.
fn mark_ids(tx: &Tx<'_>, tenant: &str, user: &str, ids: &[String], mark: Mark) -> Result<Vec<String>, StoreError> {
    let mut update = tx.prepare_cached(mark.one())?;
    let mut marked = Vec::new();
    for id in ids {
        if update.execute((tenant, user, id, tx.now_ms()))? > 0 {
            marked.push(id.clone());
        }
    }
    Ok(marked)
}

fn unread(db: &Connection, tenant: &str, user: &str) -> Result<i64, StoreError> {
    let mut find = db.prepare_cached("SELECT unread FROM notification_counts WHERE tenant = ?1 AND user = ?2")?;
    Ok(find.query_row((tenant, user), |row| row.get(0)).optional()?.unwrap_or(0))
}

fn list(db: &Connection, tenant: &str, user: &str, only_unread: bool, page: &PageRequest<1>) -> Result<List, StoreError> {
    // Two texts rather than a condition: each has an index of its own.
    let mut find = db.prepare_cached(if only_unread {
        "SELECT seq, id, title, body, severity, link, ts_ms, read_at_ms IS NOT NULL FROM notifications
         WHERE tenant = ?1 AND user = ?2 AND dismissed_at_ms IS NULL AND read_at_ms IS NULL AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
    } else {
        "SELECT seq, id, title, body, severity, link, ts_ms, read_at_ms IS NOT NULL FROM notifications
         WHERE tenant = ?1 AND user = ?2 AND dismissed_at_ms IS NULL AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
    })?;
    let [below] = page.below();
    let rows = find.query_map((tenant, user, below, page.sql_limit()), |row| {
        let listed = Listed {
            id: row.get(1)?,
            title: row.get(2)?,
            body: row.get(3)?,
            severity: row.get(4)?,
            link: row.get(5)?,
            ts: row.get(6)?,
            read: row.get(7)?,
        };
        Ok(([row.get(0)?], listed))
    })?;
    let page = page.page(rows.collect::<Result<Vec<_>, _>>()?);
    Ok(List { items: page.items, unread: unread(db, tenant, user)?, next: page.next })
}
