//! The tables of conversations: the conversation, its messages, and everyone's marks.

use super::marks::{Marks, status};
use crate::store::{StoreError, Tx};
use pulsewire_protocol::{DeliveryStatus, ErrorBody, ErrorCode, Message};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;
use serde_json::{Map, Value};

/// Unread messages are counted up to here.
const MAX_UNREAD: i64 = 999;
/// What backends tell of a conversation beside its columns may be so long.
const MAX_EXTRA_BYTES: usize = 16 * 1024;

const COLUMNS: &str = "seq, id, patient, status, assignee, assignee_name, extra, created_at_ms, last_at_ms";

/// One conversation, for one user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conversation {
    /// Its id, the one of its channel.
    pub(super) conversation_id: String,
    /// The patient it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) patient_id: Option<String>,
    /// `open`, `assumed` or `resolved`.
    pub(super) status: String,
    /// Who has assumed or resolved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assignee: Option<String>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assignee_name: Option<String>,
    /// What backends told of it beside these.
    #[serde(flatten)]
    pub(super) extra: Map<String, Value>,
    /// The newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_message: Option<Sent>,
    /// When something last happened in it, in Unix milliseconds.
    pub(super) last_message_ts: i64,
    /// Messages of others that this user has not read; 999 stands for that many or more.
    pub(super) unread: i64,
    /// When it was first heard of.
    pub(super) created_at: i64,
}

/// A message as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Sent {
    /// As it was sent.
    #[serde(flatten)]
    pub(super) message: Message,
    /// Whose token sent it.
    pub(super) user: String,
    /// How far it came.
    pub(super) status: DeliveryStatus,
}

/// A row: its number and what it holds.
pub(super) type Found = (i64, Conversation);

fn read(row: &Row<'_>) -> Result<Found, StoreError> {
    let conversation = Conversation {
        conversation_id: row.get("id")?,
        patient_id: row.get("patient")?,
        status: row.get("status")?,
        assignee: row.get("assignee")?,
        assignee_name: row.get("assignee_name")?,
        extra: serde_json::from_str(&row.get::<_, String>("extra")?)?,
        last_message: None,
        last_message_ts: row.get("last_at_ms")?,
        unread: 0,
        created_at: row.get("created_at_ms")?,
    };
    Ok((row.get("seq")?, conversation))
}

/// The one of that id.
pub(super) fn find(db: &Connection, tenant: &str, id: &str) -> Result<Option<Found>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE tenant = ?1 AND id = ?2"))?;
    find.query_row((tenant, id), |row| Ok(read(row))).optional()?.transpose()
}

/// The same, or `not_found`.
pub(super) fn get(db: &Connection, tenant: &str, id: &str) -> Result<Found, StoreError> {
    find(db, tenant, id)?.ok_or_else(|| StoreError::not_found(format!("conversationId: there is no conversation {id:?}")))
}

/// The same, made where it is missing.
pub(super) fn get_or_make(tx: &Tx<'_>, tenant: &str, id: &str, patient: Option<&str>, at_ms: i64) -> Result<Found, StoreError> {
    tx.prepare_cached(
        "INSERT INTO conversations (tenant, id, patient, status, extra, created_at_ms, last_at_ms) VALUES (?1, ?2, ?3, 'open', '{}', ?4, ?4)
         ON CONFLICT (tenant, id) DO UPDATE SET patient = excluded.patient WHERE patient IS NULL AND excluded.patient IS NOT NULL",
    )?
    .execute((tenant, id, patient, at_ms))?;
    get(tx, tenant, id)
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Of that status.
    pub(super) status: Option<String>,
    /// About that patient.
    pub(super) patient: Option<String>,
    /// Assumed or resolved by that user.
    pub(super) assignee: Option<String>,
}

/// Those below that place, newest activity first; without what depends on the reader ([`complete`]).
pub(super) fn list(
    db: &Connection,
    tenant: &str,
    filter: &Filter,
    below: [i64; 2],
    limit: i64,
) -> Result<Vec<([i64; 2], Conversation)>, StoreError> {
    // One text for each set of filters: with `? IS NULL OR …` no index would serve them.
    let narrowed = |given: &Option<String>, sql: [&'static str; 2]| if given.is_some() { sql[0] } else { sql[1] };
    let mut list = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations WHERE tenant = ?1 AND (last_at_ms, seq) < (?2, ?3) {} {} {}
         ORDER BY last_at_ms DESC, seq DESC LIMIT ?7",
        narrowed(&filter.status, ["AND status = ?4", "AND ?4 IS NULL"]),
        narrowed(&filter.patient, ["AND patient = ?5", "AND ?5 IS NULL"]),
        narrowed(&filter.assignee, ["AND assignee = ?6", "AND ?6 IS NULL"]),
    ))?;
    let [last_at_ms, seq] = below;
    let rows = list.query_and_then((tenant, last_at_ms, seq, &filter.status, &filter.patient, &filter.assignee, limit), |row| {
        read(row).map(|(seq, conversation)| ([conversation.last_message_ts, seq], conversation))
    })?;
    rows.collect()
}

