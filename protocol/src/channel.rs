//! Channel names (`kind` or `kind:id`), permission patterns, and what each built-in kind allows.
//!
//! The tenant is never part of a name: the relay takes it from the token.

/// What keeps a text from being a channel name or a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// The kind is not `[a-z][a-z0-9_-]{0,31}`.
    Kind,
    /// The id is not `[A-Za-z0-9._~@-]{1,128}`.
    Id,
    /// This built-in kind takes no id (`tenant`, `dashboard`, `admin`).
    UnexpectedId,
    /// This built-in kind needs an id (`device:{id}` …).
    MissingId,
}

impl core::fmt::Display for ChannelError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Kind => "the kind must match [a-z][a-z0-9_-]{0,31}",
            Self::Id => "the id must match [A-Za-z0-9._~@-]{1,128}",
            Self::UnexpectedId => "this kind takes no id",
            Self::MissingId => "this kind needs an id, as in kind:id",
        })
    }
}

impl std::error::Error for ChannelError {}

/// A valid channel name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName {
    name: String,
    kind_len: usize,
}

/// Built-in kinds that name one thing each and so need an id.
const KINDS_WITH_ID: [&str; 5] = ["device", "patient", "conversation", "execution", "user"];
/// Built-in kinds of which a tenant has one.
const KINDS_ALONE: [&str; 3] = ["tenant", "dashboard", "admin"];
/// Kinds on which viewers are counted.
const KINDS_VIEWED: [&str; 4] = ["patient", "device", "conversation", "dashboard"];

impl ChannelName {
    /// Reads a name, or says which part is wrong.
    pub fn parse(name: &str) -> Result<Self, ChannelError> {
        let (kind, id) = split(name);
        check_kind(kind)?;
        match id {
            Some(id) if !is_id(id) => return Err(ChannelError::Id),
            Some(_) if KINDS_ALONE.contains(&kind) => return Err(ChannelError::UnexpectedId),
            None if KINDS_WITH_ID.contains(&kind) => return Err(ChannelError::MissingId),
            _ => {}
        }
        Ok(Self { name: name.to_owned(), kind_len: kind.len() })
    }
    /// The channel of one user.
    pub fn user(id: &str) -> Result<Self, ChannelError> {
        Self::parse(&["user:", id].concat())
    }
    /// The channel of everyone in the tenant.
    pub fn tenant() -> Self {
        Self { name: "tenant".to_owned(), kind_len: 6 }
    }
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
    /// The part before the colon.
    pub fn kind(&self) -> &str {
        self.name.get(..self.kind_len).unwrap_or(&self.name)
    }
    /// The part behind the colon.
    pub fn id(&self) -> Option<&str> {
        self.name.get(self.kind_len + 1..)
    }
    /// Whether viewers are counted here.
    pub fn counts_viewers(&self) -> bool {
        KINDS_VIEWED.contains(&self.kind())
    }
}

impl core::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name)
    }
}

/// A permission pattern: a channel name in which `*` stands for any id (`patient:*`), or `*` alone for every channel.
///
/// `kind:*` allows `kind:id` for every id; it does not allow the bare `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `*`
    Everything,
    /// `kind:*`
    AnyId(String),
    /// One channel.
    Exactly(ChannelName),
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, ChannelError> {
        if pattern == "*" {
            return Ok(Self::Everything);
        }
        if let (kind, Some("*")) = split(pattern) {
            check_kind(kind)?;
            if KINDS_ALONE.contains(&kind) {
                return Err(ChannelError::UnexpectedId);
            }
            return Ok(Self::AnyId(kind.to_owned()));
        }
        ChannelName::parse(pattern).map(Self::Exactly)
    }
    /// Whether this pattern allows the channel.
    pub fn allows(&self, channel: &ChannelName) -> bool {
        match self {
            Self::Everything => true,
            Self::AnyId(kind) => channel.kind() == kind && channel.id().is_some(),
            Self::Exactly(name) => name == channel,
        }
    }
}

impl core::fmt::Display for Pattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::AnyId(kind) => write!(f, "{kind}:*"),
            Self::Exactly(name) => name.fmt(f),
        }
    }
}

fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once(':') {
        Some((kind, id)) => (kind, Some(id)),
        None => (name, None),
    }
}

fn check_kind(kind: &str) -> Result<(), ChannelError> {
    let mut bytes = kind.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if starts && goes_on && kind.len() <= 32 { Ok(()) } else { Err(ChannelError::Kind) }
}

/// Whether the text is a valid id: of a channel, a device, a patient, a user.
pub fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~@-".contains(&b))
}
