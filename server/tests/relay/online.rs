//! `presence`: who came online and who left, each user once, in virtual time on one relay; [`crate::redis_presence`] has several.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::Relay;
use std::collections::BTreeSet;

fn relay() -> Relay {
    let mut config = config();
    // Nobody here answers heartbeats.
    config.heartbeat.dead_after_ms = 86_400_000;
    Relay::new(config, pulsewire_relay::Clock::starting_at(START_MS), pulsewire_relay::Entropy::from_seed(1))
}

/// What was told by now of who came and who left.
pub fn presences(messages: Vec<ServerMessage>) -> Vec<(Vec<String>, Vec<String>)> {
    let presence = |message| match message {
        ServerMessage::Event(Event { channel, publication }) => match publication.payload {
            Payload::Presence(Presence { online, offline }) => {
                assert_eq!((channel.as_str(), publication.offset), ("tenant", None));
                Some((online.into_iter().map(|user| user.name).collect(), offline))
            }
            _ => None,
        },
        _ => None,
    };
    messages.into_iter().filter_map(presence).collect()
}

async fn told(client: &mut Client) -> Vec<(Vec<String>, Vec<String>)> {
    presences(client.all().await)
}

fn came(user: &str) -> Vec<(Vec<String>, Vec<String>)> {
    vec![(vec![format!("Name of {user}")], vec![])]
}

fn left(user: &str) -> Vec<(Vec<String>, Vec<String>)> {
    vec![(vec![], vec![user.to_owned()])]
}

async fn connect(relay: &Relay, user: &str) -> Client {
    let (mut client, _) = Client::connect(relay, &token(user), &[]).await;
    client.heeds_presence = true;
    client
}

