//! A relay for one check: its own runtime, virtual time, a fixed seed and a fixed secret, so that a find replays.

use jsonwebtoken::{EncodingKey, Header};
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy, Relay};
use serde_json::{Value, json};

/// When virtual time begins.
pub const START_MS: u64 = 1_800_000_000_000;
/// What tokens are signed with.
pub const SECRET: &str = "a secret of the fuzzer, long enough for anyone";

/// Runs it with time that only moves when nothing else can.
pub fn under_virtual_time<F: Future>(check: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(check)
}

/// A relay with small limits: they shall be reached.
pub fn relay() -> Relay {
    let mut config = Config { node: Some("node-1".to_owned()), ..Config::default() };
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    config.limits.subscriptions = 8;
    config.limits.max_message_bytes = 4 * 1024;
    config.history.channels = 16;
    config.history.publications = 8;
    Relay::new(config, Clock::starting_at(START_MS), Entropy::from_seed(1))
}

/// A token of that user of that tenant, allowed everything its role may do.
pub fn token(user: &str, tenant: &str, role: &str) -> String {
    let exp = START_MS / 1_000 + 86_400;
    sign(&Header::default(), &json!({"sub": user, "tenant": tenant, "role": role, "exp": exp, "subscribe": ["*"], "publish": ["*"]}))
}

/// A token with exactly these claims.
pub fn sign(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}
