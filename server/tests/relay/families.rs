//! Property 28 over all families of algorithms: a token is accepted if and only if a trusted key of its own algorithm signed
//! exactly what it says, and nothing else is wrong with it.

use crate::pairs::*;
use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use pulsewire_protocol::TokenProblem;
use pulsewire_relay::Relay;
use serde_json::{Value, json};
use std::sync::LazyLock;

const NOW_S: u64 = START_MS / 1_000;
const KIDS: [&str; 3] = ["key-rsa", "key-p256", "key-ed"];

/// Trusts the secret and all three pairs by name.
static SET: LazyLock<(Folder, std::path::PathBuf)> = LazyLock::new(|| {
    let folder = Folder::new();
    let keys: Vec<Value> = PAIRS.iter().zip(KIDS).map(|(pair, kid)| pair.jwk_named(kid)).collect();
    let path = folder.write("keys.json", jwks(&keys));
    (folder, path)
});

fn relay_of_all(secret: bool) -> Relay {
    let mut config = public_only(&[], Some(&SET.1));
    config.auth.jwt_secret = secret.then(|| SECRET.into());
    relay_with(config)
}

/// Who signs: the secret, or one of the three pairs.
#[derive(Clone, Copy, Debug)]
enum Signer {
    Secret,
    Pair(usize),
}

impl Signer {
    fn algorithm(self) -> &'static str {
        match self {
            Self::Secret => "HS256",
            Self::Pair(index) => ["RS256", "ES256", "EdDSA"][index],
        }
    }
    fn signature(self, message: &str) -> Vec<u8> {
        let (key, algorithm) = match self {
            Self::Secret => (EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256),
            Self::Pair(index) => (PAIRS[index].signing(), PAIRS[index].algorithm),
        };
        URL_SAFE_NO_PAD.decode(jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap()).unwrap()
    }
}

/// The header's `kid`.
#[derive(Clone, Debug)]
enum Kid {
    Absent,
    Own,
    OfPair(usize),
    Text(String),
    Wrong(Value),
}

