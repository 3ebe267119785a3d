//! The one door in: check, fill in, store, fan out.
//!
//! A body is known again by a digest of what the caller gave: opaque JSON in one canonical writing, an alert without the time
//! and with the id that the relay gave it, so that a retry is the same body however it was written.
//!
//! The id of an alert that has none follows from its key and from when that was first used. Where another relay saw that, this one
//! finds out by the conflict that a wrong guess makes.

use super::key_ages::{Guess, check_key, guess_again};
use super::{Incoming, Relay, author, parse_channel};
use crate::auth::Publisher;
use crate::broker::{Batch, ChannelKey, Idempotency, Item, Stored};
use crate::observe::{Audit, audit};
use pulsewire_protocol::{Alert, ChannelName, ErrorBody, ErrorCode, Payload, Position, Publication, PublishItem, RawJson, cbor};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// When to publish again what a relay that goes down did not take.
const DRAINING_RETRY_MIN_MS: u64 = 1_000;
/// The latest of that.
const DRAINING_RETRY_MAX_MS: u64 = 4_000;

/// One thing to publish, as the caller gives it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The channel.
    pub channel: String,
    /// The event and its data.
    pub payload: Payload,
    /// The idempotency key.
    pub key: Option<String>,
}

impl Asked {
    /// The key that its id follows from.
    fn key_of_id(&self, by: Publisher<'_>) -> Option<String> {
        match &self.payload {
            Payload::Alert(alert) if alert.id.is_none() => self.key.as_ref().map(|key| scoped(by, key)),
            _ => None,
        }
    }
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it stands in the channel that was named.
    pub position: Position,
    /// The id of an alert, also where the relay gave it.
    pub alert_id: Option<String>,
}

/// What a check found out about one thing to publish.
struct Checked {
    /// As it was named.
    named: ChannelName,
    /// Where it is stored first, and where its key counts.
    home: ChannelName,
    idempotency: Option<Idempotency>,
    /// The key is an alert's own id.
    by_id: bool,
    alert_id: Option<String>,
}

/// Why nothing was published.
struct Failed {
    /// The one to blame, where one is.
    index: Option<usize>,
    error: ErrorBody,
    /// Its key was used with another body.
    is_conflict: bool,
}

impl Failed {
    fn of(index: Option<usize>, error: ErrorBody) -> Self {
        Self { index, error, is_conflict: false }
    }
    fn by_conflict(index: Option<usize>, by_id: bool) -> Self {
        Self { index, error: conflict(by_id), is_conflict: true }
    }
    fn into_parts(self) -> (Option<usize>, ErrorBody) {
        (self.index, self.error)
    }
}

/// Ready to be stored: an alert goes to two channels.
struct Prepared {
    stores: Vec<Item>,
    /// The one whose position is told.
    told: usize,
    by_id: bool,
    alert_id: Option<String>,
}

impl Relay {
    /// Publishes. An alert goes to its patient's channel first and then to `tenant`, whichever of the two is named; the
    /// position is that of the channel named. With a key a repetition gives the first result and stores nothing; an alert
    /// that has an id is idempotent by it even without a key, so that a retry completes what was cut short.
    pub async fn publish(&self, by: Publisher<'_>, channel: &str, payload: Payload, key: Option<&str>) -> Result<Position, ErrorBody> {
        let asked = Asked { channel: channel.to_owned(), payload, key: key.map(str::to_owned) };
        self.publish_one(by, asked).await.map(|published| published.position)
    }

    /// The same, telling an alert's id too.
    pub async fn publish_one(&self, by: Publisher<'_>, asked: Asked) -> Result<Published, ErrorBody> {
        let published = self.publish_all(by, vec![asked]).await.map_err(|(_, error)| error)?;
        published.into_iter().next().ok_or_else(|| ErrorBody::new(ErrorCode::Internal, "the store gave no answer"))
    }

    /// Publishes all of them or none. An error names the one to blame, where one is.
    pub async fn publish_all(&self, by: Publisher<'_>, asked: Vec<Asked>) -> Result<Vec<Published>, (Option<usize>, ErrorBody)> {
        self.publish_prepared(by, asked, true).await
    }

