//! A wanted channel as the page sees it.

use pulsewire_protocol::ErrorBody;

/// Where a held channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPhase {
    /// Not subscribed now: no connection, or the answer is on its way.
    Waiting,
    /// Events come.
    Subscribed,
    /// The relay said no; the error says why.
    Refused,
}

impl ChannelPhase {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Subscribed => "subscribed",
            Self::Refused => "refused",
        }
    }
}

/// A channel as the page sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelView<'a> {
    /// Where it stands.
    pub phase: ChannelPhase,
    /// The epoch of its history; empty where it has none, or none is known yet.
    pub epoch: &'a str,
    /// The newest publication seen.
    pub offset: u64,
    /// Why it was refused.
    pub error: Option<&'a ErrorBody>,
}
