//! Every connection that was opened in the log is closed in the log, however it ended.

use crate::pairs::*;
use crate::support::*;
use parking_lot::Mutex;
use proptest::prelude::*;
use pulsewire_protocol::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::field::{Field, Visit};

/// One line of the log.
type Line = BTreeMap<String, String>;

/// Everything that this thread logs.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Line>>>);

impl Capture {
    /// The lines of the audit log, each with these fields.
    fn audited<const N: usize>(&self, fields: [&str; N]) -> Vec<[String; N]> {
        let lines = self.0.lock();
        let audited =
            lines.iter().filter(|line| line.get("target").is_some_and(|target| target == pulsewire_relay::observe::audit::TARGET));
        audited.map(|line| fields.map(|field| line.get(field).cloned().unwrap_or_default())).collect()
    }
}

#[derive(Default)]
struct Fields(Line);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn core::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl tracing::Subscriber for Capture {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields.0.insert("target".to_owned(), event.metadata().target().to_owned());
        self.0.lock().push(fields.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[derive(Clone, Debug)]
enum End {
    ClosesInOrder,
    Vanishes,
    Sends(Vec<u8>),
    BadRefresh,
    TokenEnds,
    NeverPongs,
    NeverConnects,
    BadToken,
    TooSlow,
    TaskKilled,
    RelayDrains,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::ClosesInOrder),
        Just(End::Vanishes),
        Just(End::Sends(vec![0xff, 0x00])),
        Just(End::Sends(vec![0; 70_000])),
        Just(End::BadRefresh),
        Just(End::TokenEnds),
        Just(End::NeverPongs),
        Just(End::NeverConnects),
        Just(End::BadToken),
        Just(End::TooSlow),
        Just(End::TaskKilled),
        Just(End::RelayDrains),
    ]
}

