//! Tokens are accepted exactly when they are valid, and open exactly what their patterns say.

use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::config::RoleConfig;
use serde_json::{Value, json};

const NOW_S: u64 = START_MS / 1_000;

fn encode_part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// What is wrong with a token; each with the code it must be refused with.
#[derive(Clone, Debug)]
enum Defect {
    None,
    Empty,
    Spaces,
    OnePart(String),
    TwoParts,
    FourParts,
    NoBase64(usize),
    HeaderNoJson,
    HeaderArray,
    FlippedSignature(usize),
    ChangedClaims,
    OtherSecret,
    NoSignature,
    AlgorithmNone(&'static str),
    OtherAlgorithm(Algorithm),
    RsaHeader,
    Critical,
    Expired(u64),
    NotYet(u64),
    WithoutClaim(&'static str),
    WrongType(&'static str, Value),
    BadId(&'static str, String),
    BadPattern(&'static str, &'static str),
}

fn defect() -> impl Strategy<Value = Defect> {
    prop_oneof![
        4 => Just(Defect::None),
        1 => Just(Defect::Empty),
        1 => Just(Defect::Spaces),
        1 => "[A-Za-z0-9_-]{1,40}".prop_map(Defect::OnePart),
        1 => Just(Defect::TwoParts),
        1 => Just(Defect::FourParts),
        2 => (0_usize..3).prop_map(Defect::NoBase64),
        1 => Just(Defect::HeaderNoJson),
        1 => Just(Defect::HeaderArray),
        2 => (0_usize..32).prop_map(Defect::FlippedSignature),
        1 => Just(Defect::ChangedClaims),
        1 => Just(Defect::OtherSecret),
        1 => Just(Defect::NoSignature),
        2 => prop::sample::select(vec!["none", "None", "NONE", "", "HS1"]).prop_map(Defect::AlgorithmNone),
        2 => prop::sample::select(vec![Algorithm::HS384, Algorithm::HS512]).prop_map(Defect::OtherAlgorithm),
        1 => Just(Defect::RsaHeader),
        1 => Just(Defect::Critical),
        2 => (5_u64..1_000_000).prop_map(Defect::Expired),
        2 => (6_u64..1_000_000).prop_map(Defect::NotYet),
        2 => prop::sample::select(vec!["sub", "tenant", "exp"]).prop_map(Defect::WithoutClaim),
        2 => (prop::sample::select(vec!["sub", "tenant", "exp", "nbf", "role", "name", "subscribe", "publish", "viewer"]),
              prop::sample::select(vec![json!({}), json!([[1]]), json!({"a": "b"})])).prop_map(|(claim, value)| Defect::WrongType(claim, value)),
        2 => (prop::sample::select(vec!["sub", "tenant"]), prop::sample::select(vec!["", "a b", "a:b", "a/b", "ü", "*", "a\0b"]))
            .prop_map(|(claim, id)| Defect::BadId(claim, id.to_owned())),
        2 => (prop::sample::select(vec!["subscribe", "publish"]), prop::sample::select(vec!["", "Patient:*", "device", "tenant:*", "device:a b", "**"]))
            .prop_map(|(claim, pattern)| Defect::BadPattern(claim, pattern)),
    ]
}

fn build(defect: &Defect, claims: &Value) -> (String, Option<TokenProblem>) {
    use Defect as D;
    let good = sign(claims);
    let parts: Vec<&str> = good.split('.').collect();
    let joined = |header: &Value| {
        let message = format!("{}.{}", encode_part(header), parts[1]);
        // Signed with the secret all the same: the algorithm alone must be the reason.
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let (missing, malformed, invalid) = (Some(TokenProblem::Missing), Some(TokenProblem::Malformed), Some(TokenProblem::Invalid));
    match defect {
        D::None => (good, None),
        D::Empty => (String::new(), missing),
        D::Spaces => ("  \t ".to_owned(), missing),
        D::OnePart(text) => (text.clone(), malformed),
        D::TwoParts => (format!("{}.{}", parts[0], parts[1]), malformed),
        D::FourParts => (format!("{good}.{}", parts[2]), malformed),
        D::NoBase64(which) => {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[*which].insert(1, '!');
            (parts.join("."), malformed)
        }
        D::HeaderNoJson => (format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("no json"), parts[1], parts[2]), malformed),
        D::HeaderArray => (format!("{}.{}.{}", encode_part(&json!(["alg", "HS256"])), parts[1], parts[2]), malformed),
        D::FlippedSignature(place) => {
            let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
            signature[*place] ^= 1;
            (format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature)), invalid)
        }
        D::ChangedClaims => {
            let changed = with(claims.clone(), "sub", "somebody-else".into());
            (format!("{}.{}.{}", parts[0], encode_part(&changed), parts[2]), invalid)
        }
        D::OtherSecret => {
            let key = EncodingKey::from_secret(b"another secret, just as long as the other");
            (jsonwebtoken::encode(&Header::default(), claims, &key).unwrap(), invalid)
        }
        D::NoSignature => (format!("{}.{}.", parts[0], parts[1]), invalid),
        D::AlgorithmNone(name) => (format!("{}.{}.", encode_part(&json!({"alg": name, "typ": "JWT"})), parts[1]), invalid),
        D::OtherAlgorithm(algorithm) => {
            (jsonwebtoken::encode(&Header::new(*algorithm), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap(), invalid)
        }
        D::RsaHeader => (joined(&json!({"alg": "RS256", "typ": "JWT"})), invalid),
        D::Critical => (joined(&json!({"alg": "HS256", "crit": ["exp"]})), invalid),
        D::Expired(ago_s) => (sign(&with(claims.clone(), "exp", (NOW_S - ago_s).into())), Some(TokenProblem::Expired)),
        D::NotYet(in_s) => (sign(&with(claims.clone(), "nbf", (NOW_S + in_s).into())), invalid),
        D::WithoutClaim(claim) => {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(*claim);
            (sign(&claims), invalid)
        }
        D::WrongType(claim, value) => (sign(&with(claims.clone(), claim, value.clone())), invalid),
        D::BadId(claim, id) => (sign(&with(claims.clone(), claim, id.as_str().into())), invalid),
        D::BadPattern(claim, pattern) => (sign(&with(claims.clone(), claim, json!(["patient:*", pattern]))), invalid),
    }
}

fn good_claims() -> impl Strategy<Value = Value> {
    let optional = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (testing_id(), testing_id(), 1_u64..100_000, optional).prop_map(|(sub, tenant, left_s, (name, nbf, aud, viewer))| {
        let mut claims = json!({"sub": sub, "tenant": tenant, "exp": NOW_S + left_s, "iat": NOW_S, "role": "nurse"});
        if name {
            claims["name"] = "Ana Lima".into();
        }
        if nbf {
            claims["nbf"] = NOW_S.into();
        }
        if aud {
            claims["aud"] = json!(["somebody", "else"]);
            claims["iss"] = "who knows".into();
        }
        if viewer {
            claims["viewer"] = false.into();
            claims["exp"] = ((NOW_S + left_s) as f64 + 0.5).into();
        }
        claims
    })
}

fn testing_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~@-]{1,128}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Property 28: a token is accepted if and only if nothing is wrong with it, and each defect has its own code.
    #[test]
    fn property_28_a_token_is_accepted_exactly_when_it_is_valid(claims in good_claims(), defect in defect()) {
        under_virtual_time(async {
            let relay = relay();
            let (token, problem) = build(&defect, &claims);
            // Twice: the cache must not change the answer.
            for _ in 0..2 {
                match (relay.authenticate(Some(&token)), problem) {
                    (Ok(who), None) => {
                        assert_eq!(Value::from(who.user.as_str()), claims["sub"]);
                        assert_eq!(Value::from(who.tenant.as_str()), claims["tenant"]);
                        assert_eq!(who.counts_as_viewer, claims["viewer"] != false);
                    }
                    (Err(refused), Some(problem)) => {
                        assert_eq!(refused.problem, problem, "{}", refused.message);
                        if token.len() > 40 {
                            for part in token.split('.').filter(|part| part.len() > 8) {
                                assert!(!refused.message.contains(part), "the message holds a part of the token");
                            }
                        }
                    }
                    (Ok(_), Some(problem)) => panic!("accepted, but is {problem}"),
                    (Err(refused), None) => panic!("refused: {refused}"),
                }
            }
        });
    }

    /// A cached token ends with its `exp` (and the leeway), to the second.
    #[test]
    fn a_remembered_token_is_refused_once_it_has_ended(left_s in 1_u64..200, later_s in 0_u64..400) {
        under_virtual_time(async {
            let relay = relay();
            let token = sign(&with(claims("nurse"), "exp", (NOW_S + left_s).into()));
            relay.authenticate(Some(&token)).unwrap();
            advance(later_s * 1_000).await;
            let valid = later_s < left_s + 5;
            match relay.authenticate(Some(&token)) {
                Ok(_) => assert!(valid),
                Err(refused) => assert!(!valid && refused.problem == TokenProblem::Expired, "{refused}"),
            }
        });
    }

    /// Property 29: a channel is open if and only if a pattern allows it, one's own user channel aside; and what the relay
    /// decides is what a subscriber meets.
    #[test]
    fn property_29_a_channel_is_open_exactly_when_a_pattern_allows_it(
        patterns in prop::collection::vec(pattern(), 0..5),
        channels in prop::collection::vec(channel(), 1..8),
        by_role in any::<bool>(),
        role in prop::sample::select(vec!["nurse", "admin", "service"]),
    ) {
        under_virtual_time(async {
            let mut config = config();
            let mut claims = with(with(claims("nurse"), "role", role.into()), "subscribe", json!(patterns));
            claims["publish"] = json!(patterns);
            if by_role {
                // The token says nothing: the role's patterns in the configuration apply.
                let parsed: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::parse(pattern).unwrap()).collect();
                config.roles.insert(role.to_owned(), RoleConfig { subscribe: parsed.clone(), publish: parsed });
                claims.as_object_mut().unwrap().remove("subscribe");
                claims.as_object_mut().unwrap().remove("publish");
            }
            let relay = relay_with(config);
            let who = relay.authenticate(Some(&sign(&claims))).unwrap();
            let (mut client, _) = Client::connect(&relay, &sign(&claims), &[]).await;
            for channel in &channels {
                let matched = patterns.iter().any(|pattern| matches_by_hand(pattern, channel));
                let open = match channel.split(':').next().unwrap() {
                    "user" => channel == "user:nurse",
                    "admin" => matched && role == "admin",
                    _ => matched,
                };
                match client.subscribe(channel).await {
                    Ok(_) => assert!(open, "{channel} by {patterns:?}"),
                    Err(error) => assert!(!open && error.code == ErrorCode::Forbidden, "{channel} by {patterns:?}: {error}"),
                }
                let published = relay.publish(pulsewire_relay::Publisher::Principal(&who), channel, note(1), None).await;
                let may_publish = matched && (channel != "admin" || role == "admin");
                assert_eq!(published.is_ok(), may_publish, "{channel} by {patterns:?}: {published:?}");
                client.all().await;
            }
        });
    }
}

