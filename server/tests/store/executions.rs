//! Executions end to end in one relay: reports, steps, failures, retries, log lines, lists.

use crate::support::*;
use crate::world::{World, of_tenant, principal, world};
use pulsewire_protocol::{ExecutionRetry, ExecutionState, ExecutionUpdate, Pattern, Payload};
use pulsewire_relay::store::Place;
use pulsewire_relay::{Principal, Publisher};
use serde_json::{Value, json};

struct Job {
    world: World,
    worker: Principal,
    nurse: Principal,
    id: String,
}

async fn job() -> Job {
    let world = world(&Place::Memory);
    let (worker, nurse) = (principal("w", "service"), principal("ana", "nurse"));
    let made = world.call(&worker, "executions.create", r#"{"title": "Report of bed 3", "key": "k"}"#).await.unwrap();
    let id = made["executionId"].as_str().unwrap().to_owned();
    Job { world, worker, nurse, id }
}

impl Job {
    async fn report(&self, change: Value) -> Result<Value, String> {
        let mut params = change;
        params["executionId"] = json!(self.id);
        self.world.call(&self.worker, "executions.update", &params.to_string()).await.map_err(|refusal| refusal.body.message)
    }
    async fn of(&self, by: &Principal, method: &str) -> Result<Value, String> {
        let params = json!({ "executionId": self.id }).to_string();
        self.world.call(by, method, &params).await.map_err(|refusal| format!("{}: {}", refusal.body.code, refusal.body.message))
    }
    async fn fail(&self) {
        let error = json!({ "code": "timeout", "message": "The laboratory did not answer.", "detail": "GET /samples/7" });
        self.report(json!({ "status": "running", "step": "fetch", "progress": 0.5 })).await.unwrap();
        self.report(json!({ "status": "failed", "error": error })).await.unwrap();
    }
}

fn news(pairs: &[(&str, &str)], id: &str) -> Vec<(String, String)> {
    pairs.iter().map(|(channel, event)| (channel.replace('#', id), (*event).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_fails_is_tried_again_by_a_user_and_its_worker_hears_of_it() {
    let job = job().await;
    let id = job.id.clone();
    assert_eq!(job.world.news(), news(&[("execution:#", "execution_update"), ("tenant", "execution_new")], &id));
    // The answer was lost: the same one, told once.
    let again = job.world.call(&job.worker, "executions.create", r#"{"title": "Report of bed 3", "key": "k"}"#).await.unwrap();
    assert_eq!((again["executionId"].as_str(), job.world.told()), (Some(id.as_str()), 0));
    job.fail().await;
    assert_eq!(job.world.news(), news(&[("execution:#", "execution_update"), ("execution:#", "execution_update")], &id));
    let retried = job.of(&job.nurse, "executions.retry").await.unwrap();
    assert_eq!((&retried["status"], &retried["attempt"], &retried["error"]), (&json!("retrying"), &json!(2), &Value::Null));
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    assert_eq!(job.world.news()[..2], news(&[("execution:#", "execution_update"), ("execution:#", "execution_retry")], &id));
    // Asked by two, or twice, is asked once.
    for by in [&job.nurse, &principal("rui", "nurse")] {
        job.of(by, "executions.retry").await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    assert_eq!(job.world.news(), []);
    let waiting = job.world.call(&job.worker, "executions.list", r#"{"status": "retrying"}"#).await.unwrap();
    assert_eq!(waiting["items"][0]["executionId"], json!(id));
    // The worker that was given up has no say any more; the next attempt has.
    assert_eq!(job.report(json!({ "progress": 0.9, "attempt": 1 })).await.unwrap_err(), "attempt: 1 was given up: the current one is 2");
    job.report(json!({ "status": "running", "step": "fetch", "attempt": 2 })).await.unwrap();
    let done = job.report(json!({ "status": "succeeded", "attempt": 2 })).await.unwrap();
    assert_eq!(done["progress"], json!(1.0));
    assert!(job.of(&job.nurse, "executions.retry").await.unwrap_err().contains("is succeeded: only one that failed can be tried again"));
    let steps: Vec<_> = done["steps"].as_array().unwrap().iter().map(|step| (step["name"].clone(), step["attempt"].clone())).collect();
    assert_eq!(steps, [(json!("fetch"), json!(1)), (json!("fetch"), json!(2))]);
}

#[tokio::test(start_paused = true)]
async fn whole_reports_and_wishes_that_are_published_go_by_the_same_rules() {
    let job = job().await;
    job.fail().await;
    let channel = format!("execution:{}", job.id);
    let update = |status, attempt| {
        let execution_id = job.id.clone();
        Payload::ExecutionUpdate(ExecutionUpdate { execution_id, status, step: None, progress: 0.1, error: None, attempt })
    };
    let (worker, nurse) = (Publisher::Principal(&job.worker), Publisher::Principal(&job.nurse));
    let refused = job.world.relay.publish(worker, &channel, update(ExecutionState::Running, 1), None).await.unwrap_err();
    assert!(refused.message.contains("attempt 1 has ended as failed"), "{refused}");
    job.world.news();
    let wish = || Payload::ExecutionRetry(ExecutionRetry { execution_id: job.id.clone() });
    job.world.relay.publish(nurse, &channel, wish(), None).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    assert_eq!(job.world.news(), news(&[("execution:#", "execution_retry"), ("execution:#", "execution_update")], &job.id));
    job.world.relay.publish(worker, &channel, update(ExecutionState::Running, 2), None).await.unwrap();
    assert_eq!(job.of(&job.nurse, "executions.get").await.unwrap()["attempt"], json!(2));
    // One that was only ever published is known from then on.
    let unknown = Payload::ExecutionUpdate(ExecutionUpdate {
        execution_id: "e-9".to_owned(),
        status: ExecutionState::Queued,
        step: None,
        progress: 0.0,
        error: None,
        attempt: 1,
    });
    job.world.relay.publish(worker, "execution:e-9", unknown, None).await.unwrap();
    assert_eq!(job.world.call(&job.nurse, "executions.get", r#"{"executionId": "e-9"}"#).await.unwrap()["status"], json!("queued"));
}

#[tokio::test(start_paused = true)]
async fn log_lines_come_with_the_execution_and_page_by_page_and_the_oldest_go() {
    let job = job().await;
    job.world.news();
    for batch in 0..11 {
        let lines: Vec<String> = (0..100).map(|line| format!("{}", batch * 100 + line)).collect();
        let params = json!({ "executionId": job.id, "lines": lines, "level": "warning", "key": format!("k{batch}") }).to_string();
        for _ in 0..2 {
            job.world.call(&job.worker, "executions.log", &params).await.unwrap();
        }
    }
    assert_eq!(job.world.news().len(), 11, "a repetition is not told");
    let detail = job.of(&job.nurse, "executions.get").await.unwrap();
    let log = detail["log"].as_array().unwrap();
    assert_eq!((log.len(), &log[0]["text"], &log[99]["text"], &log[0]["level"]), (100, &json!("1000"), &json!("1099"), &json!("warning")));
    let (mut count, mut before) = (0, Value::Null);
    loop {
        let params = json!({ "executionId": job.id, "limit": 200, "before": before }).to_string();
        let page = job.world.call(&job.nurse, "executions.lines", &params).await.unwrap();
        count += page["items"].as_array().unwrap().len();
        before = page["next"].clone();
        if before.is_null() {
            break assert_eq!(page["items"].as_array().unwrap().last().unwrap()["text"], json!("100"));
        }
    }
    assert_eq!(count, 1_000);
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_named_and_rights_are_asked() {
    let job = job().await;
    let wrong = r#"{"executionId": "a b", "status": "done", "progress": 2, "attempt": 0}"#;
    assert_eq!(
        job.world.refused(&job.worker, "executions.update", wrong).await,
        "bad_request: params.executionId: is no id: 1 to 128 of A-Z a-z 0-9 . _ ~ @ -; params.status: expected one of queued, running, \
         succeeded, failed, retrying; params.progress: expected a number from 0 to 1; params.attempt: expected a whole number from 1 to \
         4294967295"
    );
    let unexplained = json!({ "executionId": job.id, "status": "failed" }).to_string();
    assert!(job.world.refused(&job.worker, "executions.update", &unexplained).await.contains("params.error: is missing"));
    let lines = json!({ "executionId": job.id, "lines": ["ok", 5, ""] }).to_string();
    let refused = job.world.refused(&job.worker, "executions.log", &lines).await;
    assert!(refused.contains("params.lines[1]: expected a text") && refused.contains("params.lines[2]"), "{refused}");
    let taken = json!({ "executionId": job.id, "title": "Another" }).to_string();
    assert!(job.world.refused(&job.worker, "executions.create", &taken).await.contains("is taken by another execution"));
    for method in ["executions.create", "executions.update", "executions.log"] {
        assert!(job.world.refused(&job.nurse, method, "{}").await.starts_with("forbidden"), "{method}");
    }
    let mut stranger = of_tenant("ward", "eve", "nurse");
    stranger.subscribe = vec![Pattern::parse("device:*").unwrap()];
    for method in ["executions.get", "executions.lines", "executions.retry"] {
        assert!(job.of(&stranger, method).await.unwrap_err().starts_with("forbidden"), "{method}");
    }
    assert_eq!(job.world.call(&stranger, "executions.list", "{}").await.unwrap(), json!({ "items": [], "next": null }));
    // Another tenant's are not there at all.
    let other = of_tenant("clinic", "w", "service");
    for method in ["executions.get", "executions.lines", "executions.retry"] {
        assert!(job.of(&other, method).await.unwrap_err().starts_with("not_found"), "{method}");
    }
    assert_eq!(job.world.call(&other, "executions.list", "{}").await.unwrap()["items"], json!([]));
    // The same id there is another execution.
    let params = json!({ "executionId": job.id, "title": "Theirs" }).to_string();
    job.world.call(&other, "executions.create", &params).await.unwrap();
    assert_eq!(job.of(&job.nurse, "executions.get").await.unwrap()["title"], json!("Report of bed 3"));
}

#[tokio::test]
async fn executions_are_there_after_a_restart() {
    let folder = Folder::new();
    let place = Place::Folder(folder.path().to_owned());
    let worker = principal("w", "service");
    let before = world(&place);
    before.call(&worker, "executions.create", r#"{"executionId": "e-1", "title": "T"}"#).await.unwrap();
    before.call(&worker, "executions.log", r#"{"executionId": "e-1", "lines": ["begun"]}"#).await.unwrap();
    before.domain.store().close().await;
    drop(before);
    let after = world(&place);
    let found = after.call(&worker, "executions.get", r#"{"executionId": "e-1"}"#).await.unwrap();
    assert_eq!((&found["title"], &found["log"][0]["text"]), (&json!("T"), &json!("begun")));
    after.domain.store().close().await;
}
