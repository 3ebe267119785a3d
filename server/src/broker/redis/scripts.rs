//! The scripts, and their arguments and answers as values.
//!
//! Every key of one channel carries the hash tag `{tenant:channel}`. A publication over several channels (an alert stands in
//! two) is one script, which is why a cluster will not do: its channels would lie on different machines.

use super::envelope::{decode, encode, placed};
use super::leases::{LEASE, MARK, Write};
use super::present::Lease;
use crate::broker::memory::IDEMPOTENCY_TTL_MS;
use crate::broker::{Batch, ChannelKey, Idempotency, Item, ReadRequest, Snapshot, Stored};
use crate::config::{Config, RedisConfig};
use crate::entropy::Entropy;
use pulsewire_protocol::Position;
use redis::{Script, ScriptInvocation, Value};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The largest whole number that a script counts exactly.
const MAX_COUNT: u64 = 1 << 53;

/// The scripts with what all their calls share.
pub(super) struct Scripts {
    publish: Script,
    read: Script,
    conflicts: Script,
    lease: Script,
    present: Script,
    config: Arc<Config>,
    entropy: Entropy,
    node: String,
}

/// The moment and the process that a script is run in.
pub(super) struct Moment<'a> {
    /// The process behind the connection.
    pub(super) run: &'a str,
    /// By the clock of Redis, which all relays share.
    pub(super) now_ms: u64,
    /// A publication that begins later is refused, by the same clock.
    pub(super) deadline_ms: u64,
}

/// What the publish script says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was carried out, or found a conflict.
    Batch(Batch),
    /// It came too late and stored nothing.
    Late,
}

impl Scripts {
    pub(super) fn new(config: Arc<Config>, entropy: Entropy, node: String) -> Self {
        Self {
            publish: Script::new(include_str!("publish.lua")),
            read: Script::new(include_str!("read.lua")),
            conflicts: Script::new(include_str!("conflicts.lua")),
            lease: Script::new(include_str!("lease.lua")),
            present: Script::new(include_str!("present.lua")),
            config,
            entropy,
            node,
        }
    }

    fn redis(&self) -> &RedisConfig {
        &self.config.redis
    }

    /// The command that tells the other relays.
    pub(super) fn tell(&self) -> &'static str {
        if self.redis().sharded { "SPUBLISH" } else { "PUBLISH" }
    }

    /// The name under which a channel is told, and from which its keys are made. Neither tenants nor channels hold a brace, nor
    /// tenants a colon, so no two are the same.
    pub(super) fn name(&self, key: &ChannelKey) -> String {
        format!("{}:{{{}:{}}}", self.redis().prefix, key.tenant, key.channel)
    }

    pub(super) fn publish(&self, moment: &Moment<'_>, items: &[Item]) -> ScriptInvocation<'_> {
        let mut call = self.publish.prepare_invoke();
        call.arg(moment.run).arg(moment.now_ms).arg(self.redis().channel_ttl_ms).arg(flag(self.redis().durable));
        call.arg(moment.deadline_ms).arg(self.tell());
        call.arg(&self.node).arg(items.len());
        for Item { key, publication, idempotency } in items {
            let name = self.name(key);
            let limits = self.config.history_of(key.channel.kind());
            let numbered = limits.publications > 0 && publication.payload.has_history();
            let event = if publication.payload.is_retained() { publication.payload.event() } else { "" };
            call.key(format!("{name}:meta")).key(format!("{name}:log")).key(format!("{name}:state"));
            call.key(idempotency_key(&name, idempotency.as_ref()));
            call.arg(self.entropy.id()).arg(limits.publications).arg(limits.age_ms).arg(self.config.limits.recovery_bytes);
            call.arg(flag(numbered)).arg(event);
            call.arg(idempotency.as_ref().map_or(&[][..], |idempotency| &idempotency.fingerprint));
            call.arg(moment.now_ms + IDEMPOTENCY_TTL_MS);
            call.arg(encode(publication.clone())).arg(name);
        }
        call
    }

    /// `seen` is how far this relay itself has seen the epoch of `request.recover`.
    pub(super) fn read(&self, moment: &Moment<'_>, key: &ChannelKey, request: &ReadRequest, seen: Option<u64>) -> ScriptInvocation<'_> {
        let name = self.name(key);
        let limits = self.config.history_of(key.channel.kind());
        let mut call = self.read.prepare_invoke();
        call.key(format!("{name}:meta")).key(format!("{name}:log")).key(format!("{name}:state"));
        call.arg(moment.run).arg(moment.now_ms).arg(self.redis().channel_ttl_ms).arg(flag(self.redis().durable));
        call.arg(self.entropy.id()).arg(limits.age_ms).arg(flag(limits.publications > 0));
        match &request.recover {
            // Beyond what a script can count is ahead of every channel.
            Some(recover) => call.arg(&recover.epoch).arg(recover.offset.min(MAX_COUNT)),
            None => call.arg("").arg(""),
        };
        call.arg(request.history).arg(request.max_bytes);
        call.arg(seen.map(|seen| seen.to_string()).unwrap_or_default());
        call
    }

    pub(super) fn conflicts(&self, moment: &Moment<'_>, key: &ChannelKey, idempotency: &Idempotency) -> ScriptInvocation<'_> {
        let name = self.name(key);
        let mut call = self.conflicts.prepare_invoke();
        call.key(format!("{name}:meta")).key(idempotency_key(&name, Some(idempotency)));
        call.arg(moment.run).arg(moment.now_ms).arg(flag(self.redis().durable)).arg(&idempotency.fingerprint[..]);
        call
    }

    /// Changes of who is present, and renewals. All of one relay's go in one order.
    pub(super) fn lease(&self, moment: &Moment<'_>, writes: &[Write]) -> ScriptInvocation<'_> {
        let mut call = self.lease.prepare_invoke();
        call.arg(moment.deadline_ms).arg(u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX)).arg(self.tell()).arg(&self.node);
        for Write { place, change } in writes {
            call.key(format!("{place}:who")).key(format!("{place}:who:{}", self.node));
            let mut message = vec![MARK];
            // Text and numbers: there is nothing in it that could not be written.
            message.extend(serde_json::to_vec(change).unwrap_or_default());
            call.arg(flag(change.whole)).arg(change.from).arg(change.version).arg(message).arg(place).arg(change.users.len());
            for (user, name) in &change.users {
                call.arg(user).arg(name.as_ref().map_or_else(|| "-".to_owned(), |name| format!("+{name}")));
            }
        }
        call
    }

    /// Who is present by way of other relays. `place` is a channel's name.
    pub(super) fn present(&self, place: &str) -> ScriptInvocation<'_> {
        let mut call = self.present.prepare_invoke();
        call.key(format!("{place}:who")).arg(&self.node);
        call
    }
}

/// What the lease script says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leased {
    /// It was carried out, but for the writes at these places: Redis has another version.
    Done(Vec<usize>),
    /// It came too late and wrote nothing.
    Late,
}

