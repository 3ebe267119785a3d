//! Tokens: forged, confused, doubled, overlong, replayed. None opens any door, and none comes into the log.

use crate::ward::{SECRET, Ward, claims, now_ms, sign};
use crate::wire::{Socket, Wire, connect};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use std::time::Duration;

const PUBLIC_KEY: &str =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

pub fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Header and claims as they are given, signed by HMAC with any key.
pub fn signed(header: &str, claims: &str, algorithm: Algorithm, key: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// What an attacker would like to be.
pub fn root() -> String {
    claims("root", "ward", "admin").to_string()
}

/// Tries the token at every door; all must refuse it with a code of section 2.
pub async fn refused_everywhere(ward: &Ward, what: &str, token: &str) {
    let codes = ["token_missing", "token_malformed", "token_invalid", "token_expired"];
    // What cannot stand in a header or a query is tried where it can.
    if token.bytes().all(|byte| byte.is_ascii_graphic()) && token.len() < 60_000 {
        for headers in [format!("Authorization: Bearer {token}\r\n"), format!("Authorization: bearer   {token}\r\n")] {
            let answer = Wire::open(ward.address).await.upgrade("/ws", &headers).await.unwrap();
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            assert!(codes.contains(&answer.json()["code"].as_str().unwrap()), "{what}: {answer:?}");
        }
        if token.len() < 30_000 {
            let answer = Wire::open(ward.address).await.upgrade(&format!("/ws?token={}", token.replace('%', "%25")), "").await.unwrap();
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
        }
        for (method, path) in
            [("GET", "/api/v1/stats"), ("POST", "/api/v1/publish"), ("POST", "/api/v1/poll"), ("GET", "/api/v1/history/tenant")]
        {
            let answer = ward
                .request(format!("{method} {path} HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"))
                .await;
            assert_eq!((answer.status, answer.header("www-authenticate").is_some()), (401, true), "{what} at {path}: {answer:?}");
            assert!(token.len() < 12 || !answer.text().contains(token), "{what}: the refusal repeats the token");
        }
    }
    if token.len() < 60_000 {
        let mut socket = ward.socket().await;
        socket.say(&connect(token, &[])).await;
        let (code, reason) = socket.closed().await;
        assert_eq!(code, 4401, "{what} in connect: {reason}");
        assert!(codes.contains(&reason.as_str()), "{what}: {reason}");
        let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
        socket.say(&json!({"type": "refresh", "id": 2, "token": token})).await;
        assert_eq!(socket.closed().await.0, 4401, "{what} in refresh");
    }
}

#[tokio::test]
async fn no_algorithm_but_the_relays_own_is_taken_whatever_the_header_says() {
    let mut ward = Ward::open().await;
    let root = root();
    let good = sign(&claims("ana", "ward", "nurse"));
    let signature = good.rsplit('.').next().unwrap();
    let mut attacks: Vec<(String, String)> = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", "", " ", "null", "HS256 ", "hs256"] {
        let header = json!({"alg": none, "typ": "JWT"}).to_string();
        attacks.push((format!("alg {none:?} without a signature"), format!("{}.{}.", part(&header), part(&root))));
        attacks.push((format!("alg {none:?} with another's signature"), format!("{}.{}.{signature}", part(&header), part(&root))));
        attacks.push((format!("alg {none:?} signed with the secret"), signed(&header, &root, Algorithm::HS256, SECRET.as_bytes())));
    }
    for alg in ["RS256", "RS384", "PS256", "ES256", "EdDSA", "HS384", "HS512", "HS1", "A128KW", "dir"] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        attacks.push((format!("{alg}, signed by HMAC with the secret"), signed(&header, &root, Algorithm::HS256, SECRET.as_bytes())));
        attacks.push((format!("{alg}, signed by HMAC with a public key"), signed(&header, &root, Algorithm::HS256, PUBLIC_KEY.as_bytes())));
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = json!({"alg": format!("{algorithm:?}")}).to_string();
        attacks.push((format!("{algorithm:?} with the right secret"), signed(&header, &root, algorithm, SECRET.as_bytes())));
    }
    for header in [
        json!({}),
        json!({"typ": "JWT"}),
        json!({"alg": null}),
        json!({"alg": ["HS256"]}),
        json!({"alg": 256}),
        json!({"alg": {"HS256": 1}}),
    ] {
        attacks.push((format!("header {header}"), signed(&header.to_string(), &root, Algorithm::HS256, SECRET.as_bytes())));
    }
    for (what, token) in attacks {
        refused_everywhere(&ward, &what, &token).await;
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn a_header_cannot_name_bring_or_fetch_a_key_of_its_own() {
    let mut ward = Ward::open().await;
    let root = root();
    let own = b"the attacker's own key, long enough as well";
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(own), "alg": "HS256"});
    let headers = [
        json!({"alg": "HS256", "kid": "../../../../../../dev/null"}),
        json!({"alg": "HS256", "kid": "/proc/sys/kernel/randomize_va_space"}),
        json!({"alg": "HS256", "kid": "x' UNION SELECT 'key"}),
        json!({"alg": "HS256", "kid": "|sleep 10"}),
        json!({"alg": "HS256", "kid": "a\0b"}),
        json!({"alg": "HS256", "kid": "k".repeat(8_000)}),
        json!({"alg": "HS256", "jwk": jwk}),
        json!({"alg": "HS256", "jku": format!("http://{}/metrics", ward.address)}),
        json!({"alg": "HS256", "x5u": format!("http://{}/metrics", ward.address), "x5c": ["AAAA"]}),
        json!({"alg": "HS256", "enc": "A256GCM", "zip": "DEF"}),
    ];
    for header in headers {
        let header = header.to_string();
        for key in [&own[..], b"", b"2", PUBLIC_KEY.as_bytes()] {
            refused_everywhere(&ward, &header, &signed(&header, &root, Algorithm::HS256, key)).await;
        }
    }
    assert!(!ward.get("/metrics", None).await.text().contains("route=\"/metrics\",status=\"200\"} 2"), "the relay has fetched a key");
    for header in [json!({"alg": "HS256", "crit": ["b64"], "b64": false}), json!({"alg": "HS256", "crit": []})] {
        let header = header.to_string();
        refused_everywhere(&ward, &header, &signed(&header, &root, Algorithm::HS256, SECRET.as_bytes())).await;
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_token_that_was_cut_glued_padded_or_changed_is_refused() {
    let mut ward = Ward::open().await;
    let good = sign(&claims("ana", "ward", "nurse"));
    let parts: Vec<&str> = good.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let changed = part(&root());
    let stranger = signed("{\"alg\":\"HS256\"}", &root(), Algorithm::HS256, b"another secret, as long as the real one");
    for token in [
        format!("{header}.{body}."),
        format!("{header}.{body}"),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        "..".to_owned(),
        ".".to_owned(),
        format!("{header}.{changed}.{signature}"),
        format!("{header}.{body}.{signature}."),
        format!("{header}.{body}.{signature}.{body}.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}.{}", &signature[..signature.len() - 1]),
        format!("{header}.{body}.{signature}A"),
        format!("{header}.{body}.{}", signature.to_ascii_lowercase()),
        format!("{header}.{body}.{}", "A".repeat(43)),
        format!("{header}\0.{body}.{signature}"),
        format!("{header}.{body}\n.{signature}"),
        format!("{header}.{body} .{signature}"),
        format!("{header}.{}.{signature}", part("null")),
        format!("{}.{}.{signature}", part("{"), part("[")),
        format!("{{{good}}}"),
        good.replace('.', "%2E%2E"),
        "Bearer".to_owned(),
        "undefined".to_owned(),
        stranger,
    ] {
        refused_everywhere(&ward, &format!("{token:.40}… of {} bytes", token.len()), &token).await;
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn claims_that_stand_there_twice_or_are_of_the_wrong_kind_are_refused_though_the_signature_is_right() {
    let mut ward = Ward::open().await;
    let exp = now_ms() / 1_000 + 600;
    let texts = [
        format!(r#"{{"sub":"ana","sub":"root","tenant":"ward","role":"nurse","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","tenant":"elsewhere","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","role":"nurse","role":"admin","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"exp":9999999999}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":"{exp}"}}"#),
        r#"{"sub":"ana","tenant":"ward","exp":1e999}"#.to_owned(),
        r#"{"sub":"ana","tenant":"ward","exp":-1}"#.to_owned(),
        r#"{"sub":"ana","tenant":"ward","exp":null}"#.to_owned(),
        r#"{"sub":"ana","tenant":"ward"}"#.to_owned(),
        format!(r#"{{"sub":"","tenant":"ward","exp":{exp}}}"#),
        format!(r#"{{"sub":"a\u0000b","tenant":"ward","exp":{exp}}}"#),
        format!(r#"{{"sub":"a:b","tenant":"ward","exp":{exp}}}"#),
        format!(r#"{{"sub":["ana"],"tenant":"ward","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"../ward","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward\n","exp":{exp}}}"#),
        format!(r#"{{"sub":"ana","tenant":"{}","exp":{exp}}}"#, "w".repeat(129)),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"nbf":{}}}"#, exp + 600),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"subscribe":"*"}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"subscribe":["*:*"]}}"#),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"publish":[{}"*"]}}"#, "\"*\",".repeat(1_024)),
        format!(r#"{{"sub":"ana","tenant":"ward","exp":{exp},"subscribe":{}{}}}"#, "[".repeat(3_000), "]".repeat(3_000)),
        "[]".to_owned(),
        "\u{feff}{}".to_owned(),
    ];
    for text in texts {
        let token = signed(r#"{"alg":"HS256","typ":"JWT"}"#, &text, Algorithm::HS256, SECRET.as_bytes());
        refused_everywhere(&ward, &format!("{text:.100}"), &token).await;
    }
    let good = claims("ana", "ward", "nurse").to_string();
    for header in [r#"{"alg":"none","alg":"HS256"}"#, r#"{"alg":"HS256","alg":"none"}"#] {
        refused_everywhere(&ward, header, &signed(header, &good, Algorithm::HS256, SECRET.as_bytes())).await;
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn tokens_of_any_length_are_refused_without_being_read() {
    let mut ward = Ward::open().await;
    for length in [16 * 1024, 16 * 1024 + 1, 50_000] {
        let long = json!({"sub": "ana", "tenant": "ward", "exp": now_ms() / 1_000 + 600, "x": "x".repeat(length)}).to_string();
        let token = signed(r#"{"alg":"HS256"}"#, &long, Algorithm::HS256, SECRET.as_bytes());
        if token.len() < 60_000 {
            refused_everywhere(&ward, &format!("{} bytes", token.len()), &token).await;
        }
        refused_everywhere(&ward, &format!("{length} dots"), &".".repeat(length)).await;
        refused_everywhere(&ward, &format!("{length} letters"), &"A".repeat(length)).await;
    }
    // Larger than any head: the HTTP parser ends it.
    let mut wire = Wire::open(ward.address).await;
    wire.send(format!("GET /api/v1/stats HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {}\r\n\r\n", "A".repeat(2_000_000))).await;
    let told = wire.rest().await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 431"), "{told:.100}");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_replayed_token_is_good_to_its_end_and_not_a_moment_longer_at_any_door() {
    let mut ward = Ward::frozen().await;
    let mut ending = claims("ana", "ward", "nurse");
    ending["exp"] = (now_ms() / 1_000 + 60).into();
    let token = sign(&ending);
    let mut first = ward.welcomed(&token, &["lobby"]).await;
    assert_eq!(ward.get("/api/v1/stats", Some(&token)).await.status, 200, "it is remembered now");
    ward.pass(Duration::from_secs(64)).await;
    assert_eq!(ward.get("/api/v1/stats", Some(&token)).await.status, 200, "within the leeway");
    ward.pass(Duration::from_secs(4)).await;
    assert_eq!(first.closed().await.0, 4410);
    refused_everywhere(&ward, "a token that has ended", &token).await;
    let answer = ward.get("/api/v1/stats", Some(&token)).await;
    assert_eq!(answer.json()["code"], "token_expired");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_token_of_somebody_else_does_not_refresh_a_connection() {
    let mut ward = Ward::open().await;
    for other in [claims("bob", "ward", "nurse"), claims("ana", "elsewhere", "nurse"), claims("root", "ward", "admin")] {
        let mut socket = ward.welcomed(&ward.token("ana"), &["lobby"]).await;
        socket.say(&json!({"type": "refresh", "id": 2, "token": sign(&other)})).await;
        assert_eq!(socket.closed().await, (4401, "token_invalid".to_owned()));
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_refresh_that_takes_rights_away_takes_the_channels_away_too() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("ana"), &["lobby", "device:bed-1"]).await;
    let mut less = claims("ana", "ward", "nurse");
    less["subscribe"] = json!(["device:*"]);
    less["publish"] = json!([]);
    assert_eq!(socket.ask(json!({"type": "refresh", "id": 2, "token": sign(&less)})).await["type"], "reply");
    let lost = socket.next_of("unsubscribed").await;
    assert_eq!((&lost["channel"], &lost["code"]), (&json!("lobby"), &json!("forbidden")));
    let publish = json!({"type": "publish", "id": 3, "channel": "device:bed-1", "event": "x", "data": 1});
    assert_eq!(socket.ask(publish).await["code"], "forbidden");
    assert_eq!(socket.ask(json!({"type": "subscribe", "id": 4, "channel": "lobby"})).await["code"], "forbidden");
    ward.still_serves().await;
}

#[tokio::test]
async fn the_first_token_that_is_found_counts_and_a_second_one_does_not_help_it() {
    let mut ward = Ward::open().await;
    let (good, bad) = (ward.token("ana"), "x.y.z");
    for (path, headers) in [
        (format!("/ws?token={good}"), format!("Authorization: Bearer {bad}\r\n")),
        (format!("/ws?token={bad}&token={good}"), String::new()),
        ("/ws".to_owned(), format!("Authorization: Bearer {bad}\r\nAuthorization: Bearer {good}\r\n")),
        (format!("/ws?token=&token={good}"), String::new()),
    ] {
        let answer = Wire::open(ward.address).await.upgrade(&path, &headers).await.unwrap();
        assert_eq!(answer.status, 401, "{headers:.30}");
    }
    // A good one at the upgrade decides who it is, whatever `connect` says.
    let mut socket = Socket::open(ward.address, "/ws", &format!("Authorization: Bearer {good}\r\n")).await;
    socket.say(&connect(&sign(&claims("root", "elsewhere", "admin")), &[])).await;
    let welcome: Value = socket.next_of("welcome").await;
    assert_eq!((&welcome["user"], &welcome["tenant"]), (&json!("ana"), &json!("ward")));
    ward.still_serves().await;
}
