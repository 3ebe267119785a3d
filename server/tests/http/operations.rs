//! Health, metrics and the doors of development mode.

use crate::client::*;
use pulsewire_relay::config::Config;
use serde_json::json;

#[test]
fn health_readiness_and_metrics_need_no_token() {
    let server = Server::dev();
    assert_eq!(server.request("GET", "/healthz", None, None, &[]).json(), json!({"status": "ok"}));
    assert_eq!(server.request("GET", "/readyz", None, None, &[]).json()["status"], "ready");
    server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"}));
    let metrics = server.request("GET", "/metrics", None, None, &[]);
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = metrics.text();
    assert!(text.contains("pulsewire_events_in_total{source=\"http\"} 1"), "{text}");
    assert!(text.contains("pulsewire_http_requests_total{route=\"/api/v1/devices/status\",status=\"202\"} 1"), "{text}");
    assert!(!text.contains("bed-1"), "no label names a device");
}

#[test]
fn an_older_scraper_gets_the_text_it_reads() {
    let server = Server::dev();
    let metrics = server.request("GET", "/metrics", None, None, &[("accept", "text/plain;version=0.0.4")]);
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = metrics.text();
    assert!(text.contains("# TYPE pulsewire_events_out_total counter\n") && !text.contains("# EOF"), "{text}");
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let mut config = Config::development();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.metrics.listen = Some(free);
    let server = Server::with(config);
    assert_problem(&server.request("GET", "/metrics", None, None, &[]), 404, "not_found");
    let own = fetch("GET", &format!("http://{free}/metrics"), None, None, &[]);
    assert_problem(&fetch("POST", &format!("http://{free}/metrics"), None, None, &[]), 405, "bad_request");
    assert_problem(&fetch("GET", &format!("http://{free}/metrics"), None, None, &[("host", "evil.example")]), 403, "forbidden");
    assert!(own.text().starts_with("# HELP pulsewire_"), "{own:?}");
    assert_eq!(fetch("GET", &format!("http://{free}/api/v1/stats"), None, None, &[]).status, 404);
}

#[test]
fn a_flood_that_takes_every_place_leaves_the_metrics_own_address_to_monitoring() {
    let mut config = Config::development();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.metrics.listen = Some(free);
    config.limits.http_connections = Some(1);
    let server = Server::with(config);
    let address = server.url().trim_start_matches("http://");
    let _silent = std::net::TcpStream::connect(address).unwrap();
    let mut turned_away = String::new();
    std::io::Read::read_to_string(&mut std::net::TcpStream::connect(address).unwrap(), &mut turned_away).unwrap();
    assert!(turned_away.starts_with("HTTP/1.1 503 "), "{turned_away}");
    let metrics = fetch("GET", &format!("http://{free}/metrics"), None, None, &[]);
    assert!(metrics.text().contains("pulsewire_refusals_total{limit=\"http_connections\"} 1"), "{metrics:?}");
}

#[test]
fn development_tokens_work_and_are_given_to_this_machine_only() {
    let server = Server::dev();
    let minted = server.request("GET", "/dev/token?sub=nina&role=service&name=Nina%20N&ttl=60", None, None, &[]).json();
    assert!(minted["expiresAt"].as_u64().is_some());
    assert_eq!(server.get("/api/v1/presence/tenant", minted["token"].as_str().unwrap()).status, 200);
    let narrow =
        server.request("GET", "/dev/token?sub=nina&role=nurse&subscribe=dashboard,patient:p-1&publish=ward:1", None, None, &[]).json();
    let narrow = narrow["token"].as_str().unwrap();
    assert_eq!(server.get("/api/v1/presence/patient:p-1", narrow).status, 200);
    assert_problem(&server.get("/api/v1/presence/patient:p-2", narrow), 403, "forbidden");
    assert_problem(&server.request("GET", "/dev/token?sub=nina&subscribe=a%20b", None, None, &[]), 400, "bad_request");
    assert_problem(&server.request("GET", "/dev/token", None, None, &[]), 400, "bad_request");
    assert_problem(&server.request("GET", "/dev/token?sub=a%20b", None, None, &[]), 400, "bad_request");
    assert_problem(&server.request("GET", "/dev/token?sub=nina", None, None, &[("host", "evil.example:8080")]), 403, "forbidden");
    assert_eq!(server.request("GET", "/dev/info", None, None, &[]).json(), json!({"source": null, "devices": 0, "tenant": "demo"}));
    let strict = Server::with(strict_config());
    assert_problem(&strict.request("GET", "/dev/token?sub=nina", None, None, &[]), 404, "not_found");
    assert_problem(&strict.request("GET", "/dev/info", None, None, &[]), 404, "not_found");
    assert_problem(&strict.request("POST", "/dev/restart", None, None, &[]), 404, "not_found");
}

