//! Tokens: the one in use, the one request for another, and what can be told of one by looking at it (row C9).
//!
//! A token stays in memory while the client wants to be connected, so that a blip needs no round trip to the app's backend;
//! it is asked for again when it ends soon, ended, or was refused. It never shows in `Debug`.

use crate::members::each_member;
use crate::output::TokenReason;
use crate::time::Millis;
use pulsewire_protocol::TokenProblem;

/// A token that ends sooner than this is not used for a new connection.
const USABLE_FOR_MS: u64 = 60_000;

/// A token that serves for so long after a refusal has made good for it.
const FORGIVEN_AFTER_MS: u64 = 10_000;

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) tenant: String,
    pub(crate) user: String,
}

/// What the client knows of its token.
#[derive(Default)]
pub(crate) struct Tokens {
    token: Option<String>,
    identity: Option<Identity>,
    /// Which token it is.
    generation: u32,
    /// `exp` in Unix milliseconds, where it could be read.
    ends_at: Option<u64>,
    /// Just given and not tried yet: tried even if it seems to end soon, or to have ended (this machine's clock may be wrong).
    fresh: bool,
    asked: Option<u32>,
    requests: u32,
    /// Why the last one was thrown away.
    discarded: Option<TokenReason>,
    /// Refusals in a row, the relay's and our own: after the second one the client stops.
    pub(crate) refusals: u32,
    refused_at: Millis,
    /// The last one looked as if it had ended, and another one was asked for.
    doubted: bool,
}

impl core::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tokens")
    }
}

/// What looking at a token tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing wrong with it.
    Fine,
    /// By this machine's clock it has ended; the relay's clock decides.
    Ended,
    /// Not a token.
    Bad(TokenProblem),
}

impl Tokens {
    /// The token in use, if it will do for a new connection.
    pub(crate) fn is_usable(&self, relay_now: u64) -> bool {
        let lasts = self.ends_at.is_none_or(|end| end > relay_now.saturating_add(USABLE_FOR_MS));
        self.token.is_some() && (lasts || self.fresh)
    }
    /// Whether there is one that has not ended, however soon it will.
    pub(crate) fn lasts(&self, relay_now: u64) -> bool {
        self.token.is_some() && (self.fresh || self.ends_at.is_none_or(|end| end > relay_now))
    }
    /// The token was refused.
    pub(crate) fn handle_refused(&mut self, now: Millis) {
        self.refusals += 1;
        self.refused_at = now;
    }
    /// A request over HTTP was accepted with it. That alone does not make good for a refusal: the socket may go on refusing it,
    /// and would then be tried in a circle.
    pub(crate) fn handle_accepted(&mut self, now: Millis) {
        if now.since(self.refused_at) > FORGIVEN_AFTER_MS {
            self.refusals = 0;
        }
    }
    /// A socket is opened for the token, or a request made with it.
    pub(crate) fn mark_tried(&mut self) {
        self.fresh = false;
    }
    /// The token, to send it.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
    /// Whom the last token speaks for, where it can be told.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
    /// A number that changes with every token.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }
    /// Starts a request, unless one is under way: there is never more than one.
    pub(crate) fn ask(&mut self, reason: TokenReason) -> Option<(u32, TokenReason)> {
        if self.asked.is_some() {
            return None;
        }
        self.requests = self.requests.wrapping_add(1);
        self.asked = Some(self.requests);
        Some((self.requests, reason))
    }
    /// Ends a request; says whether it was the one under way.
    pub(crate) fn handle_answer(&mut self, request: u32) -> bool {
        let ours = self.asked == Some(request);
        if ours {
            self.asked = None;
        }
        ours
    }
    /// Stops waiting for the page's answer.
    pub(crate) fn give_up_asking(&mut self) {
        self.asked = None;
    }
    /// A token looks as if it had ended. Says whether to ask for another one: twice in a row it is more likely the clock.
    pub(crate) fn doubt(&mut self) -> bool {
        !std::mem::replace(&mut self.doubted, true)
    }
    /// Keeps a token.
    pub(crate) fn keep(&mut self, token: String) {
        let claims = claims(&token);
        self.ends_at = ends_at(&claims);
        self.identity = identity(&claims);
        self.generation = self.generation.wrapping_add(1);
        self.token = Some(token);
        self.fresh = true;
        self.doubted = false;
        self.discarded = None;
    }
    /// The relay knows better when it ends.
    pub(crate) fn keep_end(&mut self, ends_at: u64) {
        self.ends_at = Some(ends_at);
    }
    /// Why to ask, if asking is needed now.
    pub(crate) fn reason(&self, relay_now: u64) -> TokenReason {
        match (self.discarded, &self.token, self.ends_at) {
            (Some(reason), _, _) => reason,
            (None, None, _) => TokenReason::Connect,
            (None, Some(_), Some(end)) if end <= relay_now => TokenReason::Expired,
            (None, Some(_), _) => TokenReason::Expiring,
        }
    }
    /// The token will not do any more.
    pub(crate) fn discard(&mut self, why: TokenReason) {
        self.token = None;
        self.ends_at = None;
        self.fresh = false;
        self.discarded = Some(why);
    }
    /// The client was closed on purpose: nothing of it stays.
    pub(crate) fn forget(&mut self) {
        *self = Self { requests: self.requests, generation: self.generation, ..Self::default() };
    }
}