pub(super) fn leased(answer: &[Value]) -> Option<Leased> {
    let (word, rest) = answer.split_first()?;
    if text(word)? == "late" {
        return Some(Leased::Late);
    }
    let place = |value: &Value| match value {
        Value::Int(place) => usize::try_from(*place).ok()?.checked_sub(1),
        _ => None,
    };
    rest.iter().map(place).collect::<Option<_>>().map(Leased::Done)
}

/// Leases by relay, with how long each lasts yet, which is not in the lease itself; nothing for one that cannot be read.
pub(super) fn leases(answer: &[Value]) -> Vec<Option<(String, Duration, Lease)>> {
    let one = |value: &Value| {
        let Value::Array(parts) = value else { return None };
        let [relay, Value::Int(left_ms), Value::Array(users)] = parts.as_slice() else { return None };
        let mut lease = Lease::default();
        for pair in users.chunks_exact(2) {
            let (user, name) = (text(pair.first()?)?, text(pair.last()?)?);
            if user.is_empty() {
                lease.version = name.parse().ok()?;
            } else {
                lease.users.insert(user.to_owned(), name.to_owned());
            }
        }
        Some((text(relay)?.to_owned(), Duration::from_millis(u64::try_from(*left_ms).unwrap_or(0)), lease))
    };
    answer.iter().map(one).collect()
}

fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}

/// Keys are given by users and may be long or hold anything: a digest of fixed length stands for them.
fn idempotency_key(name: &str, idempotency: Option<&Idempotency>) -> String {
    let Some(idempotency) = idempotency else { return format!("{name}:key") };
    let digest = Sha256::digest(idempotency.key.as_bytes());
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:key:{digits}")
}

/// What the publish script says; `None` where it cannot be understood.
pub(super) fn stored(answer: &[Value]) -> Option<Answer> {
    let (word, rest) = answer.split_first()?;
    match text(word)? {
        "late" => return Some(Answer::Late),
        "conflict" => {
            let Value::Int(place) = rest.first()? else { return None };
            return usize::try_from(*place).ok()?.checked_sub(1).map(|place| Answer::Batch(Batch::Conflict(place)));
        }
        _ => {}
    }
    let one = |value: &Value| {
        let Value::Array(parts) = value else { return None };
        let [status, epoch, offset] = parts.as_slice() else { return None };
        let position = Position { epoch: text(epoch)?.to_owned(), offset: text(offset)?.parse().ok()? };
        Some(if text(status)? == "fresh" { Stored::Fresh(position) } else { Stored::Repeated(position) })
    };
    rest.iter().map(one).collect::<Option<_>>().map(Batch::Stored).map(Answer::Batch)
}

/// What the read script says.
pub(super) fn snapshot(answer: &[Value]) -> Option<Snapshot> {
    let [epoch, offset, recovered, found, retained] = answer else { return None };
    let position = Position { epoch: text(epoch)?.to_owned(), offset: text(offset)?.parse().ok()? };
    let (Value::Array(found), Value::Array(retained)) = (found, retained) else { return None };
    let publications: Vec<_> =
        found.chunks_exact(2).map(|pair| decode(bytes(pair.last()?)?, Some(text(pair.first()?)?.parse().ok()?))).collect();
    // One that nobody can read is missed: better told than left out in silence.
    let complete = publications.iter().all(Option::is_some);
    let mut state: Vec<_> = retained
        .chunks_exact(2)
        .filter_map(|pair| {
            let (of, offset, body) = placed(bytes(pair.last()?)?)?;
            decode(body, offset.filter(|_| of == position.epoch))
        })
        .collect();
    state.sort_by_key(|publication| publication.offset);
    Some(Snapshot {
        recovered: matches!(recovered, Value::Int(1)) && complete,
        publications: publications.into_iter().flatten().collect(),
        position,
        state,
    })
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}