/// Fills in what depends on the reader: what is unread, and the newest message with how far it came.
pub(super) fn complete(db: &Connection, tenant: &str, seq: i64, user: &str, conversation: &mut Conversation) -> Result<(), StoreError> {
    conversation.unread = unread(db, tenant, seq, user)?;
    conversation.last_message = messages(db, tenant, seq, i64::MAX, 1)?.into_iter().next().map(|(_, sent)| sent);
    Ok(())
}

/// Whether there are any: cheaper than counting.
pub(super) fn has_unread(db: &Connection, tenant: &str, conversation: i64, user: &str) -> Result<bool, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE tenant = ?1 AND conversation = ?2 AND user <> ?3 AND seq >
         COALESCE((SELECT read FROM conversation_marks WHERE tenant = ?1 AND conversation = ?2 AND user = ?3), 0))",
    )?;
    Ok(find.query_row((tenant, conversation, user), |row| row.get(0))?)
}

/// Messages of others that this user has not read.
pub(super) fn unread(db: &Connection, tenant: &str, conversation: i64, user: &str) -> Result<i64, StoreError> {
    let mut count = db.prepare_cached(
        "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE tenant = ?1 AND conversation = ?2 AND user <> ?3 AND seq >
         COALESCE((SELECT read FROM conversation_marks WHERE tenant = ?1 AND conversation = ?2 AND user = ?3), 0) LIMIT ?4)",
    )?;
    Ok(count.query_row((tenant, conversation, user, MAX_UNREAD), |row| row.get(0))?)
}

/// Changes of a conversation; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// `open`, `assumed` or `resolved`.
    pub(super) status: Option<String>,
    /// Who has it now, with the name; the inner `None` takes it away.
    pub(super) assignee: Option<Option<(String, String)>>,
    /// Beside these: `null` removes a member.
    pub(super) extra: Map<String, Value>,
}

/// Applies them.
pub(super) fn change(tx: &Tx<'_>, (seq, mut conversation): Found, changes: Changes) -> Result<Conversation, StoreError> {
    if let Some(status) = changes.status {
        conversation.status = status;
    }
    if let Some(assignee) = changes.assignee {
        (conversation.assignee, conversation.assignee_name) = assignee.unzip();
    }
    for (member, value) in changes.extra {
        if value.is_null() {
            conversation.extra.remove(&member)
        } else {
            conversation.extra.insert(member, value)
        };
    }
    let extra = serde_json::to_string(&conversation.extra)?;
    if extra.len() > MAX_EXTRA_BYTES {
        let message =
            format!("data.updates: what is kept of this conversation would have {} bytes: at most {MAX_EXTRA_BYTES}", extra.len());
        return Err(ErrorBody::new(ErrorCode::TooLarge, message).into());
    }
    tx.prepare_cached("UPDATE conversations SET status = ?2, assignee = ?3, assignee_name = ?4, extra = ?5 WHERE seq = ?1")?.execute((
        seq,
        &conversation.status,
        &conversation.assignee,
        &conversation.assignee_name,
        extra,
    ))?;
    Ok(conversation)
}

/// Keeps a message, once; says whether it is new. `has_read`: whoever writes has read what stands above; a backend has not.
pub(super) fn add(tx: &Tx<'_>, tenant: &str, conversation: i64, user: &str, message: &Message, has_read: bool) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO messages (tenant, conversation, id, client_id, user, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute((tenant, conversation, &message.id, &message.client_id, user, serde_json::to_string(message)?))?;
    if added == 0 {
        let mut find = tx.prepare_cached("SELECT user FROM messages WHERE tenant = ?1 AND conversation = ?2 AND id = ?3")?;
        let of: Option<String> = find.query_row((tenant, conversation, &message.id), |row| row.get(0)).optional()?;
        if of.is_some_and(|of| of != user) {
            let message = "data.message.id: is that of somebody else's message: leave it out, the relay gives one";
            return Err(ErrorBody::new(ErrorCode::BadRequest, message).into());
        }
        return Ok(false);
    }
    let seq = tx.last_insert_rowid();
    let at_ms = message.ts.map_or(tx.now_ms(), |ts| i64::try_from(ts.as_millis()).unwrap_or(i64::MAX));
    // A client's clock may run ahead or behind: activity only moves forward, and not beyond now.
    tx.prepare_cached("UPDATE conversations SET last_at_ms = MAX(last_at_ms, MIN(?2, ?3)) WHERE seq = ?1")?.execute((
        conversation,
        at_ms,
        tx.now_ms(),
    ))?;
    if has_read {
        mark(tx, tenant, conversation, user, Marks::reached(DeliveryStatus::Read, seq))?;
    }
    Ok(true)
}

