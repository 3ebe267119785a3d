//! Executions: long jobs of teams, with their progress, steps, errors and log lines, and a user's wish to try again.
//!
//! A worker reports by `executions.update` (what is absent stays) or publishes whole `execution_update`s itself; both go through the
//! same rules ([`state`]). A user's `executions.retry` marks the execution as `retrying` under the next attempt's number and is told
//! as `execution_retry` to the worker that subscribes. A worker that was away finds what waits by `executions.list` with
//! `status: retrying` or `queued`: nothing depends on its having heard the event.
//!
//! Limits: 1,000 lines and 200 steps of one execution, the newest; forgotten when it did not change for `retention.executions_days`. Two workers that report
//! on one execution at once are told in either order; the store keeps the order in which they were taken.

pub mod state;
mod table;

use super::params::{Fields, LINE_BYTES, TEXT_BYTES};
use super::rights::{is_service, may_read, may_tell};
use super::service::{Service, answer, is_news, refused, tell_now};
use crate::auth::Principal;
use crate::config::days_ms;
use crate::observe::faults::fault;
use crate::relay::{Asked, Incoming, Methods, Refusal, Relay, Tap, WeakRelay};
use crate::store::{Known, PageRequest, Store, StoreError, Tx, once};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ChannelName, EventKind, ExecutionError, ExecutionRetry, ExecutionState, Payload, Publication, RawJson};
use serde::Serialize;
use state::{Change, Execution};
use std::sync::Arc;
use table::Line;

/// Lines that come with `executions.get`.
const LINES_OF_GET: usize = 100;
/// Lines of one `executions.log`.
const MAX_LINES_AT_ONCE: usize = 100;
const STATES: &str = "queued, running, succeeded, failed, retrying";

/// See the module.
pub struct Executions {
    store: Store,
    relay: WeakRelay,
    kept_ms: i64,
}

#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    execution: Execution,
    /// The newest lines, oldest first.
    log: Vec<Line>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    execution_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "<[Line]>::is_empty")]
    lines: &'a [Line],
    #[serde(skip_serializing_if = "<[[&str; 1]]>::is_empty")]
    invalidates: &'a [[&'a str; 1]],
}

fn channel_of(id: &str) -> String {
    format!("execution:{id}")
}

fn custom(event: &str, data: &Told<'_>) -> Result<Payload, Refusal> {
    let data = RawJson::from_value(data).map_err(StoreError::from)?;
    Ok(Payload::Custom { event: event.to_owned(), data })
}

impl Executions {
    /// On that store, telling through that relay.
    pub fn attach(relay: &Relay, store: Store) -> Arc<Self> {
        let executions = Arc::new(Self { store, relay: relay.downgrade(), kept_ms: days_ms(relay.config().retention.executions_days) });
        relay.add_tap(Arc::clone(&executions) as Arc<dyn Tap>);
        executions
    }

    async fn create(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        is_service(by, "executions.create")?;
        let mut fields = Fields::read(params)?;
        let id = fields.optional_id("executionId");
        let title = fields.text("title", LINE_BYTES);
        let known = fields.key().map(|key| Known::new(by, "executions.create", &key, &fields.without("key")));
        fields.finish()?;
        let id = id.unwrap_or_else(|| self.store.ids().make());
        may_tell(by, "executions.create", &channel_of(&id))?;
        let tenant = by.tenant.clone();
        let written = self.store.write("executions.create", move |tx| {
            let made = once(tx, known.as_ref(), |tx| match table::find(tx, &tenant, &id)? {
                // The same again: the answer was lost.
                Some((_, execution)) if execution.title.as_deref() == Some(&title) => Ok(execution),
                Some(_) => Err(Refusal::field("executionId", format!("{id:?} is taken by another execution")).into()),
                None => {
                    let execution = Execution::queued(id, Some(title), tx.now_ms());
                    table::put(tx, &tenant, &execution)?;
                    Ok(execution)
                }
            })?;
            let now = table::find(tx, &tenant, &made.answer.execution_id)?.map(|(_, execution)| execution);
            Ok((made.answer, now))
        });
        let (execution, now) = written.await?;
        // Also the second time: the first may have been kept and not told. What it is by now is told, not what it was.
        if let Some(now) = now.filter(|now| is_news(&self.store, now.created_at)) {
            let id = execution.execution_id.as_str();
            let news = Told { execution_id: id, attempt: None, lines: &[], invalidates: &[["executions"]] };
            let state = Payload::ExecutionUpdate(now.update());
            let asked = vec![
                Asked { channel: channel_of(id), payload: state, key: Some(format!("state:{}:{}", now.attempt, now.ts)) },
                Asked { channel: "tenant".to_owned(), payload: custom("execution_new", &news)?, key: Some(format!("execution:{id}")) },
            ];
            tell_now(&self.relay, &by.tenant, asked).await?;
        }
        answer(&execution)
    }

