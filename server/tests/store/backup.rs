//! Backup of a store in use, and restoring it.

use crate::support::*;
use pulsewire_relay::store::{FILE, Place, backup, check, restore};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_one_moment_of_the_store() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let (store, _) = folder.open();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        async move {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                // Both or neither: a copy that is torn between two moments would show it.
                let written = store.write("pair", move |tx| {
                    for side in ["a", "b"] {
                        tx.execute(
                            "INSERT INTO users (tenant, user, name, seen_at_ms) VALUES (?1, ?2, 'n', 1)",
                            (side, format!("u{count:06}")),
                        )?;
                    }
                    Ok(())
                });
                written.await.unwrap();
                count += 1;
            }
            count
        }
    });
    while users(&store, "a").await.len() < 50 {}
    let (from, target) = (folder.path().to_owned(), elsewhere.path().join("backup.db"));
    let copied = tokio::task::spawn_blocking({
        let target = target.clone();
        move || backup(&from, &target)
    });
    let copied = copied.await.unwrap().unwrap();
    assert!(copied.bytes > 0 && copied.file == target);
    stop.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    assert!(backup(folder.path(), &target).unwrap_err().to_string().contains("is there already"));
    // A running relay is not overwritten.
    let refused = restore(&target, folder.path()).unwrap_err().to_string();
    assert!(refused.contains("another relay uses it"), "{refused}");
    assert_eq!(users(&store, "a").await.len(), written);
    store.close().await;

    let restored = restore(&target, folder.path()).unwrap();
    let (store, _) = folder.open();
    let (a, b) = (users(&store, "a").await, users(&store, "b").await);
    assert!(a == b && (50..=written).contains(&a.len()), "{} and {} of {written}", a.len(), b.len());
    store.close().await;
    // What it took the place of is kept.
    std::fs::rename(restored.replaced.unwrap(), folder.database()).unwrap();
    assert_eq!(users(&folder.open().0, "a").await.len(), written);
}

#[tokio::test]
async fn what_is_not_sound_is_neither_restored_nor_left_behind() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let (store, _) = folder.open();
    for i in 0..300 {
        put(&store, "t", &format!("u{i:03}"), &"n".repeat(300)).await.unwrap();
    }
    store.close().await;
    let good = elsewhere.path().join("good.db");
    backup(folder.path(), &good).unwrap();
    let mut bytes = std::fs::read(&good).unwrap();
    let (quarter, length) = (bytes.len() / 4, bytes.len());
    bytes[quarter..length - 4_096].fill(0xff);
    let damaged = elsewhere.path().join("damaged.db");
    std::fs::write(&damaged, bytes).unwrap();
    let stranger = elsewhere.path().join("stranger.db");
    rusqlite::Connection::open(&stranger).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let newer = elsewhere.path().join("newer.db");
    std::fs::copy(&good, &newer).unwrap();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 9_999).unwrap();
    let missing = elsewhere.path().join("missing.db");
    for (file, told) in [(&damaged, "damaged"), (&stranger, "no store of a relay"), (&newer, "newer version"), (&missing, "no such file")] {
        let error = restore(file, folder.path()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [FILE, "pulsewire.lock"]);
    check(&folder.database()).unwrap();
    // Into an empty folder, too.
    let empty = Folder::new();
    assert_eq!(restore(&good, &empty.path().join("new")).unwrap().replaced, None);
    let (store, _) = open(&Place::Folder(empty.path().join("new")));
    assert_eq!(users(&store, "t").await.len(), 300);
}
