//! The binary as a person or a script meets it: first line, exit codes, messages, tokens.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod keys;
#[cfg(feature = "domain")]
mod storage;

use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy, Relay};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "a-secret-of-more-than-thirty-two-bytes-in-all";

fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulsewire-relay"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PULSEWIRE_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    relay().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A relay that is ended with the test.
struct Running {
    child: Child,
    first_line: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        Self::spawn(relay().args(args))
    }
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        Self { child, first_line: first_line.trim_end().to_owned() }
    }
    fn url(&self) -> &str {
        self.first_line.strip_prefix("listening on ").unwrap_or_else(|| panic!("the first line is {:?}", self.first_line))
    }
    /// Asks it to stop and waits; its exit code and what it logged.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < Duration::from_secs(12), "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_line_says_where_it_listens_and_sigterm_ends_it_well() {
    for args in [&["--dev", "--listen", "127.0.0.1:0"][..], &["serve", "--dev", "--listen", "127.0.0.1:0", "--log", "json"]] {
        let relay = Running::start(args);
        assert!(relay.url().starts_with("http://127.0.0.1:"), "{}", relay.first_line);
        let health = ureq::get(&format!("{}/healthz", relay.url())).call().unwrap();
        assert_eq!(health.status(), 200);
        let (code, log) = relay.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("listening"), "{log}");
        if args.contains(&"json") {
            for line in log.lines() {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
            }
        }
    }
}

/// A connection to the relay on which something was begun and is not gone on with.
fn begun(address: &str, what: &str) -> std::net::TcpStream {
    use std::io::Write as _;
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.write_all(what.as_bytes()).unwrap();
    socket
}

/// The answer to the upgrade is read, and nothing after it, not even the close.
fn stuck_reader(address: &str) -> std::net::TcpStream {
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut socket = begun(address, upgrade);
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    socket
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_stop_ends_in_time_though_readers_are_stuck_and_requests_half_sent() {
    let metrics = free_address();
    let mut command = relay();
    command.args(["--dev", "--listen", "127.0.0.1:0"]).env("PULSEWIRE_METRICS__LISTEN", &metrics).env("PULSEWIRE_LIMITS__DRAIN_MS", "1500");
    let relay = Running::spawn(&mut command);
    let address = relay.url().trim_start_matches("http://").to_owned();
    let body = "POST /api/v1/publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let _held = [
        begun(&address, "GET /healthz HTTP/1.1\r\nhost: local"),
        begun(&address, body),
        begun(&metrics, "GET /metrics HTTP/1.1\r\nho"),
        begun(&address, ""),
        stuck_reader(&address),
    ];
    let asked = Instant::now();
    let (code, log) = relay.stop();
    assert_eq!(code, Some(0), "{log}");
    // What it may take is limits.drain_ms and at most 0.75 s; the rest is a busy machine's.
    assert!(asked.elapsed() < Duration::from_millis(4_000), "{:?}: {log}", asked.elapsed());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut relay = Running::start(&["--dev", "--listen", "127.0.0.1:0"]);
    let address = relay.url().trim_start_matches("http://").to_owned();
    // The relay asks for a body that never comes: only the end of the drain would end this.
    let token = text(&run(&["token", "--dev", "--sub", "monitor", "--tenant", "demo", "--role", "service"]).stdout);
    let head = format!(
        "POST /api/v1/publish HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nexpect: 100-continue\r\n\r\n",
        token.trim()
    );
    let mut held = begun(&address, &head);
    let mut answer = [0; 12];
    held.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    let pid = relay.child.id().to_string();
    let send = |signal: &str| assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    send("-TERM");
    let asked = Instant::now();
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(asked.elapsed() < Duration::from_secs(5), "it goes on accepting");
    }
    assert_eq!(relay.child.try_wait().unwrap(), None, "the half-sent request keeps it");
    send("-INT");
    let status = loop {
        if let Some(status) = relay.child.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < Duration::from_secs(7), "the second signal does not end it");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(130));
}

