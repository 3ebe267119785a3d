//! The contract of `Store`.

use crate::support::*;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use pulsewire_relay::Principal;
use pulsewire_relay::store::{Known, Place, StoreError, Trouble, once};
use std::sync::mpsc;
use std::time::Duration;

/// Holds the writer until the sender is used, so that what is written meanwhile waits together.
fn hold(store: &pulsewire_relay::store::Store) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (release, released) = mpsc::channel::<()>();
    let (began_sender, began) = mpsc::channel();
    let store = store.clone();
    let held = tokio::spawn(async move {
        store
            .write("hold", move |_| {
                began_sender.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
            .await
    });
    tokio::task::block_in_place(|| began.recv().unwrap());
    (release, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_share_one_commit_and_the_failure_of_one_is_its_own() {
    for place in [None, Some(Place::Memory)] {
        let folder = Folder::new();
        let (store, metrics) = place.map_or_else(|| folder.open(), |place| open(&place));
        let (release, held) = hold(&store);
        let writes: Vec<_> = (0..100)
            .map(|i| {
                let store = store.clone();
                tokio::spawn(async move {
                    let done = store.write("test", move |tx| {
                        tx.execute("INSERT INTO users (tenant, user, name, seen_at_ms) VALUES ('t', ?1, 'n', 1)", [format!("u{i:02}")])?;
                        match i % 10 {
                            // After its insert: it must be undone.
                            3 => Err(ErrorBody::new(ErrorCode::BadRequest, "no").into()),
                            // A row that breaks a rule.
                            4 => Ok(tx.execute("INSERT INTO users (tenant, user, name, seen_at_ms) VALUES ('t', NULL, 'n', 1)", [])?),
                            5 => panic!("a defect on purpose"),
                            _ => Ok(i),
                        }
                    });
                    (i, done.await)
                })
            })
            .collect();
        // All of them are in the queue once the semaphore has given their places; that needs no time but turns.
        while store.waiting() < 100 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        let mut kept = Vec::new();
        for write in writes {
            let (i, outcome) = write.await.unwrap();
            match i % 10 {
                3 => assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}"),
                4 | 5 => assert!(matches!(outcome, Err(StoreError::Internal { .. })), "{outcome:?}"),
                _ => {
                    assert_eq!(outcome.unwrap(), i);
                    kept.push(format!("u{i:02}"));
                }
            }
        }
        assert_eq!(users(&store, "t").await, kept);
        assert_eq!(figure(&metrics, "store_commits_total"), 2, "one for what held it, one for the hundred");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_nobody_waits_for_any_more_is_done() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let (release, held) = hold(&store);
    let mut write = Box::pin(put(&store, "t", "ana", "Ana"));
    assert!(futures_util::future::poll_immediate(&mut write).await.is_none());
    drop(write);
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    // Behind it in the queue.
    put(&store, "t", "bo", "Bo").await.unwrap();
    assert_eq!(users(&store, "t").await, ["ana", "bo"]);
}

#[tokio::test]
async fn tenants_never_meet() {
    let (store, _) = open(&Place::Memory);
    for tenant in ["north", "south"] {
        put(&store, tenant, "ana", tenant).await.unwrap();
    }
    put(&store, "north", "bo", "Bo").await.unwrap();
    assert_eq!(users(&store, "north").await, ["ana", "bo"]);
    assert_eq!(users(&store, "south").await, ["ana"]);
    assert_eq!(users(&store, "").await, [""; 0]);
}

#[tokio::test]
async fn every_key_of_a_table_begins_with_its_tenant() {
    let (store, _) = open(&Place::Memory);
    let indexes: Vec<(String, String, Option<String>)> = store
        .read("schema", |db| {
            let mut find = db.prepare(
                "SELECT t.name, i.name, (SELECT c.name FROM pragma_index_info(i.name) AS c WHERE c.seqno = 0)
                 FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
            )?;
            let found = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    assert!(indexes.len() > 5, "{indexes:?}");
    for (table, index, first) in indexes {
        // What is too old is looked for across tenants.
        assert!(first.as_deref() == Some("tenant") || index.ends_with("_by_age"), "{table}: {index} begins with {first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_disk_takes_no_virtual_time() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let began = tokio::time::Instant::now();
    // A timer that would fire, if time went on while the disk is written.
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(30)));
    for i in 0..50 {
        put(&store, "t", &format!("u{i}"), "n").await.unwrap();
    }
    assert_eq!(users(&store, "t").await.len(), 50);
    assert_eq!(began.elapsed(), Duration::ZERO);
    timer.abort();
}

#[tokio::test]
async fn a_closed_store_says_so_and_another_may_open_the_file() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    put(&store, "t", "ana", "Ana").await.unwrap();
    store.close().await;
    assert_trouble(&put(&store, "t", "bo", "Bo").await, Trouble::Closed);
    assert_trouble(&store.read("x", |_| Ok(())).await, Trouble::Closed);
    assert!(!folder.path().join("pulsewire.db-wal").exists(), "the log was written back");
    let (again, _) = folder.open();
    assert_eq!(users(&again, "t").await, ["ana"]);
}

fn nurse(user: &str) -> Principal {
    Principal {
        user: user.to_owned(),
        name: user.to_owned(),
        tenant: "t".to_owned(),
        role: None,
        expires_at_ms: 0,
        counts_as_viewer: true,
        subscribe: Vec::new(),
        publish: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_gives_the_first_answer_for_a_day_and_another_request_is_refused() {
    let folder = Folder::new();
    let ask = async |store: &pulsewire_relay::store::Store, user: &str, params: serde_json::Value| {
        let known = Known::new(&nurse(user), "things.create", "k-1", &params);
        store.write("things.create", move |tx| once(tx, Some(&known), |tx| Ok(tx.new_id()))).await
    };
    let params = serde_json::json!({"a": 1, "b": [2]});
    let (store, _) = folder.open();
    let first = ask(&store, "ana", params.clone()).await.unwrap();
    assert!(!first.repeated);
    store.close().await;
    // Also after a restart, and with the fields in another order.
    let (store, _) = folder.open();
    let again = ask(&store, "ana", serde_json::from_str(r#"{"b": [2], "a": 1}"#).unwrap()).await.unwrap();
    assert_eq!((again.answer, again.repeated), (first.answer.clone(), true));
    let other = ask(&store, "ana", serde_json::json!({"a": 2})).await;
    assert!(matches!(other, Err(StoreError::Refused(_))), "{other:?}");
    assert!(!ask(&store, "bo", params.clone()).await.unwrap().repeated, "another user's keys are others");
    tokio::time::advance(Duration::from_secs(24 * 3_600)).await;
    let late = ask(&store, "ana", params).await.unwrap();
    assert!(!late.repeated && late.answer > first.answer);
}
