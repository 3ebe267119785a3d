//! What can go wrong on the wire: error codes, token problems and decoding errors.

use crate::wire::{wire_enum, wire_struct};
#[cfg(feature = "json")]
use std::borrow::Cow;

wire_enum! {
    /// The code of an `error` message, of a refused entry and of a problem document.
    pub enum ErrorCode {
        /// The command makes no sense; the message says which field and why.
        1 => BadRequest = "bad_request",
        /// No valid token.
        2 => Unauthorized = "unauthorized",
        /// The token has ended.
        3 => TokenExpired = "token_expired",
        /// The token's rights, or the role's, do not allow it.
        4 => Forbidden = "forbidden",
        /// Not a channel name, or a kind that cannot be used so.
        5 => InvalidChannel = "invalid_channel",
        /// The connection holds no subscription to that channel.
        6 => NotSubscribed = "not_subscribed",
        /// `limits.maxSubscriptions` is reached.
        7 => TooManySubscriptions = "too_many_subscriptions",
        /// The message or body is larger than the limit.
        8 => TooLarge = "too_large",
        /// Too many messages; `retryAfterMs` says how long to wait.
        9 => RateLimited = "rate_limited",
        /// No such thing.
        10 => NotFound = "not_found",
        /// The relay cannot do it now; try again.
        11 => Unavailable = "unavailable",
        /// A defect of the relay; its log has the details.
        12 => Internal = "internal",
    }
}

wire_enum! {
    /// Why a token was refused: the `code` of a 401 problem document and the reason of close code 4401.
    pub enum TokenProblem {
        /// No token, or an empty one.
        1 => Missing = "token_missing",
        /// Not three base64url parts with a JSON header.
        2 => Malformed = "token_malformed",
        /// Past its `exp`.
        3 => Expired = "token_expired",
        /// Wrong signature, algorithm or claim.
        4 => Invalid = "token_invalid",
    }
}

impl TokenProblem {
    /// Reads the reason of a close frame back.
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|problem| problem.as_str() == reason.trim_ascii())
    }
}

wire_struct! {
    /// What is wrong and whether trying again can help.
    pub struct ErrorBody {
        /// The machine-readable code.
        1 => code: ErrorCode,
        /// A sentence for people: what, where, how to mend it.
        2 => message: String,
        /// Whether the same request may succeed later.
        3 => retryable: bool,
        /// How long to wait before the next try, in milliseconds.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        4 => retry_after_ms: Option<u64>,
    }
}

impl ErrorBody {
    /// An error that the same request will meet again.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false, retry_after_ms: None }
    }
    /// An error that may pass by itself.
    pub fn retryable(code: ErrorCode, message: impl Into<String>, retry_after_ms: Option<u64>) -> Self {
        Self { code, message: message.into(), retryable: true, retry_after_ms }
    }
}

impl core::fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ErrorBody {}

/// Bytes that are no message: where reading stopped, at which field, and why.
///
/// One pointer wide: it stands in the result of every small reading step, where what it moves would be most of the wasm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Unreadable>);

/// What an error says: made for the case where callers are told (a relay), fixed where errors are only counted (a browser).
#[cfg(feature = "json")]
pub type Words = Cow<'static, str>;
/// What an error says: made for the case where callers are told (a relay), fixed where errors are only counted (a browser).
#[cfg(not(feature = "json"))]
pub type Words = &'static str;

/// What a [`DecodeError`] says; reached through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Byte offset in the frame (CBOR) or column in the line (JSON).
    pub at: usize,
    /// The path of the field, as in JSON: `subscribe[2].recover.offset`. `message` where it is the whole. Without the feature
    /// `json` the innermost name alone.
    pub field: Words,
    /// What is wrong with it.
    pub problem: Words,
    /// Whether the bytes could be read as the codec at all. `false`: close 4400; `true`: well-formed but senseless, `error bad_request`.
    pub well_formed: bool,
    /// The `id` of the command, where it could still be read.
    pub id: Option<u64>,
}

impl core::ops::Deref for DecodeError {
    type Target = Unreadable;
    fn deref(&self) -> &Unreadable {
        &self.0
    }
}

