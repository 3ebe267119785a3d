//! The logs of the real binary: files, the audit log, full disks, forged lines, and no token anywhere.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pulsewire-logs-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
    fn lines(&self, name: &str) -> Vec<String> {
        std::fs::read_to_string(self.0.join(name)).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn relay(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulsewire-relay"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PULSEWIRE_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).args(["--dev", "--listen", "127.0.0.1:0"]).stdin(Stdio::null());
    command
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = relay(variables).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("the first line is {line:?}")).to_owned();
        Self { child, url }
    }
    fn get(&self, path: &str) -> String {
        ureq::get(&format!("{}{path}", self.url)).call().unwrap().body_mut().read_to_string().unwrap()
    }
    fn token(&self, role: &str) -> String {
        let answer: Value = serde_json::from_str(&self.get(&format!("/dev/token?sub=nina&role={role}"))).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }
    /// Connects, lets `work` say something, and closes.
    async fn connect(&self, token: &str, client: Value, messages: &[Value]) {
        let (mut socket, _) = tokio_tungstenite::connect_async(self.url.replace("http://", "ws://") + "/ws").await.unwrap();
        let connect = json!({"type": "connect", "id": 1, "token": token, "client": client, "subscribe": [{"channel": "lobby"}]});
        socket.send(connect.to_string().into()).await.unwrap();
        socket.next().await.unwrap().unwrap();
        for message in messages {
            socket.send(message.to_string().into()).await.unwrap();
            socket.next().await.unwrap().unwrap();
        }
        // Where the relay has refused the token it has closed already.
        let _ = socket.close(None).await;
        while let Some(Ok(_)) = socket.next().await {}
    }
    /// Asks it to stop, waits, and gives what it wrote to standard error.
    fn stop(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let asked = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(asked.elapsed() < Duration::from_secs(12), "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[tokio::test]
async fn a_run_with_files_tells_everything_in_them_and_no_token_at_any_level() {
    let folder = Folder::new("files");
    let (log, audit) = (folder.path("deep/relay.log"), folder.path("audit.log"));
    let relay = Running::start(&[
        ("PULSEWIRE_LOG", "trace"),
        ("PULSEWIRE_LOG__FORMAT", "json"),
        ("PULSEWIRE_LOG__FILE", &log),
        ("PULSEWIRE_AUDIT__FILE", &audit),
        // Any machine has descriptors for these: else the relay rightly warns.
        ("PULSEWIRE_LIMITS__CONNECTIONS", "100"),
    ]);
    let (admin, nurse) = (relay.token("admin"), relay.token("nurse"));
    let client = json!({"name": "t", "version": "1", "session": "page-7"});
    let publish = json!({"type": "publish", "id": 2, "channel": "admin", "event": "note", "data": {"secret": "of-the-payload"}});
    relay.connect(&admin, client.clone(), &[publish]).await;
    let mut forged = nurse.clone();
    forged.push('x');
    for _ in 0..25 {
        relay.connect(&forged, client.clone(), &[]).await;
    }
    relay.connect(&nurse, client, &[json!({"type": "refresh", "id": 2, "token": &nurse})]).await;
    for path in [format!("/ws?token={nurse}"), format!("/api/v1/stats?token={nurse}"), format!("/nowhere/{nurse}")] {
        let _ = ureq::get(&format!("{}{path}", relay.url)).header("authorization", &format!("Bearer {nurse}")).call();
    }
    let stderr = relay.stop();
    assert!(stderr.is_empty(), "nothing went wrong, so standard error says nothing: {stderr}");

    let lines = folder.lines("deep/relay.log");
    let entries: Vec<Value> = lines.iter().map(|line| parsed(line)).collect();
    let of = |message: &str| entries.iter().filter(|entry| entry["message"] == message).collect::<Vec<_>>();
    let opened = of("connection opened");
    assert_eq!(opened.len(), 2, "{opened:?}");
    for name in ["connection", "user", "tenant", "address", "session", "client"] {
        assert!(opened[0][name].is_string(), "{name} in {}", opened[0]);
    }
    let closed = of("connection closed");
    assert_eq!(closed.len(), 2);
    assert_eq!((closed[0]["code"].as_u64(), closed[0]["session"].as_str()), (Some(1000), Some("page-7")), "{}", closed[0]);
    for name in ["reason", "duration_ms", "received", "sent"] {
        assert!(!closed[0][name].is_null(), "{name} in {}", closed[0]);
    }
    let sent = of("event sent");
    assert!(sent.iter().any(|entry| entry["event"] == "note" && entry["channel"] == "admin" && entry["recipients"].is_u64()), "{sent:?}");

    let published = sent.iter().find(|entry| entry["channel"] == "admin").unwrap();
    assert_eq!(published["span"]["session"], "page-7", "what a client sets off carries its session: {published}");
    for entry in [opened[0], closed[0], published] {
        assert_eq!(entry["span"]["connection"], opened[0]["connection"], "{entry}");
    }

    let audited: Vec<Value> = folder.lines("audit.log").iter().map(|line| parsed(line)).collect();
    let actions: Vec<&str> = audited.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "configuration.loaded",
            "relay.started",
            "dev.token_minted",
            "dev.token_minted",
            "admin.published",
            "login.refused",
            "relay.stop_requested",
            "relay.stopped"
        ]
    );
    assert_eq!(audited[4]["actor"], "nina");
    assert_eq!(of("audit").len(), audited.len(), "the audit log stands in the log too");

    let everything = lines.join("\n") + &folder.lines("audit.log").join("\n");
    for word in ["eyJ", nurse.rsplit('.').next().unwrap(), "of-the-payload", pulsewire_relay::config::DEV_SECRET] {
        assert!(!everything.contains(word), "{word} is in the log: {:?}", everything.lines().find(|line| line.contains(word)));
    }
}

