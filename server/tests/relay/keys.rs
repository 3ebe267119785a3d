//! Public keys: what is read from PEM and JWKS files, which key a token's header may choose, and what a changed file does.

use crate::pairs::*;
use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use pulsewire_protocol::TokenProblem;
use pulsewire_relay::auth::keys::{MAX_KEYS, parse_jwks, parse_pem};
use pulsewire_relay::services::Services;
use pulsewire_relay::{Clock, Entropy, Relay};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn said(mistakes: &[pulsewire_relay::auth::keys::KeyMistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_key_checks_its_own_tokens_from_pem_and_from_jwks_with_a_secret_beside_it_or_without() {
    let folder = Folder::new();
    for (own, other) in PAIRS.iter().zip(&OTHERS) {
        let pem = folder.write("key.pem", own.public);
        let set = folder.write("keys.json", jwks(&[own.jwk()]));
        for mut config in [public_only(&[&pem], None), public_only(&[], Some(&set))] {
            for secret in [None, Some(SECRET.into())] {
                config.auth.jwt_secret = secret;
                let relay = relay_with(config.clone());
                let who = relay.authenticate(Some(&own.sign(None, &claims("nurse")))).unwrap();
                assert_eq!((who.user.as_str(), who.tenant.as_str()), ("nurse", "ward"));
                let forged = relay.authenticate(Some(&other.sign(None, &claims("nurse")))).unwrap_err();
                assert_eq!(forged.problem, TokenProblem::Invalid);
                assert!(forged.message.contains("the signature does not match"), "{forged}");
                assert_eq!(relay.authenticate(Some(&token("nurse"))).is_ok(), config.auth.jwt_secret.is_some());
            }
        }
    }
}

#[test]
fn older_forms_several_keys_and_text_between_them_are_read() {
    let rsa = parse_pem(include_bytes!("../keys/rsa.pkcs1.pub.pem")).unwrap();
    assert_eq!((rsa.keys[0].algorithm, rsa.keys[0].bits), (Algorithm::RS256, 2_048));
    let many = format!("the old key\n{}\r\nthe new one\n{}{}", RSA.public, P256.public.replace('\n', "\r\n"), ED25519.public);
    let found: Vec<Algorithm> = parse_pem(many.as_bytes()).unwrap().keys.iter().map(|key| key.algorithm).collect();
    assert_eq!(found, [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
}

#[test]
fn a_bad_pem_file_is_named_by_its_block_what_is_wrong_and_how_to_mend_it() {
    let certificate = include_str!("../keys/certificate.pem");
    let cases = [
        (String::new(), "there is no PEM block in it"),
        (jwks(&[RSA.jwk()]), "a JWKS goes into auth.jwks"),
        (RSA.private.to_owned(), "block 1: this is a private key: whoever reads it can make tokens"),
        (format!("{}{}", P256.public, P256.private), "block 2: this is a private key"),
        (include_str!("../keys/p256.sec1.pem").to_owned(), "this is a private key"),
        (include_str!("../keys/p256.encrypted.pem").to_owned(), "this is a private key"),
        (certificate.to_owned(), "block 1: this is a certificate, not a public key (take the key out of it: openssl x509"),
        (include_str!("../keys/rsa-1024.pub.pem").to_owned(), "the RSA key has 1024 bits, at least 2048 are needed"),
        (include_str!("../keys/rsa-exponent-3.pub.pem").to_owned(), "the RSA key's exponent is 3"),
        (include_str!("../keys/p384.pub.pem").to_owned(), "on another curve than P-256 (ES256 needs P-256"),
        (include_str!("../keys/x25519.pub.pem").to_owned(), "of a kind that this relay does not check tokens with"),
        (RSA.public[..RSA.public.len() - 30].to_owned(), "block 1 does not end (the file was cut"),
        (format!("{}{}", P256.public, &RSA.public[..200]), "block 2 does not end"),
        (P256.public.replace("MFkw", "M!kw"), "a block cannot be read"),
        (P256.public.replace("MFkw", "MFkx"), "block 1: "),
        (P256.public.replacen("PUBLIC KEY", "SOMETHING", 2), "this is no public key (accepted: PUBLIC KEY"),
        (ED25519.public.repeat(MAX_KEYS + 1), "it holds 65 keys, at most 64 are read"),
    ];
    for (text, expected) in cases {
        let said = said(&parse_pem(text.as_bytes()).expect_err(&text));
        assert!(said.contains(expected), "for\n{text}\nexpected\n{expected}\nbut it says\n{said}");
        for line in RSA.private.lines().chain(P256.private.lines()).filter(|line| !line.starts_with("---")) {
            assert!(!said.contains(line), "it repeats a private key: {said}");
        }
    }
}

#[test]
fn a_bad_jwks_is_named_by_its_entry_what_is_wrong_and_how_to_mend_it() {
    let one = |jwk: Value| jwks(&[jwk]);
    let even = URL_SAFE_NO_PAD.encode([0xfe; 256]);
    let odd = URL_SAFE_NO_PAD.encode([0xff; 256]);
    let cases = [
        (String::new(), "it is no JSON"),
        (RSA.public.to_owned(), "PEM files go into auth.public_keys"),
        (RSA.jwk().to_string(), "no object with a list `keys`"),
        ("[]".to_owned(), "no object with a list `keys`"),
        (jwks(&[]), "there is no key in it"),
        (jwks(&[json!(5)]), "key 1: it is no JWK"),
        (one(json!({"kid": "a"})), "key 1: it is no JWK: `kty` is missing"),
        (format!("{{\"keys\": [{}]}}", RSA.jwk().to_string().replacen('{', "{\"kid\": \"a\", \"kid\": \"b\", ", 1)), "stands there twice"),
        (jwks(&[P256.jwk(), with(RSA.jwk_named("old"), "d", "AAAA".into())]), "key 2 (kid \"old\"): this is a private key"),
        (one(json!({"kty": "oct", "k": "QUFBQQ", "kid": "s"})), "key 1 (kid \"s\"): this is a symmetric key, a secret"),
        (one(with(P256.jwk(), "k", "AAAA".into())), "this is a symmetric key"),
        (one(with(RSA.jwk(), "n", "AQAB".into())), "the RSA key has 17 bits"),
        (one(with(RSA.jwk(), "n", even.into())), "the RSA numbers make no key"),
        (one(with(RSA.jwk(), "n", URL_SAFE_NO_PAD.encode([0xff; 2_048]).into())), "at most 8192 are taken"),
        (one(json!({"kty": "RSA", "n": odd, "e": "AQ"})), "the RSA key's exponent is 1: signatures under it can be forged"),
        (one(with(RSA.jwk(), "e", "Aw".into())), "the RSA key's exponent is 3"),
        (one(with(RSA.jwk(), "e", "AQAA".into())), "the RSA key's exponent is 65536"),
        (one(with(RSA.jwk(), "e", "____________".into())), "the RSA key's exponent is too large"),
        (one(json!({"kty": "RSA", "e": "AQAB"})), "`n` is missing"),
        (one(with(RSA.jwk(), "n", "a+b/".into())), "`n` is no base64url"),
        (one(with(P256.jwk(), "x", P256.jwk()["y"].clone())), "the point is not on the curve P-256"),
        (one(with(P256.jwk(), "x", "AAAA".into())), "`x` has 3 bytes, not 32"),
        (one(json!({"kty": "EC", "x": "AAAA"})), "`crv` is missing"),
        (one(with(ED25519.jwk(), "x", URL_SAFE_NO_PAD.encode([1; 31]).into())), "`x` has 31 bytes, not 32"),
        (one(with(P256.jwk(), "alg", "RS256".into())), "`alg` is \"RS256\", which no key of `kty` \"EC\" can be used with"),
        (one(with(RSA.jwk(), "alg", "HS256".into())), "`alg` is \"HS256\", which no key of `kty` \"RSA\" can be used with"),
        (one(with(RSA.jwk(), "use", "enc".into())), "no key in it is for RS256, ES256 or EdDSA signatures: key 1: `use` is \"enc\""),
        (jwks(&vec![ED25519.jwk(); MAX_KEYS + 1]), "it holds 65 keys"),
    ];
    for (text, expected) in cases {
        let said = said(&parse_jwks(text.as_bytes()).expect_err(&text));
        assert!(said.contains(expected), "for\n{text}\nexpected\n{expected}\nbut it says\n{said}");
    }
}

#[test]
fn keys_of_a_jwks_that_are_for_something_else_are_left_out_and_said() {
    let set = jwks(&[
        with(RSA.jwk_named("encrypts"), "use", "enc".into()),
        with(RSA.jwk_named("wraps"), "key_ops", json!(["wrapKey"])),
        with(RSA.jwk_named("pss"), "alg", "PS256".into()),
        json!({"kty": "EC", "crv": "P-521", "kid": "large", "x": "AAAA", "y": "AAAA"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "agrees", "x": "AAAA"}),
        json!({"kty": "ML-DSA", "kid": "later", "pub": "AAAA"}),
        with(with(P256.jwk_named("good"), "use", "sig".into()), "key_ops", json!(["verify"])),
        with(with(ED25519.jwk(), "alg", "Ed25519".into()), "x5c", json!(["ignored"])),
    ]);
    let parsed = parse_jwks(set.as_bytes()).unwrap();
    let kept: Vec<String> = parsed.keys.iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["ES256 (kid \"good\")", "EdDSA"]);
    assert_eq!(parsed.skipped.len(), 6, "{:?}", parsed.skipped);
    for (reason, name) in parsed.skipped.iter().zip(["encrypts", "wraps", "pss", "large", "agrees", "later"]) {
        assert!(reason.contains(name), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn kid_chooses_among_named_keys_and_names_nothing_else() {
    let folder = Folder::new();
    let [rsa_other, p256_other, _] = OTHERS;
    let set =
        folder.write("keys.json", jwks(&[RSA.jwk_named("a"), P256.jwk_named("b"), p256_other.jwk_named("b"), rsa_other.jwk_named("c")]));
    let pem = folder.write("key.pem", ED25519.public);
    let relay = relay_with(public_only(&[&pem], Some(&set)));
    let answer = |pair: &Pair, kid: Option<&str>| relay.authenticate(Some(&pair.sign(kid, &claims("nurse"))));
    for (pair, kid) in [
        (RSA, Some("a")),
        (RSA, None),
        (rsa_other, Some("c")),
        (rsa_other, None),
        // Two keys of one name: both are tried.
        (P256, Some("b")),
        (p256_other, Some("b")),
        // A key without a name serves tokens that name one: its issuer does not know our files.
        (ED25519, Some("whatever")),
        (ED25519, None),
    ] {
        answer(&pair, kid).unwrap_or_else(|refused| panic!("{:?} with {kid:?}: {refused}", pair.algorithm));
    }
    let long = "k".repeat(4_000);
    for (pair, kid, expected) in [
        (RSA, "c", "the signature does not match"),
        (RSA, "b", "is not for the header's `alg`"),
        (P256, "a", "is not for the header's `alg`"),
        (ED25519, "a", "is not for the header's `alg`"),
        (RSA, "unknown", "no key of this relay has the header's `kid`"),
        (RSA, "A", "no key of this relay has the header's `kid`"),
        (RSA, "a ", "no key of this relay has the header's `kid`"),
        (RSA, "", "no key of this relay has the header's `kid`"),
        (RSA, "a\0", "no key of this relay has the header's `kid`"),
        (RSA, "../keys.json", "no key of this relay has the header's `kid`"),
        (RSA, "' OR '1'='1", "no key of this relay has the header's `kid`"),
        (RSA, "\u{202e}a", "no key of this relay has the header's `kid`"),
        (RSA, long.as_str(), "no key of this relay has the header's `kid`"),
    ] {
        let refused = answer(&pair, Some(kid)).unwrap_err();
        assert_eq!(refused.problem, TokenProblem::Invalid);
        assert!(refused.message.contains(expected), "{kid:.40?}: {refused}");
        assert!(kid.len() < 3 || !refused.message.contains(kid), "the token's own words come back: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_issuers_and_audiences_may_be_accepted_and_each_token_names_one() {
    let mut config = config();
    config.auth.issuers = vec!["north".to_owned(), "south".to_owned()];
    config.auth.audiences = vec!["pulsewire".to_owned(), "wards".to_owned()];
    let relay = relay_with(config);
    let with_both = |iss: Value, aud: Value| sign(&with(with(claims("nurse"), "iss", iss), "aud", aud));
    for (iss, aud) in [("north", json!("wards")), ("south", json!(["x", "pulsewire"])), ("north", json!(["pulsewire", "wards"]))] {
        relay.authenticate(Some(&with_both(iss.into(), aud))).unwrap();
    }
    for (iss, aud) in [
        (json!("east"), json!("wards")),
        (json!("north"), json!("other")),
        (json!("north"), json!(["other", 5])),
        (json!("north"), json!(true)),
        (json!("North"), json!("wards")),
        (json!("north "), json!("wards")),
        (json!({}), json!("wards")),
    ] {
        let refused = relay.authenticate(Some(&with_both(iss.clone(), aud.clone()))).unwrap_err();
        assert_eq!(refused.problem, TokenProblem::Invalid, "{iss} {aud}");
    }
}

/// A relay with everything that runs beside it, under virtual time.
struct Watched {
    relay: Relay,
    stop: CancellationToken,
    services: Services,
}

impl Watched {
    async fn start(config: pulsewire_relay::config::Config) -> Self {
        let relay = Relay::new(config, Clock::starting_at(START_MS), Entropy::from_seed(1));
        let stop = CancellationToken::new();
        let services = Services::start(&relay, &stop).await.unwrap();
        Self { relay, stop, services }
    }
    fn takes(&self, token: &str) -> bool {
        self.relay.authenticate(Some(token)).is_ok()
    }
    async fn end(self) {
        self.stop.cancel();
        self.services.stopped().await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_rotated_without_a_gap_and_a_removed_one_is_out_within_five_seconds_though_its_token_is_remembered() {
    let folder = Folder::new();
    let set = folder.write("keys.json", jwks(&[RSA.jwk_named("old")]));
    let watched = Watched::start(public_only(&[], Some(&set))).await;
    let (old, new) = (RSA.sign(Some("old"), &claims("nurse")), P256.sign(Some("new"), &claims("nurse")));
    assert!(watched.takes(&old) && !watched.takes(&new));
    // Both for a while, as identity providers do; replaced by renaming.
    std::fs::rename(folder.write("next.json", jwks(&[RSA.jwk_named("old"), P256.jwk_named("new")])), &set).unwrap();
    advance(5_000).await;
    assert!(watched.takes(&old) && watched.takes(&new));
    assert_eq!(watched.relay.verifier().figures().keys, 2);
    folder.write("keys.json", jwks(&[P256.jwk_named("new")]));
    assert!(watched.takes(&old), "it is remembered");
    advance(5_000).await;
    assert!(!watched.takes(&old), "remembered or not");
    assert!(watched.takes(&new));
    watched.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_becomes_bad_or_goes_keeps_its_keys_and_says_so_until_it_is_mended() {
    let folder = Folder::new();
    let pem = folder.write("key.pem", RSA.public);
    let set = folder.write("keys.json", jwks(&[P256.jwk_named("b")]));
    let watched = Watched::start(public_only(&[&pem], Some(&set))).await;
    let (rsa, p256, ed) = (RSA.sign(None, &claims("a")), P256.sign(Some("b"), &claims("b")), ED25519.sign(None, &claims("c")));
    for bad in [&b""[..], b"{", &RSA.public.as_bytes()[..100], RSA.private.as_bytes(), &[0xff; 1_000], &[b' '; 300 * 1024]] {
        folder.write("key.pem", bad);
        advance(5_000).await;
        assert!(watched.takes(&rsa) && watched.takes(&p256), "{:?}", String::from_utf8_lossy(&bad[..bad.len().min(40)]));
        assert_eq!(watched.relay.verifier().figures().refused_files, 1);
        assert!(watched.relay.verifier().mistakes()[0].starts_with(&format!("auth.public_keys: {}: ", pem.display())));
        // Old keys still work, and the other relays have the same file: nobody is sent away.
        assert!(watched.relay.ready().err().is_none_or(|reason| !reason.contains("key")));
    }
    std::fs::remove_file(&pem).unwrap();
    advance(5_000).await;
    assert!(watched.takes(&rsa), "a file that is gone takes no key away");
    // The other file goes on living by itself.
    folder.write("keys.json", jwks(&[ED25519.jwk_named("d")]));
    advance(5_000).await;
    assert!(watched.takes(&rsa) && !watched.takes(&p256) && watched.takes(&ed));
    folder.write("key.pem", ED25519.public);
    advance(5_000).await;
    assert!(!watched.takes(&rsa) && watched.takes(&ed));
    assert_eq!(watched.relay.verifier().figures().refused_files, 0);
    watched.end().await;
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_change_of_a_link_above_the_file_is_seen_as_kubernetes_makes_it() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    for (name, pair) in [("v1", RSA), ("v2", P256)] {
        std::fs::create_dir(folder.path(name)).unwrap();
        std::fs::write(folder.path(name).join("key.pem"), pair.public).unwrap();
    }
    symlink("v1", folder.path("..data")).unwrap();
    symlink("..data/key.pem", folder.path("key.pem")).unwrap();
    let watched = Watched::start(public_only(&[&folder.path("key.pem")], None)).await;
    let (first, second) = (RSA.sign(None, &claims("a")), P256.sign(None, &claims("a")));
    assert!(watched.takes(&first) && !watched.takes(&second));
    symlink("v2", folder.path("..data_tmp")).unwrap();
    std::fs::rename(folder.path("..data_tmp"), folder.path("..data")).unwrap();
    advance(5_000).await;
    assert!(!watched.takes(&first) && watched.takes(&second));
    watched.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_seen_half_written_is_not_taken_half() {
    let folder = Folder::new();
    let both = format!("{}{}", RSA.public, P256.public);
    let pem = folder.write("key.pem", &both);
    let relay = relay_with(public_only(&[&pem], None));
    let p256 = P256.sign(None, &claims("a"));
    // As if a look fell between the two blocks of a slow writer: this half would be a good file.
    folder.write("key.pem", RSA.public);
    assert!(!relay.verifier().reload());
    folder.write("key.pem", &both);
    assert!(!relay.verifier().reload() && !relay.verifier().reload());
    assert!(relay.authenticate(Some(&p256)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stands_keeps_the_rights_of_its_token_when_its_key_goes_and_gets_no_new_ones() {
    let folder = Folder::new();
    let pem = folder.write("key.pem", RSA.public);
    let watched = Watched::start(public_only(&[&pem], None)).await;
    let token = RSA.sign(None, &claims("nurse"));
    let (mut client, _) = Client::connect(&watched.relay, &token, &["lobby"]).await;
    folder.write("key.pem", P256.public);
    advance(5_000).await;
    watched.relay.publish(system(), "lobby", note(1), None).await.unwrap();
    settle().await;
    assert!(client.closed.is_none() && !client.all().await.is_empty(), "it is served on");
    assert!(!watched.takes(&token), "but nobody comes in with it any more");
    watched.end().await;
}

#[tokio::test(start_paused = true)]
async fn services_do_not_start_with_a_bad_file_and_the_relay_is_not_ready_without_any_key() {
    let folder = Folder::new();
    let weak = folder.write("weak.pem", include_str!("../keys/rsa-1024.pub.pem"));
    let relay = relay_with(public_only(&[&weak], Some(&folder.path("absent.json"))));
    let said = Services::start(&relay, &CancellationToken::new()).await.err().expect("it must not start").to_string();
    for part in ["weak.pem: block 1: the RSA key has 1024 bits", "auth.jwks: ", "absent.json: it cannot be read"] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert!(relay.ready().unwrap_err().contains("no key"));
    assert!(relay.authenticate(Some(&RSA.sign(None, &claims("nurse")))).unwrap_err().message.contains("no key to check tokens with"));
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_pipe_or_a_folder_in_place_of_a_file_is_refused_and_nothing_waits_for_it() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let relay = relay_with(public_only(&[&pipe, &folder.path("."), std::path::Path::new("/dev/zero")], None));
    let mistakes = relay.verifier().mistakes();
    assert_eq!(mistakes.iter().filter(|said| said.contains("it is no file")).count(), 3, "{mistakes:?}");
}

/// What somebody does to the file.
#[derive(Clone, Debug)]
enum Deed {
    /// Writes these of the three keys (a bit each); none makes a bad file.
    Write(u8),
    Garbage,
    Remove,
    Look,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0_u8..8).prop_map(Deed::Write),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Remove),
        6 => Just(Deed::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever happens to the file: the keys in force are those of the last good content that was seen twice in a row, and
    /// no remembered token outlives its key.
    #[test]
    fn the_cache_is_never_older_than_the_keys_whatever_happens_to_their_file(deeds in prop::collection::vec(deed(), 1..40)) {
        under_virtual_time(async {
            let folder = Folder::new();
            let content = |bits: u8| {
                let keys: Vec<Value> = (0..3).filter(|index| bits >> index & 1 == 1).map(|index| PAIRS[index].jwk_named(&format!("k{index}"))).collect();
                jwks(&keys)
            };
            let set = folder.write("keys.json", content(7));
            let relay = relay_with(public_only(&[], Some(&set)));
            let tokens: Vec<String> = (0..3).map(|index| PAIRS[index].sign(Some(&format!("k{index}")), &claims("nurse"))).collect();
            let (mut in_force, mut on_disk, mut noticed, mut judged) = (7_u8, Some(content(7)), None, Some(content(7)));
            for deed in deeds {
                match deed {
                    Deed::Write(bits) => {
                        folder.write("keys.json", content(bits));
                        on_disk = Some(content(bits));
                    }
                    Deed::Garbage => {
                        folder.write("keys.json", "{");
                        on_disk = Some("{".to_owned());
                    }
                    Deed::Remove => {
                        let _ = std::fs::remove_file(&set);
                        on_disk = None;
                    }
                    Deed::Look => {
                        relay.verifier().reload();
                        if on_disk == judged {
                            noticed = None;
                        } else if noticed.as_ref() == Some(&on_disk) {
                            judged.clone_from(&on_disk);
                            noticed = None;
                            if let Some(bits) = (1..8).find(|bits| Some(content(*bits)) == on_disk) {
                                in_force = bits;
                            }
                        } else {
                            noticed = Some(on_disk.clone());
                        }
                    }
                }
                for (index, token) in tokens.iter().enumerate() {
                    assert_eq!(relay.authenticate(Some(token)).is_ok(), in_force >> index & 1 == 1, "key {index}");
                }
            }
        });
    }
}