#[test]
fn a_restart_is_for_pages_of_this_machine_and_for_relays_that_somebody_starts_again() {
    let server = Server::dev();
    let asked = |path: &str, headers: &[(&str, &str)]| server.request("POST", path, None, None, headers);
    assert_problem(&asked("/dev/restart", &[("origin", "https://evil.example")]), 403, "forbidden");
    assert_problem(&asked("/dev/restart", &[("origin", "null")]), 403, "forbidden");
    assert_problem(&asked("/dev/restart", &[("host", "evil.example")]), 403, "forbidden");
    assert_problem(&asked("/dev/restart?awayMs=soon", &[]), 400, "bad_request");
    assert_problem(&asked("/dev/restart?awayMs=60001", &[]), 400, "bad_request");
    // This one runs inside the test, and goes on.
    assert_problem(&asked("/dev/restart", &[("origin", "http://localhost:5173")]), 503, "unavailable");
    assert_eq!(server.get("/healthz", &service()).status, 200);
}

#[test]
fn a_development_relay_answers_this_machines_names_only_at_every_door() {
    let server = Server::dev();
    let upgrade = [
        ("host", "evil.example"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_problem(&server.request("GET", "/ws", None, None, &upgrade), 403, "forbidden");
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/stats"),
        ("POST", "/api/v1/publish"),
        ("GET", "/dev/info"),
        ("POST", "/dev/restart"),
    ] {
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            let answer = server.request(method, path, Some(&service()), None, &[("host", host)]);
            assert_problem(&answer, 403, "forbidden");
        }
    }
    for host in ["localhost", "localhost:5173", "127.0.0.1:1", "[::1]:8080"] {
        assert_eq!(server.request("GET", "/healthz", None, None, &[("host", host)]).status, 200, "{host}");
    }
    // Opened on purpose, and a relay with a secret of its own.
    let open = Server::with(Config { allow_lan: true, ..Config::development() });
    assert_eq!(open.request("GET", "/healthz", None, None, &[("host", "ward.local")]).status, 200);
    let strict = Server::with(strict_config());
    assert_eq!(strict.request("GET", "/healthz", None, None, &[("host", "relay.ward.example")]).status, 200);
}

#[test]
fn an_overloaded_relay_asks_new_connections_to_come_back_and_serves_everything_else() {
    let mut config = Config::development();
    // One byte of memory is less than any relay has: over at once, for good.
    config.monitor = pulsewire_relay::config::MonitorConfig { interval_ms: 100, sustain_samples: 1, memory_bytes: 1, ..config.monitor };
    let server = Server::with(config);
    let began = std::time::Instant::now();
    loop {
        let ready = server.request("GET", "/readyz", None, None, &[]);
        assert_eq!(ready.status, 200, "a balancer goes on sending polls and alerts");
        if ready.json()["breaker"] == "open" {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "the breaker does not open");
    }
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut delays = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let refused = server.request("GET", "/ws", None, None, &upgrade);
        let problem = assert_problem(&refused, 503, "unavailable");
        let (seconds, delay_ms) = (refused.header("retry-after").parse::<u64>().unwrap(), problem["retryAfterMs"].as_u64().unwrap());
        assert!((5..=30).contains(&seconds) && seconds == delay_ms.div_ceil(1_000), "{problem}");
        delays.insert(delay_ms);
    }
    assert!(delays.len() > 1, "each at a time of its own: {delays:?}");
    let status = json!({"deviceId": "bed-1", "status": "online"});
    assert_eq!(server.post("/api/v1/devices/status", &service(), &status).status, 202);
    assert_eq!(server.post("/api/v1/poll", &nurse(), &json!({"channels": [{"channel": "device:bed-1"}]})).status, 200);
    assert_eq!(server.request("GET", "/healthz", None, None, &[]).status, 200);
    let metrics = server.request("GET", "/metrics", None, None, &[]).text();
    for line in ["pulsewire_breaker_state{state=\"open\"} 1", "pulsewire_resource_available{resource=\"memory\"} 1.0"] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}
