//! Key pairs of the tests, tokens signed with them, and folders for their files.

use crate::support::with;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pulsewire_relay::config::Config;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A key pair in PEM.
#[derive(Clone, Copy)]
pub struct Pair {
    pub algorithm: Algorithm,
    pub private: &'static str,
    pub public: &'static str,
}

macro_rules! pair {
    ($algorithm:ident, $name:literal) => {
        Pair {
            algorithm: Algorithm::$algorithm,
            private: include_str!(concat!("../keys/", $name, ".pem")),
            public: include_str!(concat!("../keys/", $name, ".pub.pem")),
        }
    };
}

pub const RSA: Pair = pair!(RS256, "rsa");
pub const P256: Pair = pair!(ES256, "p256");
pub const ED25519: Pair = pair!(EdDSA, "ed25519");
pub const PAIRS: [Pair; 3] = [RSA, P256, ED25519];
/// Of the same kinds, in the same order; no relay here trusts them unless a test says so.
pub const OTHERS: [Pair; 3] = [pair!(RS256, "rsa-other"), pair!(ES256, "p256-other"), pair!(EdDSA, "ed25519-other")];

impl Pair {
    pub fn signing(&self) -> EncodingKey {
        let pem = self.private.as_bytes();
        match self.algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
            _ => EncodingKey::from_ed_pem(pem),
        }
        .unwrap()
    }
    pub fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.signing()).unwrap()
    }
    /// The public key as a JWK, without `kid`.
    pub fn jwk(&self) -> Value {
        serde_json::to_value(jsonwebtoken::jwk::Jwk::from_encoding_key(&self.signing(), self.algorithm).unwrap()).unwrap()
    }
    pub fn jwk_named(&self, kid: &str) -> Value {
        with(self.jwk(), "kid", kid.into())
    }
}

pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A folder that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!("pulsewire-keys-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration that knows public keys and no secret.
pub fn public_only(pem: &[&Path], jwks: Option<&Path>) -> Config {
    let mut config = crate::support::config();
    config.auth.jwt_secret = None;
    config.auth.public_keys = pem.iter().map(|path| (*path).to_owned()).collect();
    config.auth.jwks = jwks.map(Path::to_owned);
    config
}