/// What is done to the token.
#[derive(Clone, Debug)]
enum Deed {
    Nothing,
    /// The header says so; the signature is right for what it says.
    Algorithm(&'static str),
    /// Headers that would bring a key along.
    Embedded(&'static str),
    /// A byte of the signature.
    Flip(usize),
    Cut(usize),
    Longer(Vec<u8>),
    Zeros(usize),
    NoSignature,
    /// Signed by the same kind of key, which nobody trusts.
    Stranger,
    /// HMAC with what is public: PEM, DER, JWK, the numbers.
    Confused(usize, usize),
    /// Another character at a place of the whole token.
    Character(usize, char),
    OtherClaims,
    Critical,
    Ended(u64),
    NotYet(u64),
}

fn signer() -> impl Strategy<Value = Signer> {
    prop_oneof![1 => Just(Signer::Secret), 3 => (0_usize..3).prop_map(Signer::Pair)]
}

fn kid() -> impl Strategy<Value = Kid> {
    prop_oneof![
        3 => Just(Kid::Absent),
        4 => Just(Kid::Own),
        1 => (0_usize..3).prop_map(Kid::OfPair),
        1 => "\\PC{0,30}".prop_map(Kid::Text),
        1 => prop::sample::select(vec![json!(1), json!(null), json!(["key-rsa"]), json!({"a": 1}), json!(true)]).prop_map(Kid::Wrong),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => Just(Deed::Nothing),
        3 => prop::sample::select(vec!["none", "HS256", "RS256", "ES256", "EdDSA", "PS256", "RS384", "ES384", "HS512", "es256", ""]).prop_map(Deed::Algorithm),
        1 => prop::sample::select(vec!["jwk", "jku", "x5u", "x5c"]).prop_map(Deed::Embedded),
        2 => any::<usize>().prop_map(Deed::Flip),
        1 => any::<usize>().prop_map(Deed::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..8).prop_map(Deed::Longer),
        1 => prop::sample::select(vec![32, 64, 70, 256]).prop_map(Deed::Zeros),
        1 => Just(Deed::NoSignature),
        2 => Just(Deed::Stranger),
        3 => (0_usize..3, 0_usize..5).prop_map(|(pair, form)| Deed::Confused(pair, form)),
        4 => (any::<usize>(), prop::char::range('!', '~')).prop_map(|(place, other)| Deed::Character(place, other)),
        1 => Just(Deed::OtherClaims),
        1 => Just(Deed::Critical),
        1 => (5_u64..1_000_000).prop_map(Deed::Ended),
        1 => (6_u64..1_000_000).prop_map(Deed::NotYet),
    ]
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn joined(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What an attacker knows of a pair, as bytes to sign with.
fn public_forms(pair: &Pair, form: usize) -> Vec<u8> {
    let der = pem::parse(pair.public).unwrap().into_contents();
    match form {
        0 => pair.public.as_bytes().to_vec(),
        1 => pair.public.trim_end().as_bytes().to_vec(),
        2 => der,
        3 => pair.jwk().to_string().into_bytes(),
        _ => {
            let jwk = pair.jwk();
            URL_SAFE_NO_PAD.decode(jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap()).unwrap()
        }
    }
}

/// The token, and how it must be refused; `None`: it must be accepted.
fn build(by: Signer, kid: &Kid, deed: &Deed, with_secret: bool) -> (String, Option<TokenProblem>) {
    let mut header = json!({"alg": by.algorithm(), "typ": "JWT"});
    match (kid, by) {
        (Kid::Own, Signer::Pair(index)) => header["kid"] = KIDS[index].into(),
        (Kid::OfPair(index), _) => header["kid"] = KIDS[*index].into(),
        (Kid::Text(text), _) => header["kid"] = text.as_str().into(),
        (Kid::Wrong(value), _) => header["kid"] = value.clone(),
        (Kid::Absent, _) | (Kid::Own, Signer::Secret) => {}
    }
    let mut claims = claims("nurse");
    match deed {
        Deed::Algorithm(name) => header["alg"] = (*name).into(),
        Deed::Embedded("jwk") => header["jwk"] = OTHERS[1].jwk(),
        Deed::Embedded("x5c") => header["x5c"] = json!(["AAAA"]),
        Deed::Embedded(name) => header[*name] = "http://127.0.0.1:1/keys.json".into(),
        Deed::Critical => header["crit"] = json!(["b64"]),
        Deed::Confused(..) => header["alg"] = "HS256".into(),
        Deed::Ended(ago_s) => claims["exp"] = (NOW_S - ago_s).into(),
        Deed::NotYet(in_s) => claims["nbf"] = (NOW_S + in_s).into(),
        _ => {}
    }
    let message = format!("{}.{}", encode(&header), encode(&claims));
    let mut signature = by.signature(&message);
    let invalid = Some(TokenProblem::Invalid);
    // Whether a trusted key of the header's algorithm and name is there to say yes.
    let named_well = match (kid, by) {
        (Kid::Absent | Kid::Own, _) => true,
        (Kid::OfPair(index), Signer::Pair(own)) => *index == own,
        // The secret has no name and serves tokens that carry one, but not one that is a key's of another algorithm.
        (Kid::OfPair(_), Signer::Secret) => false,
        (Kid::Text(text), Signer::Pair(own)) => text == KIDS[own],
        (Kid::Text(text), Signer::Secret) => !KIDS.contains(&text.as_str()),
        (Kid::Wrong(_), _) => false,
    };
    let sound = if named_well && (with_secret || matches!(by, Signer::Pair(_))) { None } else { invalid };
    match deed {
        Deed::Nothing | Deed::Embedded(_) => (joined(&message, &signature), sound),
        Deed::Algorithm(name) => (joined(&message, &signature), if *name == by.algorithm() { sound } else { invalid }),
        Deed::Flip(place) => {
            let place = place % signature.len();
            signature[place] ^= 1;
            (joined(&message, &signature), invalid)
        }
        Deed::Cut(by) => {
            signature.truncate(by % signature.len());
            (joined(&message, &signature), invalid)
        }
        Deed::Longer(more) => {
            signature.extend(more);
            (joined(&message, &signature), invalid)
        }
        Deed::Zeros(length) => (joined(&message, &vec![0; *length]), invalid),
        Deed::NoSignature => (format!("{message}."), invalid),
        Deed::Stranger => {
            let (key, algorithm) = match by {
                Signer::Secret => (EncodingKey::from_secret(b"another secret, just as long as the other"), Algorithm::HS256),
                Signer::Pair(index) => (OTHERS[index].signing(), OTHERS[index].algorithm),
            };
            (format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap()), invalid)
        }
        Deed::Confused(pair, form) => {
            let key = EncodingKey::from_secret(&public_forms(&PAIRS[*pair], *form));
            (format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap()), invalid)
        }
        Deed::Character(place, other) => {
            let token = joined(&message, &signature);
            let place = place % token.len();
            let mut bytes = token.clone().into_bytes();
            bytes[place] = *other as u8;
            let changed = String::from_utf8(bytes).unwrap();
            if changed == token {
                return (token, sound);
            }
            // Malformed or invalid, as it comes: the relay says which, and never yes.
            (changed, invalid)
        }
        Deed::OtherClaims => {
            let changed = with(claims, "sub", "root".into());
            (joined(&format!("{}.{}", encode(&header), encode(&changed)), &signature), invalid)
        }
        Deed::Critical => (joined(&message, &signature), invalid),
        Deed::Ended(_) => (joined(&message, &signature), sound.or(Some(TokenProblem::Expired))),
        Deed::NotYet(_) => (joined(&message, &signature), invalid),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn property_28_holds_over_all_families_of_keys_their_names_and_mutated_tokens(
        by in signer(), kid in kid(), deed in deed(), with_secret in any::<bool>(),
    ) {
        under_virtual_time(async {
            let relay = relay_of_all(with_secret);
            let (token, problem) = build(by, &kid, &deed, with_secret);
            // Twice: the cache must not change the answer.
            for _ in 0..2 {
                match (relay.authenticate(Some(&token)), problem) {
                    (Ok(who), None) => assert_eq!((who.user.as_str(), who.tenant.as_str()), ("nurse", "ward")),
                    (Err(refused), Some(problem)) => {
                        let either = matches!(deed, Deed::Character(..)) && refused.problem == TokenProblem::Malformed;
                        assert!(either || refused.problem == problem, "{refused}");
                        for part in token.split('.').filter(|part| part.len() > 24) {
                            assert!(!refused.message.contains(part), "the message holds a part of the token");
                        }
                    }
                    (Ok(_), Some(problem)) => panic!("accepted, but is {problem}: {token}"),
                    (Err(refused), None) => panic!("refused: {refused}"),
                }
            }
        });
    }
}
