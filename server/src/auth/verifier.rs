//! Checks tokens: signature by `jsonwebtoken`, time by the relay's own [`Clock`], claims by protocol section 2.
//!
//! Why time is checked here: `jsonwebtoken` reads the machine's clock, which virtual time cannot move, and leaves `nbf`
//! out by default. Its `aud` rule (a token with `aud` is refused where none is configured) is switched off for the same
//! reason: the protocol accepts such a token.
//!
//! Verified tokens are cached, bounded in number and in age and never past their `exp`. Refusals are not cached: a wrong
//! guess must not push a good token out.

use super::Principal;
use crate::clock::Clock;
use crate::config::{AuthConfig, Config, ExposeSecret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use pulsewire_protocol::channel::is_id;
use pulsewire_protocol::{Pattern, TokenProblem};
use quick_cache::sync::Cache;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;

/// How many verified tokens are remembered.
const CACHED_TOKENS: usize = 4_096;
/// For how long: a key that is taken out of the configuration stops working within this time.
const CACHED_FOR_MS: u64 = 60_000;
/// Longer tokens are refused unread.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// More patterns than this make a token invalid: each subscription walks them.
const MAX_PATTERNS: usize = 1_024;
/// Longer names are cut: they are told to every viewer.
const MAX_NAME_CHARS: usize = 128;

/// Why a token was refused: the code for the wire, and a sentence that never holds any of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRefused {
    /// The code.
    pub problem: TokenProblem,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl core::fmt::Display for TokenRefused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.problem, self.message)
    }
}

impl std::error::Error for TokenRefused {}

fn refused(problem: TokenProblem, message: impl Into<String>) -> TokenRefused {
    TokenRefused { problem, message: message.into() }
}

/// One key and the algorithms it may be used with: a key is never tried with an algorithm of another family, which is what
/// algorithm confusion needs.
struct TrustedKey {
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

#[derive(Clone)]
struct Remembered {
    principal: Arc<Principal>,
    until_ms: u64,
}

/// Checks tokens.
pub struct Verifier {
    keys: Vec<TrustedKey>,
    clock: Clock,
    config: Arc<Config>,
    verified: Cache<Box<str>, Remembered>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    tenant: String,
    exp: f64,
    nbf: Option<f64>,
    name: Option<String>,
    role: Option<String>,
    subscribe: Option<Vec<String>>,
    publish: Option<Vec<String>>,
    viewer: Option<bool>,
}

impl Verifier {
    /// A verifier with the configuration's secret. Without one every token is refused.
    pub fn new(config: Arc<Config>, clock: Clock) -> Self {
        let keys = config
            .signing_secret()
            .map(|secret| TrustedKey {
                key: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
                algorithms: vec![Algorithm::HS256],
            })
            .into_iter()
            .collect();
        Self { keys, clock, config, verified: Cache::new(CACHED_TOKENS) }
    }

    /// Checks a token; `None` and an empty one are missing.
    pub fn verify(&self, token: Option<&str>) -> Result<Arc<Principal>, TokenRefused> {
        let Some(token) = token.map(str::trim).filter(|token| !token.is_empty()) else {
            return Err(refused(
                TokenProblem::Missing,
                "no token was given: send one as a bearer token (over the WebSocket also in `connect`)",
            ));
        };
        let now_ms = self.clock.now_ms();
        if let Some(known) = self.verified.get(token)
            && now_ms < known.until_ms
        {
            return Ok(known.principal);
        }
        let principal = Arc::new(self.verify_afresh(token, now_ms)?);
        let until_ms = principal.expires_at_ms.min(now_ms.saturating_add(CACHED_FOR_MS));
        self.verified.insert(token.into(), Remembered { principal: Arc::clone(&principal), until_ms });
        Ok(principal)
    }

    /// How many tokens are remembered, for the metrics.
    pub fn cached(&self) -> usize {
        self.verified.len()
    }

    fn verify_afresh(&self, token: &str, now_ms: u64) -> Result<Principal, TokenRefused> {
        check_shape(token)?;
        let invalid = |message: String| refused(TokenProblem::Invalid, message);
        let mut last = invalid("this relay has no key to check tokens with: set auth.jwt_secret".to_owned());
        for trusted in &self.keys {
            match jsonwebtoken::decode::<Claims>(token, &trusted.key, &validation(&self.config.auth, &trusted.algorithms)) {
                Ok(data) => return self.principal(data.claims, now_ms),
                Err(error) => last = invalid(explain(error.kind(), &trusted.algorithms)),
            }
        }
        Err(last)
    }

