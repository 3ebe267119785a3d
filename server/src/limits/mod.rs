//! How many may come in, and how fast they may talk (R10).
//!
//! | file | its duty |
//! | --- | --- |
//! | `address` | whose address counts, behind trusted proxies too, and what counts as one address |
//! | `places` | counted places of connections and waiting polls, given back however they end |
//! | `bucket` | the token bucket of one connection |
//! | `buckets` | token buckets by key, bounded in memory |
//! | `rates` | which door asks which bucket |
//! | `terms` | what a listener grants TCP connections that are no WebSocket |
//!
//! What each limit is for, and how to choose it: `docs/operations/limits.md`.

mod address;
mod bucket;
mod buckets;
mod places;
mod rates;
mod terms;

pub use address::{AddressGroup, ClientAddress, Proxies};
pub use bucket::{BucketClock, MessageBucket, Toll};
pub use buckets::Buckets;
pub use places::{Full, Place, Places, Wait, Waiting};
pub use rates::{Rates, RatesFull};
pub use terms::Terms;