#[tokio::test]
async fn what_a_client_sends_cannot_forge_a_line() {
    for format in ["pretty", "json"] {
        let relay = Running::start(&[("PULSEWIRE_LOG", "debug"), ("PULSEWIRE_LOG__FORMAT", format)]);
        let token = relay.token("nurse");
        let evil = "x\n2026-01-01T00:00:00Z  INFO pulsewire_relay: FORGED\r\u{1b}[2J\u{2028}\u{85}";
        relay.connect(&token, json!({"name": evil, "version": evil, "session": evil}), &[]).await;
        relay.connect(evil, json!({"name": "t", "version": "1", "session": "s"}), &[]).await;
        let bad = json!({"type": "publish", "id": 2, "channel": evil, "event": evil, "data": evil, "key": evil});
        relay.connect(&token, json!({"name": "t", "version": "1", "session": "s"}), &[bad]).await;
        let _ = ureq::get(&format!("{}/%0aFORGED%1b", relay.url)).header("user-agent", "x").call();
        let log = relay.stop();
        assert!(log.contains("FORGED"), "the text is there, or this test shows nothing: {log}");
        for line in log.lines() {
            let genuine =
                if format == "json" { parsed(line)["timestamp"].is_string() } else { line.starts_with("20") && line.contains("Z ") };
            assert!(genuine && !line.starts_with("2026-01-01T00:00:00Z"), "{line:?} in\n{log}");
            assert!(line.chars().all(|c| !c.is_control() && c != '\u{2028}'), "{line:?}");
        }
    }
}

#[test]
fn a_full_disk_stops_nothing_and_is_told_and_counted() {
    let relay = Running::start(&[("PULSEWIRE_LOG__FILE", "/dev/full"), ("PULSEWIRE_AUDIT__FILE", "/dev/full")]);
    let lost = |sink: &str| -> f64 {
        let text = relay.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(&format!("pulsewire_log_lines_lost_total{{sink=\"{sink}\"}}"))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let began = Instant::now();
    while lost("file") < 2.0 || lost("audit") < 2.0 {
        assert!(began.elapsed() < Duration::from_secs(10), "the loss is not counted");
        relay.token("nurse");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!((lost("stderr") - 0.0).abs() < f64::EPSILON);
    let metrics = relay.get("/metrics");
    assert!(metrics.contains("pulsewire_faults_total{category=\"io\",severity=\"error\"} 2"), "{metrics}");
    let stderr = relay.stop();
    assert!(stderr.contains("the log cannot be written") && stderr.contains("category=\"io\""), "{stderr}");
    assert!(Path::new("/dev/full").exists());
}

#[test]
fn a_log_file_that_cannot_be_opened_is_named_with_its_key() {
    for (variable, key) in [("PULSEWIRE_LOG__FILE", "log.file"), ("PULSEWIRE_AUDIT__FILE", "audit.file")] {
        let output = relay(&[(variable, "/dev/null/relay.log")]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{key}: /dev/null/relay.log cannot be written")), "{said}");
    }
}

#[test]
fn the_effective_configuration_says_where_each_value_comes_from_and_hides_secrets() {
    let folder = Folder::new("show");
    let file = folder.path("relay.toml");
    std::fs::write(&file, "[limits]\nburst = 11\nconnections = 12\n[roles.nurse]\nsubscribe = [\"patient:*\"]\n").unwrap();
    let secret = "a-secret-of-more-than-thirty-two-bytes-in-all";
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulsewire-relay"));
        command.env_clear().envs(variables.iter().copied()).args(arguments).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let given = [
        ("PULSEWIRE_JWT_SECRET", secret),
        ("PULSEWIRE_LIMITS__BURST", "1_3"),
        ("PULSEWIRE_ORIGINS", "https://a.example,https://b.example"),
    ];
    let shown = run(&["config", "--config", &file, "--listen", "localhost:0"], &given);
    for line in [
        "listen = \"localhost:0\"  # flag --listen".to_owned(),
        "limits.burst = 13  # environment variable PULSEWIRE_LIMITS__BURST".to_owned(),
        format!("limits.connections = 12  # {file}:3"),
        format!("roles.nurse.subscribe = [\"patient:*\"]  # {file}:5"),
        "origins = [\"https://a.example\", \"https://b.example\"]  # environment variable PULSEWIRE_ORIGINS".to_owned(),
        "heartbeat.interval_ms = 30000  # default".to_owned(),
        "# auth.jwt_secret = \"***\"  # environment variable PULSEWIRE_JWT_SECRET".to_owned(),
        "# data_dir is not set".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\nis not in\n{shown}");
    }
    assert!(!shown.contains(secret));
    // What it prints, it reads, and means the same.
    let again = folder.path("again.toml");
    std::fs::write(&again, &shown).unwrap();
    let values = |text: &str| text.lines().filter_map(|line| Some(line.split_once("  # ")?.0.to_owned())).collect::<Vec<_>>();
    let reread = run(&["config", "--config", &again], &given[..1]);
    assert_eq!(values(&reread), values(&shown));
}
