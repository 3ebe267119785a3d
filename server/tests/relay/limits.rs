//! Limits (R10) in virtual time: rates of handshakes, tokens and requests, places that are never exceeded and never leak.
//!
//! Longer than 400 lines because every figure of R10 is looked at in one place, from the door to the metric.

use crate::support::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::Relay;
use pulsewire_relay::api::Api;
use pulsewire_relay::config::{Config, LimitsConfig, Quotas};
use pulsewire_relay::hub::{Connection, OutboxLimits};
use pulsewire_relay::limits::{AddressGroup, ClientAddress, Full, Places, Wait, Waiting};
use pulsewire_relay::observe::metrics::Limit;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tower::ServiceExt as _;

fn address(last: u8) -> AddressGroup {
    AddressGroup::of(IpAddr::from([192, 0, 2, last]))
}

fn alert(number: usize) -> Payload {
    Payload::Alert(Alert {
        id: Some(format!("a-{number}")),
        patient_id: "p-1".to_owned(),
        patient_name: "Ada".to_owned(),
        device_id: None,
        alert_type: "heart_rate_high".to_owned(),
        severity: Severity::Critical,
        message: "180 bpm".to_owned(),
        ts: None,
        metadata: None,
    })
}

fn service() -> String {
    sign(&with(claims("backend"), "role", json!("service")))
}

#[test]
fn the_figures_that_nobody_set_are_those_of_the_document_and_follow_from_each_other() {
    let limits = LimitsConfig::default();
    assert_eq!((limits.connections, limits.per_user, limits.per_address, limits.subscriptions), (10_000, 100, 2_000, 256));
    assert_eq!((limits.queue_messages, limits.queue_bytes), (1_024, 1024 * 1024));
    assert_eq!((limits.messages_per_second, limits.burst, limits.max_message_bytes), (50, 200, 64 * 1024));
    assert_eq!((limits.http_connections(), limits.http_per_address()), (10_000, 4_000));
    assert_eq!(limits.handshake_quotas(), Quotas { per_second: 200, burst: 4_000 });
    assert_eq!(limits.failed_token_quotas(), Quotas { per_second: 50, burst: 2_000 });
    assert_eq!(limits.backend_request_quotas(), None, "a backend is not held up");
    // Who lets one address have more needs not think of the others.
    let limits = LimitsConfig { per_address: 10_000, handshake_burst: Some(5), ..limits };
    assert_eq!(limits.handshake_quotas(), Quotas { per_second: 1_000, burst: 5 });
    assert_eq!((limits.http_per_address(), limits.failed_token_quotas().burst), (20_000, 10_000));
}

