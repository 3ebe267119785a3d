//! The circuit breaker on a relay (R12), fed with samples under virtual time: who is in goes on, who is new waits, `admin` hears.

use crate::support::*;
use parking_lot::Mutex;
use pulsewire_protocol::*;
use pulsewire_relay::config::MonitorConfig;
use pulsewire_relay::monitor::source::{Reading, Source};
use pulsewire_relay::monitor::{self, EVENT};
use pulsewire_relay::overload::{RETRY_MAX_MS, RETRY_MIN_MS};
use pulsewire_relay::{Publisher, Relay};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Tells what the test put in; CPU time grows by a step for each reading.
#[derive(Default)]
struct Fed {
    reading: Mutex<Reading>,
    cpu_step_s: Mutex<f64>,
}

impl Source for Fed {
    fn read(&self) -> Reading {
        let mut reading = self.reading.lock();
        reading.cpu_seconds = Some(reading.cpu_seconds.unwrap_or(0.0) + *self.cpu_step_s.lock());
        *reading
    }
}

impl Fed {
    fn memory_percent(&self, percent: u64) {
        let mut reading = self.reading.lock();
        (reading.resident_bytes, reading.memory_limit_bytes) = (Some(percent * 10), Some(1_000));
    }
}

/// The monitor on a relay; it ends with the test.
struct Watched {
    relay: Relay,
    fed: Arc<Fed>,
    stop: CancellationToken,
}