/// The close code that the log must show; `None` where the connection was never opened in it.
fn code_of(end: &End) -> Option<u16> {
    match end {
        End::ClosesInOrder => Some(1000),
        End::Vanishes | End::TaskKilled => Some(1006),
        End::Sends(bytes) if bytes.len() > 65_536 => Some(1009),
        End::Sends(_) => Some(4400),
        End::BadRefresh => Some(4401),
        End::TokenEnds => Some(4410),
        End::NeverPongs => Some(4408),
        End::TooSlow => Some(4413),
        End::RelayDrains => Some(4503),
        End::NeverConnects | End::BadToken => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Property 39: the log's openings and closings are the same connections, each once, with code, reason and duration.
    #[test]
    fn property_39_every_open_has_its_close_in_the_log(ends in prop::collection::vec(end(), 1..8)) {
        let capture = Capture::default();
        let guard = tracing::subscriber::set_default(capture.clone());
        under_virtual_time(async {
            let mut config = config();
            config.limits.queue_messages = 50;
            let relay = relay_with(config);
            for (number, end) in ends.iter().enumerate() {
                run_to(&relay, &format!("u{number}"), end).await;
            }
            advance(200_000).await;
            assert_eq!(relay.hub().connection_count(), 0);
        });
        drop(guard);
        let lines: Vec<Line> = capture.0.lock().iter().filter(|line| line["target"] == "pulsewire_relay::connections").cloned().collect();
        let of = |message: &str| -> Vec<&Line> { lines.iter().filter(|line| line["message"] == message).collect() };
        let (opened, closed, failed) = (of("connection opened"), of("connection closed"), of("handshake failed"));
        let expected = ends.iter().filter(|end| code_of(end).is_some()).count();
        assert_eq!(opened.len(), expected);
        assert_eq!(closed.len(), expected);
        assert_eq!(failed.len(), ends.len() - expected);
        for line in &opened {
            let number: usize = line["user"][1..].parse().unwrap();
            assert_eq!((line["address"].as_str(), line["session"].as_str()), ("192.0.2.7:1234", "page-1"));
            let ends_of_it: Vec<_> = closed.iter().filter(|other| other["connection"] == line["connection"]).collect();
            let [end_of_it] = ends_of_it.as_slice() else { panic!("{} closes of {}", ends_of_it.len(), line["connection"]) };
            assert_eq!(Some(end_of_it["code"].parse().unwrap()), code_of(&ends[number]), "{end_of_it:?}");
            assert!(end_of_it["duration_ms"].parse::<u64>().is_ok() && end_of_it.contains_key("reason") && end_of_it.contains_key("sent"));
            assert_eq!(end_of_it["user"], line["user"]);
        }
        for line in capture.0.lock().iter() {
            assert!(line.values().all(|value| !value.contains("eyJ")), "a token in the log: {line:?}");
        }
    }
}

async fn run_to(relay: &pulsewire_relay::Relay, user: &str, end: &End) {
    match end {
        End::NeverConnects => {
            Client::open(relay, Format::Cbor).closing().await;
            return;
        }
        End::BadToken => {
            let mut client = Client::open(relay, Format::Cbor);
            let token = Some(sign(&with(claims(user), "tenant", "no id".into())));
            client.send(&ClientMessage::Connect(Connect { id: 1, token, client: ClientInfo::default(), subscribe: Vec::new() })).await;
            client.closing().await;
            return;
        }
        _ => {}
    }
    let now_s = relay.clock().now_ms() / 1_000;
    let lasts_s = if matches!(end, End::TokenEnds) { 20 } else { 86_400 };
    let token = sign(&with(claims(user), "exp", (now_s + lasts_s).into()));
    let mut client = Client::open_with(relay, Format::Cbor, 4);
    client.say_connect(&token, vec![SubscribeEntry::new("lobby")]).await;
    match end {
        End::ClosesInOrder => drop(client.close().await),
        End::Vanishes => drop(client.vanish().await),
        End::Sends(bytes) => {
            client.send_frame(pulsewire_relay::session::Inbound::Binary(bytes.clone().into())).await;
            client.closing().await;
        }
        End::BadRefresh => {
            client.send(&ClientMessage::Refresh(Refresh { id: 9, token: "x.y.z".to_owned() })).await;
            client.closing().await;
        }
        End::TokenEnds | End::NeverPongs => drop(client.closing().await),
        End::TooSlow => {
            for number in 0..200 {
                relay.publish(system(), "lobby", note(number), None).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.closing().await;
        }
        End::TaskKilled => {
            client.session.abort();
            settle().await;
        }
        End::RelayDrains => {
            // A drain of the whole relay ends all others too: here only its effect on one connection.
            for connection in relay.hub().connections() {
                connection.outbox.close(pulsewire_relay::hub::Closing::new(CloseCode::UNAVAILABLE, "draining; retryAfterMs=700"));
            }
            client.closing().await;
        }
        End::NeverConnects | End::BadToken => {}
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_of_a_request_counts_once_towards_the_burst_that_the_audit_log_tells() {
    use axum::http::{Request, StatusCode, header};
    use tower::ServiceExt as _;
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let router = pulsewire_relay::api::Api::new(relay()).router();
    let bursts = || capture.0.lock().iter().filter(|line| line.get("action").is_some_and(|action| action == "login.refused")).count();
    for number in 1..=20 {
        assert_eq!(bursts(), 0, "after {} refused tokens", number - 1);
        let request = Request::get("/api/v1/stats").header(header::AUTHORIZATION, "Bearer nonsense");
        let response = router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(bursts(), 1);
}

/// Reloads on the spot: the audit log is caught on this thread.
#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_each_file_of_keys_that_is_taken_over_or_refused_and_never_a_key() {
    let folder = Folder::new();
    let pem = folder.write("key.pem", RSA.public);
    let set = folder.write("keys.json", jwks(&[P256.jwk_named("b")]));
    let relay = relay_with(public_only(&[&pem], Some(&set)));
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    // A change is taken as it is found the second time: it may have been seen half written.
    let look = || relay.verifier().reload() | relay.verifier().reload();
    assert!(!look(), "nothing has changed");
    assert_eq!(capture.audited(["action"]), [[""; 1]; 0]);
    folder.write("keys.json", jwks(&[P256.jwk_named("b"), ED25519.jwk_named("d")]));
    assert!(look());
    folder.write("key.pem", RSA.private);
    assert!(!look());
    assert!(!look(), "told once, not at every look");
    let lines = capture.audited(["action", "outcome", "object", "detail"]);
    let (pem, set) = (pem.display().to_string(), set.display().to_string());
    let short: Vec<[&str; 3]> = lines.iter().map(|[action, outcome, object, _]| [action.as_str(), outcome, object]).collect();
    assert_eq!(short, [["keys.reloaded", "done", &set], ["keys.reloaded", "refused", &pem]]);
    assert_eq!(lines[0][3], "keys=2");
    assert!(lines[1][3].contains("this is a private key"), "{}", lines[1][3]);
    for key in RSA.private.lines().filter(|line| !line.starts_with("---")) {
        assert!(lines.iter().flatten().all(|field| !field.contains(key)));
    }
}