    /// Tells what was kept already, on behalf of the relay itself: the [`Keeper`](super::Keeper) is not asked again. Give a key where
    /// the same may be told again.
    pub async fn tell_kept(&self, tenant: &str, asked: Vec<Asked>) -> Result<Vec<Published>, ErrorBody> {
        self.publish_prepared(Publisher::System { tenant }, asked, false).await.map_err(|(_, error)| error)
    }

    async fn publish_prepared(
        &self,
        by: Publisher<'_>,
        asked: Vec<Asked>,
        to_keep: bool,
    ) -> Result<Vec<Published>, (Option<usize>, ErrorBody)> {
        let mut guesses: Vec<Option<Guess>> = asked.iter().map(|asked| self.guess(by, asked)).collect();
        if guesses.iter().all(Option::is_none) {
            return self.try_publish(by, asked, &[], to_keep, |_, _| {}).await.map_err(Failed::into_parts);
        }
        let mut stored_now = vec![false; asked.len()];
        loop {
            let note = |place: usize, stored: &Stored| {
                if let Some(now) = stored_now.get_mut(place) {
                    *now = matches!(stored, Stored::Fresh(_));
                }
            };
            let failed = match self.try_publish(by, asked.clone(), &guesses, to_keep, note).await {
                Ok(published) => {
                    for (guess, stored_now) in guesses.iter().zip(stored_now) {
                        if let Some(guess) = guess {
                            self.inner.key_ages.handle_stored(guess, stored_now, self.clock().now_ms());
                        }
                    }
                    return Ok(published);
                }
                Err(failed) => failed,
            };
            if !failed.is_conflict || !failed.index.is_some_and(|index| guess_again(&mut guesses, index)) {
                return Err(failed.into_parts());
            }
        }
    }

    /// Tells `note` of the first thing that became of each.
    async fn try_publish(
        &self,
        by: Publisher<'_>,
        asked: Vec<Asked>,
        guesses: &[Option<Guess>],
        to_keep: bool,
        mut note: impl FnMut(usize, &Stored),
    ) -> Result<Vec<Published>, Failed> {
        // A drain waits for this one.
        let _under_way = self.inner.work.token();
        self.takes_publications().map_err(|error| Failed::of(None, error))?;
        let period_of = |index: usize| guesses.get(index)?.as_ref().map(Guess::period);
        let prepared: Vec<Prepared> = asked
            .into_iter()
            .enumerate()
            .map(|(index, asked)| self.prepare(by, asked, period_of(index)).map_err(|error| Failed::of(Some(index), error)))
            .collect::<Result<_, _>>()?;
        if to_keep {
            // The broker would find it, too, but only after all of them were kept.
            if let Some((index, by_id)) = conflict_within(&prepared) {
                return Err(Failed::of(Some(index), conflict(by_id)));
            }
            self.keep(by, &prepared).await?;
        }
        let stores: Vec<Item> = prepared.iter().flat_map(|one| one.stores.iter().cloned()).collect();
        let administrative: Vec<(String, String)> = stores
            .iter()
            .filter(|item| item.key.channel.kind() == "admin")
            .map(|item| (item.key.tenant.to_string(), item.publication.payload.event().to_owned()))
            .collect();
        let stored = match self.store(stores).await.map_err(|error| Failed::of(None, error))? {
            Batch::Stored(stored) => stored,
            Batch::Conflict(place) => {
                let mut ends = prepared.iter().scan(0, |end, one| {
                    *end += one.stores.len();
                    Some(*end)
                });
                let index = ends.position(|end| place < end);
                let by_id = index.and_then(|index| prepared.get(index)).is_some_and(|one| one.by_id);
                return Err(Failed::by_conflict(index, by_id));
            }
        };
        let mut stored = stored.into_iter();
        let published = prepared.into_iter().enumerate().map(|(index, one)| {
            let mut of_one = stored.by_ref().take(one.stores.len()).peekable();
            if let Some(first) = of_one.peek() {
                note(index, first);
            }
            let mut positions = of_one.map(Stored::into_position);
            let position = positions.nth(one.told).unwrap_or_default();
            positions.for_each(drop);
            Published { position, alert_id: one.alert_id }
        });
        let published = published.collect();
        for (tenant, event) in administrative {
            audit(Audit::AdminPublished { user: by.user(), tenant: &tenant, event: &event });
        }
        Ok(published)
    }

