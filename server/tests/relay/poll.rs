//! Polling: the same positions as a connection, stateless, waiting where there is nothing to tell.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::{Principal, Relay};
use std::sync::Arc;
use std::time::Duration;

fn nurse(relay: &Relay) -> Arc<Principal> {
    relay.authenticate(Some(&token("nurse"))).unwrap()
}

fn request(channel: &str, recover: Option<Position>, wait_ms: Option<u64>) -> PollRequest {
    PollRequest { channels: vec![SubscribeEntry { recover, history: Some(10), ..SubscribeEntry::new(channel) }], wait_ms }
}

fn only(response: PollResponse) -> Subscribed {
    match response.channels.into_iter().next() {
        Some(SubscribedEntry::Subscribed(subscribed)) => subscribed,
        other => panic!("{other:?}"),
    }
}

fn position(answer: &Subscribed) -> Position {
    Position { epoch: answer.epoch.clone(), offset: answer.offset }
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_news_and_answers_as_soon_as_there_is_some() {
    let relay = relay();
    let who = nurse(&relay);
    let first = only(relay.poll(&who, request("lobby", None, Some(20_000))).await.unwrap());
    assert_eq!(relay.clock().now_ms(), START_MS, "a first position is news: no waiting");
    let waiting = {
        let (relay, who, at) = (relay.clone(), Arc::clone(&who), position(&first));
        tokio::spawn(async move { relay.poll(&who, request("lobby", Some(at), Some(20_000))).await })
    };
    advance(7_000).await;
    assert!(!waiting.is_finished());
    relay.publish(system(), "lobby", note(5), None).await.unwrap();
    let answer = only(waiting.await.unwrap().unwrap());
    assert!(answer.recovered && answer.publications.len() == 1);
    assert!(relay.clock().now_ms() - START_MS < 7_010);

    let begin = relay.clock().now_ms();
    let empty = only(relay.poll(&who, request("lobby", Some(position(&answer)), Some(60_000))).await.unwrap());
    assert!(empty.recovered && empty.publications.is_empty());
    assert_eq!(relay.clock().now_ms() - begin, 25_000, "never longer than 25 s");
    let begin = relay.clock().now_ms();
    relay.poll(&who, request("lobby", Some(position(&answer)), None)).await.unwrap();
    assert_eq!(relay.clock().now_ms(), begin, "no waitMs: no waiting");
}

#[tokio::test(start_paused = true)]
async fn pollers_are_neither_viewers_nor_online_and_leave_nothing_behind() {
    let relay = relay();
    let who = nurse(&relay);
    let (_client, welcome) = Client::connect(&relay, &token("ana"), &["patient:p1"]).await;
    let at = position(entry(&welcome, "patient:p1"));
    let rooms = relay.hub().room_counts();
    let hanging = {
        let (relay, who) = (relay.clone(), Arc::clone(&who));
        tokio::spawn(async move { relay.poll(&who, request("patient:p1", Some(at), Some(25_000))).await })
    };
    settle().await;
    assert_eq!(relay.viewing_users("ward"), 1);
    assert_eq!(relay.presence(&who, "tenant").await.unwrap().len(), 1);
    hanging.abort();
    let gone = tokio::time::timeout(Duration::from_secs(25), relay.poll(&who, request("elsewhere", None, None))).await.unwrap();
    assert!(gone.is_ok());
    assert_eq!(relay.hub().room_counts(), rooms, "a poller that hangs up is forgotten");
}

#[tokio::test(start_paused = true)]
async fn refused_channels_stand_in_their_place_and_too_many_are_refused_whole() {
    let relay = relay();
    let who = relay.authenticate(Some(&sign(&with(claims("nurse"), "subscribe", serde_json::json!(["lobby:*"]))))).unwrap();
    let channels = ["lobby:1", "patient:1", "Bad", "user:nurse"].map(SubscribeEntry::new).to_vec();
    let response = relay.poll(&who, PollRequest { channels, wait_ms: Some(25_000) }).await.unwrap();
    let codes: Vec<Option<ErrorCode>> = response
        .channels
        .iter()
        .map(|entry| if let SubscribedEntry::Refused(refused) = entry { Some(refused.error.code) } else { None })
        .collect();
    assert_eq!(codes, [None, Some(ErrorCode::Forbidden), Some(ErrorCode::InvalidChannel), None]);
    let many = (0..257).map(|number| SubscribeEntry::new(format!("lobby:{number}"))).collect();
    let error = relay.poll(&who, PollRequest { channels: many, wait_ms: None }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooManySubscriptions);
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_history_or_a_refused_one_beside_others_does_not_make_polls_spin() {
    let mut config = config();
    config.history.kinds.insert("mute".to_owned(), pulsewire_relay::config::KindOverride { publications: Some(0), age_ms: None });
    let relay = relay_with(config);
    let who = nurse(&relay);
    let at = position(&only(relay.poll(&who, request("lobby", None, None)).await.unwrap()));
    let lobby = SubscribeEntry { recover: Some(at), ..SubscribeEntry::new("lobby") };
    let channels = vec![lobby, SubscribeEntry::new("mute"), SubscribeEntry::new("Bad")];
    let begin = relay.clock().now_ms();
    relay.poll(&who, PollRequest { channels, wait_ms: Some(20_000) }).await.unwrap();
    assert_eq!(relay.clock().now_ms() - begin, 20_000);
    let begin = relay.clock().now_ms();
    relay.poll(&who, PollRequest { channels: vec![SubscribeEntry::new("Bad")], wait_ms: Some(20_000) }).await.unwrap();
    assert_eq!(relay.clock().now_ms(), begin, "nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn polls_that_wait_are_bounded_for_a_user_and_in_all_and_a_place_comes_back() {
    let mut config = config();
    config.limits.per_user = 2;
    config.limits.connections = 3;
    config.limits.http_connections = Some(100);
    let relay = relay_with(config);
    let (ana, bob) = (nurse(&relay), relay.authenticate(Some(&token("bob"))).unwrap());
    let at = position(&only(relay.poll(&ana, request("lobby", None, None)).await.unwrap()));
    let wait = |who: &Arc<Principal>| {
        let (relay, who, at) = (relay.clone(), Arc::clone(who), at.clone());
        tokio::spawn(async move { relay.poll(&who, request("lobby", Some(at), Some(20_000))).await })
    };
    let waiting = [wait(&ana), wait(&ana), wait(&bob)];
    settle().await;
    for who in [&ana, &bob] {
        let error = wait(who).await.unwrap().unwrap_err();
        assert_eq!((error.code, error.retryable), (ErrorCode::RateLimited, true));
        assert!(error.retry_after_ms.is_some_and(|ms| (5_000..=10_000).contains(&ms)), "{error:?}");
    }
    assert!(relay.poll(&ana, request("lobby", Some(at.clone()), None)).await.is_ok(), "who does not wait needs no place");
    let [first, second, third] = waiting;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let next = wait(&ana);
    settle().await;
    // All of them are woken by one publication, and every place comes back.
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    for waiting in [second, third, next] {
        assert_eq!(only(waiting.await.unwrap().unwrap()).publications.len(), 1);
    }
    assert_eq!((relay.snapshot().waiting_polls, relay.hub().room_counts()), (0, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_answered_by_a_drain_and_by_a_lost_history() {
    let relay = relay();
    let who = nurse(&relay);
    let first = only(relay.poll(&who, request("lobby", None, Some(20_000))).await.unwrap());
    let lost = Position { epoch: "another".to_owned(), offset: 3 };
    let answer = only(relay.poll(&who, request("lobby", Some(lost), Some(20_000))).await.unwrap());
    assert!(!answer.recovered);
    assert_eq!(relay.clock().now_ms(), START_MS, "both are news");
    let waiting = {
        let (relay, who, at) = (relay.clone(), Arc::clone(&who), position(&first));
        tokio::spawn(async move { relay.poll(&who, request("lobby", Some(at), Some(20_000))).await })
    };
    advance(1_000).await;
    relay.drain(Duration::from_secs(1)).await;
    assert!(only(waiting.await.unwrap().unwrap()).recovered);
    assert!(relay.clock().now_ms() - START_MS < 1_010, "at once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A client that changes between polling and a connection as it likes sees every publication once and in order.
    #[test]
    fn switching_between_polling_and_a_connection_loses_and_doubles_nothing(
        steps in prop::collection::vec((any::<bool>(), 0_u64..6, 0_u64..4_000), 1..30),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let who = nurse(&relay);
            let mut at: Option<Position> = None;
            let (mut seen, mut published) = (Vec::new(), 0);
            let take = |at: &mut Option<Position>, seen: &mut Vec<u64>, answer: &Subscribed| {
                assert!(at.is_none() || answer.recovered);
                seen.extend(answer.publications.iter().map(|publication| number_of(&publication.payload)));
                *at = Some(position(answer));
            };
            for (polls, count, wait_ms) in steps {
                if polls {
                    let polling = {
                        let (relay, who, asked) = (relay.clone(), Arc::clone(&who), request("lobby", at.clone(), Some(wait_ms)));
                        tokio::spawn(async move { relay.poll(&who, asked).await })
                    };
                    for _ in 0..count {
                        relay.publish(system(), "lobby", note(published), None).await.unwrap();
                        published += 1;
                        advance(100).await;
                    }
                    take(&mut at, &mut seen, &only(polling.await.unwrap().unwrap()));
                } else {
                    let asked = SubscribeEntry { recover: at.clone(), history: Some(10), ..SubscribeEntry::new("lobby") };
                    let (mut client, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![asked]).await;
                    take(&mut at, &mut seen, entry(&welcome, "lobby"));
                    for _ in 0..count {
                        relay.publish(system(), "lobby", note(published), None).await.unwrap();
                        published += 1;
                    }
                    for event in client.events().await {
                        seen.push(number_of(&event.publication.payload));
                        at.as_mut().unwrap().offset = event.publication.offset.unwrap();
                    }
                }
            }
            let rest = only(relay.poll(&who, request("lobby", at.clone(), None)).await.unwrap());
            take(&mut at, &mut seen, &rest);
            assert_eq!(seen, (0..published).collect::<Vec<_>>());
        });
    }
}
