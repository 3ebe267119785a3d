//! A real relay in a thread of its own, and a plain blocking client.

use crate::contract::Contract;
use pulsewire_relay::config::{Config, DEMO_TENANT, SecretString};
use pulsewire_relay::mint::{TokenRequest, mint};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a-secret-of-more-than-thirty-two-bytes-in-all";

/// A relay with a secret of its own and no roles.
pub(crate) fn strict_config() -> Config {
    let mut config = Config::default();
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    config
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn request(tenant: &str, role: &str) -> TokenRequest {
    TokenRequest { sub: format!("{role}-1"), tenant: tenant.to_owned(), role: Some(role.to_owned()), ttl_s: 600, ..TokenRequest::default() }
}

/// A token of the development relay.
pub(crate) fn token_of(tenant: &str, role: &str) -> String {
    mint(&Config::development(), &request(tenant, role), now_ms()).unwrap().token
}

/// The same, made at another time.
pub(crate) fn token_at(role: &str, at_ms: u64, ttl_s: u64) -> String {
    mint(&Config::development(), &TokenRequest { ttl_s, ..request(DEMO_TENANT, role) }, at_ms).unwrap().token
}

/// With publish patterns of its own.
pub(crate) fn token_for(role: &str, publish: &[&str]) -> String {
    let publish = Some(publish.iter().map(|pattern| (*pattern).to_owned()).collect());
    mint(&Config::development(), &TokenRequest { publish, ..request(DEMO_TENANT, role) }, now_ms()).unwrap().token
}

pub(crate) fn service() -> String {
    token_of(DEMO_TENANT, "service")
}

pub(crate) fn nurse() -> String {
    token_of(DEMO_TENANT, "nurse")
}

/// Signed with a secret that no relay here has.
pub(crate) fn stranger() -> String {
    mint(&strict_config(), &request(DEMO_TENANT, "service"), now_ms()).unwrap().token
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One request.
pub(crate) fn fetch(method: &str, url: &str, token: Option<&str>, body: Option<(&str, &[u8])>, headers: &[(&str, &str)]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let mut builder = ureq::http::Request::builder().method(method).uri(url);
    if let Some(token) = token {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    if let Some((kind, _)) = body {
        builder = builder.header("content-type", kind);
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let mut answer = match body {
        Some((_, bytes)) => agent.run(builder.body(bytes).unwrap()).unwrap(),
        None => agent.run(builder.body(()).unwrap()).unwrap(),
    };
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Answer { status: answer.status().as_u16(), headers, body: answer.body_mut().read_to_vec().unwrap() }
}

/// A relay that ends with the test.
pub(crate) struct Server {
    url: String,
    config: Config,
    /// What its document says; read when it is first needed.
    contract: OnceLock<Contract>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn dev() -> Self {
        Self::with(Config::development())
    }

    pub(crate) fn with(config: Config) -> Self {
        let stop = CancellationToken::new();
        let (address_sender, address) = std::sync::mpsc::channel();
        let (stopping, running) = (stop.clone(), config.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                address_sender.send(listener.local_addr().unwrap()).unwrap();
                pulsewire_relay::run(listener, running, stopping).await.unwrap();
            });
        });
        let url = format!("http://{}", address.recv().unwrap());
        Self { url, config, contract: OnceLock::new(), stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A token of this relay's own secret.
    pub(crate) fn token(&self, role: &str, subscribe: &[&str], publish: &[&str]) -> String {
        let list = |patterns: &[&str]| Some(patterns.iter().map(|pattern| (*pattern).to_owned()).collect());
        let request = TokenRequest { subscribe: list(subscribe), publish: list(publish), ..request(DEMO_TENANT, role) };
        mint(&self.config, &request, now_ms()).unwrap().token
    }

    #[track_caller]
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<(&str, &[u8])>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = fetch(method, &format!("{}{path}", self.url), token, body, headers);
        let contract =
            self.contract.get_or_init(|| Contract::new(fetch("GET", &format!("{}/openapi.json", self.url), None, None, &[]).json()));
        contract.check(method, path, body, &answer);
        answer
    }
    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.request("GET", path, Some(token), None, &[])
    }
    pub(crate) fn post(&self, path: &str, token: &str, body: &serde_json::Value) -> Answer {
        self.post_text(path, token, "application/json", &body.to_string())
    }
    pub(crate) fn post_text(&self, path: &str, token: &str, kind: &str, body: &str) -> Answer {
        self.request("POST", path, Some(token), Some((kind, body.as_bytes())), &[])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A relay that failed says so, unless the test failed first.
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the relay ended badly");
        }
    }
}

/// Insists on a problem document of this status and code, with everything that one must hold.
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str) -> serde_json::Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["code"], code, "{problem}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
    }
    problem
}