    /// Has kept what must outlive the relay, before any of it is told.
    async fn keep(&self, by: Publisher<'_>, prepared: &[Prepared]) -> Result<(), Failed> {
        let Some(keeper) = self.inner.keeper.get() else { return Ok(()) };
        let wanted = |one: &Prepared| one.stores.first().is_some_and(|item| keeper.wants(&item.publication.payload));
        let (mut incoming, mut places) = (Vec::new(), Vec::new());
        for (index, one) in prepared.iter().enumerate().filter(|(_, one)| wanted(one)) {
            let Some(item) = one.stores.first() else { continue };
            // What the broker would refuse for its key is not kept either.
            if let Some(idempotency) = &item.idempotency
                && self.broker().conflicts(&item.key, idempotency).await.map_err(|error| Failed::of(Some(index), error))?
            {
                return Err(Failed::by_conflict(Some(index), one.by_id));
            }
            incoming.push(Incoming::new(by, &self.config().auth.acting_roles, item.key.channel.clone(), item.publication.clone()));
            places.push(index);
        }
        if incoming.is_empty() {
            return Ok(());
        }
        let kept = keeper.keep(incoming).await;
        kept.map_err(|(place, error)| Failed::of(place.and_then(|place| places.get(place).copied()), error))
    }

    /// Nothing new once draining has begun: the pages have been told to go, and the history ends with this relay, so an
    /// accepted alert would reach nobody. Another relay, or this one once it is back, takes it.
    fn takes_publications(&self) -> Result<(), ErrorBody> {
        if !self.is_draining() {
            return Ok(());
        }
        let retry_after_ms = self.entropy().between(DRAINING_RETRY_MIN_MS, DRAINING_RETRY_MAX_MS);
        let message = "this relay is going down: publish again";
        Err(ErrorBody::retryable(ErrorCode::Unavailable, message, Some(retry_after_ms)))
    }

    /// Whether a publication would be accepted, as far as that can be known without storing it.
    pub async fn check_publish(&self, by: Publisher<'_>, asked: &Asked) -> Result<(), ErrorBody> {
        let mut guesses = [self.guess(by, asked)];
        loop {
            let checked = self.check(by, asked, guesses.iter().flatten().map(Guess::period).next())?;
            let Some(idempotency) = checked.idempotency else { return Ok(()) };
            let scope = ChannelKey::new(by.tenant(), checked.home);
            if !self.broker().conflicts(&scope, &idempotency).await? {
                return Ok(());
            }
            if !guess_again(&mut guesses, 0) {
                return Err(conflict(checked.by_id));
            }
        }
    }

    /// When the key was first used that an alert's id follows from.
    fn guess(&self, by: Publisher<'_>, asked: &Asked) -> Option<Guess> {
        let known_as = id_from_key(by, &asked.key_of_id(by)?, 0);
        Some(self.inner.key_ages.guess(known_as, self.clock().now_ms()))
    }

    /// One by itself goes the way of nearly all publications.
    async fn store(&self, mut items: Vec<Item>) -> Result<Batch, ErrorBody> {
        match items.pop() {
            Some(Item { key, publication, idempotency }) if items.is_empty() => {
                Ok(match self.broker().publish(&key, publication, idempotency).await? {
                    Stored::Conflict => Batch::Conflict(0),
                    stored => Batch::Stored(vec![stored]),
                })
            }
            last => {
                items.extend(last);
                self.broker().publish_all(items).await
            }
        }
    }

