//! What was accepted survives `kill -9`: a child writes and is killed, as often as it takes, and its file is opened again.

use crate::support::*;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const CHILD: &str = "PULSEWIRE_TEST_STORE_CHILD";

/// The child: writes from many tasks at once and says each row once it was accepted. Does nothing in a test run of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let (store, _) = open(&pulsewire_relay::store::Place::Folder(folder.into()));
    let began = std::process::id();
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0.. {
                let user = format!("{began}-{writer}-{i}");
                put(&store, "t", &user, "n").await.unwrap();
                println!("kept {user}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_accepted_is_there_after_kill_9() {
    let folder = Folder::new();
    let mut accepted = BTreeSet::new();
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::the_child_that_is_killed", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed in the middle of its writing, each time somewhere else.
        let mut heard = 0;
        while heard < 40 * round {
            let line = lines.next().expect("the child ended by itself").unwrap();
            if let Some(user) = line.split_once("kept ").map(|(_, user)| user.to_owned()) {
                accepted.insert(user);
                heard += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said before it died counts, too.
        for line in lines.map_while(Result::ok) {
            // The last line may be cut off, and a cut name is no row's.
            if let Some(user) = line.split_once("kept ").map(|(_, user)| user.to_owned())
                && user.matches('-').count() == 2
            {
                accepted.insert(user);
            }
        }
        let (store, _) = folder.open();
        let kept: BTreeSet<String> = users(&store, "t").await.into_iter().collect();
        let lost: Vec<&String> = accepted.difference(&kept).filter(|user| !kept.iter().any(|other| other.starts_with(*user))).collect();
        assert!(lost.is_empty(), "round {round}: accepted and lost: {lost:?}");
        let check: String = store.read("check", |db| Ok(db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)).await.unwrap();
        assert_eq!(check, "ok");
        store.close().await;
    }
    assert!(accepted.len() >= 600, "{}", accepted.len());
}
