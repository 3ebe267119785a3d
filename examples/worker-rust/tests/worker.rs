//! Both example workers against a real relay: a job fails, a user asks for another attempt, it succeeds.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use pulsewire_relay::config::{Config, DEMO_TENANT};
use pulsewire_relay::mint::{TokenRequest, mint};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a job of three steps of 20 ms may take on a machine that does other things too.
const WITHIN: Duration = Duration::from_secs(60);

/// Ends with the test, also one that fails.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Relay {
    url: String,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn relay() -> Relay {
    let stop = CancellationToken::new();
    let (address_sender, address) = std::sync::mpsc::channel();
    let stopping = stop.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address_sender.send(listener.local_addr().unwrap()).unwrap();
            pulsewire_relay::run(listener, Config::development(), stopping).await.unwrap();
        });
    });
    Relay { url: format!("http://{}", address.recv().unwrap()), stop, thread: Some(thread) }
}

fn token(role: &str) -> String {
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let request = TokenRequest {
        sub: role.to_owned(),
        tenant: DEMO_TENANT.to_owned(),
        role: Some(role.to_owned()),
        ttl_s: 600,
        ..TokenRequest::default()
    };
    mint(&Config::development(), &request, now_ms).unwrap().token
}

impl Relay {
    fn call(&self, role: &str, method: &str, path: &str, body: &Value) -> Value {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/executions{path}", self.url))
            .header("authorization", format!("Bearer {}", token(role)))
            .header("content-type", "application/json")
            .body(if method == "GET" { String::new() } else { body.to_string() })
            .unwrap();
        let mut answer = ureq::run(request).unwrap();
        answer.body_mut().read_json().unwrap()
    }

    fn wait_for(&self, path: &str, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let execution = self.call("nurse", "GET", path, &Value::Null);
            if execution["status"] == status {
                return execution;
            }
            assert!(begun.elapsed() < WITHIN, "{execution}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn works(mut command: Command) {
    let relay = relay();
    // One that was there before the worker, one that comes while it waits.
    let early = relay.call("service", "POST", "", &json!({ "title": "Early" }));
    command.env("PULSEWIRE_URL", &relay.url).env("PULSEWIRE_TOKEN", token("service")).env("STEP_MS", "20").stdout(Stdio::null());
    let _worker = Worker(command.spawn().unwrap());
    let early = format!("/{}", early["executionId"].as_str().unwrap());
    relay.wait_for(&early, "failed");
    let late = relay.call("service", "POST", "", &json!({ "title": "Late" }));
    let late = format!("/{}", late["executionId"].as_str().unwrap());
    let failed = relay.wait_for(&late, "failed");
    assert_eq!((&failed["error"]["code"], &failed["attempt"]), (&json!("timeout"), &json!(1)));
    assert_eq!(failed["steps"].as_array().unwrap().len(), 3);
    for path in [&early, &late] {
        relay.call("nurse", "POST", &format!("{path}/retry"), &json!({}));
        let done = relay.wait_for(path, "succeeded");
        assert_eq!((&done["progress"], &done["attempt"], &done["error"]), (&json!(1.0), &json!(2), &Value::Null));
    }
    let log = relay.call("nurse", "GET", &format!("{late}/log"), &Value::Null);
    assert!(log["items"].as_array().unwrap().iter().any(|line| line["level"] == "error" && line["attempt"] == 1), "{log}");
}

#[test]
fn the_rust_worker_fails_and_succeeds_when_a_user_asks_again() {
    works(Command::new(env!("CARGO_BIN_EXE_pulsewire-example-worker")));
}

#[test]
fn the_node_worker_fails_and_succeeds_when_a_user_asks_again() {
    let mut node = Command::new("node");
    node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../worker-node/worker.mjs"));
    works(node);
}
