//! What came over the wire, in numbers.

/// What came and what was wrong with it, since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub frames: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Messages read.
    pub messages: u64,
    /// Messages or frames that could not be read.
    pub unreadable: u64,
    /// Messages of a type that this version does not know.
    pub unknown: u64,
    /// Publications that were there already.
    pub duplicates: u64,
    /// Events of channels that are not subscribed.
    pub strays: u64,
    /// Holes in the numbering of a live channel, each mended by a recovery.
    pub gaps: u64,
    /// Channels that have to be reloaded.
    pub resyncs: u64,
    /// Sockets asked for.
    pub tries: u64,
    /// Connections that were welcomed.
    pub welcomes: u64,
}
