//! Where publications are stored, numbered and handed out: the [`Broker`] contract and its implementations.

pub mod memory;
pub mod redis;
pub mod size;
mod table;

use crate::observe::Metrics;
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ChannelName, ErrorBody, Position, PresentUser, Publication};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One tenant's channel: the only name under which anything is looked up, so tenants cannot meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey {
    /// The tenant, from the token.
    pub tenant: Arc<str>,
    /// The channel, from the client.
    pub channel: ChannelName,
}

impl ChannelKey {
    /// The channel of that tenant.
    pub fn new(tenant: &str, channel: ChannelName) -> Self {
        Self { tenant: Arc::from(tenant), channel }
    }
}

/// Makes a publication idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is, and the key: the same for every repetition.
    pub key: String,
    /// A digest of the body as it was given.
    pub fingerprint: [u8; 16],
}

/// What became of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Stored and delivered.
    Fresh(Position),
    /// Not stored again: the position of the first time.
    Repeated(Position),
    /// The key was used with another body.
    Conflict,
}

impl Stored {
    /// Where it stands; nowhere for a conflict.
    pub fn into_position(self) -> Position {
        match self {
            Self::Fresh(position) | Self::Repeated(position) => position,
            Self::Conflict => Position::default(),
        }
    }
}

/// One publication of several.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its channel.
    pub key: ChannelKey,
    /// The publication.
    pub publication: Publication,
    /// Its key.
    pub idempotency: Option<Idempotency>,
}

/// What became of several publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Every one of them is stored now, or was before: never [`Stored::Conflict`].
    Stored(Vec<Stored>),
    /// The one at this place conflicts, with what is stored or with another of them: nothing was stored.
    Conflict(usize),
}

/// How much of a channel to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadRequest {
    /// Everything after this position, if the history reaches back.
    pub recover: Option<Position>,
    /// Otherwise the newest so many.
    pub history: u32,
    /// More encoded bytes than about this are not recovered.
    pub max_bytes: usize,
}

/// What a channel holds, read at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Where the channel stands; empty epoch and 0 where it keeps no history.
    pub position: Position,
    /// Whether `publications` is everything after `recover`.
    pub recovered: bool,
    /// In order.
    pub publications: Vec<Arc<Publication>>,
    /// The newest of each retained event, by offset.
    pub state: Vec<Arc<Publication>>,
}

/// Takes publications as they come: the hub.
pub trait Deliver: Send + Sync {
    /// Called for every publication of a channel that someone holds by [`Broker::hold`], in the order of their offsets, never
    /// twice for one. `epoch` is empty where the publication has no offset. Must not block and must not call the broker.
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>);
    /// Publications of a held channel were missed and cannot be had any more, or its history is another one: whoever listens must
    /// be told that it stands at `position` now. What is delivered from then on comes after that. The same bans hold.
    fn handle_gap(&self, key: &ChannelKey, position: &Position);
    /// Whether it was told who is present in a channel by way of other nodes, since somebody is there who wants to know.
    fn knows_elsewhere(&self, _key: &ChannelKey) -> bool {
        true
    }
    /// Everyone who is present in a held channel by way of other nodes, by id, with names. The same bans hold.
    fn handle_all_elsewhere(&self, _key: &ChannelKey, _users: BTreeMap<String, String>) {}
    /// A user came by way of another node, under that name, or is called otherwise, or is there no longer. The same bans hold.
    fn handle_elsewhere(&self, _key: &ChannelKey, _user: &str, _name: Option<&str>) {}
}

/// The contract. Every implementation passes the suite in `tests/broker_contract.rs`.
///
/// - **Numbering.** Publications with history get offsets 1, 2, 3 … within an epoch. The epoch is a random string; it
///   changes when, and only when, earlier publications of the channel can no longer be told from later ones (restart,
///   eviction, data loss). Publications without history (their event has none, or the channel's kind keeps none) get no
///   offset and do not change the position.
/// - **Atomic.** Offset, history, retained state and idempotency key of one publication appear together or not at all. An
///   error from [`Broker::publish`] means that nothing was stored and nothing will be delivered; only where the connection to
///   a store breaks between its doing and its answer, the caller of `unavailable` cannot know, and needs a key to repeat it. The publications of one
///   [`Broker::publish_all`] appear together or not at all, in their order, none of other publishers between two of one
///   channel.
/// - **Delivery.** Publications reach [`Deliver`] in the order of their offsets, at least those of held channels, from the
///   moment [`Broker::hold`] returned. A [`Broker::read`] that starts after `hold` returned and the deliveries overlap:
///   every publication is in the snapshot, in a later delivery, or in both; never in neither.
///   Where a broker that is shared has lost sight of a held channel, it delivers what was missed as soon as it can, in order and
///   once, or says by [`Deliver::handle_gap`] that it cannot.
/// - **Many nodes.** Brokers of one store see the same publications of a channel, each once, in the same order, whoever
///   published.
/// - **Recovery.** `recovered` is true if and only if `recover` was given, its epoch is the channel's, its offset is not
///   ahead of it, and every publication after it is returned. A channel without history answers `recovered: true` to any
///   `recover`: there is nothing to lose.
/// - **Holding.** While a channel is held at least once its epoch does not change for lack of room. Holds are counted.
/// - **Idempotency.** The same key with the same fingerprint within 15 minutes gives the first position and stores
///   nothing; with another fingerprint `Conflict`. Forgotten with the epoch.
/// - **Presence.** What one node says by [`Broker::set_present`] the others know, and forget within 90 seconds of the node's death. A
///   node that has lost sight of the store keeps what it last knew.
/// - **Bounds.** Everything kept is bounded in number, age and bytes.
pub trait Broker: Send + Sync {
    /// Where deliveries go; called once, before anything else.
    fn set_deliver(&self, deliver: Arc<dyn Deliver>);
    /// Where a broker that has something to count counts it; called at most once, before anything else.
    fn set_metrics(&self, _metrics: &Arc<Metrics>) {}
    /// Stores and delivers. The publication's own `offset` is ignored and filled in.
    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>>;
    /// Stores and delivers all of them, or none.
    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>>;
    /// Whether `publish` would answer `Conflict` now. Stores nothing and makes no channel.
    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>>;
    /// Reads.
    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>>;
    /// Asks for deliveries of this channel.
    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>>;
    /// Takes one `hold` back. Not async: it is called where a connection is dropped.
    fn release(&self, key: &ChannelKey);
    /// A user of this node is present in a channel (views it, or on `tenant` is online) under that name, or is no longer. Never
    /// waits. Other nodes are told, and told again until it goes or this node does.
    fn set_present(&self, _key: &ChannelKey, _user: &str, _name: Option<&str>) {}
    /// Who is present in a channel by way of other nodes, as far as this one can know.
    fn present_elsewhere<'a>(&'a self, _key: &'a ChannelKey) -> BoxFuture<'a, Result<Vec<PresentUser>, ErrorBody>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Tells other nodes what they were not told yet: this node goes, and its users are with others.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
    /// Forgets what has become too old. Called every ten seconds.
    fn tidy(&self);
    /// Whether publishing works right now; the reason where it does not.
    fn ready(&self) -> Result<(), String>;
    /// How many channels it keeps, for the metrics.
    fn channels(&self) -> usize;
}
