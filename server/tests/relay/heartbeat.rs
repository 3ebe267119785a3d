//! Heartbeats, dead connections, handshakes that never come, and the end of tokens.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Property 20: a connection that pongs gets a heartbeat at every interval, whatever else happens, and stays.
    #[test]
    fn property_20_heartbeats_come_at_the_interval(
        interval_s in 1_u64..60,
        joins in prop::collection::vec(0_u64..100_000, 1..6),
        noise in prop::collection::vec(0_u64..20_000, 0..10),
    ) {
        under_virtual_time(async {
            let mut config = config();
            config.heartbeat.interval_ms = interval_s * 1_000;
            config.heartbeat.dead_after_ms = interval_s * 3_000;
            let relay = relay_with(config);
            for join in joins {
                advance(join).await;
                let (mut client, welcome) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
                assert_eq!(welcome.heartbeat_ms, interval_s * 1_000);
                let noisy = relay.clone();
                let noise = noise.clone();
                let noise = tokio::spawn(async move {
                    for wait in noise {
                        advance(wait).await;
                        noisy.publish(system(), "lobby", note(0), None).await.unwrap();
                    }
                });
                let begin = relay.clock().now_ms();
                let mut last = begin;
                for _ in 0..6 {
                    let ts = loop {
                        match client.next().await {
                            ServerMessage::Heartbeat(heartbeat) => break heartbeat.ts,
                            ServerMessage::Event(_) => {}
                            other => panic!("{other:?}"),
                        }
                    };
                    let now = relay.clock().now_ms();
                    assert!(now.abs_diff(ts.as_millis()) <= 1, "the heartbeat carries its own time");
                    // Due times are rounded up to a tenth of a second.
                    assert!((now - last).abs_diff(interval_s * 1_000) <= 100, "{} ms after the one before", now - last);
                    last = now;
                    client.pong(ts).await;
                }
                noise.abort();
                assert!(client.closed.is_none());
            }
        });
    }

    /// Property 22: a connection that stops ponging is closed with 4408 when 90 s have passed since its last pong, not before.
    #[test]
    fn property_22_a_dead_connection_is_found_after_its_time(pongs in 0_usize..6, extra_ms in 0_u64..29_000, talks in any::<bool>()) {
        under_virtual_time(async {
            let relay = relay();
            let (mut client, _) = Client::connect(&relay, &token("nurse"), &[]).await;
            let mut last_pong = relay.clock().now_ms();
            for _ in 0..pongs {
                let ServerMessage::Heartbeat(heartbeat) = client.next().await else { panic!() };
                advance(extra_ms).await;
                client.pong(heartbeat.ts).await;
                settle().await;
                last_pong = relay.clock().now_ms() - 1;
            }
            if talks {
                // Talking is no ponging: a half-open client library may send and never read.
                let id = client.id();
                client.send(&ClientMessage::Ping(Ping { id })).await;
            }
            let closing = client.closing().await;
            assert_eq!(closing.code, CloseCode::TIMEOUT);
            let silence = relay.clock().now_ms() - last_pong;
            assert!((90_000..=90_200).contains(&silence), "closed {silence} ms after the last pong");
            client.vanish().await.unwrap();
            assert_eq!(relay.hub().connection_count(), 0);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_never_connects_is_closed_when_the_handshake_time_is_over() {
    let relay = relay();
    let mut client = Client::open(&relay, Format::Json);
    let closing = client.closing().await;
    assert_eq!((closing.code, closing.reason.as_str()), (CloseCode::TIMEOUT, "handshake_timeout"));
    let late = relay.clock().now_ms() - START_MS;
    assert!((30_000..=30_100).contains(&late), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_a_minute_before_it_ends_and_its_end_closes_with_4410() {
    let relay = relay();
    let ends_s = START_MS / 1_000 + 300;
    let (mut client, welcome) = Client::connect(&relay, &sign(&with(claims("nurse"), "exp", ends_s.into())), &[]).await;
    assert_eq!(welcome.expires_at.as_millis(), ends_s * 1_000);
    let mut reauth_at = Vec::new();
    let closing = loop {
        match client.next_or_close().await {
            Ok(ServerMessage::Heartbeat(heartbeat)) => client.pong(heartbeat.ts).await,
            Ok(ServerMessage::Reauth(reauth)) => {
                assert_eq!(reauth.expires_at.as_millis(), ends_s * 1_000);
                reauth_at.push(relay.clock().now_ms() - START_MS);
            }
            Ok(other) => panic!("{other:?}"),
            Err(closing) => break closing,
        }
    };
    assert_eq!(closing.code, CloseCode::TOKEN_EXPIRED);
    assert!(reauth_at.len() == 1 && (240_000..=240_100).contains(&reauth_at[0]), "{reauth_at:?}");
    let late = relay.clock().now_ms() - START_MS;
    assert!((305_000..=305_100).contains(&late), "the leeway is given: {late}");
}

#[tokio::test(start_paused = true)]
async fn a_token_taken_within_the_leeway_may_still_be_refreshed() {
    let relay = relay();
    let ended = sign(&with(claims("nurse"), "exp", (START_MS / 1_000 - 2).into()));
    let (mut client, _) = Client::connect(&relay, &ended, &[]).await;
    assert!(matches!(client.next().await, ServerMessage::Reauth(_)));
    advance(2_000).await;
    let id = client.id();
    client.send(&ClientMessage::Refresh(Refresh { id, token: token("nurse") })).await;
    assert!(matches!(client.next().await, ServerMessage::Reply(reply) if reply.id == id));
    advance(10_000).await;
    assert_eq!(relay.hub().connection_count(), 1);

    let (mut client, _) = Client::connect(&relay, &sign(&with(claims("late"), "exp", (START_MS / 1_000 + 10).into())), &[]).await;
    let begin = relay.clock().now_ms();
    assert_eq!(client.closing().await.code, CloseCode::TOKEN_EXPIRED);
    assert!(relay.clock().now_ms() - begin <= 5_100);
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_keeps_the_connection_and_its_subscriptions() {
    let relay = relay();
    let short = with(claims("nurse"), "exp", (START_MS / 1_000 + 100).into());
    let (mut client, _) = Client::connect(&relay, &sign(&short), &["device:d1", "patient:p1"]).await;
    let longer =
        with(with(claims("nurse"), "exp", (START_MS / 1_000 + 1_000).into()), "subscribe", serde_json::json!(["device:*", "tenant"]));
    let id = client.id();
    client.send(&ClientMessage::Refresh(Refresh { id, token: sign(&longer) })).await;
    let told = client.all().await;
    let expires_at = UnixMs::from_millis(START_MS + 1_000_000);
    assert_eq!(told[0], ServerMessage::Reply(Reply { id, result: ReplyResult::Refreshed { expires_at } }));
    let lost = Unsubscribed { id: None, channel: "patient:p1".to_owned(), code: Some(ErrorCode::Forbidden) };
    assert_eq!(told[1], ServerMessage::Unsubscribed(lost), "rights are looked at again");
    for _ in 0..6 {
        loop {
            if let ServerMessage::Heartbeat(heartbeat) = client.next().await {
                client.pong(heartbeat.ts).await;
                break;
            }
        }
    }
    assert!(relay.clock().now_ms() > START_MS + 170_000 && client.closed.is_none());
    relay.publish(system(), "device:d1", status("d1", 0.5), None).await.unwrap();
    assert_eq!(client.events().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_with_a_bad_token_or_for_somebody_else_closes_with_4401() {
    for (bad, reason) in [
        (sign(&with(claims("nurse"), "exp", (START_MS / 1_000 - 60).into())), "token_expired"),
        (token("other"), "token_invalid"),
        (sign(&with(claims("nurse"), "tenant", "other".into())), "token_invalid"),
        ("x".to_owned(), "token_malformed"),
        (String::new(), "token_missing"),
    ] {
        let relay = relay();
        let (mut client, _) = Client::connect(&relay, &token("nurse"), &[]).await;
        let id = client.id();
        client.send(&ClientMessage::Refresh(Refresh { id, token: bad })).await;
        let closing = client.closing().await;
        assert_eq!((closing.code, closing.reason.as_str()), (CloseCode::UNAUTHORIZED, reason));
    }
}

#[tokio::test(start_paused = true)]
async fn timers_of_connections_that_are_gone_do_not_pile_up() {
    let relay = relay();
    for _ in 0..50 {
        let (client, _) = Client::connect(&relay, &token("nurse"), &["patient:p1"]).await;
        client.close().await;
    }
    advance(100_000).await;
    assert!(relay.hub().wheel.waiting() <= 1, "only the clock's own timer stays: {}", relay.hub().wheel.waiting());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// R4: whatever the lengths of the tokens, each is asked for once, a minute before its end or at once where less is left;
    /// a refresh in time keeps the connection, and only the end of the last token closes it.
    #[test]
    fn each_token_is_asked_for_once_and_only_the_last_ones_end_closes(
        lengths_s in prop::collection::vec(2_u64..400, 1..6),
        waits_ms in prop::collection::vec(0_u64..70_000, 5),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let token_for = |length_s: u64| {
                let ends_s = relay.clock().now_ms() / 1_000 + length_s;
                (sign(&with(claims("nurse"), "exp", ends_s.into())), ends_s * 1_000)
            };
            let mut lengths = lengths_s.iter().copied();
            let (token, mut ends_ms) = token_for(lengths.next().unwrap());
            let mut given_ms = relay.clock().now_ms();
            let (mut client, _) = Client::connect(&relay, &token, &["device:d1"]).await;
            let mut waits_ms = waits_ms.into_iter();
            let mut asked = false;
            let closing = loop {
                match client.next_or_close().await {
                    Ok(ServerMessage::Heartbeat(heartbeat)) => client.pong(heartbeat.ts).await,
                    Ok(ServerMessage::Reauth(reauth)) => {
                        assert!(!asked, "asked twice for one token");
                        asked = true;
                        assert_eq!(reauth.expires_at.as_millis(), ends_ms);
                        let now_ms = relay.clock().now_ms();
                        let due_ms = (ends_ms - 60_000).max(given_ms);
                        assert!((due_ms..=due_ms + 200).contains(&now_ms), "asked at {now_ms}, due at {due_ms}");
                        // Answered after a while, in time or not; or not at all.
                        let Some(length_s) = lengths.next() else { continue };
                        let wait_ms = waits_ms.next().unwrap_or(0).min((ends_ms + 4_000).saturating_sub(now_ms));
                        let until_ms = now_ms + wait_ms;
                        while relay.clock().now_ms() < until_ms {
                            advance((until_ms - relay.clock().now_ms()).min(20_000)).await;
                            for message in client.arrived() {
                                match message {
                                    ServerMessage::Heartbeat(heartbeat) => client.pong(heartbeat.ts).await,
                                    other => panic!("{other:?}"),
                                }
                            }
                        }
                        let (token, ends) = token_for(length_s);
                        let id = client.id();
                        client.send(&ClientMessage::Refresh(Refresh { id, token })).await;
                        // One that ends at the same time is the same to the relay: it has asked.
                        (ends_ms, given_ms, asked) = (ends, relay.clock().now_ms(), ends == ends_ms);
                    }
                    Ok(ServerMessage::Reply(reply)) => {
                        let expires_at = UnixMs::from_millis(ends_ms);
                        assert_eq!(reply.result, ReplyResult::Refreshed { expires_at });
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(closing) => break closing,
                }
            };
            assert_eq!(closing.code, CloseCode::TOKEN_EXPIRED);
            assert!(asked, "closed without having asked");
            let now_ms = relay.clock().now_ms();
            assert!((ends_ms + 5_000..=ends_ms + 5_200).contains(&now_ms), "closed at {now_ms}, the token ended at {ends_ms}");
        });
    }
}
