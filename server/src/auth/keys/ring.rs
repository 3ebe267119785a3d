//! The keys that are trusted now, and which of them a token's header may choose.
//!
//! The header's `alg` and `kid` come from whoever made the token, so they only ever narrow the choice: a key is used with its
//! own algorithm and no other, and `kid` is compared as text and means no path, no query and no address.

use super::PublicKey;
use jsonwebtoken::{Algorithm, DecodingKey};

/// One key and the one algorithm it may be used with: algorithm confusion needs two.
pub(in super::super) struct TrustedKey {
    pub(in super::super) algorithm: Algorithm,
    pub(in super::super) key: DecodingKey,
    kid: Option<String>,
}

/// All keys of one moment. A new moment has a new generation: what was verified under another counts no more.
pub(in super::super) struct Ring {
    pub(in super::super) generation: u64,
    keys: Vec<TrustedKey>,
}

/// Why there is no key to try.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum NoKey {
    /// There is none at all.
    Empty,
    /// None is for this algorithm; these are the ones that are accepted.
    Algorithm(Vec<Algorithm>),
    /// None has this `kid`.
    Kid,
    /// The one with this `kid` is for another algorithm.
    OtherAlgorithm,
}

impl Ring {
    /// Every algorithm that a key may be for.
    pub(in super::super) const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

    /// The keys of files, and the secret where there is one.
    pub(in super::super) fn new<'k>(generation: u64, secret: Option<&[u8]>, public: impl Iterator<Item = &'k PublicKey>) -> Self {
        let secret = secret.map(|secret| TrustedKey { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret), kid: None });
        let public = public.map(|key| TrustedKey { algorithm: key.algorithm, key: key.key.clone(), kid: key.kid.clone() });
        Self { generation, keys: secret.into_iter().chain(public).collect() }
    }

    /// How many keys there are.
    pub(in super::super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys to try a token with: of its algorithm; of its `kid` where a key has that, else those without a `kid` (the
    /// secret, and keys of PEM files, whose tokens may carry one all the same). A token without `kid` may be any key's.
    pub(in super::super) fn candidates(&self, alg: &str, kid: Option<&str>) -> Result<Vec<&TrustedKey>, NoKey> {
        if self.keys.is_empty() {
            return Err(NoKey::Empty);
        }
        let of_algorithm: Vec<&TrustedKey> = self.keys.iter().filter(|key| name(key.algorithm) == alg).collect();
        let named = |key: &&TrustedKey| kid.is_some() && key.kid.as_deref() == kid;
        let narrowed: Vec<&TrustedKey> = match kid {
            None => of_algorithm.clone(),
            Some(_) if of_algorithm.iter().any(named) => of_algorithm.iter().copied().filter(named).collect(),
            Some(_) if self.keys.iter().any(|key| named(&key)) => return Err(NoKey::OtherAlgorithm),
            Some(_) => of_algorithm.iter().copied().filter(|key| key.kid.is_none()).collect(),
        };
        match (of_algorithm.is_empty(), narrowed.is_empty()) {
            (true, _) => Err(NoKey::Algorithm(self.algorithms())),
            (false, true) => Err(NoKey::Kid),
            (false, false) => Ok(narrowed),
        }
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        let mut known: Vec<Algorithm> = Vec::new();
        for key in &self.keys {
            if !known.contains(&key.algorithm) {
                known.push(key.algorithm);
            }
        }
        known
    }
}

/// As the header writes it. Exact: `hs256` is no algorithm.
fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::RS256 => "RS256",
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        // No key is made for any other.
        _ => "",
    }
}
