//! Patients (D3): their name, status and priority, as a backend says them.
//!
//! A `patients.put` that changes something is told on `patient:{id}` and `tenant`: `new_patient`, `patient_status_change`,
//! `priority_update`. What a backend publishes as one of these itself is kept before it is accepted, so both doors lead to one list.
//! Status and priority are words of the application's own.

use super::params::{Fields, LINE_BYTES};
use super::rights;
use super::scope::{Scope, With};
use super::service::{Service, answer};
use crate::auth::Principal;
use crate::observe::faults::fault;
use crate::relay::{Asked, Incoming, Methods, Refusal, WeakRelay};
use crate::store::{Page, PageRequest, Store, StoreError, Tx};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ErrorBody, ErrorCode, EventKind, PatientChange, Payload, RawJson};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use serde::Serialize;
use serde_json::{Value, json};

/// Status and priority: a word.
const WORD_BYTES: usize = 64;
const COLUMNS: &str = "seq, patient, name, status, priority, created_at_ms, changed_at_ms";

/// One of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Patient {
    patient_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    created_at: i64,
    /// When it changed last.
    ts: i64,
}

/// What is said of a patient.
#[derive(Clone, Debug, Default)]
struct Said {
    name: Option<String>,
    status: Option<String>,
    priority: Option<String>,
}

/// See the module.
pub struct Patients {
    store: Store,
    relay: WeakRelay,
}

impl Methods for Patients {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "patients.list" => Box::pin(self.list(by, params)),
            "patients.get" => Box::pin(self.get(by, params)),
            "patients.put" => Box::pin(self.put(by, params)),
            _ => return None,
        })
    }
}

impl Patients {
    /// On that store, for that relay.
    pub fn new(store: Store, relay: WeakRelay) -> Self {
        Self { store, relay }
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let status = fields.optional_text("status", WORD_BYTES);
        let priority = fields.optional_text("priority", WORD_BYTES);
        let page = fields.page::<1>("patients");
        fields.finish()?;
        let scope = Scope::of(by);
        let read = self.store.read("patients.list", move |db| list(db, &scope, status.as_ref(), priority.as_ref(), &page));
        answer(&read.await?)
    }

    async fn get(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("patientId");
        fields.finish()?;
        rights::may_read(by, &format!("patient:{id}"))?;
        let (tenant, wanted) = (by.tenant.clone(), id.clone());
        match self.store.read("patients.get", move |db| find(db, &tenant, &wanted)).await? {
            Some(patient) => answer(&patient),
            None => Err(ErrorBody::new(ErrorCode::NotFound, format!("there is no patient {id:?}")).into()),
        }
    }

    /// The whole: what is left out is taken away.
    async fn put(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("patientId");
        let name = fields.text("name", LINE_BYTES);
        let status = fields.optional_text("status", WORD_BYTES);
        let priority = fields.optional_text("priority", WORD_BYTES);
        fields.finish()?;
        rights::may_tell(by, "patients.put", &format!("patient:{id}"))?;
        let tenant = by.tenant.clone();
        let written = self.store.write("patients.put", move |tx| {
            let before = find(tx, &tenant, &id)?;
            let said = Patient { patient_id: id.clone(), name, status, priority, created_at: tx.now_ms(), ts: tx.now_ms() };
            write(tx, &tenant, &said, before.as_ref())?;
            let after = find(tx, &tenant, &id)?.ok_or_else(|| StoreError::internal("a patient is gone in the write that made it"))?;
            Ok((before, after))
        });
        let (before, after) = written.await?;
        self.tell(&by.tenant, before.as_ref(), &after).await?;
        answer(&after)
    }

    /// What became different, told to those who follow the patient or the tenant.
    async fn tell(&self, tenant: &str, before: Option<&Patient>, after: &Patient) -> Result<(), Refusal> {
        let data = json!({
            "patientId": after.patient_id, "name": after.name, "status": after.status, "priority": after.priority, "ts": after.ts,
            "invalidates": [["patients"], ["patient", after.patient_id]],
        });
        let change = || {
            Ok::<_, Refusal>(PatientChange {
                patient_id: after.patient_id.clone(),
                data: RawJson::from_value(&data).map_err(StoreError::from)?,
            })
        };
        let mut payloads = Vec::new();
        match before {
            None => payloads.push(Payload::NewPatient(change()?)),
            Some(before) => {
                // A new name alone has no event of its own.
                if before.status != after.status || before.name != after.name {
                    payloads.push(Payload::PatientStatusChange(change()?));
                }
                if before.priority != after.priority {
                    payloads.push(Payload::PriorityUpdate(change()?));
                }
            }
        }
        let channels = [format!("patient:{}", after.patient_id), "tenant".to_owned()];
        let both = |payload: &Payload| channels.clone().map(|channel| Asked { channel, payload: payload.clone(), key: None });
        let asked: Vec<Asked> = payloads.iter().flat_map(both).collect();
        let Some(relay) = self.relay.upgrade().filter(|_| !asked.is_empty()) else { return Ok(()) };
        if let Err(error) = relay.tell_kept(tenant, asked).await {
            fault!(warning, Store, %error, "a change of a patient was kept and could not be told: it is found in the list");
        }
        Ok(())
    }
}

