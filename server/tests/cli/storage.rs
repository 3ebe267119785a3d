//! The store as an operator meets it: a relay that is killed, a second one, backup, restore and doctor.

use crate::{Running, relay, text};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pulsewire-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn with_data(folder: &Path, args: &[&str]) -> std::process::Command {
    let mut command = relay();
    command.args(args).env("PULSEWIRE_DATA_DIR", folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    with_data(folder, args).output().unwrap()
}

fn started(folder: &Path) -> Running {
    Running::spawn(&mut with_data(folder, &["--dev", "--listen", "127.0.0.1:0"]))
}

fn token(relay: &Running, user: &str, role: &str) -> String {
    let url = format!("{}/dev/token?sub={user}&tenant=demo&role={role}", relay.url());
    let answer: Value = serde_json::from_str(&ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap()).unwrap();
    format!("Bearer {}", answer["token"].as_str().unwrap())
}

fn notify(relay: &Running, title: &str) {
    let body = json!({"to": {"users": ["ana"]}, "title": title, "body": "B", "severity": "low"}).to_string();
    let request = ureq::post(format!("{}/api/v1/notifications", relay.url()))
        .header("authorization", token(relay, "b", "service"))
        .header("content-type", "application/json");
    assert_eq!(request.send(&body).unwrap().status(), 201);
}

/// Titles, newest first.
fn titles(relay: &Running) -> Vec<String> {
    let request = ureq::get(format!("{}/api/v1/notifications", relay.url())).header("authorization", token(relay, "ana", "nurse"));
    let list: Value = serde_json::from_str(&request.call().unwrap().body_mut().read_to_string().unwrap()).unwrap();
    list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_killed_relay_had_accepted_is_there_and_a_backup_of_a_running_one_brings_its_moment_back() {
    let folder = Folder::new("storage");
    let (data, file) = (folder.0.join("data"), folder.0.join("backup.db"));
    let shown = file.to_str().unwrap();
    let nothing = run(&data, &["backup", shown]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("there is no store yet"), "{}", text(&nothing.stderr));

    let mut relay = started(&data);
    notify(&relay, "first");
    relay.child.kill().unwrap();
    relay.child.wait().unwrap();
    let relay = started(&data);
    assert_eq!(titles(&relay), ["first"]);

    // A second one does not start, and says why.
    let second = run(&data, &["--dev", "--listen", "127.0.0.1:0"]);
    assert_eq!((second.status.code(), text(&second.stdout).as_str()), (Some(2), ""));
    assert!(text(&second.stderr).contains("another relay uses it"), "{}", text(&second.stderr));

    let backup = run(&data, &["backup", shown]);
    assert!(backup.status.success() && text(&backup.stdout).contains("checked"), "{}", text(&backup.stderr));
    assert_eq!(run(&data, &["backup", shown]).status.code(), Some(1), "it is never overwritten");
    notify(&relay, "second");
    let refused = run(&data, &["restore", shown]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("another relay uses it"), "{}", text(&refused.stderr));
    let doctor = run(&data, &["doctor", "--dev", "--listen", "127.0.0.1:0"]);
    assert!(text(&doctor.stdout).contains("pulsewire.db is sound"), "{}", text(&doctor.stdout));
    assert_eq!(relay.stop().0, Some(0));

    let restored = run(&data, &["restore", shown]);
    assert!(restored.status.success() && text(&restored.stdout).contains("pulsewire.db.replaced"), "{}", text(&restored.stderr));
    let relay = started(&data);
    assert_eq!(titles(&relay), ["first"], "the moment of the backup");
    relay.stop();

    // A damaged store: doctor finds it, and a relay does not start on it.
    std::fs::write(data.join("pulsewire.db"), "garbage ".repeat(2_000)).unwrap();
    let doctor = run(&data, &["doctor", "--dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(text(&doctor.stdout).contains("restore a backup"), "{}", text(&doctor.stdout));
    let damaged = run(&data, &["--dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(text(&damaged.stderr).contains("damaged or no database"), "{}", text(&damaged.stderr));
}

#[test]
fn without_a_data_folder_there_is_nothing_to_back_up() {
    let output = relay().args(["backup", "never.db", "--dev"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("data_dir is not set"), "{}", text(&output.stderr));
}