    async fn update(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        is_service(by, "executions.update")?;
        let mut fields = Fields::read(params)?;
        let id = fields.id("executionId");
        let mut change = Change {
            status: fields.optional_word("status", STATES),
            step: fields.optional_text("step", LINE_BYTES),
            progress: fields.optional_number("progress", 0.0, 1.0),
            error: None,
            attempt: fields.optional_whole("attempt", 1, u64::from(u32::MAX)).and_then(|attempt| u32::try_from(attempt).ok()),
        };
        if let Some(mut error) = fields.optional_object("error") {
            let (code, message) = (error.text("code", LINE_BYTES), error.text("message", TEXT_BYTES));
            change.error = Some(ExecutionError { code, message, detail: error.optional_text("detail", TEXT_BYTES) });
            fields.take_over(error);
            if change.status != Some(ExecutionState::Failed) {
                fields.blame("error", "stands only beside `status: failed`");
            }
        } else if change.status == Some(ExecutionState::Failed) && fields.value("error").is_none() {
            fields.blame("error", "is missing: an execution that fails says why: {code, message, detail?}");
        }
        fields.finish()?;
        may_tell(by, "executions.update", &channel_of(&id))?;
        let tenant = by.tenant.clone();
        let written = self.store.write("executions.update", move |tx| {
            let (_, mut execution) = table::get(tx, &tenant, &id)?;
            if execution.apply(&change, tx.now_ms()).map_err(refused)? {
                table::put(tx, &tenant, &execution)?;
            }
            Ok(execution)
        });
        let execution = written.await?;
        // Also where nothing changed: the caller may come again because it could not be told.
        if is_news(&self.store, execution.ts) {
            let payload = Payload::ExecutionUpdate(execution.update());
            let asked = Asked { channel: channel_of(&execution.execution_id), payload, key: None };
            tell_now(&self.relay, &by.tenant, vec![asked]).await?;
        }
        answer(&execution)
    }

    async fn log(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        is_service(by, "executions.log")?;
        let mut fields = Fields::read(params)?;
        let id = fields.id("executionId");
        let texts = fields.texts("lines", MAX_LINES_AT_ONCE, TEXT_BYTES);
        let level = fields.optional_one_of("level", &["info", "warning", "error"]).unwrap_or_else(|| "info".to_owned());
        let known = fields.key().map(|key| Known::new(by, "executions.log", &key, &fields.without("key")));
        fields.finish()?;
        may_tell(by, "executions.log", &channel_of(&id))?;
        let (tenant, of) = (by.tenant.clone(), id.clone());
        let written = self.store.write("executions.log", move |tx| {
            let (seq, execution) = table::get(tx, &tenant, &of)?;
            let once = once(tx, known.as_ref(), |tx| {
                let line = |text| Line { ts: tx.now_ms(), level: level.clone(), text, attempt: execution.attempt };
                let lines: Vec<Line> = texts.into_iter().map(line).collect();
                Ok((table::append(tx, &tenant, seq, &lines)?, lines))
            })?;
            Ok((once.answer, execution.attempt))
        });
        let ((newest, lines), attempt) = written.await?;
        // Also the second time: the first may have been kept and not told; the key keeps it from being told twice.
        if lines.first().is_some_and(|line| is_news(&self.store, line.ts)) {
            let told = Told { execution_id: &id, attempt: Some(attempt), lines: &lines, invalidates: &[] };
            let asked = Asked { channel: channel_of(&id), payload: custom("execution_log", &told)?, key: Some(format!("line:{newest}")) };
            tell_now(&self.relay, &by.tenant, vec![asked]).await?;
        }
        answer(&serde_json::json!({ "executionId": id, "lines": lines.len() }))
    }

    async fn get(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("executionId");
        fields.finish()?;
        may_read(by, &channel_of(&id))?;
        let tenant = by.tenant.clone();
        let read = self.store.read("executions.get", move |db| {
            let (seq, execution) = table::get(db, &tenant, &id)?;
            let newest = PageRequest::<1> { limit: LINES_OF_GET, ..PageRequest::first("execution-lines") };
            let mut log = newest.page(table::lines(db, &tenant, seq, i64::MAX, newest.sql_limit())?).items;
            log.reverse();
            Ok(Detail { execution, log })
        });
        answer(&read.await?)
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let status = fields.optional_word("status", STATES);
        let page = fields.page::<1>("executions");
        fields.finish()?;
        let by = by.clone();
        let read = self.store.read("executions.list", move |db| {
            page.filtered(
                |[below], limit| table::list(db, &by.tenant, status, below, limit),
                |execution| may_read(&by, &channel_of(&execution.execution_id)).is_ok(),
            )
        });
        answer(&read.await?)
    }

