//! Ingest and publishing: one object or an array, item by item or whole (`?atomic=true`).

use super::body::{Given, answer, answer_format, unreadable};
use super::outcome::Outcomes;
use super::{Api, Problem, Senders};
use crate::auth::{Principal, Publisher};
use crate::observe::metrics::Door;
use crate::relay::Asked;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pulsewire_protocol::json::{FromJson, items_from_json};
use pulsewire_protocol::{Alert, DecodeError, DeviceStatus, ErrorCode, EventKind, Format, Payload, PublishItem, Telemetry, cbor};

/// A header's idempotency key must leave room for the index of an item.
const MAX_KEY_HEADER_BYTES: usize = 100;
/// After so many items others get a turn: with a single core nobody else writes to the pages meanwhile, and their queues
/// would overflow.
const ITEMS_PER_TURN: usize = 32;
/// … and after so many bytes: a few long items fill a queue as many short ones do.
const BYTES_PER_TURN: usize = 16 * 1024;
/// One list that is told at once may fill such a part of a page's queue; an alert counts twice where a page hears both of its
/// channels.
const WHOLE_PART_OF_QUEUE: usize = 4;
/// However small the queues are, what a client posts at once is taken (of bytes: one message of the largest size).
const WHOLE_AT_LEAST: usize = 32;

/// `?atomic=true`
#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Mode {
    atomic: bool,
}

type Items = Vec<Result<PublishItem, DecodeError>>;

/// Publish the status of devices
///
/// Goes to `device:{deviceId}` and is retained there. Needs the role `service` or `admin`.
#[utoipa::path(
    post, path = "/api/v1/devices/status", operation_id = "publishDeviceStatus", tag = "Publishing",
    params(("atomic" = Option<bool>, Query, description = "`true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413."), ("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/DeviceStatuses"), content_type = "application/json", description = "In JSON."),
    responses((status = 202, description = "Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone.", body = ref("#/components/schemas/Outcomes"), content_type = "application/json"), Senders),
)]
pub(super) async fn status(
    State(api): State<Api>,
    mode: Result<Query<Mode>, QueryRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    devices(&api, mode, request, |status: DeviceStatus| (format!("device:{}", status.device_id), Payload::DeviceStatus(status))).await
}

/// Publish alerts
///
/// Goes to `patient:{patientId}` and to `tenant`, under one id. Never throttled, never merged. Needs the role `service` or `admin`.
#[utoipa::path(
    post, path = "/api/v1/alerts", operation_id = "publishAlerts", tag = "Publishing",
    params(("atomic" = Option<bool>, Query, description = "`true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413."), ("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/Alerts"), content_type = "application/json", description = "In JSON."),
    responses((status = 202, description = "Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone.", body = ref("#/components/schemas/Outcomes"), content_type = "application/json"), Senders),
)]
pub(super) async fn alerts(
    State(api): State<Api>,
    mode: Result<Query<Mode>, QueryRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    // To the patient; the relay brings it to the tenant's channel too.
    devices(&api, mode, request, |alert: Alert| (format!("patient:{}", alert.patient_id), Payload::Alert(alert))).await
}

/// Publish telemetry
///
/// Goes to `device:{deviceId}`; `t` and `v` of a series are equally long. Needs the role `service` or `admin`.
#[utoipa::path(
    post, path = "/api/v1/telemetry", operation_id = "publishTelemetry", tag = "Publishing",
    params(("atomic" = Option<bool>, Query, description = "`true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413."), ("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/Telemetries"), content_type = "application/json", description = "In JSON."),
    responses((status = 202, description = "Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone.", body = ref("#/components/schemas/Outcomes"), content_type = "application/json"), Senders),
)]
pub(super) async fn telemetry(
    State(api): State<Api>,
    mode: Result<Query<Mode>, QueryRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    devices(&api, mode, request, |telemetry: Telemetry| (format!("device:{}", telemetry.device_id), Payload::Telemetry(telemetry))).await
}