/// Replaces what a message says; what identifies it stays. `false` where there is none.
pub(super) fn edit(tx: &Tx<'_>, tenant: &str, conversation: i64, message: &Message) -> Result<bool, StoreError> {
    let mut find = tx.prepare_cached("SELECT seq, body FROM messages WHERE tenant = ?1 AND conversation = ?2 AND id = ?3")?;
    let found: Option<(i64, String)> =
        find.query_row((tenant, conversation, &message.id), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((seq, body)) = found else { return Ok(false) };
    let before: Message = serde_json::from_str(&body)?;
    let after = Message { id: before.id, client_id: before.client_id, ts: before.ts, ..message.clone() };
    tx.prepare_cached("UPDATE messages SET body = ?2 WHERE seq = ?1")?.execute((seq, serde_json::to_string(&after)?))?;
    Ok(true)
}

/// The number of that message.
pub(super) fn number_of(db: &Connection, tenant: &str, conversation: i64, id: &str) -> Result<Option<i64>, StoreError> {
    let mut find = db.prepare_cached("SELECT seq FROM messages WHERE tenant = ?1 AND conversation = ?2 AND id = ?3")?;
    Ok(find.query_row((tenant, conversation, id), |row| row.get(0)).optional()?)
}

/// Moves a user's marks forward.
pub(super) fn mark(tx: &Tx<'_>, tenant: &str, conversation: i64, user: &str, marks: Marks) -> Result<(), StoreError> {
    let merged = marks.merged(marks_of(tx, tenant, conversation, user)?);
    tx.prepare_cached(
        "INSERT INTO conversation_marks (tenant, conversation, user, delivered, read) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, conversation, user) DO UPDATE SET delivered = excluded.delivered, read = excluded.read",
    )?
    .execute((tenant, conversation, user, merged.delivered, merged.read))?;
    Ok(())
}

fn marks_of(db: &Connection, tenant: &str, conversation: i64, user: &str) -> Result<Marks, StoreError> {
    let mut find =
        db.prepare_cached("SELECT delivered, read FROM conversation_marks WHERE tenant = ?1 AND conversation = ?2 AND user = ?3")?;
    let found = find.query_row((tenant, conversation, user), |row| Ok(Marks { delivered: row.get(0)?, read: row.get(1)? })).optional()?;
    Ok(found.unwrap_or_default())
}

/// Messages below that one, newest first, each with how far it came.
pub(super) fn messages(
    db: &Connection,
    tenant: &str,
    conversation: i64,
    below: i64,
    limit: i64,
) -> Result<Vec<([i64; 1], Sent)>, StoreError> {
    let marks: Vec<(String, Marks)> = db
        .prepare_cached("SELECT user, delivered, read FROM conversation_marks WHERE tenant = ?1 AND conversation = ?2")?
        .query_map((tenant, conversation), |row| Ok((row.get(0)?, Marks { delivered: row.get(1)?, read: row.get(2)? })))?
        .collect::<Result<_, _>>()?;
    let mut list = db.prepare_cached(
        "SELECT seq, user, body FROM messages WHERE tenant = ?1 AND conversation = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4",
    )?;
    let rows = list.query_and_then((tenant, conversation, below, limit), |row| {
        let (seq, user): (i64, String) = (row.get("seq")?, row.get("user")?);
        let message = serde_json::from_str(&row.get::<_, String>("body")?)?;
        let status = status(&marks, &user, seq);
        Ok(([seq], Sent { message, user, status }))
    })?;
    rows.collect()
}

/// A user's message of that client id.
pub(super) fn by_client_id(db: &Connection, tenant: &str, conversation: i64, user: &str, client_id: &str) -> Result<Sent, StoreError> {
    let mut find =
        db.prepare_cached("SELECT seq FROM messages WHERE tenant = ?1 AND conversation = ?2 AND user = ?3 AND client_id = ?4")?;
    let seq: Option<i64> = find.query_row((tenant, conversation, user, client_id), |row| row.get(0)).optional()?;
    let sent =
        seq.map(|seq| messages(db, tenant, conversation, seq.saturating_add(1), 1)).transpose()?.and_then(|rows| rows.into_iter().next());
    sent.map(|(_, sent)| sent).ok_or_else(|| StoreError::internal("a message that was kept is not there"))
}

/// Forgets at most `most` rows of resolved conversations that are too old.
pub(super) fn expire(tx: &Tx<'_>, kept_ms: i64, most: usize) -> Result<usize, StoreError> {
    let oldest_ms = tx.now_ms().saturating_sub(kept_ms);
    let mut find = tx.prepare_cached(
        "SELECT tenant, seq FROM conversations WHERE last_at_ms < ?1 AND status = 'resolved' ORDER BY last_at_ms LIMIT 1",
    )?;
    let old: Option<(String, i64)> = find.query_row([oldest_ms], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((tenant, seq)) = old else { return Ok(0) };
    let gone = tx
        .prepare_cached(
            "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages WHERE tenant = ?1 AND conversation = ?2 ORDER BY seq LIMIT ?3)",
        )?
        .execute((&tenant, seq, i64::try_from(most).unwrap_or(i64::MAX)))?;
    if gone < most {
        tx.prepare_cached("DELETE FROM conversation_marks WHERE tenant = ?1 AND conversation = ?2")?.execute((&tenant, seq))?;
        tx.prepare_cached("DELETE FROM conversations WHERE seq = ?1")?.execute([seq])?;
    }
    // There may be another one.
    Ok(most)
}
