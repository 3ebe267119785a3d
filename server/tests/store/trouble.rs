//! A full disk, a locked file, a damaged one, a folder that cannot be used.

use crate::support::*;
use pulsewire_protocol::ErrorCode;
use pulsewire_relay::observe::Metrics;
use pulsewire_relay::relay::Refusal;
use pulsewire_relay::store::{Place, Store, Trouble};
use pulsewire_relay::{Clock, Entropy};
use std::sync::Arc;

fn refused(place: Place) -> String {
    let opened = Store::open(&place, Clock::starting_at(START_MS), Entropy::from_seed(1), Arc::new(Metrics::new()));
    opened.err().expect("it opened").to_string()
}

/// Leaves room for so many pages more.
async fn leave_pages(store: &Store, pages: i64) {
    let limit = store.write("limit", move |tx| {
        let used: i64 = tx.pragma_query_value(None, "page_count", |row| row.get(0))?;
        tx.pragma_update_and_check(None, "max_page_count", used + pages, |row| row.get::<_, i64>(0))?;
        Ok(())
    });
    limit.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing_that_it_has() {
    let folder = Folder::new();
    let (store, metrics) = folder.open();
    leave_pages(&store, 20).await;
    let name = "n".repeat(3_000);
    let mut kept = Vec::new();
    let full = loop {
        let user = format!("u{:04}", kept.len());
        match put(&store, "t", &user, &name).await {
            Ok(()) => kept.push(user),
            full => break full,
        }
    };
    assert_trouble(&full, Trouble::Full);
    let told = Refusal::from(full.unwrap_err()).body;
    assert_eq!((told.code, told.retryable), (ErrorCode::Unavailable, true));
    assert!(told.message.contains("disk is full") && told.retry_after_ms.is_some(), "{told:?}");
    assert!(kept.len() > 5);
    assert_eq!(users(&store, "t").await, kept);
    let text = metrics.render(Default::default()).unwrap();
    assert!(text.contains("pulsewire_store_writes_total{outcome=\"full\"} 1"), "{text}");
    // Room was made: it goes on by itself.
    leave_pages(&store, 1_000).await;
    put(&store, "t", "z", &name).await.unwrap();
    kept.push("z".to_owned());
    store.close().await;
    assert_eq!(users(&folder.open().0, "t").await, kept);
}

#[tokio::test]
async fn a_file_that_another_program_holds_refuses_writes_and_is_read_all_the_same() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    put(&store, "t", "ana", "Ana").await.unwrap();
    let other = rusqlite::Connection::open(folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // All that wait fail together, not one after the other.
    let began = std::time::Instant::now();
    let (a, b, c) = tokio::join!(put(&store, "t", "bo", "Bo"), put(&store, "t", "cy", "Cy"), put(&store, "t", "di", "Di"));
    for outcome in [a, b, c] {
        assert_trouble(&outcome, Trouble::Locked);
    }
    assert!(began.elapsed().as_secs() < 6, "{:?}", began.elapsed());
    assert_eq!(users(&store, "t").await, ["ana"]);
    other.execute_batch("COMMIT").unwrap();
    put(&store, "t", "bo", "Bo").await.unwrap();
    assert_eq!(users(&store, "t").await, ["ana", "bo"]);
}

#[test]
fn a_second_relay_on_the_same_folder_is_told_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let folder = Folder::new();
    let (store, _) = folder.open();
    let told = refused(Place::Folder(folder.path().to_owned()));
    assert!(told.contains("another relay uses it") && told.contains("data_dir"), "{told}");
    drop(store);
    folder.open();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_touched() {
    let folder = Folder::new();
    let garbage = "no database, but somebody's notes ".repeat(100);
    std::fs::write(folder.database(), &garbage).unwrap();
    let told = refused(Place::Folder(folder.path().to_owned()));
    assert!(told.contains("damaged or no database") && told.contains("restore"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.database()).unwrap(), garbage);
}

#[tokio::test]
async fn a_file_of_a_newer_relay_is_not_touched() {
    let folder = Folder::new();
    folder.open().0.close().await;
    rusqlite::Connection::open(folder.database()).unwrap().pragma_update(None, "user_version", 9_999).unwrap();
    let told = refused(Place::Folder(folder.path().to_owned()));
    assert!(told.contains("newer version"), "{told}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let told = refused(Place::Folder(file.join("below")));
    assert!(told.contains("cannot be made") && told.contains("below"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_is_used_is_unavailable_and_no_panic() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let name = "n".repeat(500);
    for i in 0..200 {
        put(&store, "t", &format!("u{i:03}"), &name).await.unwrap();
    }
    store.close().await;
    // The pages that were written last are overwritten: the header and the schema stay, so it opens.
    let mut bytes = std::fs::read(folder.database()).unwrap();
    let length = bytes.len();
    bytes[length * 3 / 4..length - 4_096].fill(0xff);
    std::fs::write(folder.database(), bytes).unwrap();
    let (store, _) = folder.open();
    let read = store.read("all", |db| {
        let mut find = db.prepare("SELECT length(name) FROM users")?;
        let found = find.query_map([], |row| row.get::<_, i64>(0))?;
        Ok(found.collect::<Result<Vec<_>, _>>()?)
    });
    assert_trouble(&read.await, Trouble::Corrupt);
}

#[tokio::test]
async fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let (store, _) = folder.open();
    put(&store, "t", "ana", "Ana").await.unwrap();
    for name in ["pulsewire.db", "pulsewire.db-wal", "pulsewire.lock"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}
