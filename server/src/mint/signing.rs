//! What tokens are signed with: the configuration's secret, or a private key of a PEM file.
//!
//! Traps: `jsonwebtoken` signs EC keys in PKCS#8 only, while `openssl ecparam` writes SEC1 (`EC PRIVATE KEY`): those are rewritten
//! here. A key that the relay would refuse as too weak is refused for signing too.

use super::{MintError, wrong};
use crate::auth::keys::{Kind, MIN_RSA_BITS, kind_of};
use crate::config::{Config, ExposeSecret};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

/// A key to sign with, and the header of its tokens. Its `Debug` prints no key.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub(super) header: Header,
    pub(super) key: EncodingKey,
}

const KEY: &str = "key";

impl SigningKey {
    /// The configuration's secret, or that of development mode.
    pub fn of_configuration(config: &Config) -> Result<Self, MintError> {
        match config.signing_secret() {
            Some(secret) => Ok(Self { header: Header::default(), key: EncodingKey::from_secret(secret.expose_secret().as_bytes()) }),
            None if config.auth.has_key_files() => wrong(
                "secret",
                "there is none: this relay checks tokens with public keys, which sign nothing; give the private key: --key FILE.pem",
            ),
            None => wrong(
                "secret",
                "there is none: set PULSEWIRE_JWT_SECRET or auth.jwt_secret, use --dev, or give a private key: --key FILE.pem",
            ),
        }
    }

    /// The private key of a PEM file: PKCS#8, PKCS#1 (RSA) or SEC1 (EC), not encrypted. `algorithm` is checked where it is given.
    pub fn from_pem(text: &[u8], algorithm: Option<Algorithm>) -> Result<Self, MintError> {
        let blocks = pem::parse_many(text).map_err(|_| MintError { field: KEY, message: "the file is no readable PEM".to_owned() })?;
        let Some(block) = blocks.iter().find(|block| block.tag().contains("PRIVATE KEY")) else {
            let found = blocks.first().map_or("no PEM block".to_owned(), |block| format!("a block {:?}", block.tag()));
            return wrong(
                KEY,
                format!("the file holds {found} and no private key: a public key checks tokens, the private one signs them"),
            );
        };
        if block.tag() == "ENCRYPTED PRIVATE KEY" || block.headers().get("DEK-Info").is_some() {
            return wrong(
                KEY,
                "the private key is encrypted: decrypt it for the moment (openssl pkey -in FILE.pem -out PLAIN.pem), and delete that file afterwards",
            );
        }
        let (fits, key) = read(block)?;
        match algorithm {
            Some(asked) if asked != fits => wrong("alg", format!("this key signs {fits:?}, not {asked:?}")),
            _ => Ok(Self { header: Header::new(fits), key }),
        }
    }

    /// Puts a `kid` into the header: the name of the key in a JWKS.
    pub fn with_kid(mut self, kid: Option<String>) -> Self {
        self.header.kid = kid;
        self
    }
}

fn read(block: &pem::Pem) -> Result<(Algorithm, EncodingKey), MintError> {
    let der = block.contents();
    let kind = match block.tag() {
        "RSA PRIVATE KEY" => Kind::Rsa,
        "EC PRIVATE KEY" => Kind::P256,
        _ => kind_of(der),
    };
    match kind {
        Kind::Rsa => {
            let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
            let bits = pair.map_or(0, |pair| pair.public_modulus_len() * 8);
            let key = EncodingKey::from_rsa_pem(pem::encode(block).as_bytes());
            match key {
                Ok(key) if bits >= MIN_RSA_BITS => Ok((Algorithm::RS256, key)),
                _ => wrong(KEY, format!("the RSA key cannot be used: it must be whole and have {MIN_RSA_BITS} to 8192 bits")),
            }
        }
        Kind::P256 => {
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, der).or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, der));
            match pair.ok().and_then(|pair| pair.to_pkcs8v1().ok()) {
                Some(pkcs8) => Ok((Algorithm::ES256, EncodingKey::from_ec_der(pkcs8.as_ref()))),
                None => wrong(KEY, "the EC key cannot be used: ES256 needs one on the curve P-256 (prime256v1)"),
            }
        }
        Kind::Ed25519 => match Ed25519KeyPair::from_pkcs8(der) {
            Ok(_) => Ok((Algorithm::EdDSA, EncodingKey::from_ed_der(der))),
            Err(_) => wrong(KEY, "the Ed25519 key cannot be read: write it again with openssl genpkey -algorithm ed25519"),
        },
        Kind::OtherCurve => wrong(KEY, "the EC key is on another curve: ES256 needs P-256 (prime256v1)"),
        Kind::Unknown => wrong(KEY, "the key is of a kind that signs no tokens here: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA)"),
    }
}