impl DecodeError {
    /// An error at the value itself; whoever holds the value adds its name with [`DecodeError::within`].
    #[cold]
    #[inline(never)]
    pub(crate) fn fixed(at: usize, problem: &'static str) -> Self {
        Self(Box::new(Unreadable { at, field: Words::from(""), problem: Words::from(problem), well_formed: false, id: None }))
    }
    /// The same, with a text made for it.
    #[cfg(feature = "json")]
    #[cold]
    pub(crate) fn new(at: usize, problem: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Unreadable { at, field: Cow::Borrowed(""), problem: problem.into(), well_formed: false, id: None }))
    }
    /// Says that the bytes are well-formed but make no sense.
    #[cold]
    pub(crate) fn senseless(mut self) -> Self {
        self.0.well_formed = true;
        self
    }
    /// Says which command they were.
    #[cold]
    pub(crate) fn with_id(mut self, id: Option<u64>) -> Self {
        self.0.id = id;
        self
    }
    #[cold]
    #[inline(never)]
    pub(crate) fn missing(at: usize, field: &'static str) -> Self {
        Self::fixed(at, "required field is missing").within(field)
    }
    /// Names the whole where no field is named.
    pub(crate) fn or_whole(mut self, whole: &'static str) -> Self {
        if self.field.is_empty() {
            self.0.field = Words::from(whole);
        }
        self
    }
}

/// Paths, where someone reads them.
#[cfg(feature = "json")]
impl DecodeError {
    /// Puts the holder's name before the path. Takes Rust's snake_case and tells JSON's camelCase, which is what callers know.
    #[cold]
    pub(crate) fn within(self, field: &'static str) -> Self {
        let mut path = String::with_capacity(field.len() + 1 + self.field.len());
        let mut upper = false;
        for c in field.chars() {
            match c {
                '_' => upper = true,
                c if upper => {
                    path.push(c.to_ascii_uppercase());
                    upper = false;
                }
                c => path.push(c),
            }
        }
        self.put_before(path)
    }
    /// Puts a name that is the caller's own (a metric) before the path, as it is.
    #[cold]
    pub(crate) fn within_key(self, key: &str) -> Self {
        self.put_before(key.to_owned())
    }
    /// Puts an index before the path.
    #[cold]
    pub(crate) fn at_index(self, index: usize) -> Self {
        self.put_before(format!("[{index}]"))
    }
    /// The path of the field; `None` where the whole is to blame.
    pub fn path(&self) -> Option<&str> {
        // A path is made, the name of the whole is not.
        match &self.field {
            Cow::Owned(path) => Some(path),
            Cow::Borrowed(_) => None,
        }
    }
    fn put_before(mut self, mut path: String) -> Self {
        self = if self.path().is_none() { self.at_whole() } else { self };
        if !self.field.is_empty() && !self.field.starts_with('[') {
            path.push('.');
        }
        path.push_str(&self.field);
        self.0.field = Cow::Owned(path);
        self
    }
    /// Takes the name of the whole back, for a value that turns out to stand inside another.
    pub(crate) fn at_whole(mut self) -> Self {
        self.0.field = Cow::Borrowed("");
        self
    }
}

/// The innermost name is enough to count by.
#[cfg(not(feature = "json"))]
impl DecodeError {
    #[inline(always)]
    pub(crate) fn within(self, field: &'static str) -> Self {
        self.or_whole(field)
    }
    #[inline(always)]
    pub(crate) fn within_key(self, _: &str) -> Self {
        self
    }
    #[inline(always)]
    pub(crate) fn at_index(self, _: usize) -> Self {
        self
    }
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at byte {}: {}", self.field, self.at, self.problem)
    }
}

impl std::error::Error for DecodeError {}

/// The reason text of close codes that ask the client to wait: `draining; retryAfterMs=1500`.
pub fn reason_with_retry_after(word: &str, retry_after_ms: u64) -> String {
    format!("{word}; retryAfterMs={retry_after_ms}")
}

/// Reads `retryAfterMs` out of a close reason, however it is written around it (`retryAfterMs=1500`, `{"retryAfterMs":1500}`).
pub fn retry_after_from_reason(reason: &str) -> Option<u64> {
    const NAME: &[u8] = b"retryAfterMs";
    // By bytes: searching a text for a text costs the browser 2.5 kB (measured).
    let place = reason.as_bytes().windows(NAME.len()).position(|window| window == NAME)?;
    let rest = reason.as_bytes().get(place + NAME.len()..)?;
    let mut number: Option<u64> = None;
    for byte in rest {
        match byte {
            b'0'..=b'9' => number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(byte - b'0'))?),
            b'"' | b':' | b'=' | b' ' if number.is_none() => {}
            _ => break,
        }
    }
    number
}