    /// `period` is when the key was first used that its id follows from, where it does.
    fn check(&self, by: Publisher<'_>, asked: &Asked, period: Option<u64>) -> Result<Checked, ErrorBody> {
        let Asked { channel, payload, key } = asked;
        let named = parse_channel(channel)?;
        check_rights(by, &named, payload)?;
        check_key(key.as_deref())?;
        payload.validate(&named)?;
        let Payload::Alert(alert) = payload else {
            // A message that has a client id is idempotent by it.
            let key = key.clone().or_else(|| client_id(payload).map(message_key));
            let idempotency = key.map(|key| idempotency(scoped(by, &key), &named, canonical(payload)));
            return Ok(Checked { home: named.clone(), named, idempotency, by_id: false, alert_id: None });
        };
        let home = patient_channel(alert)?;
        // An alert that has an id is idempotent by it.
        let by_id = key.is_none() && alert.id.is_some();
        let key = key.clone().or_else(|| alert.id.as_ref().map(|id| format!("\0alert\0{id}")));
        let key = key.map(|key| scoped(by, &key));
        // With a key but no id the id follows from the key: the retry must not give the second channel another one.
        let id = alert.id.clone().unwrap_or_else(|| match (&key, period) {
            (Some(key), Some(period)) => id_from_key(by, key, period),
            _ => self.entropy().id(),
        });
        let idempotency = key.map(|key| {
            // The id as it will be and no time: the relay fills both in, and what it told may be sent again.
            let known = Alert { id: Some(id.clone()), ts: None, ..alert.clone() };
            idempotency(key, &home, canonical(&Payload::Alert(known)))
        });
        Ok(Checked { named, home, idempotency, by_id, alert_id: Some(id) })
    }

    fn prepare(&self, by: Publisher<'_>, asked: Asked, period: Option<u64>) -> Result<Prepared, ErrorBody> {
        let Checked { named, home, idempotency, by_id, alert_id } = self.check(by, &asked, period)?;
        let item = |channel: ChannelName, payload: Payload| Item {
            key: ChannelKey::new(by.tenant(), channel),
            publication: self.publication(by, payload),
            idempotency: idempotency.clone(),
        };
        let (stores, told) = match asked.payload {
            Payload::Alert(alert) => {
                let filled = Alert { id: alert_id.clone(), ts: Some(alert.ts.unwrap_or_else(|| self.clock().now())), ..alert };
                let of_patient = item(home, Payload::Alert(filled.clone()));
                (vec![of_patient, item(ChannelName::tenant(), Payload::Alert(filled))], usize::from(named.kind() == "tenant"))
            }
            payload => {
                // With a key the id follows from it: who keeps the retry must know it again.
                let whole = |key: &str| format!("{}\0{}", home.as_str(), scoped(by, key));
                let message = client_id(&payload).map(|client_id| id_from_key(by, &whole(&message_key(client_id)), 0));
                let id = || {
                    let keyed = || asked.key.as_deref().map(|key| self.id_of_key(by, &whole(key)));
                    message.or_else(keyed).unwrap_or_else(|| self.entropy().id())
                };
                let filled = self.filled(by, payload, id);
                (vec![item(home, filled)], 0)
            }
        };
        Ok(Prepared { stores, told, by_id, alert_id })
    }

    /// The id that follows from an idempotency key, for as long as the key is known: a key that comes again later is another one.
    fn id_of_key(&self, by: Publisher<'_>, scoped: &str) -> String {
        let known_as = id_from_key(by, scoped, 0);
        id_from_key(by, scoped, self.inner.key_ages.period_of(&known_as, self.clock().now_ms()))
    }

    fn publication(&self, by: Publisher<'_>, payload: Payload) -> Publication {
        let from = match by {
            Publisher::Principal(principal) => principal.author(),
            Publisher::System { .. } => None,
        };
        Publication { offset: None, first_offset: None, payload, ts: self.clock().now(), from }
    }

    /// Fills in what the caller may leave out.
    fn filled(&self, by: Publisher<'_>, payload: Payload, id: impl FnOnce() -> String) -> Payload {
        let now = self.clock().now();
        match payload {
            Payload::DeviceStatus(mut body) => {
                body.last_seen.get_or_insert(now);
                Payload::DeviceStatus(body)
            }
            Payload::MessageNew(mut body) => {
                // Nobody but a backend names a message: it would be kept as, or shown instead of, another one.
                match by {
                    Publisher::Principal(principal) if !principal.is_backend() => {
                        body.message.id = Some(id());
                        author::sign(&mut body.message, principal, &self.config().auth.acting_roles);
                    }
                    _ => drop(body.message.id.get_or_insert_with(id)),
                }
                body.message.ts.get_or_insert(now);
                Payload::MessageNew(body)
            }
            Payload::Notification(mut body) => {
                body.id.get_or_insert_with(id);
                body.ts.get_or_insert(now);
                Payload::Notification(body)
            }
            // Nobody but a backend speaks for another user.
            Payload::MessageStatus(mut body) => {
                if let Publisher::Principal(principal) = by
                    && !principal.is_backend()
                {
                    body.user.clone_from(&principal.user);
                }
                Payload::MessageStatus(body)
            }
            other => other,
        }
    }
}