impl Watched {
    fn start() -> Self {
        let relay = relay();
        let fed = Arc::new(Fed::default());
        fed.reading.lock().cores_allowed = 0.5;
        let stop = CancellationToken::new();
        tokio::spawn(monitor::run(relay.clone(), Arc::clone(&fed) as Arc<dyn Source>, stop.clone()));
        Self { relay, fed, stop }
    }
    /// Lets so many samples be taken.
    async fn samples(&self, count: u64) {
        advance(count * MonitorConfig::default().interval_ms).await;
    }
    fn state(&self) -> &'static str {
        self.relay.gate().state().as_str()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listening_admin(relay: &Relay, tenant: &str) -> Client {
    let claims = with(with(claims("boss"), "role", json!("admin")), "tenant", json!(tenant));
    Client::connect(relay, &sign(&claims), &["admin"]).await.0
}

/// What came on `admin`, as values.
async fn told(admin: &mut Client) -> Vec<Value> {
    let events = admin.events().await.into_iter().filter(|event| event.channel == "admin");
    events
        .map(|event| match event.publication.payload {
            Payload::Custom { event, data } if event == EVENT => serde_json::from_str(data.as_str()).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn over_a_threshold_new_ones_wait_old_ones_go_on_and_admin_hears_of_both_ends() {
    let watched = Watched::start();
    let relay = &watched.relay;
    advance(100).await;
    let mut admin = listening_admin(relay, "ward").await;
    let mut other = listening_admin(relay, "clinic").await;
    let (mut nurse, _) = Client::connect(relay, &token("nurse"), &["lobby"]).await;

    watched.fed.memory_percent(90);
    watched.samples(2).await;
    assert_eq!(watched.state(), "closed", "two samples open nothing");
    watched.samples(1).await;
    assert_eq!(watched.state(), "open");
    let mut delays = BTreeSet::new();
    for _ in 0..40 {
        let refused = relay.gate().enter().unwrap_err();
        assert_eq!((refused.code, refused.retryable), (ErrorCode::Unavailable, true));
        delays.insert(refused.retry_after_ms.unwrap());
    }
    assert!(delays.len() > 30 && delays.iter().all(|delay| (RETRY_MIN_MS..=RETRY_MAX_MS).contains(delay)), "spread: {delays:?}");
    assert_eq!(relay.ready(), Ok(()), "a balancer must not stop polls and alerts of those who are in");
    for admin in [&mut admin, &mut other] {
        let news = told(admin).await;
        assert_eq!(news.len(), 1, "{news:?}");
        assert_eq!((news[0]["state"].as_str(), news[0]["node"].as_str()), (Some("open"), Some("node-1")));
        assert_eq!(news[0]["over"], json!([{"resource": "memory", "used": 900.0, "of": 1000.0, "thresholdPercent": 85.0}]));
    }
    let claims = with(with(claims("late"), "role", json!("admin")), "tenant", json!("quiet"));
    let (_late, welcome) = Client::connect(relay, &sign(&claims), &["admin"]).await;
    assert_eq!(entry(&welcome, "admin").offset, 0, "nothing is kept where nobody listens");

    // Those who are in go on.
    assert_eq!(relay.hub().connection_count(), 4);
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    assert_eq!(nurse.events().await.len(), 1);
    nurse.subscribe("patient:p1").await.unwrap();
    let who = relay.authenticate(Some(&token("nurse"))).unwrap();
    let polled = relay.poll(&who, PollRequest { channels: vec![SubscribeEntry::new("lobby")], wait_ms: None }).await.unwrap();
    assert_eq!(polled.channels.len(), 1);
    relay.publish(Publisher::Principal(&who), "lobby", note(2), None).await.unwrap();

    watched.fed.memory_percent(83);
    watched.samples(4).await;
    assert_eq!(watched.state(), "open", "between the thresholds nothing changes its mind");
    watched.fed.memory_percent(50);
    watched.samples(3).await;
    assert_eq!(watched.state(), "half_open");
    assert_eq!(relay.ready(), Ok(()), "a balancer may send the few who are let in");
    let let_in = (0..500).filter(|_| relay.gate().enter().is_ok()).count();
    assert_eq!(let_in, MonitorConfig::default().trial_connections as usize);
    assert!(told(&mut admin).await.is_empty(), "not over yet");
    watched.samples(3).await;
    assert_eq!(watched.state(), "closed");
    assert!((0..500).all(|_| relay.gate().enter().is_ok()));
    let news = told(&mut admin).await;
    assert_eq!(news, [json!({"node": "node-1", "state": "closed", "over": []})]);
    let metrics = relay.metrics().render(relay.snapshot()).unwrap();
    for line in ["pulsewire_breaker_changes_total{state=\"open\"} 1", "pulsewire_breaker_state{state=\"closed\"} 1"] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_grows_bad_again_while_a_few_are_let_in_is_one_overload_and_told_once() {
    let watched = Watched::start();
    advance(100).await;
    let mut admin = listening_admin(&watched.relay, "ward").await;
    watched.fed.memory_percent(90);
    watched.samples(3).await;
    for _ in 0..4 {
        watched.fed.memory_percent(50);
        watched.samples(3).await;
        assert_eq!(watched.state(), "half_open");
        watched.fed.memory_percent(90);
        watched.samples(1).await;
        assert_eq!(watched.state(), "open", "one bad sample is enough while it is only tried");
    }
    let news = told(&mut admin).await;
    assert_eq!(news.len(), 1, "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn cpu_time_counts_as_a_share_of_the_cores_that_the_container_gives() {
    let watched = Watched::start();
    // A fifth of a core of the half that there is.
    *watched.fed.cpu_step_s.lock() = 1.0;
    watched.samples(10).await;
    assert_eq!(watched.state(), "closed");
    // 2.4 s of CPU time in 5 s: 96 % of half a core.
    *watched.fed.cpu_step_s.lock() = 2.4;
    watched.samples(4).await;
    assert_eq!(watched.state(), "open");
    assert!(watched.relay.gate().look().is_err());
}

#[tokio::test(start_paused = true)]
async fn connections_near_their_limit_open_the_breaker_where_that_is_asked_for_and_leaving_ones_close_it() {
    let mut config = config();
    config.limits.connections = 20;
    assert_eq!(config.monitor.connections_percent, 0, "else the limit of 10,000 would be one of 9,500");
    config.monitor.connections_percent = 95;
    let relay = relay_with(config);
    let stop = CancellationToken::new();
    tokio::spawn(monitor::run(relay.clone(), Arc::new(Fed::default()), stop.clone()));
    let mut clients = Vec::new();
    for number in 0..19 {
        clients.push(Client::connect(&relay, &token(&format!("u{number}")), &["lobby"]).await.0);
    }
    advance(16_000).await;
    assert_eq!(relay.gate().state().as_str(), "open");
    for client in clients.drain(..3) {
        client.close().await;
    }
    advance(40_000).await;
    assert_eq!(relay.gate().state().as_str(), "closed");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn junk_at_the_door_takes_none_of_the_trials_from_pages() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;
    let watched = Watched::start();
    advance(100).await;
    let router = pulsewire_relay::ws::router(watched.relay.clone()).layer(axum::Extension(client_address()));
    let ask = |token: &str| {
        let request = Request::get(format!("/ws{token}")).header("origin", "http://elsewhere.example").body(Body::empty()).unwrap();
        let plain = Request::get(format!("/ws{token}")).body(Body::empty()).unwrap();
        let router = router.clone();
        async move { [router.clone().oneshot(request).await.unwrap().status(), router.oneshot(plain).await.unwrap().status()] }
    };
    watched.fed.memory_percent(90);
    watched.samples(3).await;
    assert_eq!(ask("").await, [503, 503], "while it is open nobody is looked at");
    watched.fed.memory_percent(50);
    watched.samples(3).await;
    assert_eq!(watched.state(), "half_open");
    for _ in 0..100 {
        assert_eq!(ask("").await, [403, 400], "of a foreign origin, and no upgrade");
        assert_eq!(ask("?token=none").await, [403, 401], "no token");
    }
    let let_in = (0..500).filter(|_| watched.relay.gate().enter().is_ok()).count();
    assert_eq!(let_in, MonitorConfig::default().trial_connections as usize);
    assert_eq!(ask("").await, [503, 503], "and when they are used up nobody is looked at either");
}