/// A ward of 2,000 pages, one address, whose network comes back: the first tries of all come within a second, half of them
/// in vain (say the relay is still starting), the second ones within the client's backoff of 1 s.
#[tokio::test(start_paused = true)]
async fn a_hospital_behind_one_address_comes_back_at_once_and_a_flood_does_not() {
    let relay = relay();
    let hospital = address(1);
    for _ in 0..2 {
        for _ in 0..2_000 {
            assert!(relay.may_shake_hands(hospital).is_ok());
        }
        advance(500).await;
    }
    // A flood from one address: what the bucket held, then 200 a second, however many come.
    let flooder = address(2);
    let mut passed = 0;
    for _ in 0..100 {
        passed += (0..1_000).filter(|_| relay.may_shake_hands(flooder).is_ok()).count();
        advance(100).await;
    }
    assert!((4_000 + 1_900..=4_000 + 2_100).contains(&passed), "{passed}");
    let error = relay.may_shake_hands(flooder).map(|()| (0..200).map(|_| relay.may_shake_hands(flooder)).find_map(Result::err));
    let error = match error {
        Ok(later) => later.unwrap(),
        Err(error) => error,
    };
    assert_eq!((error.code, error.retryable), (ErrorCode::RateLimited, true));
    assert!(error.retry_after_ms.is_some_and(|ms| (1_000..=5_000).contains(&ms)), "{error:?}");
    assert!(error.message.contains("200 a second, 4000 at once"), "{error:?}");
    // It costs nobody else anything.
    assert!(relay.may_shake_hands(address(3)).is_ok());
    assert!(relay.metrics().refusals_of(Limit::Handshakes) > 90_000);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_refused_together_are_not_asked_back_together() {
    let mut config = config();
    config.limits.handshake_burst = Some(1);
    let relay = relay_with(config);
    assert!(relay.may_shake_hands(address(1)).is_ok());
    let delays: std::collections::BTreeSet<u64> =
        (0..100).filter_map(|_| relay.may_shake_hands(address(1)).err()?.retry_after_ms).collect();
    assert!(delays.len() > 50, "{delays:?}");
}

fn few_failures() -> Relay {
    let mut config = config();
    config.limits.failed_tokens_per_second = Some(1);
    config.limits.failed_token_burst = Some(5);
    relay_with(config)
}

async fn closing_of(relay: &Relay, token: &str) -> pulsewire_relay::hub::Closing {
    let mut client = Client::open(relay, Format::Cbor);
    let connect = Connect { id: 1, token: Some(token.to_owned()), client: ClientInfo::default(), subscribe: Vec::new() };
    client.send(&ClientMessage::Connect(connect)).await;
    client.closing().await
}

#[tokio::test(start_paused = true)]
async fn too_many_refused_tokens_are_closed_with_4429_and_a_good_one_of_the_same_address_gets_in() {
    let relay = few_failures();
    for attempt in 0..20 {
        let closing = closing_of(&relay, &format!("{}x", token("mallory"))).await;
        if attempt < 5 {
            assert_eq!(closing.code, CloseCode::UNAUTHORIZED, "{attempt}");
        } else {
            assert_eq!(closing.code, CloseCode::RATE_LIMITED, "{attempt}");
            assert!(error::retry_after_from_reason(&closing.reason).is_some_and(|ms| ms >= 1_000), "{closing:?}");
        }
    }
    let (_nurse, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    advance(2_000).await;
    assert_eq!(closing_of(&relay, "nonsense").await.code, CloseCode::UNAUTHORIZED, "a pause forgives");
    let metrics = relay.metrics().render(relay.snapshot()).unwrap();
    assert!(metrics.contains("pulsewire_handshake_failures_total{reason=\"rate_limited\"} 15"), "{metrics}");
    assert!(metrics.contains("pulsewire_refusals_total{limit=\"failed_tokens\"} 15"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn after_a_long_weekend_a_whole_ward_may_come_with_tokens_that_have_ended() {
    let relay = few_failures();
    let ended = sign(&with(claims("nurse"), "exp", json!(START_MS / 1_000 - 3_600)));
    for _ in 0..100 {
        let closing = closing_of(&relay, &ended).await;
        assert_eq!((closing.code, closing.reason.as_str()), (CloseCode::UNAUTHORIZED, "token_expired"));
    }
}

#[tokio::test(start_paused = true)]
async fn no_alert_of_a_backend_is_refused_for_its_rate_over_a_socket() {
    let relay = relay();
    let (mut backend, _) = Client::connect(&relay, &service(), &[]).await;
    let publish = |number: usize, payload: Payload| {
        ClientMessage::Publish(Publish { id: number as u64 + 10, channel: "patient:p-1".to_owned(), payload, key: None })
    };
    // Its rate is used up by other things.
    for number in 0..300 {
        backend.send(&publish(number, note(1))).await;
    }
    let mut refused = 0;
    for _ in 0..300 {
        refused += usize::from(matches!(backend.next().await, ServerMessage::Error(_)));
    }
    assert!(refused > 50, "{refused}");
    for number in 0..500 {
        backend.send(&publish(1_000 + number, alert(number))).await;
        // It hears them on `tenant` itself.
        let answer = loop {
            match backend.next().await {
                ServerMessage::Event(_) => {}
                answer => break answer,
            }
        };
        assert!(matches!(answer, ServerMessage::Reply(_)), "alert {number}: {answer:?}");
    }
    // Somebody else may not pass by calling it an alert.
    let (mut nurse, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    for number in 0..300 {
        nurse.send(&publish(number, alert(number))).await;
    }
    let mut codes = Vec::new();
    while codes.len() < 300 {
        match nurse.next().await {
            ServerMessage::Error(error) => codes.push(error.body.code),
            other => panic!("an alert of a nurse's: {other:?}"),
        }
    }
    assert!(codes.contains(&ErrorCode::Forbidden) && codes.contains(&ErrorCode::RateLimited));
}

/// The HTTP side without a socket, as from this address.
struct Http {
    router: axum::Router,
    address: SocketAddr,
}

impl Http {
    fn of(relay: &Relay, last: u8) -> Self {
        Self { router: Api::new(relay.clone()).router(), address: SocketAddr::from(([192, 0, 2, last], 1_000)) }
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (StatusCode, axum::http::HeaderMap) {
        let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        request = request.extension(ClientAddress::from(self.address));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        (response.status(), response.headers().clone())
    }
    async fn get(&self, path: &str, token: &str) -> StatusCode {
        self.ask(Method::GET, path, token, None).await.0
    }
    async fn post(&self, path: &str, token: &str, body: Value) -> StatusCode {
        self.ask(Method::POST, path, token, Some(body)).await.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_asks_too_often_gets_429_with_a_delay_and_another_of_the_same_address_does_not() {
    let mut config = config();
    (config.limits.requests_per_second, config.limits.request_burst) = (10, 20);
    let relay = relay_with(config);
    let http = Http::of(&relay, 1);
    for _ in 0..20 {
        assert_eq!(http.get("/api/v1/presence/tenant", &token("mallory")).await, StatusCode::OK);
    }
    let (status, headers) = http.ask(Method::GET, "/api/v1/presence/tenant", &token("mallory"), None).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert!(headers[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().is_ok_and(|seconds| (1..=5).contains(&seconds)));
    // One budget for all requests, wherever they come from; what needs no token has none.
    assert_eq!(Http::of(&relay, 2).post("/api/v1/poll", &token("mallory"), json!({})).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(http.get("/healthz", &token("mallory")).await, StatusCode::OK);
    assert_eq!(http.get("/api/v1/presence/tenant", &token("nurse")).await, StatusCode::OK);
    advance(1_000).await;
    assert_eq!(http.get("/api/v1/presence/tenant", &token("mallory")).await, StatusCode::OK);
    assert_eq!(relay.metrics().refusals_of(Limit::Requests), 2);
}

#[tokio::test(start_paused = true)]
async fn a_backend_has_no_bound_unless_one_is_given_and_its_alerts_never_have_one() {
    let status = || json!({"deviceId": "bed-1", "status": "online"});
    let unbound = Http::of(&relay(), 1);
    for number in 0..5_000 {
        assert_eq!(unbound.post("/api/v1/devices/status", &service(), status()).await, StatusCode::ACCEPTED, "{number}");
    }
    let mut config = config();
    config.limits.backend_requests_per_second = Some(1);
    config.limits.backend_request_burst = Some(3);
    let relay = relay_with(config);
    let http = Http::of(&relay, 1);
    for _ in 0..3 {
        assert_eq!(http.post("/api/v1/devices/status", &service(), status()).await, StatusCode::ACCEPTED);
    }
    let item = |number: usize| json!({"id": format!("a-{number}"), "patientId": "p-1", "patientName": "Ada", "type": "hr", "severity": "critical", "message": "180"});
    let published = |event: &str, data: Value| json!([{"channel": "patient:p-1", "event": event, "data": data}]);
    assert_eq!(http.post("/api/v1/devices/status", &service(), status()).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(http.post("/api/v1/publish", &service(), published("note", json!(1))).await, StatusCode::TOO_MANY_REQUESTS);
    for number in 0..200 {
        let path = ["/api/v1/alerts", "/api/v1/devices/alerts"][number % 2];
        assert_eq!(http.post(path, &service(), item(number)).await, StatusCode::ACCEPTED, "{number}");
        assert_eq!(http.post("/api/v1/publish", &service(), published("alert", item(1_000 + number))).await, StatusCode::ACCEPTED);
    }
    assert_eq!(http.post("/api/v1/telemetry", &service(), json!([])).await, StatusCode::TOO_MANY_REQUESTS, "the others still wait");
}

#[tokio::test(start_paused = true)]
async fn refused_tokens_over_http_are_answered_429_after_a_while_and_good_ones_never_are() {
    let relay = few_failures();
    let http = Http::of(&relay, 1);
    for attempt in 0..20 {
        let (status, headers) = http.ask(Method::GET, "/api/v1/stats", &format!("{}x", token("mallory")), None).await;
        if attempt < 5 {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{attempt}");
        } else {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{attempt}");
            assert_eq!(headers[header::CONNECTION], "close", "each further try costs a connection");
            assert!(headers.contains_key(header::RETRY_AFTER));
        }
        assert_eq!(http.get("/api/v1/presence/tenant", &token("nurse")).await, StatusCode::OK, "the same address, a good token");
    }
    let elsewhere = Http::of(&relay, 2);
    assert_eq!(elsewhere.get("/api/v1/stats", "nonsense").await, StatusCode::UNAUTHORIZED, "another address has its own");
}

#[test]
fn of_many_connections_of_one_user_that_come_at_once_only_so_many_get_in() {
    under_virtual_time(async {
        let relay = relay();
        let who = relay.authenticate(Some(&token("nurse"))).unwrap();
        let connections: Vec<_> = (0..64)
            .map(|number| {
                let limits = OutboxLimits { messages: 8, bytes: 4_096 };
                Arc::new(Connection::new(number, number.to_string(), Format::Cbor, client_address(), 0, limits))
            })
            .collect();
        let barrier = std::sync::Barrier::new(connections.len());
        let entered = std::thread::scope(|scope| {
            let tries: Vec<_> = connections
                .iter()
                .map(|connection| {
                    scope.spawn(|| {
                        barrier.wait();
                        relay.hub().identify_within(connection, &who, 5)
                    })
                })
                .collect();
            tries.into_iter().map(|entered| entered.join().unwrap()).filter(|entered| *entered).count()
        });
        assert_eq!(entered, 5);
        connections.iter().for_each(|connection| relay.hub().remove(connection));
        assert_eq!(relay.hub().people(|people| people.connections_of("ward", "nurse")), 0);
    });
}

/// What the model test does.
#[derive(Clone, Debug)]
enum Step {
    Come(Option<u8>),
    Go(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => proptest::option::weighted(0.8, 0_u8..4).prop_map(Step::Come),
        2 => any::<usize>().prop_map(Step::Go),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn property_r10_no_order_of_coming_and_going_exceeds_a_limit_or_leaks_a_place(steps in steps(), in_all in 1_usize..12, each in 1_usize..5) {
        let places = Places::default();
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Come(from) => {
                    let group = from.map(address);
                    let here = held.iter().filter(|(known, _)| *known == group).count();
                    match places.take(group, in_all, each) {
                        Ok(place) => {
                            prop_assert!(held.len() < in_all && (group.is_none() || here < each));
                            held.push((group, place));
                        }
                        Err(Full::Relay { limit }) => prop_assert_eq!((held.len(), limit), (in_all, in_all)),
                        Err(Full::Address { limit }) => prop_assert_eq!((here, limit), (each, each)),
                    }
                }
                Step::Go(at) if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                Step::Go(_) => {}
            }
            prop_assert_eq!(places.count(), held.len());
            for last in 0..4 {
                let here = held.iter().filter(|(known, _)| *known == Some(address(last))).count();
                prop_assert_eq!(places.of(address(last)).0, here);
            }
        }
        held.clear();
        prop_assert_eq!((places.count(), places.of(address(0))), (0, (0, 0)), "no address is remembered for nothing");
    }
}

proptest! {
    #[test]
    fn property_r10_no_order_of_waiting_polls_exceeds_a_limit_or_leaks_a_place(steps in steps(), in_all in 1_usize..12, http in 1_usize..24, each in 1_usize..5) {
        let limits = LimitsConfig { connections: in_all, http_connections: Some(http), per_user: each, ..LimitsConfig::default() };
        let waiting = Waiting::default();
        let mut held: Vec<(u8, Wait)> = Vec::new();
        for step in steps {
            match step {
                Step::Come(user) => {
                    let user = user.unwrap_or(9);
                    let own = held.iter().filter(|(known, _)| *known == user).count();
                    let room = held.len() < in_all.min(http / 2) && own < each;
                    match waiting.admit("ward", &user.to_string(), &limits) {
                        Ok(wait) => {
                            prop_assert!(room);
                            held.push((user, wait));
                        }
                        Err(error) => {
                            prop_assert!(!room);
                            prop_assert_eq!(error.code, ErrorCode::RateLimited);
                        }
                    }
                }
                Step::Go(at) if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                Step::Go(_) => {}
            }
            prop_assert_eq!(waiting.count(), held.len());
        }
    }
}

#[test]
fn polls_that_wait_leave_half_of_the_http_places_to_those_who_bring_alerts() {
    for (connections, http, most) in [(10_000, None, 5_000), (10_000, Some(7), 3), (2, Some(100), 2)] {
        let limits = LimitsConfig { connections, http_connections: http, per_user: 1, ..LimitsConfig::default() };
        let waiting = Waiting::default();
        let held: Vec<Wait> = (0..connections).map_while(|user| waiting.admit("ward", &user.to_string(), &limits).ok()).collect();
        assert_eq!(held.len(), most, "{connections} and {http:?}");
        let Err(error) = waiting.admit("ward", "one-more", &limits) else { panic!("one more waits") };
        assert!(error.retryable && error.message.contains("without waitMs, or later"), "{error:?}");
    }
}

#[test]
fn limits_that_contradict_each_other_are_named() {
    let mut config = Config::development();
    config.limits.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let said = config.validate().unwrap_err().to_string();
    assert!(said.contains("limits.trusted_proxies: has no effect while limits.trusted_proxy_hops is 0"), "{said}");
    config.limits.trusted_proxy_hops = 1;
    assert!(config.validate().is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_who_are_refused_together_are_asked_back_at_different_times() {
    let mut config = config();
    (config.limits.connections, config.limits.per_user) = (0, 0);
    let relay = relay_with(config);
    let who = relay.authenticate(Some(&token("nurse"))).unwrap();
    let (mut doors, mut polls, mut sessions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..20 {
        doors.insert(relay.admit(client_address().group()).err().and_then(|error| error.retry_after_ms).unwrap());
        let request = PollRequest { channels: Vec::new(), wait_ms: Some(1_000) };
        polls.insert(relay.poll(&who, request).await.unwrap_err().retry_after_ms.unwrap());
        let mut client = Client::open(&relay, Format::Cbor);
        let id = client.id();
        let (token, info) = (Some(token("nurse")), ClientInfo::default());
        client.send(&ClientMessage::Connect(Connect { id, token, client: info, subscribe: Vec::new() })).await;
        let closing = client.closing().await;
        assert_eq!(closing.code, CloseCode::RATE_LIMITED);
        sessions.insert(pulsewire_protocol::error::retry_after_from_reason(&closing.reason).unwrap());
    }
    for (times, least) in [(doors, 10_000), (polls, 5_000), (sessions, 30_000)] {
        assert!(times.len() > 10, "{times:?}");
        assert!(times.iter().all(|ms| (least..=2 * least).contains(ms)), "{times:?}");
    }
}
