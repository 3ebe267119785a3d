//! A worker for executions: takes what waits, reports progress and log lines, fails now and then (as real jobs do), and works again
//! when a user asks for it.
//!
//! ```text
//! PULSEWIRE_URL=http://127.0.0.1:8080 PULSEWIRE_TOKEN=$(pulsewire-relay token --sub worker --tenant demo --role service \
//!   --subscribe '*' --publish '*') cargo run -p pulsewire-example-worker
//! ```
//!
//! What to take from it: what waits is asked for (`status=queued`, `status=retrying`), so nothing depends on having heard an event; a
//! long poll on `tenant` and on the executions that failed only makes it quick. Every report names its attempt, so a worker that was
//! given up cannot overwrite the next one; a report that got no answer is simply sent again.
//!
//! Limit: run one of them. Several need to agree on who takes which execution, which the relay does not do for them.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;
use ureq::http::Method;

const STEPS: [&str; 3] = ["Reading measurements", "Computing trends", "Writing the report"];
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The relay refuses the request: sending it again would not help.
#[derive(Debug)]
struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a job failed, for people and for whoever mends it.
struct Failure {
    code: &'static str,
    message: String,
    detail: String,
}

struct Relay {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Relay {
    fn once(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<(u16, Value), ureq::Error> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let body = body.map_or_else(String::new, Value::to_string);
        let mut response = self.agent.run(request.body(body)?)?;
        let status = response.status().as_u16();
        // A proxy in between may answer with a page of its own.
        Ok((status, response.body_mut().read_json().unwrap_or(Value::Null)))
    }

    /// One request; repeated until the relay answers it, because each of them may be repeated.
    fn request(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Value, Refused> {
        let mut wait = Duration::from_millis(500);
        loop {
            match self.once(method, path, body) {
                Ok((200..=299, answer)) => return Ok(answer),
                Ok((status, problem)) if status < 500 && problem.get("retryable") != Some(&Value::Bool(true)) => {
                    let text = |member: &str| problem.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
                    return Err(Refused(format!("{method} {path}: {status} {}: {}", text("code"), text("detail"))));
                }
                Ok((status, problem)) => {
                    let asked = problem.get("retryAfterMs").and_then(Value::as_u64).unwrap_or_default();
                    wait = wait.max(Duration::from_millis(asked));
                    eprintln!("the relay answers {status}: trying again in {} ms", wait.as_millis());
                }
                Err(error) => eprintln!("the relay cannot be reached ({error}): trying again in {} ms", wait.as_millis()),
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.request(&Method::POST, path, Some(body))
    }

    fn get(&self, path: &str) -> Result<Value, Refused> {
        self.request(&Method::GET, path, None)
    }

    /// Those in that state, newest first.
    fn list(&self, status: &str, most: usize) -> Result<Vec<Value>, Refused> {
        let (mut found, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/executions?status={status}&limit={}{before}", most.min(200)))?;
            found.extend(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next").and_then(Value::as_str) {
                Some(next) if found.len() < most => before = format!("&before={next}"),
                _ => return Ok(found),
            }
        }
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The job itself. Put yours here: an error fails it, `report` as often as you like.
fn work(attempt: u64, step_time: Duration, report: &dyn Fn(Value) -> Result<(), Refused>) -> Result<Result<(), Failure>, Refused> {
    for (place, step) in STEPS.iter().enumerate() {
        report(json!({ "status": "running", "step": step, "progress": place as f64 / STEPS.len() as f64 }))?;
        std::thread::sleep(step_time);
        // The first attempt of every job fails at its last step, so that there is something to try again.
        if attempt == 1 && place + 1 == STEPS.len() {
            return Ok(Err(Failure {
                code: "timeout",
                message: "The laboratory did not answer.".to_owned(),
                detail: "GET /samples/7 gave no answer within 30 s".to_owned(),
            }));
        }
    }
    Ok(Ok(()))
}

fn run(relay: &Relay, execution: &Value, step_time: Duration) -> Result<(), Refused> {
    let id = text(execution, "executionId");
    // One that was left running by a worker that was stopped is begun again under the next number.
    let left_running = u64::from(text(execution, "status") == "running");
    let attempt = execution.get("attempt").and_then(Value::as_u64).unwrap_or(1) + left_running;
    let report = |change: Value| {
        let mut change: Map<String, Value> = change.as_object().cloned().unwrap_or_default();
        change.insert("attempt".to_owned(), json!(attempt));
        relay.post(&format!("/executions/{id}/updates"), &Value::Object(change)).map(drop)
    };
    let log = |line: &str, level: &str| relay.post(&format!("/executions/{id}/log"), &json!({ "lines": [line], "level": level })).map(drop);
    println!("{id}: attempt {attempt}");
    report(json!({ "status": "running", "progress": 0 }))?;
    log(&format!("attempt {attempt} begins"), "info")?;
    match work(attempt, step_time, &report)? {
        Ok(()) => {
            report(json!({ "status": "succeeded" }))?;
            log("done", "info")?;
            println!("{id}: succeeded");
        }
        Err(Failure { code, message, detail }) => {
            log(&message, "error")?;
            report(json!({ "status": "failed", "error": { "code": code, "message": message, "detail": detail } }))?;
            println!("{id}: failed: {message}");
        }
    }
    Ok(())
}

/// Waits until something is told that may mean work, at most 25 s.
fn wait_for_news(relay: &Relay, failed: &[Value], positions: &mut HashMap<String, Value>) -> Result<(), Refused> {
    let of_failed = failed.iter().map(|execution| format!("execution:{}", text(execution, "executionId")));
    let channels: Vec<Value> = std::iter::once("tenant".to_owned())
        .chain(of_failed)
        .map(|channel| json!({ "channel": channel, "recover": positions.get(&channel) }))
        .collect();
    let answer = relay.post("/poll", &json!({ "channels": channels, "waitMs": 25_000 }))?;
    for entry in answer.get("channels").and_then(Value::as_array).into_iter().flatten() {
        if !text(entry, "epoch").is_empty() {
            positions.insert(text(entry, "channel").to_owned(), json!({ "epoch": entry.get("epoch"), "offset": entry.get("offset") }));
        }
    }
    Ok(())
}

fn serve(relay: &Relay, step_time: Duration) -> Result<(), Refused> {
    let mut positions = HashMap::new();
    // What the worker before was at when it was stopped.
    let mut left = relay.list("running", usize::MAX)?;
    loop {
        let mut waiting = std::mem::take(&mut left);
        waiting.extend(relay.list("queued", usize::MAX)?);
        waiting.extend(relay.list("retrying", usize::MAX)?);
        waiting.sort_by_key(|execution| execution.get("ts").and_then(Value::as_u64));
        for execution in &waiting {
            // Given up by somebody else meanwhile: the next one.
            if let Err(refused) = run(relay, execution, step_time) {
                eprintln!("{refused}");
            }
        }
        wait_for_news(relay, &relay.list("failed", 50)?, &mut positions)?;
    }
}

fn main() -> ExitCode {
    let Ok(token) = std::env::var("PULSEWIRE_TOKEN") else {
        eprintln!("PULSEWIRE_TOKEN is not set: make one with `pulsewire-relay token --role service …`");
        return ExitCode::from(2);
    };
    let base = std::env::var("PULSEWIRE_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let step_time = std::env::var("STEP_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(1_500);
    let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(40))).build().new_agent();
    let relay = Relay { agent, base, token };
    println!("waiting for executions at {}", relay.base);
    match serve(&relay, Duration::from_millis(step_time)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => {
            eprintln!("{refused}");
            ExitCode::FAILURE
        }
    }
}
