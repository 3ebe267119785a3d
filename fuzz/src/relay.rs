//! A relay for one check: its own runtime, virtual time, a fixed seed and a fixed secret, so that a find replays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy, Relay};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::LazyLock;

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
    Relay::new(config(), Clock::starting_at(START_MS), Entropy::from_seed(1))
}

fn config() -> Config {
    let mut config = Config { node: Some("node-1".to_owned()), ..Config::default() };
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    config.limits.subscriptions = 8;
    config.limits.max_message_bytes = 4 * 1024;
    config.history.channels = 16;
    config.history.publications = 8;
    config
}

/// The same relay, which trusts a P-256 key by the name `key` beside its secret. Reads a file: the same at every check.
pub fn relay_with_public_key() -> Relay {
    let mut config = config();
    config.auth.jwks = Some(JWKS.clone());
    Relay::new(config, Clock::starting_at(START_MS), Entropy::from_seed(1))
}

static JWKS: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&p256(), Algorithm::ES256).unwrap()).unwrap();
    jwk["kid"] = "key".into();
    let path = std::env::temp_dir().join(format!("pulsewire-fuzz-{}.json", std::process::id()));
    std::fs::write(&path, json!({ "keys": [jwk] }).to_string()).unwrap();
    path
});

/// The private part of that key.
pub fn p256() -> EncodingKey {
    let pem = include_str!("../../server/tests/keys/p256.pem");
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    EncodingKey::from_ec_der(&STANDARD.decode(base64).unwrap())
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
