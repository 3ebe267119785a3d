//! Checks tokens: signature by `jsonwebtoken`, time by the relay's own [`Clock`], claims by protocol section 2.
//!
//! Why time is checked here: `jsonwebtoken` reads the machine's clock, which virtual time cannot move, and leaves `nbf`
//! out by default. Its `aud` rule (a token with `aud` is refused where none is configured) is switched off for the same
//! reason: the protocol accepts such a token.
//!
//! Verified tokens are cached, bounded in number and in age, never past their `exp`, and never past a change of the keys: what
//! was remembered under other keys counts no more. Refusals are not cached: a wrong guess must not push a good token out.
//!
//! Limits: a connection that stands keeps the rights of its token until `exp`, also when the key is taken away meanwhile; its
//! next request, refresh or connect is refused. No secret is compared here: `jsonwebtoken` compares HMACs in constant time, and
//! the cache is looked up by the whole token, whose place in it tells nothing about another's signature.

use super::Principal;
use super::keys::{KeyFile, NoKey, Reloaded, Ring};
use crate::clock::Clock;
use crate::config::{AuthConfig, Config, ExposeSecret};
use crate::observe::faults::fault;
use crate::observe::{Audit, audit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use parking_lot::{Mutex, RwLock};
use pulsewire_protocol::channel::is_id;
use pulsewire_protocol::{Pattern, TokenProblem};
use quick_cache::sync::Cache;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many verified tokens are remembered.
const CACHED_TOKENS: usize = 4_096;
/// For how long: as a second bound behind `exp`, so that a long-lived token is looked at afresh now and then.
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

#[derive(Clone)]
struct Remembered {
    principal: Arc<Principal>,
    until_ms: u64,
    /// Of the keys it was verified under.
    generation: u64,
}

/// How the keys stand, for metrics and readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFigures {
    /// Keys in force, the secret among them.
    pub keys: usize,
    /// Files whose present content is refused; their last good keys are in force.
    pub refused_files: usize,
}

/// Checks tokens.
pub struct Verifier {
    ring: RwLock<Arc<Ring>>,
    /// Held while files are read: nothing that answers somebody may wait for it.
    files: Mutex<Vec<KeyFile>>,
    refused_files: AtomicUsize,
    clock: Clock,
    config: Arc<Config>,
    verified: Cache<Box<str>, Remembered>,
    /// What is asked of a token beside its signature, for each algorithm: made once, not for each token.
    rules: Vec<Validation>,
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
    /// A verifier with the configuration's secret and the keys of its files. Without any key every token is refused.
    ///
    /// Reads files. One with a mistake gives no key: [`Verifier::mistakes`] says what is wrong, and
    /// [`crate::services::Services::start`] does not start then.
    pub fn new(config: Arc<Config>, clock: Clock) -> Self {
        let files = KeyFile::open_all(&config.auth);
        for file in &files {
            for reason in file.skipped() {
                tracing::info!(target: "pulsewire_relay::auth", file = %file.path.display(), reason, "a key is left out");
            }
        }
        let ring = RwLock::new(Arc::new(ring(0, &config, &files)));
        let refused_files = AtomicUsize::new(refused_among(&files));
        let rules = Ring::ALGORITHMS.iter().map(|algorithm| validation(&config.auth, *algorithm)).collect();
        Self { ring, files: Mutex::new(files), refused_files, clock, config, verified: Cache::new(CACHED_TOKENS), rules }
    }

    /// What is wrong with the files of keys as they are now, one sentence each, with file and entry. Waits for a reload.
    pub fn mistakes(&self) -> Vec<String> {
        let files = self.files.lock();
        let told = files.iter().flat_map(|file| {
            let (setting, path) = (file.format.setting(), file.path.display());
            file.mistakes().iter().map(move |mistake| format!("{setting}: {path}: {mistake}"))
        });
        told.collect()
    }

    /// How the keys stand.
    pub fn figures(&self) -> KeyFigures {
        KeyFigures { keys: self.ring.read().len(), refused_files: self.refused_files.load(Ordering::Relaxed) }
    }

    /// Looks whether the files of keys have changed, and takes good changes over: from then on no token counts that only a
    /// removed key has signed. Says whether anything was taken over. Blocks on the file system.
    pub fn reload(&self) -> bool {
        let mut files = self.files.lock();
        let mut taken = false;
        for file in files.iter_mut() {
            let outcome = file.look();
            let path = file.path.display();
            match outcome {
                Reloaded::Same => {}
                Reloaded::Taken => {
                    taken = true;
                    tracing::info!(target: "pulsewire_relay::auth", file = %path, keys = ?file.keys(), "keys taken over");
                    audit(Audit::KeysReloaded { file: &file.path, keys: file.keys().len() });
                    for reason in file.skipped() {
                        tracing::info!(target: "pulsewire_relay::auth", file = %path, reason, "a key is left out");
                    }
                }
                Reloaded::Refused => {
                    for mistake in file.mistakes() {
                        audit(Audit::KeysRefused { file: &file.path, reason: &mistake.problem });
                        fault!(
                            error, Auth, file = %path, entry = mistake.entry, problem = mistake.problem, mend = mistake.mend,
                            "the changed file of keys is refused: its old keys stay in force"
                        );
                    }
                }
            }
        }
        self.refused_files.store(refused_among(&files), Ordering::Relaxed);
        if taken {
            let generation = self.ring.read().generation.wrapping_add(1);
            *self.ring.write() = Arc::new(ring(generation, &self.config, &files));
            // The generation alone keeps old entries from counting; this gives their room back.
            self.verified.clear();
        }
        taken
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
        let ring = Arc::clone(&self.ring.read());
        if let Some(known) = self.verified.get(token)
            && now_ms < known.until_ms
            && known.generation == ring.generation
        {
            return Ok(known.principal);
        }
        let principal = Arc::new(self.verify_afresh(&ring, token, now_ms)?);
        let until_ms = principal.expires_at_ms.min(now_ms.saturating_add(CACHED_FOR_MS));
        // The keys may have changed meanwhile: the generation is that of the keys it was verified under.
        let remembered = Remembered { principal: Arc::clone(&principal), until_ms, generation: ring.generation };
        self.verified.insert(token.into(), remembered);
        Ok(principal)
    }