fn channel() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (prop::sample::select(vec!["patient", "device", "user", "lobby"]), prop::sample::select(vec!["1", "2", "nurse"]))
            .prop_map(|(kind, id)| format!("{kind}:{id}")),
        1 => prop::sample::select(vec!["tenant", "dashboard", "admin", "lobby"]).prop_map(str::to_owned),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("*".to_owned()),
        3 => prop::sample::select(vec!["patient:*", "device:*", "user:*", "lobby:*"]).prop_map(str::to_owned),
        4 => channel(),
    ]
}

/// The rule written a second time, from its sentence: `*` stands for any id, alone for any channel.
fn matches_by_hand(pattern: &str, channel: &str) -> bool {
    pattern == "*"
        || pattern == channel
        || pattern.strip_suffix('*').is_some_and(|prefix| prefix.ends_with(':') && channel.starts_with(prefix))
}

#[tokio::test(start_paused = true)]
async fn issuer_and_audience_are_demanded_where_they_are_configured() {
    let mut config = config();
    config.auth.issuers = vec!["hospital".to_owned()];
    config.auth.audiences = vec!["pulsewire".to_owned()];
    let relay = relay_with(config);
    let good = with(with(claims("nurse"), "iss", "hospital".into()), "aud", json!(["x", "pulsewire"]));
    relay.authenticate(Some(&sign(&good))).unwrap();
    for (claim, value) in [("iss", json!("other")), ("aud", json!("other")), ("aud", json!([])), ("iss", Value::Null), ("aud", Value::Null)]
    {
        let refused = relay.authenticate(Some(&sign(&with(good.clone(), claim, value.clone())))).unwrap_err();
        assert_eq!(refused.problem, TokenProblem::Invalid, "{claim} {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_a_secret_refuses_every_token_and_a_client_without_one_gets_4401() {
    let mut config = config();
    config.auth.jwt_secret = None;
    let relay = relay_with(config);
    assert_eq!(relay.authenticate(Some(&token("nurse"))).unwrap_err().problem, TokenProblem::Invalid);
    for (given, reason) in [(None, "token_missing"), (Some(String::new()), "token_missing"), (Some("x".to_owned()), "token_malformed")] {
        let mut client = Client::open(&relay, Format::Json);
        let connect = Connect { id: 1, token: given, client: ClientInfo::default(), subscribe: Vec::new() };
        client.send(&ClientMessage::Connect(connect)).await;
        let closing = client.closing().await;
        assert_eq!((closing.code, closing.reason.as_str()), (CloseCode::UNAUTHORIZED, reason));
    }
}
