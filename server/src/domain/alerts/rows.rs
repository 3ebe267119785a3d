//! The alerts' tables: keeping, listing, counting, marking and changing them.
//!
//! Every query takes the tenant from the token and, for who may read some patients only, a [`Scope`] of them.

use super::{Change, Item, State};
use crate::auth::Principal;
use crate::domain::scope::{Scope, With};
use crate::store::{Page, PageRequest, StoreError, Tx};
use pulsewire_protocol::json::FromJson as _;
use pulsewire_protocol::{Alert, ErrorBody, ErrorCode, Severity, UnixMs};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

/// Unread alerts are counted up to here: a page shows "many" far below it.
pub(super) const MOST_COUNTED: i64 = 10_000;

const COLUMNS: &str = "a.seq, a.body, a.state, a.acknowledged_by, a.acknowledged_by_name, a.acknowledged_at_ms, a.acknowledge_note, \
    a.resolved_by, a.resolved_by_name, a.resolved_at_ms, a.resolve_note, \
    EXISTS (SELECT 1 FROM alert_reads r WHERE r.tenant = a.tenant AND r.user = :user AND r.alert = a.seq)";
const UNREAD: &str = " AND a.state <> 'resolved' AND NOT EXISTS \
    (SELECT 1 FROM alert_reads r WHERE r.tenant = a.tenant AND r.user = :user AND r.alert = a.seq)";

/// A state that is none: what is not resolved.
pub(super) const OPEN: &str = "open";

/// What of the list is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) patient: Option<String>,
    pub(super) severity: Option<Severity>,
    /// A state, or [`OPEN`].
    pub(super) state: Option<&'static str>,
    pub(super) unread: bool,
    pub(super) from_ms: Option<i64>,
    pub(super) to_ms: Option<i64>,
    pub(super) page: PageRequest<1>,
}

fn read_item(row: &Row<'_>) -> Result<(i64, Item), StoreError> {
    let body: String = row.get(1)?;
    let alert =
        Alert::from_json(&body).map_err(|error| StoreError::internal(format!("a stored alert cannot be read: {}", error.problem)))?;
    let state: String = row.get(2)?;
    let at = |ms: Option<i64>| ms.map(|ms| UnixMs::from_millis(ms.unsigned_abs()));
    let (acknowledge_note, resolve_note): (Option<String>, Option<String>) = (row.get(6)?, row.get(10)?);
    let item = Item {
        alert,
        read: Some(row.get(11)?),
        state: State::parse(&state),
        acknowledged_by_id: row.get(3)?,
        acknowledged_by: row.get(4)?,
        acknowledged_at: at(row.get(5)?),
        resolved_by_id: row.get(7)?,
        resolved_by: row.get(8)?,
        resolved_at: at(row.get(9)?),
        note: resolve_note.clone().or_else(|| acknowledge_note.clone()),
        acknowledge_note,
        resolve_note,
        invalidates: None,
    };
    Ok((row.get(0)?, item))
}

/// Whether it is wanted, its SQL, and what that needs.
type Condition<'a> = (bool, &'static str, Option<(&'static str, &'a dyn ToSql)>);

pub(super) fn list(db: &Connection, scope: &Scope, wanted: &Wanted) -> Result<Page<Item>, StoreError> {
    let mut sql = format!("SELECT {COLUMNS} FROM alerts a WHERE a.tenant = :tenant AND a.seq < :below{}", scope.condition());
    let [below] = wanted.page.below();
    let limit = wanted.page.sql_limit();
    let severity = wanted.severity.map(Severity::as_str);
    let mut with: With<'_> = vec![(":user", &scope.user), (":below", &below), (":limit", &limit)];
    scope.bind(&mut with);
    let conditions: [Condition<'_>; 7] = [
        (wanted.patient.is_some(), " AND a.patient = :patient", Some((":patient", &wanted.patient))),
        (wanted.severity.is_some(), " AND a.severity = :severity", Some((":severity", &severity))),
        (wanted.state == Some(OPEN), " AND a.state <> 'resolved'", None),
        (wanted.state.is_some_and(|state| state != OPEN), " AND a.state = :state", Some((":state", &wanted.state))),
        (wanted.unread, UNREAD, None),
        (wanted.from_ms.is_some(), " AND a.ts_ms >= :from", Some((":from", &wanted.from_ms))),
        (wanted.to_ms.is_some(), " AND a.ts_ms < :to", Some((":to", &wanted.to_ms))),
    ];
    for (_, condition, value) in conditions.into_iter().filter(|(wanted, ..)| *wanted) {
        sql.push_str(condition);
        with.extend(value);
    }
    sql.push_str(" ORDER BY a.seq DESC LIMIT :limit");
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query(with.as_slice())?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, item) = read_item(row)?;
        items.push(([seq], item));
    }
    Ok(wanted.page.page(items))
}