/// Looks at a token: three base64url parts, and not past its `exp`.
pub(crate) fn look_at(token: &str, relay_now: u64) -> Look {
    if token.is_empty() {
        return Look::Bad(TokenProblem::Missing);
    }
    let mut parts = 0;
    for part in token.as_bytes().split(|byte| *byte == b'.') {
        parts += 1;
        if part.is_empty() || part.iter().any(|byte| sextet(*byte).is_none()) {
            return Look::Bad(TokenProblem::Malformed);
        }
    }
    if parts != 3 {
        return Look::Bad(TokenProblem::Malformed);
    }
    match ends_at(&claims(token)) {
        Some(end) if end <= relay_now => Look::Ended,
        _ => Look::Fine,
    }
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    }))
}

/// The `exp` of a token's claims in Unix milliseconds. What cannot be read is left to the relay.
fn ends_at(claims: &str) -> Option<u64> {
    let mut number = None;
    for byte in member(claims, "exp")?.bytes().take_while(u8::is_ascii_digit) {
        number = Some(number.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    }
    Some(number?.saturating_mul(1_000))
}

/// Whom a token speaks for, where its claims say so in plain letters.
fn identity(claims: &str) -> Option<Identity> {
    let text = |name| {
        let value = member(claims, name)?.strip_prefix('"')?.strip_suffix('"')?;
        (!value.contains('\\')).then(|| value.to_owned())
    };
    Some(Identity { tenant: text("tenant")?, user: text("sub")? })
}

/// A member of the claims, the first of that name.
fn member<'c>(claims: &'c str, wanted: &str) -> Option<&'c str> {
    let mut found = None;
    each_member(claims, &mut |name, value| {
        if name == wanted && found.is_none() {
            found = Some(value);
        }
    });
    found
}

/// The claims of a token as JSON text; empty where they are none.
fn claims(token: &str) -> String {
    let claims = token.as_bytes().split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    let mut text = Vec::with_capacity(claims.len());
    let (mut bits, mut held) = (0u32, 0);
    for byte in claims {
        let Some(sextet) = sextet(*byte) else { return String::new() };
        bits = (bits << 6) | sextet;
        held += 6;
        if held >= 8 {
            held -= 8;
            text.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"none"}`.
    const HEADER: &str = "eyJhbGciOiJub25lIn0";
    fn token(claims: &str) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in claims.as_bytes().chunks(3) {
            let bits = chunk.iter().enumerate().fold(0u32, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
            for letter in 0..=chunk.len() {
                text.push(char::from(LETTERS[(bits >> (18 - 6 * letter)) as usize & 63]));
            }
        }
        format!("{HEADER}.{text}.c2ln")
    }

    #[test]
    fn a_token_is_three_parts_that_has_not_ended() {
        assert_eq!(look_at("", 0), Look::Bad(TokenProblem::Missing));
        for bad in ["a", "a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b=.c"] {
            assert_eq!(look_at(bad, 0), Look::Bad(TokenProblem::Malformed), "{bad}");
        }
        let good = token(r#"{"sub":"u","exp":100}"#);
        assert_eq!(look_at(&good, 99_999), Look::Fine);
        assert_eq!(look_at(&good, 100_000), Look::Ended);
    }

    #[test]
    fn only_the_outermost_exp_counts_wherever_it_stands() {
        assert_eq!(ends_at(&claims(&token(r#"{"a":{"exp":1},"b":"\"exp\":2","c":["exp"], "exp" : 3.5e0}"#))), Some(3_000));
        assert_eq!(ends_at(&claims(&token(r#"{"exp":"soon"}"#))), None);
        assert_eq!(ends_at(&claims(&token(r#"{"sub":"exp"}"#))), None);
    }

    #[test]
    fn whom_a_token_speaks_for_is_read_where_it_stands_in_plain_letters() {
        let of = |text| identity(&claims(&token(text))).map(|identity| (identity.tenant, identity.user));
        let ana = || Some(("t".to_owned(), "ana".to_owned()));
        assert_eq!(of(r#"{"sub":"ana","tenant":"t"}"#), ana());
        assert_eq!(of(r#"{"a":{"sub":"eve"},"b":"sub","tenant" : "t", "sub" : "ana","exp":1}"#), ana());
        assert_eq!(of(r#"{"sub":"a\u006ea","tenant":"t"}"#), None);
        assert_eq!(of(r#"{"sub":"ana"}"#), None);
        assert_eq!(identity(&claims("a.b")), None);
    }

    #[test]
    fn only_the_newest_request_is_answered() {
        let mut tokens = Tokens::default();
        let (first, _) = tokens.ask(TokenReason::Connect).unwrap();
        assert_eq!(tokens.ask(TokenReason::Connect), None);
        tokens.give_up_asking();
        let (second, _) = tokens.ask(TokenReason::Connect).unwrap();
        assert!(!tokens.handle_answer(first));
        assert!(tokens.handle_answer(second));
        assert!(!tokens.handle_answer(second));
    }

    #[test]
    fn a_token_that_was_used_and_ends_soon_is_asked_for_again_with_the_reason() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.reason(0), TokenReason::Connect);
        tokens.keep(token(r#"{"exp":100}"#));
        assert!(tokens.is_usable(99_000), "a token that ends soon is tried once");
        tokens.mark_tried();
        assert!(tokens.is_usable(10_000));
        assert!(!tokens.is_usable(50_000));
        tokens.keep_end(200_000);
        assert!(tokens.is_usable(50_000), "the relay knows better");
        tokens.keep_end(100_000);
        assert_eq!(tokens.reason(50_000), TokenReason::Expiring);
        assert_eq!(tokens.reason(100_000), TokenReason::Expired);
        tokens.discard(TokenReason::Refused);
        assert_eq!(tokens.reason(0), TokenReason::Refused);
    }
}