fn check_rights(by: Publisher<'_>, channel: &ChannelName, payload: &Payload) -> Result<(), ErrorBody> {
    let Publisher::Principal(principal) = by else { return Ok(()) };
    principal.may_publish(channel, payload)?;
    // An alert is stored in its patient's channel whichever of the two is named; the copy to `tenant` is implied.
    match payload {
        // An id that names no channel is told by `validate`.
        Payload::Alert(alert) => patient_channel(alert).map_or(Ok(()), |patient| principal.may_publish(&patient, payload)),
        _ => Ok(()),
    }
}

fn conflict(by_id: bool) -> ErrorBody {
    let message = if by_id {
        "data.id: an alert of this id was published with another body within the last 15 minutes: give a new alert a new id"
    } else {
        "key: this idempotency key was used with another body within the last 15 minutes: give a new publication a new key"
    };
    ErrorBody::new(ErrorCode::BadRequest, message)
}

/// The first that uses the key of one before it with another body.
fn conflict_within(prepared: &[Prepared]) -> Option<(usize, bool)> {
    let mut seen = HashMap::new();
    for (index, one) in prepared.iter().enumerate() {
        for item in &one.stores {
            let Some(idempotency) = &item.idempotency else { continue };
            if *seen.entry((&item.key, &idempotency.key)).or_insert(idempotency.fingerprint) != idempotency.fingerprint {
                return Some((index, one.by_id));
            }
        }
    }
    None
}

fn client_id(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::MessageNew(body) => body.message.client_id.as_deref(),
        _ => None,
    }
}

fn message_key(client_id: &str) -> String {
    format!("\0message\0{client_id}")
}

fn patient_channel(alert: &Alert) -> Result<ChannelName, ErrorBody> {
    parse_channel(&format!("patient:{}", alert.patient_id))
}

/// Tenant and channel scope the key by where the broker keeps it; the user is part of it here.
fn scoped(by: Publisher<'_>, key: &str) -> String {
    format!("{}\0{key}", by.user())
}

fn idempotency(key: String, channel: &ChannelName, payload: Payload) -> Idempotency {
    let item = PublishItem { channel: channel.as_str().to_owned(), payload, key: None };
    let digest = Sha256::digest(cbor::encode_publish_items(&[item]));
    Idempotency { key, fingerprint: first_half(&digest) }
}

/// The same with its opaque JSON in one writing: without spaces, keys in order.
fn canonical(payload: &Payload) -> Payload {
    let mut payload = payload.clone();
    match &mut payload {
        Payload::Custom { data, .. } => rewrite(data),
        Payload::Alert(alert) => alert.metadata.iter_mut().for_each(rewrite),
        Payload::PatientStatusChange(body) | Payload::PriorityUpdate(body) | Payload::NewPatient(body) => rewrite(&mut body.data),
        Payload::ConversationUpdated(body) => rewrite(&mut body.updates),
        _ => {}
    }
    payload
}

/// JSON that cannot be read as values (a number beyond every float) stays as it was written.
fn rewrite(json: &mut RawJson) {
    if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(json.as_str()) {
        value.sort_all_objects();
        if let Ok(written) = RawJson::from_value(&value) {
            *json = written;
        }
    }
}

/// `period` 0 is for what is known by its key for ever.
fn id_from_key(by: Publisher<'_>, scoped: &str, period: u64) -> String {
    let digest = Sha256::new().chain_update(by.tenant()).chain_update("\0").chain_update(scoped);
    let digest = if period == 0 { digest } else { digest.chain_update("\0").chain_update(period.to_be_bytes()) }.finalize();
    first_half(&digest).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn first_half(digest: &[u8]) -> [u8; 16] {
    digest.first_chunk().copied().unwrap_or_default()
}
