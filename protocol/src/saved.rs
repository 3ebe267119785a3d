//! What a client keeps of a message that waits to be sent, so that a reload of the page does not lose it.
//!
//! Not part of the wire, and no relay ever sees it; here, because it is written by the same codec.

use crate::scalar::{RawJson, UnixMs};
use crate::wire::wire_struct;

wire_struct! {
    /// One message that waits.
    pub struct Saved {
        /// Its id, the same for as long as it waits.
        1 => id: String,
        /// The channel.
        2 => channel: String,
        /// The event.
        3 => event: String,
        /// Its data.
        4 => data: RawJson,
        /// The page's own idempotency key; absent where the id serves as one.
        5 => key: Option<String>,
        /// Since when it waits.
        6 => queued_at: UnixMs,
        /// Its place among all that wait.
        7 => number: u64,
        /// It was sent when its channel had this epoch (empty where that was not known); absent where it never was.
        8 => sent_in: Option<String>,
    }
}
