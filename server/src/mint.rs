//! Makes tokens: for `pulsewire-relay token`, for `/dev/token` and for tests. A real deployment's backend makes its own.
//!
//! The relay itself signs with its HS256 secret only: it holds no private key, and must not. `pulsewire-relay token --key` is
//! given one for the moment, to try out a relay that has the public part.

mod signing;

pub use signing::SigningKey;

use crate::config::Config;
use pulsewire_protocol::Pattern;
use pulsewire_protocol::channel::is_id;
use serde::Serialize;

/// What a token shall say.
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// The user.
    pub sub: String,
    /// The tenant.
    pub tenant: String,
    /// The name to show.
    pub name: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// Channels to subscribe to; `None`: what the configuration gives the role.
    pub subscribe: Option<Vec<String>>,
    /// Channels to publish to; `None`: what the configuration gives the role.
    pub publish: Option<Vec<String>>,
    /// `Some(false)`: not counted as a viewer.
    pub viewer: Option<bool>,
    /// How long it is valid, in seconds.
    pub ttl_s: u64,
}

/// A token and its end.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Minted {
    /// The JWT.
    pub token: String,
    /// When it ends, in Unix milliseconds.
    pub expires_at: u64,
}

/// Why no token could be made: which part, and how to mend it. Never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintError {
    /// The part of the request: `sub`, `tenant`, `subscribe` …
    pub field: &'static str,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl core::fmt::Display for MintError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for MintError {}

fn wrong<T>(field: &'static str, message: impl Into<String>) -> Result<T, MintError> {
    Err(MintError { field, message: message.into() })
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    tenant: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    viewer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Signs a token with the configuration's secret, valid from `now_ms` on.
pub fn mint(config: &Config, request: &TokenRequest, now_ms: u64) -> Result<Minted, MintError> {
    mint_with(&SigningKey::of_configuration(config)?, config, request, now_ms)
}

/// Signs a token with this key, valid from `now_ms` on. Issuer and audience are the first that the configuration accepts.
pub fn mint_with(signer: &SigningKey, config: &Config, request: &TokenRequest, now_ms: u64) -> Result<Minted, MintError> {
    for (field, id) in [("sub", &request.sub), ("tenant", &request.tenant)] {
        if !is_id(id) {
            return wrong(field, format!("{id:?} must match [A-Za-z0-9._~@-]{{1,128}}"));
        }
    }
    for (field, patterns) in [("subscribe", &request.subscribe), ("publish", &request.publish)] {
        for pattern in patterns.iter().flatten() {
            if let Err(error) = Pattern::parse(pattern) {
                return wrong(field, format!("{pattern:?} is no pattern: {error}; such as patient:*, device:bed-1, tenant or *"));
            }
        }
    }
    if request.ttl_s == 0 {
        return wrong("ttl", "a token that ends at once is of no use: at least 1 s");
    }
    let iat = now_ms / 1_000;
    let exp = iat.saturating_add(request.ttl_s);
    let claims = Claims {
        sub: &request.sub,
        tenant: &request.tenant,
        iat,
        exp,
        name: request.name.as_deref(),
        role: request.role.as_deref(),
        subscribe: request.subscribe.as_deref(),
        publish: request.publish.as_deref(),
        viewer: request.viewer,
        iss: config.auth.issuers.first().map(String::as_str),
        aud: config.auth.audiences.first().map(String::as_str),
    };
    match jsonwebtoken::encode(&signer.header, &claims, &signer.key) {
        Ok(token) => Ok(Minted { token, expires_at: exp.saturating_mul(1_000) }),
        Err(error) => wrong("token", format!("it cannot be signed: {error}")),
    }
}
