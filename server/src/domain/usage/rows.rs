//! The tables of usage: sessions, states to go on from, and the use of a day.

use super::tracked::Tracked;
use super::{DAY_MS, Item};
use crate::store::{Page, PageRequest, StoreError, Tx};
use pulsewire_protocol::{SessionPhase, UnixMs, UsageSession};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// A session that began longer before a day than this does not reach into it.
const LONGEST_MS: i64 = 31 * DAY_MS;
/// Sessions that a compliance is made of; the newest count.
const MOST: i64 = 20_000;

fn ms(ts: UnixMs) -> i64 {
    i64::try_from(ts.as_millis()).unwrap_or(i64::MAX)
}

fn at(ms: i64) -> UnixMs {
    UnixMs::from_millis(ms.unsigned_abs())
}

/// Writes a session as it is known now.
pub(super) fn put(tx: &Tx<'_>, tenant: &str, session: &UsageSession) -> Result<(), StoreError> {
    let started_ms = ms(session.started_at);
    let by_duration = || session.duration_ms.map(|ms| started_ms.saturating_add_unsigned(ms));
    let ended_ms = match session.phase {
        SessionPhase::Start => None,
        SessionPhase::End => Some(session.ended_at.map(ms).or_else(by_duration).unwrap_or_else(|| tx.now_ms())),
    };
    tx.prepare_cached(
        "INSERT INTO usage_sessions (tenant, patient, device, started_ms, ended_ms, compliance) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (tenant, device, started_ms) DO UPDATE SET patient = excluded.patient, ended_ms = excluded.ended_ms,
         compliance = excluded.compliance",
    )?
    .execute((tenant, &session.patient_id, &session.device_id, started_ms, ended_ms, session.compliance))?;
    Ok(())
}

pub(super) fn remove(tx: &Tx<'_>, tenant: &str, session: &UsageSession) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM usage_sessions WHERE tenant = ?1 AND device = ?2 AND started_ms = ?3")?.execute((
        tenant,
        &session.device_id,
        ms(session.started_at),
    ))?;
    Ok(())
}

/// The share of the day's target when this session ended, which is written beside it.
pub(super) fn of_day(tx: &Tx<'_>, tenant: &str, session: &UsageSession, target_ms: Option<u64>) -> Result<Option<f64>, StoreError> {
    let (Some(ended_at), Some(target_ms)) = (session.ended_at, target_ms) else { return Ok(None) };
    // The day in which it was used last: one that ends at midnight belongs to the day before.
    let day = ms(ended_at).saturating_sub(1).div_euclid(DAY_MS);
    let (from_ms, to_ms) = (day.saturating_mul(DAY_MS), day.saturating_add(1).saturating_mul(DAY_MS));
    let mut sum = tx.prepare_cached(
        "SELECT coalesce(sum(max(0, min(coalesce(ended_ms, started_ms), ?5) - max(started_ms, ?4))), 0) FROM usage_sessions
         WHERE tenant = ?1 AND device = ?2 AND patient = ?3 AND started_ms < ?5 AND started_ms >= ?4 - ?6",
    )?;
    let used_ms: i64 = sum.query_row((tenant, &session.device_id, &session.patient_id, from_ms, to_ms, LONGEST_MS), |row| row.get(0))?;
    let share = share(used_ms, target_ms.cast_signed());
    tx.prepare_cached("UPDATE usage_sessions SET compliance = ?4 WHERE tenant = ?1 AND device = ?2 AND started_ms = ?3")?.execute((
        tenant,
        &session.device_id,
        ms(session.started_at),
        share,
    ))?;
    Ok(Some(share))
}

/// Four digits, at most 1.
fn share(used_ms: i64, target_ms: i64) -> f64 {
    let share = used_ms as f64 / target_ms.max(1) as f64;
    (share.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0
}

/// The state to go on from; `None`: there is none any more.
pub(super) fn put_state(tx: &Tx<'_>, tenant: &str, device: &str, patient: &str, state: Option<&str>) -> Result<(), StoreError> {
    match state {
        Some(state) => tx
            .prepare_cached(
                "INSERT INTO usage_states (tenant, device, patient, state) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (tenant, device, patient) DO UPDATE SET state = excluded.state",
            )?
            .execute((tenant, device, patient, state))?,
        None => tx
            .prepare_cached("DELETE FROM usage_states WHERE tenant = ?1 AND device = ?2 AND patient = ?3")?
            .execute((tenant, device, patient))?,
    };
    Ok(())
}

pub(super) fn states(db: &Connection) -> Result<Vec<(String, String, Tracked)>, StoreError> {
    let mut find = db.prepare_cached("SELECT tenant, device, state FROM usage_states")?;
    let mut rows = find.query([])?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get(2)?;
        states.push((row.get(0)?, row.get(1)?, serde_json::from_str(&state)?));
    }
    Ok(states)
}

