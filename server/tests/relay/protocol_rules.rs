//! The session's manners: what is answered, what closes, in which order, in either encoding.

use crate::support::*;
use bytes::Bytes;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::session::Inbound;

fn text(text: &str) -> Inbound {
    Inbound::Text(Bytes::from(text.to_owned()))
}

async fn json_client(relay: &pulsewire_relay::Relay) -> Client {
    let mut client = Client::open(relay, Format::Json);
    client.say_connect(&token("nurse"), Vec::new()).await;
    client
}

#[tokio::test(start_paused = true)]
async fn commands_in_one_frame_are_answered_one_by_one_in_order() {
    let relay = relay();
    let mut client = json_client(&relay).await;
    let frame = "{\"type\":\"ping\",\"id\":11}\n\n{\"type\":\"subscribe\",\"id\":12,\"channel\":\"lobby\"}\r\n\
                 {\"type\":\"publish\",\"id\":13,\"channel\":\"lobby\",\"event\":\"x\",\"data\":[1]}\n{\"type\":\"nonsense\",\"id\":14}\n\
                 {\"type\":\"unsubscribe\",\"id\":15,\"channel\":\"lobby\"}\n{\"type\":\"call\",\"id\":16,\"method\":\"no.such\"}\n";
    client.send_frame(text(frame)).await;
    let got = client.all().await;
    let [
        ServerMessage::Reply(ping),
        ServerMessage::Subscribed(subscribed),
        ServerMessage::Event(event),
        ServerMessage::Reply(published),
        ServerMessage::Error(nonsense),
        ServerMessage::Unsubscribed(unsubscribed),
        ServerMessage::Error(call),
    ] = got.as_slice()
    else {
        panic!("{got:?}")
    };
    assert_eq!((ping.id, subscribed.id, published.id, unsubscribed.id), (11, Some(12), 13, Some(15)));
    assert_eq!(event.publication.offset, Some(1));
    assert_eq!((nonsense.id, nonsense.body.code), (Some(14), ErrorCode::BadRequest));
    assert_eq!((call.id, call.body.code), (Some(16), ErrorCode::NotFound));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_closes_with_4400_and_what_makes_no_sense_is_answered() {
    for (frame, closes) in [
        (text("{"), true),
        (text("not json"), true),
        (text("{\"type\":\"ping\",\"id\":1} trailing"), true),
        (Inbound::Text(Bytes::from_static(&[0xff, 0xfe])), true),
        (Inbound::Binary(Bytes::from_static(&[0xa0])), true),
        (text("[]"), false),
        (text("42"), false),
        (text("{}"), false),
        (text("{\"type\":\"ping\"}"), false),
        (text("{\"type\":\"ping\",\"id\":-1}"), false),
        (text("{\"type\":\"ping\",\"id\":0}"), false),
        (text("{\"type\":\"subscribe\",\"id\":3}"), false),
        (text("{\"type\":\"subscribe\",\"id\":3,\"channel\":7}"), false),
        (text("{\"type\":\"connect\",\"id\":4,\"client\":{\"name\":\"a\",\"version\":\"1\",\"session\":\"s\"}}"), false),
    ] {
        let relay = relay();
        let mut client = json_client(&relay).await;
        client.send_frame(frame.clone()).await;
        if closes {
            assert_eq!(client.closing().await.code, CloseCode::PROTOCOL, "{frame:?}");
        } else {
            match client.next().await {
                ServerMessage::Error(error) => assert_eq!(error.body.code, ErrorCode::BadRequest, "{frame:?}"),
                other => panic!("{frame:?}: {other:?}"),
            }
            let id = client.id();
            client.send(&ClientMessage::Ping(Ping { id })).await;
            assert!(matches!(client.next().await, ServerMessage::Reply(_)), "and goes on");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn commands_before_connect_are_refused_and_the_connection_waits_on() {
    let relay = relay();
    let mut client = Client::open(&relay, Format::Json);
    client
        .send_frame(text(
            "{\"type\":\"ping\",\"id\":1}\n{\"type\":\"pong\",\"ts\":1}\n{\"type\":\"subscribe\",\"id\":2,\"channel\":\"lobby\"}",
        ))
        .await;
    for id in [1, 2] {
        let ServerMessage::Error(error) = client.next().await else { panic!() };
        assert_eq!((error.id, error.body.code), (Some(id), ErrorCode::BadRequest));
    }
    client.say_connect(&token("nurse"), Vec::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_the_limit_closes_with_1009() {
    let relay = relay();
    for frame in [text(&" ".repeat(65_537)), Inbound::TooLarge] {
        let mut client = json_client(&relay).await;
        client.send_frame(text(&" ".repeat(65_536))).await;
        assert!(client.all().await.is_empty() && client.closed.is_none(), "at the limit it passes");
        client.send_frame(frame).await;
        assert_eq!(client.closing().await.code, CloseCode::TOO_LARGE);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_over_the_rate_are_refused_with_a_delay_and_a_flood_is_closed() {
    let relay = relay();
    let mut client = json_client(&relay).await;
    let mut codes = Vec::new();
    // `connect` took one of the 200.
    for id in 1..=210_u64 {
        client.send(&ClientMessage::Ping(Ping { id })).await;
    }
    for message in client.all().await {
        codes.push(match message {
            ServerMessage::Reply(_) => None,
            ServerMessage::Error(error) => {
                assert!(error.body.retryable && error.body.retry_after_ms.is_some_and(|ms| (1..=20).contains(&ms)), "{error:?}");
                Some((error.id.unwrap(), error.body.code))
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 199);
    assert!(codes.iter().flatten().all(|(id, code)| *id >= 200 && *code == ErrorCode::RateLimited));
    advance(1_000).await;
    for id in 300..350 {
        client.send(&ClientMessage::Ping(Ping { id })).await;
    }
    assert!(client.all().await.iter().all(|message| matches!(message, ServerMessage::Reply(_))), "50 more after a second");
    for id in 1_000..2_000 {
        client.send(&ClientMessage::Ping(Ping { id })).await;
        tokio::task::yield_now().await;
    }
    let closing = client.closing().await;
    assert_eq!(closing.code, CloseCode::RATE_LIMITED);
    assert!(error::retry_after_from_reason(&closing.reason).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_user_may_have_so_many_connections_and_no_more() {
    let mut config = config();
    config.limits.per_user = 2;
    let relay = relay_with(config);
    let (first, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    let (_second, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    let mut third = Client::open(&relay, Format::Cbor);
    let connect = Connect { id: 1, token: Some(token("nurse")), client: ClientInfo::default(), subscribe: Vec::new() };
    third.send(&ClientMessage::Connect(connect)).await;
    assert_eq!(third.closing().await.code, CloseCode::RATE_LIMITED);
    let (_other, _) = Client::connect(&relay, &token("other"), &[]).await;
    first.close().await;
    let (_again, _) = Client::connect(&relay, &token("nurse"), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_command_holds_up_neither_events_nor_the_order_of_answers() {
    struct Slow;
    impl pulsewire_relay::relay::Methods for Slow {
        fn handle_call<'a>(
            &'a self,
            _: &'a pulsewire_relay::Principal,
            method: &'a str,
            _: Option<&'a RawJson>,
        ) -> Option<futures_util::future::BoxFuture<'a, Result<RawJson, pulsewire_relay::relay::Refusal>>> {
            (method == "slow").then(|| {
                Box::pin(async {
                    advance(5_000).await;
                    Ok(RawJson::parse("\"done\"").unwrap())
                }) as _
            })
        }
    }
    let relay = relay();
    relay.add_methods(std::sync::Arc::new(Slow));
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    let id = client.id();
    client.send(&ClientMessage::Call(Call { id, method: "slow".to_owned(), params: None })).await;
    client.send(&ClientMessage::Ping(Ping { id: id + 1 })).await;
    advance(100).await;
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    let early = client.all().await;
    assert!(matches!(early.as_slice(), [ServerMessage::Event(_)]), "{early:?}");
    advance(6_000).await;
    let late = client.all().await;
    let [ServerMessage::Reply(call), ServerMessage::Reply(ping)] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!((call.id, ping.id), (id, id + 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any bytes, text or binary, end in answers or in a close: the session never panics and nothing stays behind.
    #[test]
    fn no_bytes_make_a_session_panic(
        frames in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..10),
        messages in prop::collection::vec(pulsewire_protocol::testing::client_message(), 0..20),
        json in any::<bool>(),
        connected in any::<bool>(),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let mut client = Client::open(&relay, if json { Format::Json } else { Format::Cbor });
            if connected {
                client.say_connect(&token("nurse"), Vec::new()).await;
            }
            for message in &messages {
                client.send(message).await;
            }
            for (as_text, bytes) in frames {
                let bytes = Bytes::from(bytes);
                client.send_frame(if as_text { Inbound::Text(bytes) } else { Inbound::Binary(bytes) }).await;
            }
            client.all().await;
            client.vanish().await.expect("the session panicked");
            settle().await;
            assert_eq!(relay.hub().connection_count(), 0);
            assert_eq!(relay.hub().room_counts(), (0, 0));
        });
    }
}

#[tokio::test(start_paused = true)]
async fn the_own_channels_are_joined_however_many_others_are_named() {
    let relay = relay();
    let names: Vec<String> = (0..1_500).map(|number| format!("lobby:{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut client, welcome) = Client::connect(&relay, &token("nurse"), &names).await;
    let limit = welcome.limits.max_subscriptions as usize;
    let accepted = welcome.subscribed.iter().filter(|entry| matches!(entry, SubscribedEntry::Subscribed(_))).count();
    assert_eq!(accepted, limit + 2);
    entry(&welcome, "user:nurse");
    entry(&welcome, "tenant");
    assert_eq!(client.subscribe("lobby:x").await.unwrap_err().code, ErrorCode::TooManySubscriptions);
}