async fn devices<T: FromJson>(
    api: &Api,
    mode: Result<Query<Mode>, QueryRejection>,
    request: Request<Body>,
    publication: impl Fn(T) -> (String, Payload),
) -> Result<Response, Problem> {
    let caller = api.caller(request.extensions())?;
    if !caller.is_backend() {
        let detail = "ingest is for tokens with the role service or admin";
        return Err(Problem::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail));
    }
    let mode = mode_of(mode)?;
    let key = key_of(request.headers())?;
    let given = Given::read(api, request, &[Format::Json]).await?;
    let text = given.text()?;
    let items: Vec<Result<T, DecodeError>> = items_from_json(text).map_err(|error| unreadable(&error))?;
    let items = items
        .into_iter()
        .map(|item| {
            item.map(|item| {
                let (channel, payload) = publication(item);
                PublishItem { channel, payload, key: None }
            })
        })
        .collect();
    let single = text.trim_start().starts_with('{');
    let count = Items::len(&items);
    let bytes = given.bytes.len();
    check_size(api, mode, count, bytes)?;
    let outcomes = apply(api, &caller, items, key.as_deref(), mode, bytes, Outcomes::new(true)).await;
    Ok(respond(outcomes, single, mode, count))
}

/// Publish any event
///
/// A client may publish what a client may say over the WebSocket; the other built-in events need the role `service` or `admin`.
#[utoipa::path(
    post, path = "/api/v1/publish", operation_id = "publish", tag = "Publishing",
    params(("atomic" = Option<bool>, Query, description = "`true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413."), ("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it.", min_length = 1, max_length = 100)),
    request_body(description = "In JSON, or in CBOR with the keys of PROTOCOL.md, section 12.", content(
        (ref("#/components/schemas/PublishItems") = "application/json"),
        (ref("#/components/schemas/PublishItems") = "application/cbor"),
    )),
    responses((status = 202, description = "Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone; in CBOR the answer is always a list.", content(
            (ref("#/components/schemas/Outcomes") = "application/json"),
            (ref("#/components/schemas/OutcomesCbor") = "application/cbor"),
        )), Senders),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    mode: Result<Query<Mode>, QueryRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let caller = api.caller(request.extensions())?;
    let mode = mode_of(mode)?;
    let key = key_of(request.headers())?;
    let headers = request.headers().clone();
    let given = Given::read(&api, request, &[Format::Json, Format::Cbor]).await?;
    let (items, single): (Items, bool) = match given.format {
        Format::Json => {
            let text = given.text()?;
            (items_from_json(text).map_err(|error| unreadable(&error))?, text.trim_start().starts_with('{'))
        }
        // In CBOR the answer is always a list.
        Format::Cbor => (cbor::decode_publish_items_each(&given.bytes).map_err(|error| unreadable(&error))?, false),
    };
    let brings_an_alert = items.iter().flatten().any(|item| item.payload.kind() == Some(EventKind::Alert));
    // Everybody else was asked before the body was read.
    if caller.is_backend() && !brings_an_alert {
        api.relay.may_ask(&caller)?;
    }
    let (count, bytes) = (items.len(), given.bytes.len());
    check_size(&api, mode, count, bytes)?;
    let outcomes = apply(&api, &caller, items, key.as_deref(), mode, bytes, Outcomes::new(false)).await;
    if answer_format(&headers, given.format) == Format::Cbor {
        // Refused whole, an atomic request gets its problem document: there is nothing to read item by item.
        if mode.atomic && outcomes.any_refused() {
            return Ok(outcomes.of_atomic(count));
        }
        let body = cbor::encode_publish_outcomes(&outcomes.for_cbor());
        return Ok(answer(StatusCode::ACCEPTED, Format::Cbor, body));
    }
    Ok(respond(outcomes, single, mode, count))
}

fn respond(outcomes: Outcomes, single: bool, mode: Mode, count: usize) -> Response {
    match (single, mode.atomic) {
        (true, _) => outcomes.of_one(),
        (false, true) => outcomes.of_atomic(count),
        (false, false) => outcomes.of_array(),
    }
}

/// Publishes the items of a body of so many bytes in their order. With `atomic` nothing is applied unless every one is accepted.
async fn apply(
    api: &Api,
    caller: &Principal,
    items: Items,
    header: Option<&str>,
    mode: Mode,
    body_bytes: usize,
    mut outcomes: Outcomes,
) -> Outcomes {
    let by = Publisher::Principal(caller);
    // One header for many items: each gets a key of its own.
    let single = items.len() == 1;
    let keyed = |index: usize, PublishItem { channel, payload, key }: PublishItem| {
        let key = key.or_else(|| header.map(|key| if single { key.to_owned() } else { format!("{key}#{index}") }));
        Asked { channel, payload, key }
    };
    if mode.atomic {
        let asked = items.into_iter().enumerate().map(|(index, item)| item.map(|item| keyed(index, item)));
        return apply_whole(api, by, asked.collect(), outcomes).await;
    }
    let mut turn = Turn::new(body_bytes);
    for (index, item) in items.into_iter().enumerate() {
        if turn.ends_before(item.as_ref().ok()) {
            tokio::task::yield_now().await;
        }
        let asked = match item {
            Ok(item) => keyed(index, item),
            Err(error) => {
                outcomes.refuse_unread(index, &error);
                continue;
            }
        };
        let channel = asked.channel.clone();
        match api.relay.publish_one(by, asked).await {
            Ok(published) => {
                api.relay.metrics().events_in(Door::Http, 1);
                outcomes.accept(index, channel, published);
            }
            Err(error) => outcomes.refuse(index, error),
        }
    }
    outcomes
}

