//! Public keys of a JWKS file (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! Why its fields are read here and not by `jsonwebtoken::jwk`: that does not see private parts, takes a point of any curve for
//! any algorithm, and one odd entry ends the whole reading. The numbers themselves go to `material`.
//!
//! What is for something else (`use: enc`, `key_ops` without `verify`, another algorithm, curve or type) is left out, as RFC 7517
//! section 5 wants; what contradicts itself, is weak, or is secret makes the whole file a mistake. Two entries may share a `kid`: a
//! token that names it is tried with both.

use super::material::{PublicKey, Unfit, ed25519, p256, rsa, short};
use super::{KeyMistake, Parsed, judged};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// One JWK. A member that stands there twice is an error, which RFC 7517 allows and safety wants.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    // Only whether they are there.
    k: Option<IgnoredAny>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
}

/// What an entry is.
enum Entry {
    Key(PublicKey),
    /// For something else; says why.
    Skipped(String),
}

/// The keys of a JWKS file.
///
/// # Errors
/// Every mistake of the file, each with its entry; no key is taken from a file with a mistake.
pub fn parse_jwks(text: &[u8]) -> Result<Parsed, Vec<KeyMistake>> {
    let set: Set<'_> = serde_json::from_slice(text).map_err(|error| {
        // The text of a data error would quote what stands there.
        let problem = if error.is_data() {
            "it is JSON, but no object with a list `keys`".to_owned()
        } else {
            format!("it is no JSON (line {}, column {})", error.line(), error.column())
        };
        vec![KeyMistake::whole(problem, "a JWKS is {\"keys\": [{\"kty\": \"EC\", …}, …]}; PEM files go into auth.public_keys")]
    })?;
    let mut parsed = Parsed::default();
    let mut mistakes = Vec::new();
    for (index, raw) in set.keys.iter().enumerate() {
        let jwk = match serde_json::from_str::<Jwk>(raw.get()) {
            Ok(jwk) => jwk,
            Err(_) => {
                let problem = "it is no JWK: `kty` is missing, or a member has the wrong type or stands there twice".to_owned();
                let mend = "`kty`, `kid`, `alg`, `use`, `crv`, `n`, `e`, `x`, `y` are texts, `key_ops` is a list of texts".to_owned();
                mistakes.push(KeyMistake { entry: format!("key {}", index + 1), problem, mend });
                continue;
            }
        };
        let entry = match &jwk.kid {
            Some(kid) => format!("key {} (kid {:?})", index + 1, short(kid)),
            None => format!("key {}", index + 1),
        };
        match read(jwk) {
            Ok(Entry::Key(key)) => parsed.keys.push(key),
            Ok(Entry::Skipped(reason)) => parsed.skipped.push(format!("{entry}: {reason}")),
            Err(Unfit { problem, mend }) => mistakes.push(KeyMistake { entry, problem, mend }),
        }
    }
    judged(parsed, mistakes)
}

type Reader = fn(&Jwk) -> Result<PublicKey, Unfit>;

fn read(jwk: Jwk) -> Result<Entry, Unfit> {
    if jwk.kty == "oct" || jwk.k.is_some() {
        return Err(Unfit {
            problem: "this is a symmetric key, a secret: it does not belong into a file of public keys".to_owned(),
            mend: "take it out; the HS256 secret goes into PULSEWIRE_JWT_SECRET, and a new one if others could read this file".to_owned(),
        });
    }
    if [&jwk.d, &jwk.p, &jwk.q, &jwk.dp, &jwk.dq, &jwk.qi, &jwk.oth].iter().any(|part| part.is_some()) {
        return Err(Unfit {
            problem: "this is a private key (`d`, `p`, `q` …): whoever reads it can make tokens".to_owned(),
            mend: "leave only the public members, and make a new pair if others could read this file".to_owned(),
        });
    }
    if let Some(purpose) = jwk.purpose.as_deref().filter(|purpose| *purpose != "sig") {
        return Ok(Entry::Skipped(format!("`use` is {:?}, not \"sig\"", short(purpose))));
    }
    if jwk.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Ok(Entry::Skipped("`key_ops` has no \"verify\"".to_owned()));
    }
    let (known, fits): (Reader, &[&str]) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => (rsa_of, &["RS256"]),
        ("EC", Some("P-256")) => (p256_of, &["ES256"]),
        // RFC 9864 renames EdDSA with this curve; headers say EdDSA still.
        ("OKP", Some("Ed25519")) => (ed25519_of, &["EdDSA", "Ed25519"]),
        ("EC" | "OKP", Some(curve)) => return Ok(Entry::Skipped(format!("`crv` is {:?}, not P-256 or Ed25519", short(curve)))),
        ("EC" | "OKP", None) => return Err(missing("crv")),
        (kind, _) => return Ok(Entry::Skipped(format!("`kty` is {:?}", short(kind)))),
    };
    match jwk.alg.as_deref() {
        None => {}
        Some(alg) if fits.contains(&alg) => {}
        Some(alg @ ("RS256" | "ES256" | "EdDSA" | "Ed25519" | "HS256" | "none")) => {
            return Err(Unfit {
                problem: format!("`alg` is {alg:?}, which no key of `kty` {:?} can be used with", jwk.kty),
                mend: format!("{} is what fits, or leave `alg` out", fits.join(" or ")),
            });
        }
        Some(alg) => return Ok(Entry::Skipped(format!("`alg` is {:?}, not {}", short(alg), fits.join(" or ")))),
    }
    let mut key = known(&jwk)?;
    key.kid = jwk.kid;
    Ok(Entry::Key(key))
}

fn rsa_of(jwk: &Jwk) -> Result<PublicKey, Unfit> {
    rsa(&bytes("n", jwk.n.as_deref())?, &bytes("e", jwk.e.as_deref())?)
}

fn p256_of(jwk: &Jwk) -> Result<PublicKey, Unfit> {
    // RFC 7518, section 6.2.1.2: full length, leading zeros included.
    let mut point = vec![0x04];
    point.extend(exactly_32("x", jwk.x.as_deref())?);
    point.extend(exactly_32("y", jwk.y.as_deref())?);
    p256(&point)
}

fn ed25519_of(jwk: &Jwk) -> Result<PublicKey, Unfit> {
    ed25519(&exactly_32("x", jwk.x.as_deref())?)
}

fn missing(member: &str) -> Unfit {
    Unfit { problem: format!("`{member}` is missing"), mend: "export the public key again from where it comes".to_owned() }
}

fn bytes(member: &str, text: Option<&str>) -> Result<Vec<u8>, Unfit> {
    URL_SAFE_NO_PAD.decode(text.ok_or_else(|| missing(member))?).map_err(|_| Unfit {
        problem: format!("`{member}` is no base64url"),
        mend: "letters, digits, `-` and `_` without `=` at the end (RFC 7515, section 2)".to_owned(),
    })
}

fn exactly_32(member: &str, text: Option<&str>) -> Result<Vec<u8>, Unfit> {
    let bytes = bytes(member, text)?;
    if bytes.len() == 32 {
        return Ok(bytes);
    }
    let mend = "32 bytes are 43 characters of base64url; leading zeros belong to it".to_owned();
    Err(Unfit { problem: format!("`{member}` has {} bytes, not 32", bytes.len()), mend })
}
