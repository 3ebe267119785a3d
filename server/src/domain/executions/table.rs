//! The tables of executions: reading and writing one, its log lines, and forgetting what is old.

use super::state::{Execution, Step};
use crate::store::{StoreError, Tx};
use pulsewire_protocol::{ExecutionError, ExecutionState};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

/// Lines that are kept of one execution: the newest.
pub(super) const MAX_LINES: i64 = 1_000;

const COLUMNS: &str = "seq, id, title, status, step, progress, error, attempt, steps, created_at_ms, updated_at_ms, ended_at_ms";

/// A line of an execution's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// When it came, in Unix milliseconds.
    pub(super) ts: i64,
    /// `info`, `warning` or `error`.
    pub(super) level: String,
    /// What it says.
    pub(super) text: String,
    /// In which attempt.
    pub(super) attempt: u32,
}

/// A row: its number and what it holds.
pub(super) type Found = (i64, Execution);

fn read(row: &Row<'_>) -> Result<Found, StoreError> {
    let status: String = row.get("status")?;
    let known = ExecutionState::ALL.iter().copied().find(|state| state.as_str() == status);
    let status = known.ok_or_else(|| StoreError::internal(format!("executions.status holds {status:?}")))?;
    let error: Option<String> = row.get("error")?;
    let error: Option<ExecutionError> = error.map(|json| serde_json::from_str(&json)).transpose()?;
    let steps: Vec<Step> = serde_json::from_str(&row.get::<_, String>("steps")?)?;
    let execution = Execution {
        execution_id: row.get("id")?,
        title: row.get("title")?,
        status,
        step: row.get("step")?,
        progress: row.get("progress")?,
        error,
        attempt: row.get("attempt")?,
        steps,
        ts: row.get("updated_at_ms")?,
        created_at: row.get("created_at_ms")?,
        ended_at: row.get("ended_at_ms")?,
    };
    Ok((row.get("seq")?, execution))
}

/// The one of that id.
pub(super) fn find(db: &Connection, tenant: &str, id: &str) -> Result<Option<Found>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM executions WHERE tenant = ?1 AND id = ?2"))?;
    find.query_row((tenant, id), |row| Ok(read(row))).optional()?.transpose()
}

/// The same, or `not_found`.
pub(super) fn get(db: &Connection, tenant: &str, id: &str) -> Result<Found, StoreError> {
    find(db, tenant, id)?.ok_or_else(|| StoreError::not_found(format!("executionId: there is no execution {id:?}")))
}

/// Those below that row, newest first; of one state, or of all.
pub(super) fn list(
    db: &Connection,
    tenant: &str,
    status: Option<ExecutionState>,
    below: i64,
    limit: i64,
) -> Result<Vec<([i64; 1], Execution)>, StoreError> {
    // Two texts: with `?3 IS NULL OR …` in one, no index would serve those of one state.
    let of_one = if status.is_some() { "AND status = ?3" } else { "AND ?3 IS NULL" };
    let mut list =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM executions WHERE tenant = ?1 AND seq < ?2 {of_one} ORDER BY seq DESC LIMIT ?4"))?;
    let rows = list.query_and_then((tenant, below, status.map(ExecutionState::as_str), limit), |row| {
        read(row).map(|(seq, execution)| ([seq], execution))
    })?;
    rows.collect()
}

/// Writes it down, new or not.
pub(super) fn put(tx: &Tx<'_>, tenant: &str, execution: &Execution) -> Result<(), StoreError> {
    let error = execution.error.as_ref().map(serde_json::to_string).transpose()?;
    let steps = serde_json::to_string(&execution.steps)?;
    tx.prepare_cached(
        "INSERT INTO executions (tenant, id, title, status, step, progress, error, attempt, steps, created_at_ms, updated_at_ms, ended_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (tenant, id) DO UPDATE SET status = excluded.status, step = excluded.step, progress = excluded.progress,
         error = excluded.error, attempt = excluded.attempt, steps = excluded.steps, updated_at_ms = excluded.updated_at_ms,
         ended_at_ms = excluded.ended_at_ms",
    )?
    .execute(rusqlite::params![
        tenant,
        execution.execution_id,
        execution.title,
        execution.status.as_str(),
        execution.step,
        execution.progress,
        error,
        execution.attempt,
        steps,
        execution.created_at,
        execution.ts,
        execution.ended_at,
    ])?;
    Ok(())
}

/// Appends lines and forgets the oldest above [`MAX_LINES`]; gives the number of the last.
pub(super) fn append(tx: &Tx<'_>, tenant: &str, execution: i64, lines: &[Line]) -> Result<i64, StoreError> {
    let mut put =
        tx.prepare_cached("INSERT INTO execution_lines (tenant, execution, attempt, level, text, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for line in lines {
        put.execute((tenant, execution, line.attempt, &line.level, &line.text, line.ts))?;
    }
    let newest = tx.last_insert_rowid();
    tx.prepare_cached(
        "DELETE FROM execution_lines WHERE tenant = ?1 AND execution = ?2 AND seq <=
         (SELECT seq FROM execution_lines WHERE tenant = ?1 AND execution = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
    )?
    .execute((tenant, execution, MAX_LINES))?;
    Ok(newest)
}

/// Lines below that row, newest first.
pub(super) fn lines(db: &Connection, tenant: &str, execution: i64, below: i64, limit: i64) -> Result<Vec<([i64; 1], Line)>, StoreError> {
    let mut list = db.prepare_cached(
        "SELECT seq, attempt, level, text, at_ms FROM execution_lines WHERE tenant = ?1 AND execution = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4",
    )?;
    let rows = list.query_and_then((tenant, execution, below, limit), |row| {
        let line = Line { ts: row.get("at_ms")?, level: row.get("level")?, text: row.get("text")?, attempt: row.get("attempt")? };
        Ok(([row.get("seq")?], line))
    })?;
    rows.collect()
}

/// Forgets at most `most` of those that are too old.
pub(super) fn expire(tx: &Tx<'_>, kept_ms: i64, most: usize) -> Result<usize, StoreError> {
    let oldest_ms = tx.now_ms().saturating_sub(kept_ms);
    // An execution has at most a thousand lines: a few of them make a whole bite.
    let count = i64::try_from(most / 100).unwrap_or(i64::MAX).max(1);
    let old: Vec<(String, i64)> = tx
        .prepare_cached("SELECT tenant, seq FROM executions WHERE updated_at_ms < ?1 ORDER BY updated_at_ms LIMIT ?2")?
        .query_map((oldest_ms, count), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (tenant, seq) in &old {
        tx.prepare_cached("DELETE FROM execution_lines WHERE tenant = ?1 AND execution = ?2")?.execute((tenant, seq))?;
        tx.prepare_cached("DELETE FROM executions WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(if old.len() as i64 == count { most } else { old.len() })
}
