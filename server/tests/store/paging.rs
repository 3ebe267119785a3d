//! Paging: under any inserts in between, no item twice, none that was there from the start missed, in order.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_relay::store::{Page, PageRequest, Place, Store, read_cursor};

const LIST: &str = "notifications";

async fn insert(store: &Store, tenant: &'static str, count: u32) {
    let inserted = store.write("insert", move |tx| {
        for _ in 0..count {
            tx.prepare_cached(
                "INSERT INTO notifications (tenant, user, id, title, body, severity, ts_ms, kept_at_ms) VALUES (?1, 'u', ?2, 't', 'b', 'low', 1, 1)",
            )?
            .execute((tenant, tx.new_id()))?;
        }
        Ok(())
    });
    inserted.await.unwrap();
}

async fn page(store: &Store, tenant: &'static str, request: PageRequest<1>) -> Page<String> {
    let read = store.read("page", move |db| {
        let mut find = db
            .prepare_cached("SELECT seq, id FROM notifications WHERE tenant = ?1 AND user = 'u' AND seq < ?2 ORDER BY seq DESC LIMIT ?3")?;
        let rows = find.query_map((tenant, request.below()[0], request.sql_limit()), |row| Ok(([row.get(0)?], row.get(1)?)))?;
        Ok(request.page(rows.collect::<Result<Vec<_>, _>>()?))
    });
    read.await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_item_comes_twice_or_is_missed_whatever_is_inserted_meanwhile(
        first in 0u32..60, limit in 1usize..20, meanwhile in proptest::collection::vec((0u32..8, 0u32..8), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (store, _) = open(&Place::Memory);
            insert(&store, "other", 3).await;
            insert(&store, "t", first).await;
            let all = page(&store, "t", PageRequest { limit: 1_000, ..PageRequest::first(LIST) }).await;
            assert_eq!((all.items.len(), all.next), (first as usize, None));
            let mut read = Vec::new();
            let mut request = PageRequest { limit, ..PageRequest::first(LIST) };
            let mut inserts = meanwhile.into_iter().cycle();
            loop {
                let Page { items, next } = page(&store, "t", request).await;
                assert!(items.len() == limit || next.is_none());
                assert!(!items.is_empty() || first == 0);
                read.extend(items);
                let Some(next) = next else { break };
                request.before = Some(read_cursor(LIST, &next).unwrap());
                let (ours, others) = inserts.next().unwrap();
                insert(&store, "t", ours).await;
                insert(&store, "other", others).await;
            }
            assert_eq!(read, all.items);
        });
    }
}