    fn principal(&self, claims: Claims, now_ms: u64) -> Result<Principal, TokenRefused> {
        let invalid = |message: String| refused(TokenProblem::Invalid, message);
        let leeway_ms = self.config.auth.leeway_s.saturating_mul(1_000);
        let expires_at_ms = seconds_to_ms(claims.exp).ok_or_else(|| invalid("the claim `exp` is no time".to_owned()))?;
        if now_ms >= expires_at_ms.saturating_add(leeway_ms) {
            let ago_s = now_ms.saturating_sub(expires_at_ms) / 1_000;
            return Err(refused(TokenProblem::Expired, format!("the token ended {ago_s} s ago: ask for a new one")));
        }
        if let Some(nbf) = claims.nbf {
            let not_before_ms = seconds_to_ms(nbf).ok_or_else(|| invalid("the claim `nbf` is no time".to_owned()))?;
            if now_ms.saturating_add(leeway_ms) < not_before_ms {
                let in_s = not_before_ms.saturating_sub(now_ms) / 1_000;
                return Err(invalid(format!("the token becomes valid in {in_s} s (`nbf`): is a clock wrong?")));
            }
        }
        if !is_id(&claims.sub) {
            return Err(invalid("the claim `sub` must match [A-Za-z0-9._~@-]{1,128}".to_owned()));
        }
        if !is_id(&claims.tenant) {
            return Err(invalid("the claim `tenant` must match [A-Za-z0-9._~@-]{1,128}".to_owned()));
        }
        let role = self.config.role_patterns(claims.role.as_deref());
        let subscribe = claims.subscribe.map_or(Ok(role.subscribe), |patterns| parse_patterns("subscribe", &patterns))?;
        let publish = claims.publish.map_or(Ok(role.publish), |patterns| parse_patterns("publish", &patterns))?;
        let name = claims.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| claims.sub.clone());
        Ok(Principal {
            name: name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect(),
            user: claims.sub,
            tenant: claims.tenant,
            role: claims.role,
            expires_at_ms,
            counts_as_viewer: claims.viewer.unwrap_or(true),
            subscribe,
            publish,
        })
    }
}

/// Three base64url parts, the first of them a JSON object: anything else is `token_malformed`.
fn check_shape(token: &str) -> Result<(), TokenRefused> {
    let malformed = |message: &str| refused(TokenProblem::Malformed, message);
    if token.len() > MAX_TOKEN_BYTES {
        return Err(malformed("the token is longer than 16 KiB"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return Err(malformed("a token is three parts joined by dots"));
    };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed("the first part is no base64url"))?;
    for part in [claims, signature] {
        URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed("a part is no base64url"))?;
    }
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|_| malformed("the header is no JSON object"))?;
    if header.contains_key("crit") {
        // RFC 7515: what is critical and not understood must be refused; nothing is understood here.
        return Err(refused(TokenProblem::Invalid, "the header names critical extensions (`crit`)"));
    }
    Ok(())
}

fn validation(auth: &AuthConfig, algorithms: &[Algorithm]) -> Validation {
    let mut validation = Validation {
        algorithms: algorithms.to_vec(),
        validate_exp: false,
        validate_nbf: false,
        validate_aud: auth.audience.is_some(),
        required_spec_claims: HashSet::from(["exp".to_owned(), "sub".to_owned()]),
        ..Validation::default()
    };
    if let Some(audience) = &auth.audience {
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    if let Some(issuer) = &auth.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    validation
}

fn explain(kind: &ErrorKind, algorithms: &[Algorithm]) -> String {
    match kind {
        ErrorKind::InvalidSignature => "the signature does not match: is it signed with this relay's secret?".to_owned(),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            format!("the header's `alg` is not accepted: use one of {algorithms:?}")
        }
        ErrorKind::MissingRequiredClaim(claim) => format!("the claim `{claim}` is missing"),
        ErrorKind::InvalidClaimFormat(claim) => format!("the claim `{claim}` has the wrong type"),
        ErrorKind::InvalidIssuer => "the claim `iss` is not the configured issuer".to_owned(),
        ErrorKind::InvalidAudience => "the claim `aud` does not hold the configured audience".to_owned(),
        // serde's text would quote the value: a claim is nobody's to repeat.
        ErrorKind::Json(error) if error.is_data() => {
            "header or claims do not fit: `alg` is a known algorithm, `sub`, `tenant`, `name`, `role` are text, `exp` and `nbf` numbers of seconds, `subscribe` and `publish` lists of patterns".to_owned()
        }
        ErrorKind::Json(_) => "header or claims are not the JSON they should be".to_owned(),
        _ => "the token cannot be verified".to_owned(),
    }
}

fn seconds_to_ms(seconds: f64) -> Option<u64> {
    // Up to the year 33658, where milliseconds still are whole numbers in a double.
    (seconds.is_finite() && (0.0..=1e12).contains(&seconds)).then_some((seconds * 1_000.0) as u64)
}

fn parse_patterns(claim: &str, patterns: &[String]) -> Result<Vec<Pattern>, TokenRefused> {
    if patterns.len() > MAX_PATTERNS {
        return Err(refused(TokenProblem::Invalid, format!("the claim `{claim}` holds more than {MAX_PATTERNS} patterns")));
    }
    let parse = |pattern: &String| {
        Pattern::parse(pattern).map_err(|error| {
            let shown: String = pattern.chars().take(60).collect();
            refused(TokenProblem::Invalid, format!("the claim `{claim}` holds the pattern {shown:?}: {error}"))
        })
    };
    patterns.iter().map(parse).collect()
}