#[tokio::test(start_paused = true)]
async fn a_user_comes_with_the_first_tab_and_leaves_ten_seconds_after_the_last() {
    let relay = relay();
    advance(60_000).await;
    let mut ana = connect(&relay, "ana").await;
    advance(2_000).await;
    // Whether it hears of itself depends on how soon it listens.
    ana.all().await;
    let first = connect(&relay, "bob").await;
    let second = connect(&relay, "bob").await;
    advance(2_000).await;
    assert_eq!(told(&mut ana).await, came("bob"));
    first.close().await;
    advance(20_000).await;
    assert_eq!(told(&mut ana).await, []);
    second.close().await;
    advance(9_500).await;
    assert_eq!(told(&mut ana).await, [], "he may come back");
    let third = connect(&relay, "bob").await;
    advance(20_000).await;
    assert_eq!(told(&mut ana).await, [], "he was not away");
    drop(third.vanish());
    advance(9_500).await;
    assert_eq!(told(&mut ana).await, []);
    advance(1_000).await;
    assert_eq!(told(&mut ana).await, left("bob"));
    advance(60_000).await;
    assert_eq!(told(&mut ana).await, []);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_for_thirty_seconds_after_a_start_and_then_what_changed_since_somebody_asked() {
    let relay = relay();
    let _before = connect(&relay, "before").await;
    let mut ana = connect(&relay, "ana").await;
    let who = relay.authenticate(Some(&token("ana"))).unwrap();
    assert_eq!(relay.presence(&who, "tenant").await.unwrap().len(), 2);
    let bob = connect(&relay, "bob").await;
    let short = connect(&relay, "zoe").await;
    advance(5_000).await;
    short.close().await;
    advance(24_500).await;
    assert_eq!(told(&mut ana).await, []);
    advance(1_000).await;
    let news = [(vec!["Name of bob".to_owned()], vec!["zoe".to_owned()])];
    assert_eq!(
        told(&mut ana).await,
        news,
        "who was there already needs no word, and whoever asks now and then may believe that zoe is there"
    );
    bob.close().await;
    advance(11_000).await;
    assert_eq!(told(&mut ana).await, left("bob"));
}

#[tokio::test(start_paused = true)]
async fn backends_and_other_tenants_are_nobody() {
    let relay = relay();
    advance(60_000).await;
    let mut ana = connect(&relay, "ana").await;
    advance(2_000).await;
    ana.all().await;
    let (mut eve, _) = Client::connect(&relay, &sign(&with(claims("eve"), "tenant", "other".into())), &[]).await;
    eve.heeds_presence = true;
    let (backend, _) = Client::connect(&relay, &sign(&with(claims("backend"), "viewer", false.into())), &[]).await;
    advance(2_000).await;
    assert_eq!(told(&mut ana).await, []);
    assert!([vec![], came("eve")].contains(&told(&mut eve).await), "nothing but of itself");
    backend.close().await;
    advance(20_000).await;
    assert_eq!(told(&mut ana).await, []);
}

#[tokio::test(start_paused = true)]
async fn one_who_may_come_back_is_still_there_for_whoever_asks() {
    let relay = relay();
    advance(60_000).await;
    let _ana = connect(&relay, "ana").await;
    let bob = connect(&relay, "bob").await;
    advance(2_000).await;
    bob.close().await;
    advance(5_000).await;
    let who = relay.authenticate(Some(&token("ana"))).unwrap();
    let ids = async || relay.presence(&who, "tenant").await.unwrap().into_iter().map(|user| user.user_id).collect::<Vec<_>>();
    assert_eq!(ids().await, ["ana", "bob"]);
    advance(6_500).await;
    assert_eq!(ids().await, ["ana"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_has_left_nothing_is_kept() {
    let relay = relay();
    advance(60_000).await;
    let before = relay.hub().wheel.waiting();
    for n in 0..20 {
        connect(&relay, &format!("u{n}")).await.close().await;
    }
    advance(120_000).await;
    let mut ana = connect(&relay, "ana").await;
    advance(2_000).await;
    assert!([vec![], came("ana")].contains(&told(&mut ana).await), "nothing but of itself");
    ana.close().await;
    advance(86_400_000).await;
    assert_eq!(relay.hub().wheel.waiting(), before);
}

#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    Close(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..6).prop_map(Step::Open),
        3 => (0_u8..6).prop_map(Step::Close),
        3 => (0_u64..15_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Six tabs of three users, and one who asks once and then listens.
    #[test]
    fn property_33_whoever_asks_once_and_listens_knows_who_is_online(asked_ms in 0_u64..60_000, steps in proptest::collection::vec(step(), 0..40)) {
        under_virtual_time(async {
            let relay = relay();
            let mut tabs = [const { None::<Client> }; 6];
            for step in steps.iter().take(5) {
                if let Step::Open(tab) = step {
                    tabs[usize::from(*tab)] = Some(connect(&relay, &format!("u{}", tab % 3)).await);
                }
            }
            advance(asked_ms).await;
            let mut watcher = connect(&relay, "watcher").await;
            let who = relay.authenticate(Some(&token("watcher"))).unwrap();
            let present = relay.presence(&who, "tenant").await.unwrap();
            let mut knows: BTreeSet<String> = present.into_iter().map(|user| user.user_id).collect();
            for step in steps.into_iter().chain([Step::Wait(60_000)]) {
                match step {
                    Step::Open(tab) => {
                        let client = connect(&relay, &format!("u{}", tab % 3)).await;
                        if let Some(before) = tabs[usize::from(tab)].replace(client) {
                            before.close().await;
                        }
                    }
                    Step::Close(tab) => {
                        if let Some(tab) = tabs[usize::from(tab)].take() {
                            tab.close().await;
                        }
                    }
                    Step::Wait(ms) => advance(ms).await,
                }
            }
            for (online, offline) in told(&mut watcher).await {
                knows.extend(online.into_iter().map(|name| name.replace("Name of ", "")));
                knows.retain(|user| !offline.contains(user));
            }
            let mut is: BTreeSet<String> =
                tabs.iter().enumerate().filter(|(_, tab)| tab.is_some()).map(|(tab, _)| format!("u{}", tab % 3)).collect();
            is.insert("watcher".to_owned());
            assert_eq!(knows, is);
        });
    }
}
