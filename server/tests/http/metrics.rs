//! Metrics of a relay that is in use: a WebSocket's life shows in them, and afterwards nothing is left of it.

use crate::client::*;
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_relay::config::Config;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("{name} is missing in\n{metrics}")).rsplit(' ').next().unwrap().parse().unwrap()
}

fn metrics(server: &Server) -> String {
    server.request("GET", "/metrics", None, None, &[]).text()
}

/// Asks until the value is there: what ends, ends a moment later.
fn wait_for(server: &Server, name: &str, wanted: f64) {
    let began = Instant::now();
    loop {
        let text = metrics(server);
        let now = value(&text, name);
        if (now - wanted).abs() < 1e-9 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{name} stays {now}, not {wanted}\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_websockets_life_shows_in_the_metrics_and_leaves_nothing_behind() {
    let mut config = Config::development();
    config.heartbeat.interval_ms = 100;
    let server = Server::with(config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = server.url().replace("http://", "ws://") + "/ws";
    let (mut socket, _) = runtime.block_on(tokio_tungstenite::connect_async(&url)).unwrap();
    let connect = json!({
        "type": "connect", "id": 1, "token": nurse(), "client": {"name": "test", "version": "0", "session": "s"},
        "subscribe": [{"channel": "device:bed-1"}],
    });
    runtime.block_on(socket.send(Message::text(connect.to_string()))).unwrap();
    let status = json!({"deviceId": "bed-1", "status": "online"});
    let mut seen = (false, false, false);
    runtime.block_on(async {
        // Until welcome, heartbeat and event have all come, whatever their order and their frames.
        while seen != (true, true, true) {
            let frame = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap();
            for line in frame.to_text().unwrap().lines() {
                let message: Value = serde_json::from_str(line).unwrap();
                match message["type"].as_str().unwrap() {
                    "welcome" => {
                        seen.0 = true;
                        assert_eq!(server.post("/api/v1/devices/status", &service(), &status).status, 202);
                    }
                    "heartbeat" => {
                        seen.1 = true;
                        let pong = json!({"type": "pong", "ts": message["ts"]});
                        socket.send(Message::text(pong.to_string())).await.unwrap();
                    }
                    "event" => seen.2 |= message["event"] == "device_status",
                    _ => {}
                }
            }
        }
    });
    let text = metrics(&server);
    assert_eq!(value(&text, "pulsewire_connections"), 1.0);
    assert_eq!(value(&text, "pulsewire_connections_opened_total"), 1.0);
    assert!(value(&text, "pulsewire_subscriptions") >= 1.0);
    assert!(value(&text, "pulsewire_events_out_total") >= 1.0);
    assert!(value(&text, "pulsewire_command_seconds_count") >= 1.0);
    assert!(value(&text, "pulsewire_bytes_in_total{transport=\"websocket\"}") > 100.0);
    assert!(value(&text, "pulsewire_bytes_out_total{transport=\"websocket\"}") > 100.0);
    wait_for_at_least(&server, "pulsewire_round_trip_seconds_count", 1.0);

    runtime.block_on(socket.close(None)).unwrap();
    wait_for(&server, "pulsewire_connections", 0.0);
    wait_for(&server, "pulsewire_subscriptions", 0.0);
    wait_for(&server, "pulsewire_users", 0.0);
    wait_for(&server, "pulsewire_queued_messages", 0.0);
    let text = metrics(&server);
    let closed: f64 = text
        .lines()
        .filter(|line| line.starts_with("pulsewire_connections_closed_total{"))
        .map(|line| value(line, line.rsplit_once(' ').unwrap().0))
        .sum();
    assert_eq!(closed, 1.0, "every open has its close");
}

fn wait_for_at_least(server: &Server, name: &str, least: f64) {
    let began = Instant::now();
    while value(&metrics(server), name) < least {
        assert!(began.elapsed() < Duration::from_secs(10), "{name} stays below {least}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_way_of_messages_to_their_sockets_is_timed() {
    let server = Server::dev();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = server.url().replace("http://", "ws://") + "/ws";
    let (mut socket, _) = runtime.block_on(tokio_tungstenite::connect_async(&url)).unwrap();
    let connect = json!({
        "type": "connect", "id": 1, "token": nurse(), "client": {"name": "test", "version": "0", "session": "s"},
        "subscribe": [{"channel": "device:bed-1"}],
    });
    runtime.block_on(socket.send(Message::text(connect.to_string()))).unwrap();
    runtime.block_on(socket.next()).unwrap().unwrap();
    for _ in 0..70 {
        assert_eq!(server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"})).status, 202);
    }
    wait_for_at_least(&server, "pulsewire_delivery_seconds_count", 2.0);
    let seconds = value(&metrics(&server), "pulsewire_delivery_seconds_sum");
    assert!(seconds > 0.0 && seconds < 10.0, "{seconds}");
}

#[test]
fn a_refused_token_is_counted_by_its_reason() {
    let server = Server::dev();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = server.url().replace("http://", "ws://") + "/ws?token=nonsense";
    let refused = runtime.block_on(tokio_tungstenite::connect_async(&url)).unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 401);
    let problem: Value = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
    assert_eq!(problem["code"], "token_malformed");
    assert_eq!(value(&metrics(&server), "pulsewire_handshake_failures_total{reason=\"token_malformed\"}"), 1.0);
}
