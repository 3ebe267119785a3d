//! Viewers: distinct users, told at most once a second and only when they changed.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    Hide(u8),
    Look(u8),
    Vanish(u8),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..9).prop_map(Step::Open),
        1 => (0_u8..9).prop_map(Step::Hide),
        1 => (0_u8..9).prop_map(Step::Look),
        2 => (0_u8..9).prop_map(Step::Vanish),
        2 => (0_u16..1_500).prop_map(Step::Wait),
    ]
}

/// Nine tabs of three users and one backend.
fn user_of(tab: u8) -> String {
    format!("u{}", tab % 4)
}

fn token_of(tab: u8) -> String {
    let user = user_of(tab);
    if user == "u3" { sign(&with(claims(&user), "viewer", false.into())) } else { token(&user) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Property 25: the count told last equals the number of distinct users who look, tabs of one user counted once.
    #[test]
    fn property_25_the_viewer_count_is_the_number_of_distinct_users(steps in prop::collection::vec(step(), 1..60)) {
        under_virtual_time(async {
            let relay = relay();
            let (mut witness, _) = Client::connect(&relay, &sign(&with(claims("witness"), "viewer", false.into())), &["patient:p1"]).await;
            let mut told: Vec<(u64, ViewerCount)> = Vec::new();
            let mut tabs: BTreeMap<u8, (Client, bool)> = BTreeMap::new();
            for step in steps.into_iter().chain([Step::Wait(1_200)]) {
                match step {
                    Step::Open(tab) => if let Entry::Vacant(place) = tabs.entry(tab) {
                        let (client, welcome) = Client::connect(&relay, &token_of(tab), &["patient:p1"]).await;
                        place.insert((client, true));
                        let expected = users(&tabs);
                        assert_eq!(entry(&welcome, "patient:p1").viewers.as_ref().unwrap().count as usize, expected.len());
                    },
                    Step::Hide(tab) => if let Some((client, looks)) = tabs.get_mut(&tab) && *looks {
                        let id = client.id();
                        client.send(&ClientMessage::Unsubscribe(Unsubscribe { id, channel: "patient:p1".to_owned() })).await;
                        *looks = false;
                    },
                    Step::Look(tab) => if let Some((client, looks)) = tabs.get_mut(&tab) {
                        client.all().await;
                        client.subscribe("patient:p1").await.unwrap();
                        *looks = true;
                    },
                    Step::Vanish(tab) => drop(tabs.remove(&tab)),
                    Step::Wait(ms) => advance(u64::from(ms)).await,
                }
                settle().await;
                assert_eq!(relay.viewing_users("ward"), users(&tabs).len());
                for message in witness.all().await {
                    if let ServerMessage::Viewers(viewers) = message {
                        assert_eq!(viewers.channel, "patient:p1");
                        told.push((relay.clock().now_ms(), ViewerCount { count: viewers.count, names: viewers.names }));
                    }
                }
            }
            for pair in told.windows(2) {
                assert!(pair[0].1 != pair[1].1, "told without a change");
            }
            let expected = users(&tabs);
            let last = told.last().map(|(_, count)| count.clone()).unwrap_or_default();
            assert_eq!(last.count as usize, expected.len());
            assert_eq!(last.names, expected.iter().map(|user| format!("Name of {user}")).collect::<Vec<_>>());
        });
    }
}

fn users(tabs: &BTreeMap<u8, (Client, bool)>) -> BTreeSet<String> {
    tabs.iter().filter(|(_, (_, looks))| *looks).map(|(tab, _)| user_of(*tab)).filter(|user| user != "u3").collect()
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_at_once_but_at_most_once_a_second() {
    let relay = relay();
    let (mut witness, _) = Client::connect(&relay, &token("witness"), &["dashboard"]).await;
    advance(5_000).await;
    witness.all().await;
    let mut others = Vec::new();
    let mut times = Vec::new();
    let begin = relay.clock().now_ms();
    for number in 0..40 {
        others.push(Client::connect(&relay, &token(&format!("u{number:02}")), &["dashboard"]).await.0);
        advance(100).await;
        let told = witness.all().await.into_iter().filter(|message| matches!(message, ServerMessage::Viewers(_))).count();
        times.extend(std::iter::repeat_n(relay.clock().now_ms() - begin, told));
    }
    assert!(times[0] <= 250, "the first change is told at once: {times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 900), "{times:?}");
    assert!((4..=6).contains(&times.len()), "{times:?}");
    advance(1_100).await;
    let last = witness
        .all()
        .await
        .into_iter()
        .rev()
        .find_map(|message| if let ServerMessage::Viewers(viewers) = message { Some(viewers) } else { None });
    let last = last.expect("the last change is told too");
    assert_eq!((last.count, last.names.len()), (41, MAX_VIEWER_NAMES), "names are at most 20");
}

#[tokio::test(start_paused = true)]
async fn viewers_are_counted_only_where_the_protocol_says() {
    let relay = relay();
    let (_client, welcome) =
        Client::connect(&relay, &token("nurse"), &["patient:p", "device:d", "conversation:c", "dashboard", "execution:e", "lobby"]).await;
    for channel in ["patient:p", "device:d", "conversation:c", "dashboard"] {
        assert_eq!(entry(&welcome, channel).viewers.as_ref().map(|viewers| viewers.count), Some(1), "{channel}");
    }
    for channel in ["execution:e", "lobby", "tenant", "user:nurse"] {
        assert_eq!(entry(&welcome, channel).viewers, None, "{channel}");
    }
}

#[tokio::test(start_paused = true)]
async fn presence_answers_who_is_online_and_who_views() {
    let relay = relay();
    let (_a, _) = Client::connect(&relay, &token("ana"), &["patient:p1"]).await;
    let (_b, _) = Client::connect(&relay, &token("ana"), &[]).await;
    let (_c, _) = Client::connect(&relay, &token("bob"), &[]).await;
    let (_d, _) = Client::connect(&relay, &sign(&with(claims("backend"), "viewer", false.into())), &["patient:p1"]).await;
    let (mut asker, _) = Client::connect(&relay, &sign(&with(claims("eve"), "tenant", "other".into())), &[]).await;
    let ana = relay.authenticate(Some(&token("ana"))).unwrap();
    let ids = |users: Vec<PresentUser>| users.into_iter().map(|user| user.user_id).collect::<Vec<_>>();
    assert_eq!(ids(relay.presence(&ana, "tenant").await.unwrap()), ["ana", "bob"]);
    assert_eq!(ids(relay.presence(&ana, "patient:p1").await.unwrap()), ["ana"]);
    let id = asker.id();
    let params = Some(RawJson::parse("{\"channel\":\"tenant\"}").unwrap());
    asker.send(&ClientMessage::Call(Call { id, method: "presence.get".to_owned(), params })).await;
    let ServerMessage::Reply(Reply { result: ReplyResult::Json(json), .. }) = asker.next().await else { panic!() };
    assert_eq!(json.as_str(), r#"{"channel":"tenant","users":[{"userId":"eve","name":"Name of eve"}]}"#);
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_names_counts_or_hides_the_viewer_as_it_says() {
    let relay = relay();
    let (mut witness, _) = Client::connect(&relay, &sign(&with(claims("witness"), "viewer", false.into())), &["patient:p1"]).await;
    let (mut client, _) = Client::connect(&relay, &token("ana"), &["patient:p1"]).await;
    let renamed = with(claims("ana"), "name", "Ana Lima".into());
    let hidden = with(renamed.clone(), "viewer", false.into());
    for (claims, names, online) in
        [(&renamed, vec!["Ana Lima".to_owned()], 1), (&hidden, vec![], 0), (&renamed, vec!["Ana Lima".to_owned()], 1)]
    {
        advance(2_000).await;
        witness.all().await;
        let id = client.id();
        client.send(&ClientMessage::Refresh(Refresh { id, token: sign(claims) })).await;
        advance(2_000).await;
        let told = witness
            .all()
            .await
            .into_iter()
            .rev()
            .find_map(|message| if let ServerMessage::Viewers(told) = message { Some(told) } else { None });
        let told = told.expect("the others are told");
        assert_eq!((told.count as usize, told.names), (names.len(), names));
        assert_eq!(relay.viewing_users("ward"), online);
        // One who leaves may come back within ten seconds.
        advance(10_000).await;
        let who = relay.authenticate(Some(&token("nurse"))).unwrap();
        assert_eq!(relay.presence(&who, "tenant").await.unwrap().len(), online);
    }
    client.close().await;
    assert_eq!(relay.viewing_users("ward"), 0, "counted once, forgotten once");
}