/// Connects as a nurse; the socket, and the relay's id from its welcome. Nothing where the relay goes or comes meanwhile.
async fn welcomed(
    url: &str,
) -> Option<(
    impl futures_util::Stream<Item = Result<tokio_tungstenite::tungstenite::Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
    String,
)> {
    use futures_util::{SinkExt as _, StreamExt as _};
    let token = text(&run(&["token", "--dev", "--sub", "nina", "--tenant", "demo", "--role", "nurse"]).stdout);
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("{url}/ws?token={}", token.trim())).await.ok()?;
    let connect = "{\"type\":\"connect\",\"id\":1,\"client\":{\"name\":\"t\",\"version\":\"1\",\"session\":\"s\"}}";
    socket.send(connect.into()).await.ok()?;
    // A close has a text, too, or none.
    let welcome: serde_json::Value = serde_json::from_str(socket.next().await?.ok()?.to_text().ok()?).ok()?;
    let node = welcome["node"].as_str()?.to_owned();
    Some((socket, node))
}

#[tokio::test]
async fn a_development_relay_restarts_in_place_and_still_ends_well() {
    use futures_util::StreamExt as _;
    let relay = Running::start(&["--dev", "--listen", "127.0.0.1:0"]);
    let url = relay.url().replace("http://", "ws://");
    let (mut socket, before) = welcomed(&url).await.unwrap();
    let door = format!("{}/dev/restart?awayMs=100", relay.url());
    let answer = tokio::task::spawn_blocking(move || ureq::post(&door).send_empty().unwrap()).await.unwrap();
    assert_eq!(answer.status(), 202);
    let close = loop {
        match socket.next().await {
            Some(Ok(tokio_tungstenite::tungstenite::Message::Close(Some(frame)))) => break frame,
            Some(Ok(_)) => {}
            ended => panic!("ended without a close: {ended:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 4503);
    assert!(close.reason.contains("retryAfterMs="), "{close:?}");
    let asked = Instant::now();
    let after = loop {
        match welcomed(&url).await {
            Some((_, node)) => break node,
            None => assert!(asked.elapsed() < Duration::from_secs(10), "no relay takes its place"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_ne!(before, after, "another relay, with a memory of its own");
    let (code, log) = relay.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn no_token_is_logged_at_the_finest_level_though_a_library_writes_every_message() {
    use futures_util::{SinkExt as _, StreamExt as _};
    for filter in ["trace", "trace,tungstenite::protocol=trace"] {
        let args = ["--dev", "--listen", "127.0.0.1:0"];
        let relay = Running::spawn(relay().args(args).env("PULSEWIRE_LOG", filter));
        let output = run(&["token", "--dev", "--sub", "nina", "--tenant", "demo", "--role", "nurse"]);
        let token = text(&output.stdout).trim().to_owned();
        assert!(token.starts_with("eyJ"), "{}", text(&output.stderr));
        let url = relay.url().replace("http://", "ws://") + "/ws";
        for (url, in_connect) in [(url.clone(), true), (format!("{url}?token={token}"), false)] {
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            let token = if in_connect { format!("\"token\":\"{token}\",") } else { String::new() };
            let connect =
                format!("{{\"type\":\"connect\",\"id\":1,{token}\"client\":{{\"name\":\"t\",\"version\":\"1\",\"session\":\"s\"}}}}");
            socket.send(connect.into()).await.unwrap();
            assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
        }
        let (_, log) = relay.stop();
        assert!(log.contains("connection opened"), "{log}");
        assert!(!log.contains("eyJ"), "a token in the log: {log}");
    }
}

#[test]
fn an_address_in_use_is_exit_code_3_with_the_mend() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&["--dev", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("cannot listen on") && said.contains("another port"), "{said}");
    assert!(output.stdout.is_empty(), "nothing is promised on standard output");
}

#[test]
fn every_mistake_of_file_environment_and_flags_is_told_before_anything_starts() {
    let file = std::env::temp_dir().join(format!("pulsewire-cli-{}.toml", std::process::id()));
    std::fs::write(&file, "[heartbeat]\ninterval = 5\n").unwrap();
    let output = relay()
        .args(["--config", &file.display().to_string(), "--listen", "nowhere", "--speed", "fast"])
        .env("PULSEWIRE_LIMITS__BURST", "lots")
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for part in [
        "4 mistakes in the configuration:",
        ".toml:2: heartbeat.interval: there is no such key (did you mean heartbeat.interval_ms?)",
        "environment variable PULSEWIRE_LIMITS__BURST: limits.burst: \"lots\" is not a whole number",
        "flag --listen: listen: \"nowhere\" is no address with a port",
        "flag --speed: feed.speed: \"fast\" is no number",
    ] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
}

#[test]
fn a_start_that_cannot_work_says_what_to_do() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "PULSEWIRE_JWT_SECRET"),
        (&["--dev", "--listen", "0.0.0.0:0"], "--allow-lan"),
        (&["--dev", "--listen", "127.0.0.1:0", "--replay", "/nowhere/R.csv"], "/nowhere/R.csv: cannot be opened"),
        (&["--dev", "--listen", "127.0.0.1:0", "--www", "/nowhere"], "there is no index.html in it"),
        (&["--dev", "--simulate", "100000"], "a whole number from 0 to 1000"),
    ];
    for (args, expected) in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expected) && !said.contains("panicked"), "{args:?} says {said}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn a_token_is_printed_alone_and_the_relay_that_shares_the_secret_accepts_it() {
    let output = relay()
        .args(["token", "--sub", "nina", "--tenant", "north", "--name", "Nina", "--role", "nurse", "--no-viewer"])
        .args(["--subscribe", "patient:*", "--subscribe", "tenant", "--publish", "conversation:*", "--ttl", "90s"])
        .env("PULSEWIRE_JWT_SECRET", SECRET)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let token = text(&output.stdout);
    assert_eq!(token.lines().count(), 1);
    let mut config = Config::default();
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    let relay = Relay::new(config, Clock::system(), Entropy::from_seed(1));
    let principal = relay.authenticate(Some(token.trim())).unwrap();
    assert_eq!((principal.user.as_str(), principal.tenant.as_str(), principal.name.as_str()), ("nina", "north", "Nina"));
    assert_eq!(principal.role.as_deref(), Some("nurse"));
    assert!(!principal.counts_as_viewer);
    let patterns: Vec<String> = principal.subscribe.iter().map(ToString::to_string).collect();
    assert_eq!(patterns, ["patient:*", "tenant"]);
    let left_ms = principal.expires_at_ms - relay.clock().now_ms();
    assert!((80_000..=90_000).contains(&left_ms), "90 s from now: {left_ms}");
}

#[test]
fn a_token_that_makes_no_sense_is_not_printed() {
    let cases: [(&[&str], &str); 6] = [
        (&["token", "--sub", "nina"], "--tenant"),
        (&["token", "--dev", "--sub", "a b", "--tenant", "t"], "sub: \"a b\" must match"),
        (&["token", "--dev", "--sub", "a", "--tenant", "t", "--subscribe", "Patient:*"], "subscribe: \"Patient:*\" is no pattern"),
        (&["token", "--dev", "--sub", "a", "--tenant", "t", "--ttl", "soon"], "--ttl"),
        (&["token", "--dev", "--sub", "a", "--tenant", "t", "--ttl", "0s"], "ttl: a token that ends at once"),
        (&["token", "--sub", "a", "--tenant", "t"], "PULSEWIRE_JWT_SECRET"),
    ];
    for (args, expected) in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{args:?} says {said}");
    }
}

#[test]
fn a_token_that_allows_nothing_here_comes_with_a_note_on_standard_error() {
    let output = relay().args(["token", "--sub", "a", "--tenant", "t"]).env("PULSEWIRE_JWT_SECRET", SECRET).output().unwrap();
    assert!(output.status.success());
    assert_eq!(text(&output.stdout).lines().count(), 1);
    assert!(text(&output.stderr).contains("allows nothing"), "{}", text(&output.stderr));
}

#[test]
fn doctor_tells_each_check_and_exits_with_1_where_one_fails() {
    let good = relay()
        .args(["doctor", "--listen", "127.0.0.1:0"])
        .env("PULSEWIRE_JWT_SECRET", "kX9vQ2mLr8pYw3Zt6BnHs1JdGf5CuEaT7oIe")
        .output()
        .unwrap();
    let said = text(&good.stdout);
    for check in ["clock:", "configuration:", "secret:", "file descriptors:", "memory:", "port:"] {
        assert!(said.contains(check), "{check} is missing in\n{said}");
    }
    // A machine with a low hard limit of descriptors rightly fails; nothing else may.
    assert!(
        good.status.success() || said.lines().filter(|line| line.starts_with("FAIL")).all(|line| line.contains("descriptors")),
        "{said}"
    );

    let output = run(&["doctor", "--dev", "--listen", "127.0.0.1:0", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let with = |verdict: &str| checks.iter().filter(|check| check["verdict"] == verdict).count();
    assert_eq!((report["failed"].as_u64(), report["warnings"].as_u64()), (Some(with("failed") as u64), Some(with("warning") as u64)));
    assert_eq!(checks.len(), with("ok") + with("warning") + with("failed"), "{report}");
    assert!(checks.iter().any(|check| check["name"] == "secret" && check["verdict"] == "warning" && check["mend"] != ""), "{report}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = run(&["doctor", "--dev", "--listen", &taken.local_addr().unwrap().to_string()]);
    let said = text(&bad.stdout);
    assert_eq!(bad.status.code(), Some(1), "{said}");
    assert!(said.contains("FAIL  port:") && said.contains("mend: "), "{said}");

    let weak = relay().arg("doctor").env("PULSEWIRE_JWT_SECRET", "short-and-secret").output().unwrap();
    let said = text(&weak.stdout);
    assert_eq!(weak.status.code(), Some(1));
    assert!(said.contains("FAIL  configuration:") && said.contains("16 bytes") && !said.contains("short-and-secret"), "{said}");
}

#[test]
fn the_simulated_ward_plays_in_the_demo_tenant_and_fills_its_dashboard() {
    let relay = Running::start(&["--dev", "--listen", "127.0.0.1:0", "--simulate", "6", "--seed", "4"]);
    let get = |path: &str, token: Option<&str>| -> serde_json::Value {
        let mut request = ureq::get(&format!("{}{path}", relay.url()));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        serde_json::from_str(&request.call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
    };
    let minted = get("/dev/token?sub=nina&role=nurse", None);
    let token = minted["token"].as_str().unwrap();
    let began = Instant::now();
    // The live part is there with and without the domain.
    loop {
        let history = get("/api/v1/history/device:bed-1?limit=50", Some(token));
        let publications = history["publications"].as_array().unwrap();
        if publications.iter().any(|p| p["event"] == "telemetry" && p["data"]["series"]["ecg"]["unit"] == "mV") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{history}");
        std::thread::sleep(Duration::from_millis(50));
    }
    while cfg!(feature = "domain") {
        let stats = get("/api/v1/stats", Some(token));
        // Today's share: soon after midnight (UTC) nobody can have worn a device for long.
        if stats["devices"] == 6 && stats["averageCompliance"].as_f64().unwrap() > 0.0 {
            assert_eq!(stats["online"], 5, "bed-5 begins in maintenance: {stats}");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{stats}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(relay.stop().0, Some(0));
}