impl Service for Patients {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::NewPatient, EventKind::PatientStatusChange, EventKind::PriorityUpdate]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        let (Payload::NewPatient(change) | Payload::PatientStatusChange(change) | Payload::PriorityUpdate(change)) =
            &incoming.publication.payload
        else {
            return Ok(());
        };
        let (tenant, id) = (&incoming.tenant, &change.patient_id);
        let before = find(tx, tenant, id)?;
        let said = said(&change.data);
        let (known_name, known_status, known_priority) = match &before {
            Some(known) => (known.name.clone(), known.status.clone(), known.priority.clone()),
            None => (id.clone(), None, None),
        };
        let merged = Patient {
            patient_id: id.clone(),
            name: said.name.unwrap_or(known_name),
            status: said.status.or(known_status),
            priority: said.priority.or(known_priority),
            created_at: tx.now_ms(),
            ts: tx.now_ms(),
        };
        write(tx, tenant, &merged, before.as_ref())
    }
}

/// What the caller's own object says of these; what is no short text there is the application's alone.
fn said(data: &RawJson) -> Said {
    let Ok(Value::Object(data)) = serde_json::from_str(data.as_str()) else { return Said::default() };
    let text = |names: &[&str], most: usize| {
        let found = names.iter().find_map(|name| data.get(*name)?.as_str());
        found.filter(|text| !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control)).map(str::to_owned)
    };
    Said {
        name: text(&["name", "patientName"], LINE_BYTES),
        status: text(&["status"], WORD_BYTES),
        priority: text(&["priority"], WORD_BYTES),
    }
}

fn read(row: &Row<'_>) -> Result<(i64, Patient), rusqlite::Error> {
    let patient = Patient {
        patient_id: row.get(1)?,
        name: row.get(2)?,
        status: row.get(3)?,
        priority: row.get(4)?,
        created_at: row.get(5)?,
        ts: row.get(6)?,
    };
    Ok((row.get(0)?, patient))
}

fn find(db: &Connection, tenant: &str, id: &str) -> Result<Option<Patient>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM patients WHERE tenant = ?1 AND patient = ?2"))?;
    Ok(find.query_row((tenant, id), read).optional()?.map(|(_, patient)| patient))
}

/// Writes it where it says anything new.
fn write(tx: &Tx<'_>, tenant: &str, said: &Patient, before: Option<&Patient>) -> Result<(), StoreError> {
    let Patient { patient_id, name, status, priority, .. } = said;
    if before.is_some_and(|before| (&before.name, &before.status, &before.priority) == (name, status, priority)) {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO patients (tenant, patient, name, status, priority, created_at_ms, changed_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (tenant, patient) DO UPDATE SET name = excluded.name, status = excluded.status, priority = excluded.priority,
         changed_at_ms = excluded.changed_at_ms",
    )?
    .execute((tenant, patient_id, name, status, priority, tx.now_ms()))?;
    Ok(())
}

fn list(
    db: &Connection,
    scope: &Scope,
    status: Option<&String>,
    priority: Option<&String>,
    page: &PageRequest<1>,
) -> Result<Page<Patient>, StoreError> {
    let mut sql = format!("SELECT {COLUMNS} FROM patients WHERE tenant = :tenant AND seq < :below{}", scope.condition());
    let [below] = page.below();
    let limit = page.sql_limit();
    let mut with: With<'_> = vec![(":below", &below), (":limit", &limit)];
    scope.bind(&mut with);
    for (name, condition, wanted) in [(":status", " AND status = :status", &status), (":priority", " AND priority = :priority", &priority)]
    {
        if wanted.is_some() {
            sql.push_str(condition);
            with.push((name, wanted as &dyn ToSql));
        }
    }
    sql.push_str(" ORDER BY seq DESC LIMIT :limit");
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(with.as_slice(), read)?.map(|row| row.map(|(seq, patient)| ([seq], patient)));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(page.page(rows))
}
