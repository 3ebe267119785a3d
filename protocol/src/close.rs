//! The close-code table: one place that says what each code means and what a client does about it.

/// A close code of the WebSocket as Pulsewire uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// Normal end.
    pub const NORMAL: Self = Self(1000);
    /// The peer goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// Lost without a close frame; never sent.
    pub const LOST: Self = Self(1006);
    /// A message larger than the limit.
    pub const TOO_LARGE: Self = Self(1009);
    /// A frame that cannot be decoded.
    pub const PROTOCOL: Self = Self(4400);
    /// Refused at connect: the token is missing, malformed, expired or invalid (the reason says which).
    pub const UNAUTHORIZED: Self = Self(4401);
    /// Not allowed: origin refused, banned, disconnected by an administrator.
    pub const FORBIDDEN: Self = Self(4403);
    /// Handshake timeout, or no pong for 90 s.
    pub const TIMEOUT: Self = Self(4408);
    /// The token ended and was not refreshed.
    pub const TOKEN_EXPIRED: Self = Self(4410);
    /// The connection's queue overflowed.
    pub const SLOW_CONSUMER: Self = Self(4413);
    /// The rate limit was broken repeatedly.
    pub const RATE_LIMITED: Self = Self(4429);
    /// Draining or overloaded; the reason holds `retryAfterMs`.
    pub const UNAVAILABLE: Self = Self(4503);
}

/// What a client does when its connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAction {
    /// Reconnect with backoff.
    Reconnect,
    /// Reconnect with backoff; the message that was too large is dropped and reported.
    ReconnectDropping,
    /// Reconnect after the delay in the reason, or with backoff where there is none.
    ReconnectAfter,
    /// Ask for a token and reconnect at once.
    RenewToken,
    /// Ask for a new token once; if that one is refused too, stop in `unauthorized`.
    RenewTokenOnce,
    /// Stop and report a defect: reconnecting would repeat it.
    StopProtocol,
    /// Stop: not allowed.
    StopForbidden,
}

impl CloseCode {
    /// The table of protocol section 6. Codes it does not name are treated as a lost connection.
    pub const fn action(self) -> CloseAction {
        match self {
            Self::TOO_LARGE => CloseAction::ReconnectDropping,
            Self::PROTOCOL => CloseAction::StopProtocol,
            Self::UNAUTHORIZED => CloseAction::RenewTokenOnce,
            Self::FORBIDDEN => CloseAction::StopForbidden,
            Self::TOKEN_EXPIRED => CloseAction::RenewToken,
            Self::RATE_LIMITED | Self::UNAVAILABLE => CloseAction::ReconnectAfter,
            _ => CloseAction::Reconnect,
        }
    }
}

impl core::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}