/// How many of those that may be read are unread and not resolved, up to [`MOST_COUNTED`].
pub(super) fn unread(db: &Connection, scope: &Scope) -> Result<i64, StoreError> {
    let sql =
        format!("SELECT count(*) FROM (SELECT 1 FROM alerts a WHERE a.tenant = :tenant{UNREAD}{} LIMIT {MOST_COUNTED})", scope.condition());
    let mut with: With<'_> = vec![(":user", &scope.user)];
    scope.bind(&mut with);
    Ok(db.prepare_cached(&sql)?.query_row(with.as_slice(), |row| row.get(0))?)
}

/// How many of a tenant's are not resolved.
pub(super) fn active(db: &Connection, tenant: &str) -> Result<u64, StoreError> {
    let mut count = db.prepare_cached("SELECT count(*) FROM alerts WHERE tenant = ?1 AND state <> 'resolved'")?;
    Ok(count.query_row([tenant], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Keeps an alert; one that is known with the same body stays as it is.
pub(super) fn insert(tx: &Tx<'_>, tenant: &str, alert: &Alert) -> Result<(), StoreError> {
    let Some(id) = &alert.id else { return Err(StoreError::internal("an alert came without its id")) };
    let ts_ms = alert.ts.map_or(tx.now_ms(), |ts| i64::try_from(ts.as_millis()).unwrap_or(i64::MAX));
    let body = serde_json::to_string(alert)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO alerts (tenant, id, patient, severity, ts_ms, kept_at_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (tenant, id) DO NOTHING",
    )?;
    if insert.execute((tenant, id, &alert.patient_id, alert.severity.as_str(), ts_ms, tx.now_ms(), body))? > 0 {
        return Ok(());
    }
    let mut find = tx.prepare_cached("SELECT body FROM alerts WHERE tenant = ?1 AND id = ?2")?;
    let known: String = find.query_row((tenant, id), |row| row.get(0))?;
    let known =
        Alert::from_json(&known).map_err(|error| StoreError::internal(format!("a stored alert cannot be read: {}", error.problem)))?;
    if is_same(&known, alert) {
        return Ok(());
    }
    // Passing it over would lose it: an id names one occurrence.
    let message =
        "data.id: an alert of this id (given, or made of the idempotency key) is known with another body: give a new alert a new id";
    Err(ErrorBody::new(ErrorCode::BadRequest, message).into())
}

/// The same occurrence: a retry may have left out the time, or have written its metadata in another order.
fn is_same(known: &Alert, told: &Alert) -> bool {
    let bare = |alert: &Alert| Alert { ts: None, metadata: None, ..alert.clone() };
    let metadata = match (&known.metadata, &told.metadata) {
        (Some(known), Some(told)) => {
            let values = |text: &str| serde_json::from_str::<serde_json::Value>(text);
            known == told || matches!((values(known.as_str()), values(told.as_str())), (Ok(known), Ok(told)) if known == told)
        }
        (known, told) => known == told,
    };
    metadata && bare(known) == bare(told)
}

/// Marks these as read by that user; gives those that were not before. Ids that are unknown are passed over.
pub(super) fn mark(tx: &Tx<'_>, scope: &Scope, ids: &[String]) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "INSERT INTO alert_reads (tenant, user, alert) SELECT a.tenant, :user, a.seq FROM alerts a WHERE a.tenant = :tenant AND a.id = :id{}
         ON CONFLICT DO NOTHING",
        scope.condition()
    );
    let mut put = tx.prepare_cached(&sql)?;
    let mut marked = Vec::new();
    for id in ids {
        let mut with: With<'_> = vec![(":user", &scope.user), (":id", id)];
        scope.bind(&mut with);
        if put.execute(with.as_slice())? > 0 {
            marked.push(id.clone());
        }
    }
    Ok(marked)
}

/// Unread ones up to that row, at most so many.
pub(super) fn some_unread(tx: &Tx<'_>, scope: &Scope, newest: i64, most: i64) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT a.id FROM alerts a WHERE a.tenant = :tenant AND a.seq <= :newest{UNREAD}{} ORDER BY a.seq LIMIT :most",
        scope.condition()
    );
    let mut with: With<'_> = vec![(":user", &scope.user), (":newest", &newest), (":most", &most)];
    scope.bind(&mut with);
    let mut find = tx.prepare_cached(&sql)?;
    let ids = find.query_map(with.as_slice(), |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// The newest row of all.
pub(super) fn newest(tx: &Tx<'_>) -> Result<i64, StoreError> {
    Ok(tx.prepare_cached("SELECT coalesce(max(seq), 0) FROM alerts")?.query_row([], |row| row.get(0))?)
}

fn find(tx: &Tx<'_>, scope: &Scope, id: &str) -> Result<(i64, Item), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM alerts a WHERE a.tenant = :tenant AND a.id = :id{}", scope.condition());
    let mut with: With<'_> = vec![(":user", &scope.user), (":id", &id)];
    scope.bind(&mut with);
    let mut find = tx.prepare_cached(&sql)?;
    let found = find.query_row(with.as_slice(), |row| Ok(read_item(row))).optional()?;
    found.unwrap_or_else(|| Err(StoreError::not_found(format!("there is no alert {id:?} that the token may read"))))
}

/// Acknowledges or resolves one, and marks it as read by who did; gives its row, how it stands, and whether it was unread.
pub(super) fn change(
    tx: &Tx<'_>,
    by: &Principal,
    scope: &Scope,
    id: &str,
    note: Option<&str>,
    change: Change,
) -> Result<(i64, Item, bool), StoreError> {
    let (seq, before) = find(tx, scope, id)?;
    match (change, before.state) {
        (Change::Acknowledge, State::Active) => {
            tx.prepare_cached(
                "UPDATE alerts SET state = 'acknowledged', acknowledged_by = ?2, acknowledged_by_name = ?3, acknowledged_at_ms = ?4,
                 acknowledge_note = ?5 WHERE seq = ?1",
            )?
            .execute((seq, &by.user, &by.name, tx.now_ms(), note))?;
        }
        (Change::Resolve, State::Active | State::Acknowledged) => {
            tx.prepare_cached(
                "UPDATE alerts SET state = 'resolved', resolved_by = ?2, resolved_by_name = ?3, resolved_at_ms = ?4, resolve_note = ?5
                 WHERE seq = ?1",
            )?
            .execute((seq, &by.user, &by.name, tx.now_ms(), note))?;
        }
        // The first one stays; a retry whose alert was resolved meanwhile is none of the caller's mistakes.
        (Change::Acknowledge, State::Acknowledged) | (Change::Resolve, State::Resolved) => {}
        (Change::Acknowledge, State::Resolved) if before.acknowledged_by_id.is_some() => {}
        (Change::Acknowledge, State::Resolved) => {
            let message = format!(
                "id: this alert was resolved by {} at {}, without having been acknowledged: there is nothing left to acknowledge",
                before.resolved_by.as_deref().unwrap_or("somebody"),
                before.resolved_at.unwrap_or_default().as_millis(),
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message).into());
        }
    }
    let marked = !mark(tx, scope, &[id.to_owned()])?.is_empty();
    let (seq, after) = find(tx, scope, id)?;
    Ok((seq, after, marked))
}

/// Forgets the oldest.
pub(super) fn expire(tx: &Tx<'_>, oldest_ms: i64, most: usize) -> Result<usize, StoreError> {
    let mut forget =
        tx.prepare_cached("DELETE FROM alerts WHERE seq IN (SELECT seq FROM alerts WHERE kept_at_ms < ?1 ORDER BY kept_at_ms LIMIT ?2)")?;
    Ok(forget.execute((oldest_ms, most as i64))?)
}
