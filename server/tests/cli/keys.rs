//! Keys at the command line: tokens signed with a private key, and what is said of keys that do not fit.

use super::{relay, text};
use pulsewire_relay::config::Config;
use pulsewire_relay::{Clock, Entropy, Relay};

fn key(name: &str) -> String {
    format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn a_token_signed_with_a_private_key_is_accepted_by_the_relay_that_has_the_public_one() {
    for (private, public, algorithm) in [
        ("rsa.pem", "rsa.pub.pem", "RS256"),
        ("rsa.pkcs1.pem", "rsa.pkcs1.pub.pem", "RS256"),
        ("p256.pem", "p256.pub.pem", "ES256"),
        ("p256.sec1.pem", "p256.pub.pem", "ES256"),
        ("ed25519.pem", "ed25519.pub.pem", "EdDSA"),
    ] {
        let mut command = relay();
        command.args([
            "token",
            "--sub",
            "nina",
            "--tenant",
            "north",
            "--subscribe",
            "*",
            "--key",
            &key(private),
            "--kid",
            "k 1",
            "--alg",
            algorithm,
        ]);
        // The configuration counts as ever, though it knows no key.
        let output = command.env("PULSEWIRE_AUTH__AUDIENCE", "pulsewire,other").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{private}: {}", text(&output.stderr));
        let mut config = Config::default();
        config.auth.public_keys = vec![key(public).into()];
        config.auth.audiences = vec!["pulsewire".to_owned()];
        let relay = Relay::new(config, Clock::system(), Entropy::from_seed(1));
        let token = text(&output.stdout);
        let principal = relay.authenticate(Some(token.trim())).unwrap_or_else(|refused| panic!("{private}: {refused}"));
        assert_eq!((principal.user.as_str(), principal.tenant.as_str()), ("nina", "north"));
        let header = jsonwebtoken::decode_header(token.trim()).unwrap();
        assert_eq!((format!("{:?}", header.alg).as_str(), header.kid.as_deref()), (algorithm, Some("k 1")));
    }
}

#[test]
fn a_key_that_does_not_fit_is_told_and_nothing_is_printed() {
    let (rsa, p256) = (key("rsa.pem"), key("p256.pem"));
    let (public, weak) = (key("rsa.pub.pem"), key("rsa-1024.pub.pem"));
    let (encrypted, certificate, text_file) = (key("p256.encrypted.pem"), key("certificate.pem"), key("README.md"));
    let cases: [(&[&str], &str); 11] = [
        (&["--key", &rsa, "--alg", "ES256"], "alg: this key signs RS256, not ES256"),
        (&["--key", &p256, "--alg", "HS256"], "alg: this key signs ES256, not HS256"),
        (&["--key", &public], "a block \"PUBLIC KEY\" and no private key"),
        (&["--key", &weak], "no private key"),
        (&["--key", &certificate], "a block \"CERTIFICATE\" and no private key"),
        (&["--key", &encrypted], "the private key is encrypted: decrypt it"),
        (&["--key", &text_file], "holds no PEM block and no private key"),
        (&["--key", "/nowhere/key.pem"], "--key /nowhere/key.pem: it cannot be read"),
        (&["--dev", "--alg", "RS256"], "--alg RS256 needs a private key: --key FILE.pem"),
        (&["--dev", "--alg", "none"], "invalid value 'none'"),
        (&[], "PULSEWIRE_JWT_SECRET"),
    ];
    for (args, expected) in cases {
        let output = relay().args(["token", "--sub", "a", "--tenant", "t"]).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expected) && !said.contains("panicked"), "{args:?} says {said}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let mut public_only = relay();
    public_only.args(["token", "--sub", "a", "--tenant", "t"]).env("PULSEWIRE_AUTH__PUBLIC_KEYS", key("rsa.pub.pem"));
    let said = text(&public_only.output().unwrap().stderr);
    assert!(said.contains("public keys, which sign nothing; give the private key: --key FILE.pem"), "{said}");
}

#[test]
fn a_bad_file_of_keys_keeps_the_relay_from_starting_and_doctor_names_it_too() {
    let environment = [
        ("PULSEWIRE_AUTH__PUBLIC_KEYS", format!("{},{}", key("p256.pub.pem"), key("rsa.pem"))),
        ("PULSEWIRE_AUTH__JWKS", "/nowhere/keys.json".to_owned()),
    ];
    let output = relay().args(["--listen", "127.0.0.1:0"]).envs(environment.clone()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for part in [
        "auth.public_keys: ",
        "rsa.pem: block 1: this is a private key",
        "openssl pkey -in PRIVATE.pem -pubout",
        "auth.jwks: /nowhere/keys.json: it cannot be read",
    ] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
    assert!(output.stdout.is_empty() && !said.contains("MII"), "{said}");
    let output = relay().args(["doctor", "--listen", "127.0.0.1:0"]).envs(environment).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for part in [
        "ok    token keys: auth.public_keys: ",
        "p256.pub.pem: ES256",
        "FAIL  token keys: auth.public_keys: ",
        "FAIL  token keys: auth.jwks: /nowhere",
        "warn  token keys: auth.audience is not set",
    ] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
    assert!(!said.contains("development mode signs"), "{said}");
}