/// How much of a list was published since others had a turn.
struct Turn {
    items: usize,
    bytes: usize,
    /// A body that is shorter than a turn needs no weighing of its items.
    weighs: bool,
}

impl Turn {
    fn new(body_bytes: usize) -> Self {
        Self { items: 0, bytes: 0, weighs: body_bytes > BYTES_PER_TURN }
    }

    /// Whether others come first; counts the item, `None` for one that could not be read.
    fn ends_before(&mut self, item: Option<&PublishItem>) -> bool {
        // As CBOR, whatever the body is: pages get either, and JSON is at most some times as long.
        let bytes = item.filter(|_| self.weighs).map_or(0, |item| cbor::encode_publish_items(std::slice::from_ref(item)).len());
        let over = self.items >= ITEMS_PER_TURN || (self.items > 0 && self.bytes + bytes > BYTES_PER_TURN);
        if over {
            (self.items, self.bytes) = (0, 0);
        }
        self.items += 1;
        self.bytes += bytes;
        over
    }
}

/// What is stored whole is told in one go, so there are bounds to it.
fn check_size(api: &Api, mode: Mode, count: usize, bytes: usize) -> Result<(), Problem> {
    let limits = &api.relay.config().limits;
    let most = (limits.queue_messages / WHOLE_PART_OF_QUEUE).max(WHOLE_AT_LEAST);
    let most_bytes = (limits.queue_bytes / WHOLE_PART_OF_QUEUE).max(limits.max_message_bytes);
    if !mode.atomic || (count <= most && bytes <= most_bytes) {
        return Ok(());
    }
    let detail = format!(
        "?atomic=true: at most {most} items and {most_bytes} bytes, and there are {count} items in {bytes} bytes: send several lists, or \
         one without atomic, which has no such bound"
    );
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, detail).at("atomic"))
}

async fn apply_whole(api: &Api, by: Publisher<'_>, items: Vec<Result<Asked, DecodeError>>, mut outcomes: Outcomes) -> Outcomes {
    let count = items.len();
    let mut asked = Vec::with_capacity(count);
    // Each one's own mistake is told, not only the first.
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Err(error) => outcomes.refuse_unread(index, &error),
            Ok(item) => match api.relay.check_publish(by, &item).await {
                Err(error) => outcomes.refuse(index, error),
                Ok(()) => asked.push(item),
            },
        }
    }
    if outcomes.any_refused() {
        return outcomes;
    }
    let channels: Vec<String> = asked.iter().map(|asked| asked.channel.clone()).collect();
    match api.relay.publish_all(by, asked).await {
        Ok(published) => {
            api.relay.metrics().events_in(Door::Http, count as u64);
            for (index, (channel, published)) in channels.into_iter().zip(published).enumerate() {
                outcomes.accept(index, channel, published);
            }
        }
        Err((Some(index), error)) => outcomes.refuse(index, error),
        // Nobody's own mistake: the store cannot take them.
        Err((None, error)) => (0..count).for_each(|index| outcomes.refuse(index, error.clone())),
    }
    outcomes
}

fn mode_of(mode: Result<Query<Mode>, QueryRejection>) -> Result<Mode, Problem> {
    match mode {
        Ok(Query(mode)) => Ok(mode),
        Err(_) => Err(Problem::bad_request("atomic must be true or false, as in ?atomic=true").at("atomic")),
    }
}

pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    // The draft of the header writes the key as a quoted string; many clients leave the quotes out.
    let key = value.to_str().ok().map(|text| text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text));
    match key {
        Some(key) if (1..=MAX_KEY_HEADER_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') => {
            Ok(Some(key.to_owned()))
        }
        _ => {
            let detail = format!("Idempotency-Key: 1 to {MAX_KEY_HEADER_BYTES} visible ASCII characters, none of them a quote");
            Err(Problem::bad_request(detail).at("Idempotency-Key"))
        }
    }
}
