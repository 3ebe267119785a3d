//! The process, and the two ways into it: HTTP and a WebSocket. Both do the same things, described once.

use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::mint::{TokenRequest, mint};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

const SECRET: &str = "a-secret-of-more-than-thirty-two-bytes-in-all";
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Op {
    Call { method: &'static str, params: Value },
    Publish { channel: String, event: &'static str, data: Value, key: String },
}

/// What became of it.
#[derive(Debug)]
pub enum Told {
    Accepted(Value),
    Refused(String),
    /// Nobody knows.
    Gone,
}

/// A real relay.
pub struct Process {
    child: Child,
    address: String,
}

impl Process {
    pub fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulsewire-relay"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PULSEWIRE_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("PULSEWIRE_JWT_SECRET", SECRET).env("PULSEWIRE_DATA_DIR", folder);
        command.env("PULSEWIRE_LOG", "error");
        for limit in ["REQUESTS_PER_SECOND", "REQUEST_BURST", "MESSAGES_PER_SECOND", "BURST"] {
            command.env(format!("PULSEWIRE_LIMITS__{limit}"), "10000");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("it did not start: {line:?}")).to_owned();
        Self { child, address }
    }

    /// As `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Requests of a backend and of this round's nurse.
    pub fn http(&self, round: u64) -> Door {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWERED_WITHIN));
        Door::Http { agent: config.build().into(), url: format!("http://{}", self.address), tokens: tokens(round) }
    }

    /// The same over a connection each.
    pub fn socket(&self, round: u64) -> Door {
        Door::Sockets(Box::new(tokens(round).map(|token| Connection::open(&self.address, &token))))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killed already, unless the test failed.
        let _gone = (self.child.kill(), self.child.wait());
    }
}

pub fn nurse_of(round: u64) -> String {
    format!("ana-{round}")
}

fn tokens(round: u64) -> [String; 2] {
    let mut config = Config::default();
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let everything = || Some(vec!["*".to_owned()]);
    [("backend".to_owned(), "service"), (nurse_of(round), "nurse")].map(|(sub, role)| {
        let (tenant, role) = ("ward".to_owned(), Some(role.to_owned()));
        let request =
            TokenRequest { sub, tenant, role, subscribe: everything(), publish: everything(), ttl_s: 3_600, ..TokenRequest::default() };
        mint(&config, &request, now_ms).unwrap().token
    })
}

pub enum Door {
    Http { agent: ureq::Agent, url: String, tokens: [String; 2] },
    Sockets(Box<[Connection; 2]>),
}

impl Door {
    pub fn tell(&mut self, op: &Op, by_nurse: bool) -> Told {
        match self {
            Self::Sockets(connections) => connections[usize::from(by_nurse)].tell(op),
            Self::Http { agent, url, tokens } => {
                let (verb, path, key, body) = request(op);
                let mut builder = ureq::http::Request::builder().method(verb).uri(format!("{url}{path}"));
                builder = builder.header("authorization", format!("Bearer {}", tokens[usize::from(by_nurse)]));
                builder = builder.header("content-type", "application/json");
                if let Some(key) = key {
                    builder = builder.header("idempotency-key", key);
                }
                read(agent.run(builder.body(body.to_string()).unwrap()))
            }
        }
    }

    /// Every item of a list, page by page.
    pub fn list(&mut self, path: &str, by_nurse: bool) -> Vec<Value> {
        let mut items = Vec::new();
        let mut before = String::new();
        loop {
            let answer = self.get(&format!("{path}{}limit=200{before}", if path.contains('?') { '&' } else { '?' }), by_nurse);
            items.extend(answer["items"].as_array().unwrap().iter().cloned());
            let Some(next) = answer["next"].as_str() else { return items };
            before = format!("&before={next}");
        }
    }