/// What the statistics need: sessions under way, and each patient's newest compliance.
pub(super) fn newest(db: &Connection) -> Result<Vec<(String, UsageSession)>, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT tenant, patient, device, max(started_ms), ended_ms, compliance FROM usage_sessions WHERE compliance IS NOT NULL
         GROUP BY tenant, patient
         UNION ALL SELECT tenant, patient, device, started_ms, ended_ms, compliance FROM usage_sessions WHERE ended_ms IS NULL",
    )?;
    let rows = find.query_map([], |row| {
        let ended_ms: Option<i64> = row.get(4)?;
        let session = UsageSession {
            patient_id: row.get(1)?,
            device_id: row.get(2)?,
            phase: if ended_ms.is_some() { SessionPhase::End } else { SessionPhase::Start },
            started_at: at(row.get(3)?),
            ended_at: ended_ms.map(at),
            duration_ms: None,
            compliance: row.get(5)?,
        };
        Ok((row.get(0)?, session))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those that reach into the time, the newest first.
pub(super) fn list(
    db: &Connection,
    tenant: &str,
    patient: &str,
    from_ms: i64,
    to_ms: i64,
    now_ms: i64,
    page: &PageRequest<2>,
) -> Result<Page<Item>, StoreError> {
    let [below_ms, below] = page.below();
    let mut find = db.prepare_cached(
        "SELECT started_ms, seq, device, ended_ms, compliance FROM usage_sessions
         WHERE tenant = ?1 AND patient = ?2 AND started_ms < ?4 AND coalesce(ended_ms, ?5) > ?3 AND (started_ms, seq) < (?6, ?7)
         ORDER BY started_ms DESC, seq DESC LIMIT ?8",
    )?;
    let rows = find.query_map((tenant, patient, from_ms, to_ms, now_ms.max(to_ms), below_ms, below, page.sql_limit()), |row| {
        let (started_at, ended_at): (i64, Option<i64>) = (row.get(0)?, row.get(3)?);
        let item = Item {
            patient_id: patient.to_owned(),
            device_id: row.get(2)?,
            started_at,
            ended_at,
            duration_ms: ended_at.map(|ended_at| ended_at.saturating_sub(started_at)),
            compliance: row.get(4)?,
        };
        Ok(([started_at, row.get(1)?], item))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(page.page(rows))
}

/// The mean over the days that the time touches, up to today, and over the patient's devices that have a target.
pub(super) fn compliance(
    db: &Connection,
    tenant: &str,
    patient: &str,
    targets: &BTreeMap<String, i64>,
    from_ms: i64,
    to_ms: i64,
    now_ms: i64,
) -> Result<Option<f64>, StoreError> {
    let (first, last) = (from_ms.div_euclid(DAY_MS), to_ms.saturating_sub(1).min(now_ms).div_euclid(DAY_MS));
    let days = last.saturating_sub(first).saturating_add(1);
    if targets.is_empty() || days < 1 {
        return Ok(None);
    }
    let mut find = db.prepare_cached(
        "SELECT device, started_ms, coalesce(ended_ms, ?5) FROM usage_sessions
         WHERE tenant = ?1 AND patient = ?2 AND started_ms < ?4 AND started_ms >= ?3 ORDER BY started_ms DESC LIMIT ?6",
    )?;
    let earliest_ms = first.saturating_mul(DAY_MS).saturating_sub(LONGEST_MS);
    let end_ms = last.saturating_add(1).saturating_mul(DAY_MS);
    let mut used: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let mut rows = find.query((tenant, patient, earliest_ms, end_ms, now_ms, MOST))?;
    while let Some(row) = rows.next()? {
        let (device, started_ms, ended_ms): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !targets.contains_key(&device) {
            continue;
        }
        let days = started_ms.div_euclid(DAY_MS).max(first)..=ended_ms.saturating_sub(1).div_euclid(DAY_MS).min(last);
        for day in days {
            let day_ms = day.saturating_mul(DAY_MS);
            let of_day_ms = ended_ms.min(day_ms.saturating_add(DAY_MS)).saturating_sub(started_ms.max(day_ms)).max(0);
            let sum_ms = used.entry((device.clone(), day)).or_default();
            *sum_ms = sum_ms.saturating_add(of_day_ms);
        }
    }
    let shares = used.iter().map(|((device, _), used_ms)| targets.get(device).map_or(0.0, |target_ms| share(*used_ms, *target_ms)));
    let mean = shares.sum::<f64>() / (days as f64 * targets.len() as f64);
    Ok(Some((mean * 10_000.0).round() / 10_000.0))
}

/// Forgets the oldest that are over.
pub(super) fn expire(tx: &Tx<'_>, oldest_ms: i64, most: usize) -> Result<usize, StoreError> {
    let mut forget = tx.prepare_cached(
        "DELETE FROM usage_sessions WHERE seq IN
         (SELECT seq FROM usage_sessions WHERE started_ms < ?1 ORDER BY started_ms LIMIT ?2)",
    )?;
    Ok(forget.execute((oldest_ms, most as i64))?)
}
