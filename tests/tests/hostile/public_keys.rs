//! A relay that checks RS256, ES256 and EdDSA: forged, confused and stripped signatures, headers that name or bring keys, and tokens
//! that were good once or elsewhere.

use crate::tokens::{part, refused_everywhere, root, signed};
use crate::ward::{Ward, claims, now_ms};
use crate::wire::{Wire, connect};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The kinds of keys: algorithm, file, `kid` in the JWKS.
const KINDS: [(Algorithm, &str, &str); 3] =
    [(Algorithm::RS256, "rsa", "key-rsa"), (Algorithm::ES256, "p256", "key-p256"), (Algorithm::EdDSA, "ed25519", "key-ed")];

fn pem(name: &str) -> String {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("server/tests/keys");
    std::fs::read_to_string(keys.join(format!("{name}.pem"))).unwrap()
}

fn key(algorithm: Algorithm, name: &str) -> EncodingKey {
    let pem = pem(name);
    match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_ed_pem(pem.as_bytes()),
    }
    .unwrap()
}

fn jwk(algorithm: Algorithm, name: &str) -> Value {
    serde_json::to_value(Jwk::from_encoding_key(&key(algorithm, name), algorithm).unwrap()).unwrap()
}

/// Header and claims as they are given, signed with that key by that algorithm, whatever the header says.
fn signed_by(header: &Value, claims: &str, algorithm: Algorithm, name: &str) -> String {
    let message = format!("{}.{}", part(&header.to_string()), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key(algorithm, name), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A file of keys that goes with the test.
struct Keys(PathBuf);

impl Keys {
    fn with(kinds: &[(Algorithm, &str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let keys = Self(std::env::temp_dir().join(format!(
            "pulsewire-hostile-{}-{}.json",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        )));
        keys.write(kinds);
        keys
    }
    /// Replaced by renaming, as an operator should.
    fn write(&self, kinds: &[(Algorithm, &str, &str)]) {
        let named = |(algorithm, name, kid): &(Algorithm, &str, &str)| {
            let mut jwk = jwk(*algorithm, name);
            jwk["kid"] = (*kid).into();
            jwk
        };
        let set: Vec<Value> = kinds.iter().map(named).collect();
        let next = self.0.with_extension("next");
        std::fs::write(&next, json!({ "keys": set }).to_string()).unwrap();
        std::fs::rename(&next, &self.0).unwrap();
    }
    async fn ward(&self) -> Ward {
        Ward::with(|config| config.auth.jwks = Some(self.0.clone())).await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn every_key_opens_the_door_to_its_own_tokens_and_none_of_them_is_in_the_log() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let good = claims("ana", "ward", "nurse").to_string();
    for (algorithm, name, kid) in KINDS {
        for header in [json!({"alg": format!("{algorithm:?}")}), json!({"alg": format!("{algorithm:?}"), "kid": kid, "typ": "JWT"})] {
            let token = signed_by(&header, &good, algorithm, name);
            assert_eq!(ward.get("/api/v1/stats", Some(&token)).await.status, 200, "{header}");
            ward.welcomed(&token, &["lobby"]).await;
        }
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn what_is_public_of_a_key_signs_nothing() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let root = root();
    for (algorithm, name, kid) in KINDS {
        let public = pem(&format!("{name}.pub"));
        let base64: String = public.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(&base64).unwrap();
        let jwk = jwk(algorithm, name);
        let number = URL_SAFE_NO_PAD.decode(jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap()).unwrap();
        let file = std::fs::read(&keys.0).unwrap();
        let forms: [&[u8]; 8] =
            [public.as_bytes(), public.trim().as_bytes(), base64.as_bytes(), &der, jwk.to_string().as_bytes(), &number, &file, b""]
                .map(|form| Box::leak(form.to_vec().into_boxed_slice()) as &[u8]);
        for form in forms {
            for header in
                [json!({"alg": "HS256"}), json!({"alg": "HS256", "kid": kid}), json!({"alg": format!("{algorithm:?}"), "kid": kid})]
            {
                let token = signed(&header.to_string(), &root, Algorithm::HS256, form);
                let refused = ward.relay.authenticate(Some(&token)).unwrap_err();
                assert_eq!(refused.problem.as_str(), "token_invalid", "{header}");
            }
        }
        let token = signed(&json!({"alg": "HS256"}).to_string(), &root, Algorithm::HS256, public.as_bytes());
        refused_everywhere(&ward, &format!("HS256 with the public key of {name}"), &token).await;
        for other in ["none", "None", "HS384", "RS384", "RS512", "PS256", "ES384", "ES512", "Ed25519", "RS256 ", "es256", ""] {
            let token = signed_by(&json!({"alg": other, "kid": kid}), &root, algorithm, name);
            let refused = ward.relay.authenticate(Some(&token)).unwrap_err();
            assert_eq!(refused.problem.as_str(), "token_invalid", "{other:?} with a right signature of {algorithm:?}");
        }
        // A right signature under another key's name or algorithm.
        for (other, _, other_kid) in KINDS.iter().filter(|(other, ..)| *other != algorithm) {
            for header in [
                json!({"alg": format!("{algorithm:?}"), "kid": other_kid}),
                json!({"alg": format!("{other:?}"), "kid": kid}),
                json!({"alg": format!("{other:?}")}),
            ] {
                let token = signed_by(&header, &root, algorithm, name);
                assert!(ward.relay.authenticate(Some(&token)).is_err(), "{header} signed by {algorithm:?}");
            }
        }
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn stripped_zeroed_doubled_and_borrowed_signatures_are_refused() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let good = claims("ana", "ward", "nurse").to_string();
    // The order of P-256, and small numbers: r and s that careless libraries took for good ("psychic signatures", CVE-2022-21449).
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
    let one = [vec![0; 31], vec![1]].concat();
    for (algorithm, name, kid) in KINDS {
        let header = json!({"alg": format!("{algorithm:?}"), "kid": kid});
        let token = signed_by(&header, &good, algorithm, name);
        let (message, right) = token.rsplit_once('.').unwrap();
        let right = URL_SAFE_NO_PAD.decode(right).unwrap();
        let borrowed = signed_by(&header, &root(), algorithm, &format!("{name}-other"));
        let borrowed = URL_SAFE_NO_PAD.decode(borrowed.rsplit('.').next().unwrap()).unwrap();
        let mut forgeries: Vec<Vec<u8>> = vec![
            Vec::new(),
            vec![0],
            vec![0; 32],
            vec![0; 64],
            vec![0; 256],
            vec![0xff; 64],
            vec![0xff; 256],
            // The DER form of zeros.
            vec![0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00],
            [order.clone(), order.clone()].concat(),
            [one.clone(), one.clone()].concat(),
            [one.clone(), vec![0; 32]].concat(),
            [vec![0; 32], one.clone()].concat(),
            [right.clone(), right.clone()].concat(),
            [vec![0], right.clone()].concat(),
            [right.clone(), vec![0]].concat(),
            right[1..].to_vec(),
            right.iter().rev().copied().collect(),
            borrowed,
        ];
        for place in [0, right.len() / 2, right.len() - 1] {
            let mut flipped = right.clone();
            flipped[place] ^= 0x01;
            forgeries.push(flipped);
        }
        if algorithm == Algorithm::EdDSA {
            // S plus the order of the group: the same equation, another signature (RFC 8032, section 5.1.7).
            let group = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
            let mut carry = 0_u16;
            let mut malleable = right.clone();
            for at in 0..32 {
                let sum = u16::from(malleable[32 + at]) + u16::from(u8::from_str_radix(&group[2 * at..2 * at + 2], 16).unwrap()) + carry;
                malleable[32 + at] = sum as u8;
                carry = sum >> 8;
            }
            forgeries.push(malleable);
        }
        for forgery in &forgeries {
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(forgery));
            let refused = ward.relay.authenticate(Some(&forged)).unwrap_err();
            assert_eq!(refused.problem.as_str(), "token_invalid", "{algorithm:?} with {forgery:02x?}");
        }
        for zeros in [0, 64, 256] {
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(vec![0; zeros]));
            refused_everywhere(&ward, &format!("{algorithm:?} with {zeros} zeros"), &forged).await;
        }
        // Other claims under a right signature.
        let moved = format!("{}.{}.{}", part(&header.to_string()), part(&root()), URL_SAFE_NO_PAD.encode(&right));
        refused_everywhere(&ward, &format!("{algorithm:?} with changed claims"), &moved).await;
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn no_header_brings_fetches_or_finds_a_key() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let root = root();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
    let file = format!("file://{}", keys.0.display());
    for (algorithm, name, _) in KINDS {
        let alg = format!("{algorithm:?}");
        let own = format!("{name}-other");
        let mut attackers = jwk(algorithm, &own);
        attackers["kid"] = "mine".into();
        for header in [
            json!({"alg": alg, "jwk": attackers}),
            json!({"alg": alg, "jwk": attackers, "kid": "mine"}),
            json!({"alg": alg, "jku": url, "kid": "mine"}),
            json!({"alg": alg, "jku": file}),
            json!({"alg": alg, "x5u": url}),
            json!({"alg": alg, "x5c": [STANDARD.encode(pem(&format!("{own}.pub")))]}),
            json!({"alg": alg, "x5t": "AAAA", "x5t#S256": "AAAA"}),
            json!({"alg": alg, "kid": keys.0.display().to_string()}),
            json!({"alg": alg, "kid": "../../../../../../dev/null"}),
            json!({"alg": alg, "kid": "/dev/zero"}),
            json!({"alg": alg, "kid": "' UNION SELECT 'key' --"}),
            json!({"alg": alg, "kid": "key-rsa\0"}),
            json!({"alg": alg, "kid": "\u{202e}\u{200b}ключ\u{1f511}"}),
            json!({"alg": alg, "kid": url}),
            json!({"alg": alg, "kid": "k".repeat(9_000)}),
            json!({"alg": alg, "kid": ["key-rsa"]}),
            json!({"alg": alg, "kid": 0}),
            json!({"alg": alg, "kid": null}),
        ] {
            let token = signed_by(&header, &root, algorithm, &own);
            refused_everywhere(&ward, &format!("{:.80}", header.to_string()), &token).await;
        }
        // With the right key: what is not understood, and must be, is refused; the rest is ignored.
        for header in [
            json!({"alg": alg, "crit": ["b64"], "b64": false}),
            json!({"alg": alg, "crit": ["exp"], "exp": 1}),
            json!({"alg": alg, "crit": []}),
        ] {
            refused_everywhere(&ward, &header.to_string(), &signed_by(&header, &root, algorithm, name)).await;
        }
        let harmless = json!({"alg": alg, "jku": url, "x5u": url, "b64": false, "cty": "text/plain", "own": {"deep": [1]}});
        let good = claims("ana", "ward", "nurse").to_string();
        assert_eq!(ward.get("/api/v1/stats", Some(&signed_by(&harmless, &good, algorithm, name))).await.status, 200);
    }
    let fetched = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(fetched.is_err(), "the relay has fetched a key");
    ward.still_serves().await;
}

#[tokio::test]
async fn encrypted_nested_and_doubled_tokens_are_refused() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let good = claims("ana", "ward", "nurse").to_string();
    let exp = now_ms() / 1_000 + 600;
    for (algorithm, name, kid) in KINDS {
        let alg = format!("{algorithm:?}");
        let token = signed_by(&json!({"alg": alg, "kid": kid}), &good, algorithm, name);
        let jwe = part(&json!({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": kid, "cty": "JWT"}).to_string());
        refused_everywhere(&ward, "a JWE", &format!("{jwe}.{}.{}.{}.{}", part("key"), part("iv"), part("text"), part("tag"))).await;
        refused_everywhere(
            &ward,
            "a JWE with dir",
            &format!("{}..{}.{}.{}", part(r#"{"alg":"dir","enc":"A128GCM"}"#), part("iv"), part(&token), part("tag")),
        )
        .await;
        refused_everywhere(
            &ward,
            "a token in a token",
            &signed_by(&json!({"alg": alg, "cty": "JWT"}), &format!("\"{token}\""), algorithm, name),
        )
        .await;
        for text in [
            format!(r#"{{"sub":"ana","sub":"root","tenant":"ward","exp":{exp}}}"#),
            format!(r#"{{"sub":"ana","tenant":"ward","tenant":"other","exp":{exp}}}"#),
            format!(r#"{{"sub":"ana","tenant":"ward","exp":1,"exp":{exp}}}"#),
            format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"role":"nurse","role":"admin"}}"#),
        ] {
            refused_everywhere(&ward, &text, &signed_by(&json!({"alg": alg}), &text, algorithm, name)).await;
        }
        // A header that says two things: whichever was meant, the signature may have been made for the other.
        for header in [format!(r#"{{"alg":"none","alg":"{alg}"}}"#), format!(r#"{{"alg":"{alg}","kid":"x","kid":"{kid}"}}"#)] {
            let message = format!("{}.{}", part(&header), part(&good));
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self::key(algorithm, name), algorithm).unwrap();
            refused_everywhere(&ward, &header, &format!("{message}.{signature}")).await;
        }
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_token_for_another_relay_or_of_another_issuer_is_refused_though_its_signature_is_right() {
    let keys = Keys::with(&KINDS);
    let ward = Ward::frozen_with(|config| {
        config.auth.jwks = Some(keys.0.clone());
        config.auth.issuers = vec!["https://id.hospital.example".to_owned()];
        config.auth.audiences = vec!["pulsewire".to_owned()];
    })
    .await;
    for (algorithm, name, kid) in KINDS {
        let token = |iss: Value, aud: Value| {
            let mut claims = claims("ana", "ward", "admin");
            claims["iss"] = iss;
            claims["aud"] = aud;
            signed_by(&json!({"alg": format!("{algorithm:?}"), "kid": kid}), &claims.to_string(), algorithm, name)
        };
        let issuer = || json!("https://id.hospital.example");
        assert!(ward.relay.authenticate(Some(&token(issuer(), json!(["canteen", "pulsewire"])))).is_ok());
        for (iss, aud) in [
            (issuer(), json!("canteen")),
            (issuer(), json!("pulsewire ")),
            (issuer(), json!("Pulsewire")),
            (issuer(), json!(["pulsewire.evil"])),
            (issuer(), json!([])),
            (issuer(), json!([["pulsewire"]])),
            (issuer(), json!({"pulsewire": true})),
            (issuer(), Value::Null),
            (json!("https://id.hospital.example/"), json!("pulsewire")),
            (json!("https://id.hospital.example.evil"), json!("pulsewire")),
            (Value::Null, json!("pulsewire")),
        ] {
            let refused = ward.relay.authenticate(Some(&token(iss.clone(), aud.clone()))).unwrap_err();
            assert_eq!(refused.problem.as_str(), "token_invalid", "{iss} {aud}");
        }
        let answer = ward.get("/api/v1/stats", Some(&token(issuer(), json!("canteen")))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("token_invalid")));
    }
}

#[tokio::test]
async fn a_token_of_a_key_that_was_taken_away_is_refused_at_every_door_though_it_was_good_a_moment_ago() {
    let keys = Keys::with(&KINDS);
    let mut ward = keys.ward().await;
    let good = claims("ana", "ward", "nurse").to_string();
    let token = signed_by(&json!({"alg": "RS256", "kid": "key-rsa"}), &good, Algorithm::RS256, "rsa");
    assert_eq!(ward.get("/api/v1/stats", Some(&token)).await.status, 200, "it is remembered now");
    let mut standing = ward.welcomed(&token, &["lobby"]).await;
    keys.write(&KINDS[1..]);
    // Twice: a change counts when it was seen twice. The relay's own task does the same every two seconds.
    for _ in 0..2 {
        ward.relay.verifier().reload();
    }
    refused_everywhere(&ward, "a token of a removed key", &token).await;
    // An attacker who has the old private key gets no further with it, under any name.
    for kid in ["key-rsa", "key-p256", "key-ed", "x"] {
        let token = signed_by(&json!({"alg": "RS256", "kid": kid}), &root(), Algorithm::RS256, "rsa");
        refused_everywhere(&ward, "a new token of a removed key", &token).await;
    }
    // Nor by a connection that stands: it keeps what it has, and a refresh ends it.
    standing.say(&json!({"type": "refresh", "id": 2, "token": token})).await;
    assert_eq!(standing.closed().await, (4401, "token_invalid".to_owned()));
    let mut wire = Wire::open(ward.address).await;
    assert_eq!(wire.upgrade("/ws", &format!("Authorization: Bearer {token}\r\n")).await.unwrap().status, 401);
    let mut socket = ward.socket().await;
    socket.say(&connect(&token, &[])).await;
    assert_eq!(socket.closed().await.0, 4401);
    ward.still_serves().await;
}