    pub fn get(&mut self, path: &str, by_nurse: bool) -> Value {
        let Self::Http { agent, url, tokens } = self else { panic!("lists are read over HTTP") };
        let token = format!("Bearer {}", tokens[usize::from(by_nurse)]);
        let builder = ureq::http::Request::builder().uri(format!("{url}{path}")).header("authorization", token);
        match read(agent.run(builder.body(()).unwrap())) {
            Told::Accepted(answer) => answer,
            other => panic!("GET {path}: {other:?}"),
        }
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Told {
    let Ok(mut answer) = answer else { return Told::Gone };
    let status = answer.status().as_u16();
    match answer.body_mut().read_to_string() {
        Ok(text) if status < 300 => Told::Accepted(serde_json::from_str(&text).unwrap()),
        Ok(text) => Told::Refused(format!("{status} {text}")),
        Err(_) => Told::Gone,
    }
}

/// Verb, path, key and body.
fn request(op: &Op) -> (&'static str, String, Option<String>, Value) {
    let (method, mut params) = match op {
        Op::Publish { channel, event, data, key } => {
            let item = json!({ "channel": channel, "event": event, "data": data });
            return ("POST", "/api/v1/publish".to_owned(), Some(key.clone()), item);
        }
        Op::Call { method, params } => (*method, params.clone()),
    };
    let mut taken = |field: &str| match params.as_object_mut().unwrap().remove(field) {
        Some(Value::String(text)) => text,
        other => panic!("{method}: {field} is {other:?}"),
    };
    let (verb, path) = match method {
        "notifications.create" => ("POST", "/notifications".to_owned()),
        "notifications.read" => ("POST", "/notifications/read".to_owned()),
        "alerts.read" => ("POST", "/alerts/read".to_owned()),
        "alerts.acknowledge" => ("POST", format!("/alerts/{}/acknowledge", taken("id"))),
        "conversations.send" => ("POST", format!("/conversations/{}/messages", taken("conversationId"))),
        "conversations.status" => ("POST", format!("/conversations/{}/status", taken("conversationId"))),
        "executions.create" => ("POST", "/executions".to_owned()),
        "executions.update" => ("POST", format!("/executions/{}/updates", taken("executionId"))),
        "executions.log" => ("POST", format!("/executions/{}/log", taken("executionId"))),
        "patients.put" => ("PUT", format!("/patients/{}", taken("patientId"))),
        "devices.put" => ("PUT", format!("/devices/{}", taken("deviceId"))),
        other => panic!("no route for {other}"),
    };
    let key = params.as_object_mut().unwrap().remove("key").map(|key| key.as_str().unwrap().to_owned());
    (verb, format!("/api/v1{path}"), key, params)
}

pub struct Connection {
    socket: WebSocket<TcpStream>,
    next: u64,
}

impl Connection {
    fn open(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(ANSWERED_WITHIN)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "pulsewire.v1.json".parse().unwrap());
        let (socket, _) = tungstenite::client(request, stream).unwrap();
        let mut connection = Self { socket, next: 1 };
        let client = json!({ "name": "kill", "version": "1", "session": "s-1" });
        match connection.ask(json!({ "type": "connect", "token": token, "client": client })) {
            Told::Accepted(_) => connection,
            other => panic!("not welcome: {other:?}"),
        }
    }

    fn tell(&mut self, op: &Op) -> Told {
        self.ask(match op {
            Op::Call { method, params } => json!({ "type": "call", "method": method, "params": params }),
            Op::Publish { channel, event, data, key } => {
                json!({ "type": "publish", "channel": channel, "event": event, "data": data, "key": key })
            }
        })
    }

    /// Sends a command and waits for its answer; what else comes is passed over.
    fn ask(&mut self, mut command: Value) -> Told {
        let id = self.next;
        self.next += 1;
        command["id"] = id.into();
        if self.socket.send(Message::text(command.to_string())).is_err() {
            return Told::Gone;
        }
        loop {
            let Ok(frame) = self.socket.read() else { return Told::Gone };
            let Message::Text(text) = frame else { continue };
            for line in text.lines() {
                let mut message: Value = serde_json::from_str(line).unwrap();
                if message["id"] == id {
                    return match message["type"].as_str() {
                        Some("error") => Told::Refused(line.to_owned()),
                        _ => Told::Accepted(message["result"].take()),
                    };
                }
            }
        }
    }
}
