//! Which public keys are good enough, whatever file they come from: RSA of 2,048 to 8,192 bits for RS256, P-256 for ES256,
//! Ed25519 for EdDSA.
//!
//! Why `aws-lc-rs` reads them: it is the library that `jsonwebtoken` verifies with here, so a key that is taken is one that
//! verification can use, and points off the curve are refused by well-tested code. `jsonwebtoken`'s own constructors take any
//! bytes and fail at each token.
//!
//! Traps: `jsonwebtoken` and `aws-lc-rs` let an RSA exponent of 3 pass; FIPS 186-5 (appendix A.1.1) does not, nor do we. An
//! exponent of 1 would make every signature its own message.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents, RsaSubjectPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey};

/// Shorter RSA keys can be broken (RFC 7518, section 3.3).
pub(crate) const MIN_RSA_BITS: usize = 2_048;
/// Longer ones cost more time at each token than they are worth, and `aws-lc-rs` does not verify with them.
const MAX_RSA_BITS: usize = 8_192;
/// FIPS 186-5, appendix A.1.1: more than 2^16.
const MIN_RSA_EXPONENT: u64 = 65_537;
/// What `aws-lc-rs` takes.
const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// A public key that tokens may be checked with.
#[derive(Clone)]
pub struct PublicKey {
    /// RS256, ES256 or EdDSA: the one algorithm it is used with.
    pub algorithm: Algorithm,
    /// Its size in bits.
    pub bits: usize,
    /// Its name in a JWKS; keys of PEM files have none.
    pub kid: Option<String>,
    pub(super) key: DecodingKey,
}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// As operators see it: `RS256 2048 bits (kid "a")`.
impl core::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.algorithm)?;
        if self.algorithm == Algorithm::RS256 {
            write!(f, " {} bits", self.bits)?;
        }
        if let Some(kid) = &self.kid {
            write!(f, " (kid {:?})", short(kid))?;
        }
        Ok(())
    }
}

/// A name from a file as it may stand in messages.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Why a key is not taken, and the mend.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) problem: String,
    pub(super) mend: String,
}

fn unfit(problem: impl Into<String>, mend: impl Into<String>) -> Unfit {
    Unfit { problem: problem.into(), mend: mend.into() }
}

const NEW_RSA: &str = "make a new one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072";

/// An RSA key of its two numbers, big-endian.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Unfit> {
    let modulus = without_zeros(modulus);
    let exponent = without_zeros(exponent);
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if bits < MIN_RSA_BITS {
        return Err(unfit(format!("the RSA key has {bits} bits, at least {MIN_RSA_BITS} are needed: shorter ones can be broken"), NEW_RSA));
    }
    if bits > MAX_RSA_BITS {
        return Err(unfit(format!("the RSA key has {bits} bits, at most {MAX_RSA_BITS} are taken"), NEW_RSA));
    }
    let number = (exponent.len() <= 8).then(|| exponent.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
    if !number.is_some_and(|e| e % 2 == 1 && (MIN_RSA_EXPONENT..=MAX_RSA_EXPONENT).contains(&e)) {
        let shown = number.map_or_else(|| "too large".to_owned(), |number| number.to_string());
        return Err(unfit(format!("the RSA key's exponent is {shown}: signatures under it can be forged or cannot be checked"), NEW_RSA));
    }
    // The library's own check of the pair, which the components alone do not get.
    let components = RsaPublicKeyComponents { n: modulus, e: exponent };
    let checked = components.as_der().map_err(drop).and_then(|der| RsaSubjectPublicKey::from_der(der.as_ref()).map_err(drop));
    if checked.is_err() {
        return Err(unfit("the RSA numbers make no key", "export the public key again from where it comes"));
    }
    let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
    Ok(PublicKey { algorithm: Algorithm::RS256, bits, kid: None, key })
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A P-256 key: an uncompressed point, or a SubjectPublicKeyInfo.
pub(super) fn p256(encoded: &[u8]) -> Result<PublicKey, Unfit> {
    parsed(&ECDSA_P256_SHA256_FIXED, encoded, "the point is not on the curve P-256")?;
    Ok(PublicKey { algorithm: Algorithm::ES256, bits: 256, kid: None, key: DecodingKey::from_ec_der(encoded) })
}

/// An Ed25519 key: its 32 bytes, or a SubjectPublicKeyInfo.
pub(super) fn ed25519(encoded: &[u8]) -> Result<PublicKey, Unfit> {
    parsed(&ED25519, encoded, "the bytes are no Ed25519 key")?;
    Ok(PublicKey { algorithm: Algorithm::EdDSA, bits: 256, kid: None, key: DecodingKey::from_ed_der(encoded) })
}

fn parsed(algorithm: &'static dyn VerificationAlgorithm, encoded: &[u8], problem: &str) -> Result<(), Unfit> {
    match ParsedPublicKey::new(algorithm, encoded) {
        Ok(_) => Ok(()),
        Err(_) => Err(unfit(problem, "export the public key again from where it comes")),
    }
}

/// What a DER key says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RSA.
    Rsa,
    /// A key on the curve P-256.
    P256,
    /// A key on another curve.
    OtherCurve,
    /// Ed25519.
    Ed25519,
    /// Something else.
    Unknown,
}

/// Object identifiers, as DER writes them (RFC 3279, RFC 5480, RFC 8410).
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// Which reader to give a SubjectPublicKeyInfo or PKCS#8 key to. Only looks for the object identifier near the beginning, where
/// both formats have it: what the bytes really are, the reader decides.
pub(crate) fn kind_of(der: &[u8]) -> Kind {
    let head = der.get(..40).unwrap_or(der);
    let says = |identifier: &[u8]| head.windows(identifier.len()).any(|window| window == identifier);
    match () {
        () if says(RSA_ENCRYPTION) => Kind::Rsa,
        () if says(EC_PUBLIC_KEY) && says(PRIME256V1) => Kind::P256,
        () if says(EC_PUBLIC_KEY) => Kind::OtherCurve,
        () if says(ID_ED25519) => Kind::Ed25519,
        () => Kind::Unknown,
    }
}

/// An RSA key of PKCS#1 or SubjectPublicKeyInfo.
pub(super) fn rsa_der(der: &[u8]) -> Result<PublicKey, Unfit> {
    let read = RsaSubjectPublicKey::from_der(der).map_err(|_| {
        unfit("the bytes are no RSA key, or one whose numbers make no key", "export the public key again from where it comes")
    })?;
    let numbers = RsaPublicKeyComponents::<Vec<u8>>::from(&read);
    rsa(&numbers.n, &numbers.e)
}

/// Any key of a SubjectPublicKeyInfo (`-----BEGIN PUBLIC KEY-----`).
pub(super) fn spki(der: &[u8]) -> Result<PublicKey, Unfit> {
    match kind_of(der) {
        Kind::Rsa => rsa_der(der),
        Kind::P256 => p256(der),
        Kind::Ed25519 => ed25519(der),
        Kind::OtherCurve => Err(unfit("the key is on another curve than P-256", "ES256 needs P-256 (prime256v1)")),
        Kind::Unknown => Err(unfit(
            "the key is of a kind that this relay does not check tokens with",
            "use RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA)",
        )),
    }
}