    /// How many tokens are remembered, for the metrics.
    pub fn cached(&self) -> usize {
        self.verified.len()
    }

    fn verify_afresh(&self, ring: &Ring, token: &str, now_ms: u64) -> Result<Principal, TokenRefused> {
        let header = check_shape(token)?;
        let invalid = |message: &str| refused(TokenProblem::Invalid, message);
        let alg =
            header.get("alg").and_then(serde_json::Value::as_str).ok_or_else(|| invalid("the header's `alg` is missing or no text"))?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or_else(|| invalid("the header's `kid` is no text"))?),
        };
        let candidates = ring.candidates(alg, kid).map_err(|reason| refused(TokenProblem::Invalid, explain_no_key(&reason)))?;
        for trusted in candidates {
            let Some(rules) = self.rules.iter().find(|rules| rules.algorithms.contains(&trusted.algorithm)) else { continue };
            match jsonwebtoken::decode::<Claims>(token, &trusted.key, rules) {
                Ok(data) => return self.principal(data.claims, now_ms),
                // Another key may have signed it; every other reason is the token's own.
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(error) => return Err(refused(TokenProblem::Invalid, explain(error.kind()))),
            }
        }
        Err(refused(TokenProblem::Invalid, explain(&ErrorKind::InvalidSignature)))
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

fn refused_among(files: &[KeyFile]) -> usize {
    files.iter().filter(|file| !file.mistakes().is_empty()).count()
}

/// The keys of the configuration and of these files.
fn ring(generation: u64, config: &Config, files: &[KeyFile]) -> Ring {
    let secret = config.signing_secret();
    let secret = secret.as_ref().map(|secret| secret.expose_secret().as_bytes());
    Ring::new(generation, secret, files.iter().flat_map(KeyFile::keys))
}

/// Three base64url parts, the first of them a JSON object: anything else is `token_malformed`. The header it returns says what its
/// author wants; what it says twice is refused when the token is decoded.
fn check_shape(token: &str) -> Result<serde_json::Map<String, serde_json::Value>, TokenRefused> {
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
    Ok(header)
}

fn validation(auth: &AuthConfig, algorithm: Algorithm) -> Validation {
    let mut validation = Validation {
        algorithms: vec![algorithm],
        validate_exp: false,
        validate_nbf: false,
        validate_aud: !auth.audiences.is_empty(),
        required_spec_claims: HashSet::from(["exp".to_owned(), "sub".to_owned()]),
        ..Validation::default()
    };
    if !auth.audiences.is_empty() {
        validation.set_audience(&auth.audiences);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    if !auth.issuers.is_empty() {
        validation.set_issuer(&auth.issuers);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    validation
}

/// Says nothing of the token's own `kid`: it is nobody's to repeat.
fn explain_no_key(reason: &NoKey) -> String {
    match reason {
        NoKey::Empty => "this relay has no key to check tokens with: set auth.jwt_secret, auth.public_keys or auth.jwks".to_owned(),
        NoKey::Algorithm(accepted) => format!("the header's `alg` is not accepted: use one of {accepted:?}"),
        NoKey::Kid => {
            "no key of this relay has the header's `kid`: was the key taken away, or is the relay's JWKS file out of date?".to_owned()
        }
        NoKey::OtherAlgorithm => "the key that the header's `kid` names is not for the header's `alg`".to_owned(),
    }
}

fn explain(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidSignature => "the signature does not match: is it signed with a key of this relay?".to_owned(),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            "the header's `alg` is not accepted".to_owned()
        }
        ErrorKind::MissingRequiredClaim(claim) => format!("the claim `{claim}` is missing"),
        ErrorKind::InvalidClaimFormat(claim) => format!("the claim `{claim}` has the wrong type"),
        ErrorKind::InvalidIssuer => "the claim `iss` is no configured issuer".to_owned(),
        ErrorKind::InvalidAudience => "the claim `aud` holds no configured audience".to_owned(),
        // serde's text would quote the value: a claim is nobody's to repeat.
        ErrorKind::Json(error) if error.is_data() => {
            "header or claims do not fit: `alg` is a known algorithm, `kid` is text, `sub`, `tenant`, `name`, `role` are text, `exp` and `nbf` numbers of seconds, `subscribe` and `publish` lists of patterns".to_owned()
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
    // As many as there are and no room for more: a principal lives as long as its connections.
    let mut parsed = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        parsed.push(Pattern::parse(pattern).map_err(|error| {
            let shown: String = pattern.chars().take(60).collect();
            refused(TokenProblem::Invalid, format!("the claim `{claim}` holds the pattern {shown:?}: {error}"))
        })?);
    }
    Ok(parsed)
}