    async fn lines(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("executionId");
        let page = fields.page::<1>("execution-lines");
        fields.finish()?;
        may_read(by, &channel_of(&id))?;
        let tenant = by.tenant.clone();
        let read = self.store.read("executions.lines", move |db| {
            let (seq, _) = table::get(db, &tenant, &id)?;
            let [below] = page.below();
            Ok(page.page(table::lines(db, &tenant, seq, below, page.sql_limit())?))
        });
        answer(&read.await?)
    }

    async fn retry(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("executionId");
        fields.finish()?;
        let channel = may_read(by, &channel_of(&id))?;
        let payload = Payload::ExecutionRetry(ExecutionRetry { execution_id: id.clone() });
        by.may_publish(&channel, &payload)?;
        let tenant = by.tenant.clone();
        let written = self.store.write("executions.retry", move |tx| {
            let (_, mut execution) = table::get(tx, &tenant, &id)?;
            if execution.retry(tx.now_ms()).map_err(refused)? {
                table::put(tx, &tenant, &execution)?;
            }
            Ok(execution)
        });
        let execution = written.await?;
        // Asked by several is asked once; after the next failure the number is another one.
        if execution.status == ExecutionState::Retrying && is_news(&self.store, execution.ts) {
            let told =
                |payload, what| Asked { channel: channel.as_str().to_owned(), payload, key: Some(format!("{what}:{}", execution.attempt)) };
            let state = Payload::ExecutionUpdate(execution.update());
            tell_now(&self.relay, &by.tenant, vec![told(state, "retrying"), told(payload, "retry")]).await?;
        }
        answer(&execution)
    }

    /// Tells that an execution waits for its next attempt, unless a worker has begun it meanwhile.
    async fn follow_retry(&self, tenant: String, id: String) -> Result<(), Refusal> {
        let of = tenant.clone();
        match self.store.read("executions.retry", move |db| table::find(db, &of, &id)).await? {
            Some((_, execution)) if execution.status == ExecutionState::Retrying => {
                // The same key as in `retry`, which has told it already.
                let key = Some(format!("retrying:{}", execution.attempt));
                let asked =
                    Asked { channel: channel_of(&execution.execution_id), payload: Payload::ExecutionUpdate(execution.update()), key };
                Ok(tell_now(&self.relay, &tenant, vec![asked]).await?)
            }
            _ => Ok(()),
        }
    }
}

impl Methods for Executions {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "executions.create" => Box::pin(self.create(by, params)),
            "executions.update" => Box::pin(self.update(by, params)),
            "executions.log" => Box::pin(self.log(by, params)),
            "executions.get" => Box::pin(self.get(by, params)),
            "executions.list" => Box::pin(self.list(by, params)),
            "executions.lines" => Box::pin(self.lines(by, params)),
            "executions.retry" => Box::pin(self.retry(by, params)),
            _ => return None,
        })
    }
}

impl Service for Executions {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::ExecutionUpdate, EventKind::ExecutionRetry]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        let (tenant, now_ms) = (incoming.tenant.as_str(), tx.now_ms());
        let changed = match &incoming.publication.payload {
            Payload::ExecutionUpdate(update) => {
                let found = table::find(tx, tenant, &update.execution_id)?;
                let is_new = found.is_none();
                let mut execution = found.map_or_else(|| Execution::queued(update.execution_id.clone(), None, now_ms), |(_, known)| known);
                let changed = execution.apply(&Change::from(update), now_ms).map_err(|why| refused(format!("data.{why}")))?;
                (changed || is_new).then_some(execution)
            }
            Payload::ExecutionRetry(retry) => match table::find(tx, tenant, &retry.execution_id)? {
                Some((_, mut execution)) => {
                    let changed = execution.retry(now_ms).map_err(refused)?;
                    changed.then_some(execution)
                }
                // One that the relay does not keep: its backend judges.
                None => None,
            },
            _ => None,
        };
        changed.map_or(Ok(()), |execution| table::put(tx, tenant, &execution))
    }

    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        table::expire(tx, self.kept_ms, most)
    }
}

impl Tap for Executions {
    fn handle_publication(&self, tenant: &str, _: &ChannelName, publication: &Publication) {
        let Payload::ExecutionRetry(retry) = &publication.payload else { return };
        let (this, tenant, id) = (
            Self { store: self.store.clone(), relay: self.relay.clone(), kept_ms: self.kept_ms },
            tenant.to_owned(),
            retry.execution_id.clone(),
        );
        drop(tokio::spawn(async move {
            if let Err(error) = this.follow_retry(tenant, id).await {
                fault!(warning, Store, error = %error.body.message, "that an execution is tried again could not be told");
            }
        }));
    }

    fn handle_viewers(&self, _: &str) {}
}
