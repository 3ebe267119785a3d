//! Viewers and presence over many relays: leases that are renewed, told at once, and run out with the relay that took them.

use crate::broker_contract::*;
use crate::online::presences;
use crate::redis::*;
use crate::redis_server::{Keeps, RedisServer};
use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::{Clock, Entropy, Relay};
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENT: &str = "patient:p1";

fn users(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(user, name)| ((*user).to_owned(), (*name).to_owned())).collect()
}

async fn read(bench: &Bench, channel: &str) -> BTreeMap<String, String> {
    let present = bench.broker.present_elsewhere(&key(channel)).await.unwrap();
    present.into_iter().map(|user| (user.user_id, user.name)).collect()
}

#[tokio::test]
async fn what_one_node_says_of_its_users_the_others_know_whenever_they_come() {
    let server = RedisServer::start(Keeps::Nothing);
    let [one, other] = [node(config_on(&server, "p")).await, node(config_on(&server, "p")).await];
    one.broker.set_present(&key(PATIENT), "anna", Some("Anna"));
    other.broker.hold(&key(PATIENT)).await.unwrap();
    until("one that was there before", || other.delivered.elsewhere(PATIENT) == users(&[("anna", "Anna")])).await;
    one.broker.set_present(&key(PATIENT), "berta", Some("Berta"));
    until("one that comes", || other.delivered.elsewhere(PATIENT).len() == 2).await;
    one.broker.set_present(&key(PATIENT), "berta", Some("Dr Berta"));
    until("a new name", || other.delivered.elsewhere(PATIENT)["berta"] == "Dr Berta").await;
    one.broker.set_present(&key(PATIENT), "anna", None);
    until("one that goes", || other.delivered.elsewhere(PATIENT) == users(&[("berta", "Dr Berta")])).await;
    assert_eq!(read(&other, PATIENT).await, users(&[("berta", "Dr Berta")]));
    assert_eq!(read(&one, PATIENT).await, users(&[]), "one's own are not elsewhere");
    one.broker.hold(&key(PATIENT)).await.unwrap();
    assert_eq!(one.delivered.elsewhere(PATIENT), users(&[]));
    for lasting in ["p:{ward:patient:p1}:who".to_owned(), lease_of_the_only_relay(&server)] {
        let left = server.ask(&format!("PTTL {lasting}"));
        assert!(!left.contains('-'), "{lasting} is not there, or would never go: {left}");
    }
    one.broker.set_present(&key(PATIENT), "berta", None);
    until("the last one that goes", || other.delivered.elsewhere(PATIENT).is_empty()).await;
    assert!(server.ask("KEYS p:{ward:patient:p1}:who*").starts_with("*0"), "nothing is left");
}

/// The key of the only relay that has users there.
fn lease_of_the_only_relay(server: &RedisServer) -> String {
    let relays = server.ask("SMEMBERS p:{ward:patient:p1}:who");
    let node = relays.lines().find(|line| line.contains('.')).unwrap_or_else(|| panic!("{relays}"));
    format!("p:{{ward:patient:p1}}:who:{node}")
}

#[tokio::test]
async fn the_users_of_a_node_that_dies_vanish_by_themselves_and_those_of_a_living_one_stay() {
    let server = RedisServer::start(Keeps::Nothing);
    let dies = node(config_on(&server, "p")).await;
    dies.broker.set_present(&key(PATIENT), "anna", Some("Anna"));
    until("it is written", || server.ask("EXISTS p:{ward:patient:p1}:who").starts_with(":1")).await;
    let lease = lease_of_the_only_relay(&server);
    let [lives, other] = [node(patient_config_on(&server, "p")).await, node(patient_config_on(&server, "p")).await];
    lives.broker.set_present(&key(PATIENT), "berta", Some("Berta"));
    other.broker.hold(&key(PATIENT)).await.unwrap();
    until("both are seen", || other.delivered.elsewhere(PATIENT).len() == 2).await;
    // Without a word to anybody.
    drop(dies);
    other.jump(30_000).await;
    other.broker.tidy();
    assert!(other.delivered.elsewhere(PATIENT).contains_key("anna"), "it may be slow, and no more");
    // The time of Redis does not jump with the test's.
    server.ask(&format!("DEL {lease}"));
    other.jump(40_000).await;
    // The jump cut what listens: it looked, and did not find it.
    other.jump(12_000).await;
    until("the dead one's are gone, and the living one's are there", || {
        other.broker.tidy();
        other.delivered.elsewhere(PATIENT) == users(&[("berta", "Berta")])
    })
    .await;
    let fresh = node(config_on(&server, "p")).await;
    assert_eq!(read(&fresh, PATIENT).await, users(&[("berta", "Berta")]));
    assert!(!server.ask("SMEMBERS p:{ward:patient:p1}:who").contains(lease.rsplit(':').next().unwrap()), "it leaves nothing behind");
}

#[tokio::test]
async fn leases_come_back_to_a_redis_that_lost_them_and_meanwhile_the_last_that_was_known_counts() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let [one, other] = [node(config_on(&server, "p")).await, node(config_on(&server, "p")).await];
    other.broker.hold(&key(PATIENT)).await.unwrap();
    one.broker.set_present(&key(PATIENT), "anna", Some("Anna"));
    until("seen", || other.delivered.elsewhere(PATIENT).len() == 1).await;
    server.kill();
    until("away", || one.broker.ready().is_err() && other.broker.ready().is_err()).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(120)).await;
    tokio::time::resume();
    other.broker.tidy();
    assert_eq!(read(&other, PATIENT).await, users(&[("anna", "Anna")]), "nobody leaves because nobody is heard");
    one.broker.set_present(&key(PATIENT), "berta", Some("Berta"));
    one.broker.set_present(&key(PATIENT), "clara", Some("Clara"));
    one.broker.set_present(&key(PATIENT), "clara", None);
    server.start_again();
    until("those of before and those of meanwhile", || {
        other.broker.tidy();
        let seen = other.delivered.elsewhere(PATIENT);
        assert!(seen.contains_key("anna"), "she was there all the time");
        seen == users(&[("anna", "Anna"), ("berta", "Berta")])
    })
    .await;
    other.until_ready().await;
    assert_eq!(read(&other, PATIENT).await.len(), 2);
}

#[tokio::test]
async fn a_lease_that_redis_lost_alone_comes_back_with_its_renewal() {
    let server = RedisServer::start(Keeps::Nothing);
    let one = node(patient_config_on(&server, "p")).await;
    one.broker.set_present(&key(PATIENT), "anna", Some("Anna"));
    until("it is written", || server.ask("EXISTS p:{ward:patient:p1}:who").starts_with(":1")).await;
    server.ask("FLUSHALL");
    let fresh = node(config_on(&server, "p")).await;
    assert_eq!(read(&fresh, PATIENT).await, users(&[]));
    one.jump(26_000).await;
    until("it is back", || server.ask("EXISTS p:{ward:patient:p1}:who").starts_with(":1")).await;
    assert_eq!(read(&fresh, PATIENT).await, users(&[("anna", "Anna")]));
}

#[tokio::test]
async fn a_full_redis_renews_what_it_has() {
    let server = RedisServer::start(Keeps::Nothing);
    let one = node(patient_config_on(&server, "p")).await;
    one.broker.set_present(&key(PATIENT), "anna", Some("Anna"));
    until("it is written", || server.ask("EXISTS p:{ward:patient:p1}:who").starts_with(":1")).await;
    let lease = lease_of_the_only_relay(&server);
    server.ask("CONFIG SET maxmemory 1");
    server.ask(&format!("PEXPIRE {lease} 20000"));
    // It is not ready meanwhile, for it takes no publications.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(26)).await;
    tokio::time::resume();
    until("it lasts again", || {
        let left = server.ask(&format!("PTTL {lease}"));
        left.lines().next().and_then(|left| left.trim_start_matches(':').parse::<u64>().ok()).is_some_and(|left_ms| left_ms > 30_000)
    })
    .await;
}

#[tokio::test]
async fn a_channel_is_held_though_its_leases_cannot_be_read_and_they_are_known_when_they_can() {
    let server = RedisServer::start(Keeps::Nothing);
    let [one, other] = [node(config_on(&server, "p")).await, node(config_on(&server, "p")).await];
    server.ask("SET p:{ward:patient:p1}:who nonsense");
    other.broker.hold(&key(PATIENT)).await.unwrap();
    one.publish(PATIENT, note(1)).await;
    until("alerts come", || other.delivered.count(PATIENT) == 1).await;
    server.ask("DEL p:{ward:patient:p1}:who");
    // Told to nobody, so that only the look can find it.
    server.ask("SADD p:{ward:patient:p1}:who quiet.x");
    server.ask("HSET p:{ward:patient:p1}:who:quiet.x anna Anna");
    until("seen", || other.delivered.elsewhere(PATIENT) == users(&[("anna", "Anna")])).await;
}

#[tokio::test]
async fn one_lease_that_cannot_be_read_hides_no_other() {
    let server = RedisServer::start(Keeps::Nothing);
    let other = node(config_on(&server, "p")).await;
    server.ask("SADD p:{ward:patient:p1}:who bad.x newer.x good.x");
    server.ask("SET p:{ward:patient:p1}:who:bad.x nonsense");
    server.ask("HSET p:{ward:patient:p1}:who:newer.x '' later clara Clara");
    server.ask("HSET p:{ward:patient:p1}:who:good.x anna Anna");
    assert_eq!(read(&other, PATIENT).await, users(&[("anna", "Anna")]));
    other.broker.hold(&key(PATIENT)).await.unwrap();
    assert_eq!(other.delivered.elsewhere(PATIENT), users(&[("anna", "Anna")]));
}

#[tokio::test]
async fn while_redis_is_away_who_is_present_is_answered_with_ones_own() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let relay = relay_on(&server, "one");
    until("the relay is ready", || relay.ready().is_ok()).await;
    let (_anna, _) = Client::connect(&relay, &token("anna"), &[]).await;
    server.kill();
    until("away", || relay.ready().is_err()).await;
    let who = relay.authenticate(Some(&token("anna"))).unwrap();
    let ids = async |channel: &str| relay.presence(&who, channel).await.unwrap().into_iter().map(|user| user.user_id).collect::<Vec<_>>();
    assert_eq!(ids("tenant").await, ["anna"]);
    assert_eq!(ids("patient:nobody-holds").await, Vec::<String>::new());
}

#[derive(Clone, Debug)]
enum Step {
    Come {
        node: usize,
        user: u8,
    },
    Go {
        node: usize,
        user: u8,
    },
    Call {
        node: usize,
        user: u8,
        name: u8,
    },
    /// All lose their connections, or those that listen, and whatever is told meanwhile.
    CutListening,
    CutAll,
    /// Redis comes back with nothing.
    Empty,
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..3_usize, 0..5_u8).prop_map(|(node, user)| Step::Come { node, user }),
        5 => (0..3_usize, 0..5_u8).prop_map(|(node, user)| Step::Go { node, user }),
        1 => (0..3_usize, 0..5_u8, 0..3_u8).prop_map(|(node, user, name)| Step::Call { node, user, name }),
        1 => Just(Step::CutListening),
        1 => Just(Step::CutAll),
        1 => Just(Step::Empty),
        3 => (0..30_u8).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn property_34_every_node_knows_the_users_of_the_others_whatever_happens_on_the_way(steps in proptest::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let server = RedisServer::start(Keeps::Nothing);
            let nodes = [node(config_on(&server, "p")).await, node(config_on(&server, "p")).await, node(config_on(&server, "p")).await];
            for node in &nodes {
                node.broker.hold(&key(PATIENT)).await.unwrap();
            }
            let mut present = [(); 3].map(|()| BTreeMap::new());
            for step in &steps {
                let (node, user, name) = match *step {
                    Step::Come { node, user } => (node, user, Some(format!("User {user}"))),
                    Step::Go { node, user } => (node, user, None),
                    Step::Call { node, user, name } => (node, user, Some(format!("Name {name}\nof \"{user}\""))),
                    Step::CutListening => { server.ask("CLIENT KILL TYPE pubsub"); continue }
                    Step::CutAll => { server.ask("CLIENT KILL TYPE pubsub"); server.ask("CLIENT KILL TYPE normal"); continue }
                    Step::Empty => { server.ask("FLUSHALL"); server.ask("CLIENT KILL TYPE pubsub"); continue }
                    Step::Wait(ms) => { advance(u64::from(ms)).await; continue }
                };
                let user = format!("u{user}");
                nodes[node].broker.set_present(&key(PATIENT), &user, name.as_deref());
                match name {
                    Some(name) => drop(present[node].insert(user, name)),
                    None => drop(present[node].remove(&user)),
                }
            }
            for (number, node) in nodes.iter().enumerate() {
                let mut expected = BTreeMap::<&String, Vec<&String>>::new();
                for (_, users) in present.iter().enumerate().filter(|(other, _)| *other != number) {
                    users.iter().for_each(|(user, name)| expected.entry(user).or_default().push(name));
                }
                // Two nodes may call a user differently: one of the names it is. A node that was not found is doubted for ten
                // seconds of real time.
                until_within(Duration::from_secs(60), "it knows them", || {
                    node.broker.tidy();
                    let seen = node.delivered.elsewhere(PATIENT);
                    seen.len() == expected.len()
                        && seen.iter().all(|(user, name)| expected.get(user).is_some_and(|names| names.contains(&name)))
                }).await;
            }
        });
    }
}

fn relay_on(server: &RedisServer, name: &str) -> Relay {
    let mut config = config_on(server, "p");
    config.node = Some(name.to_owned());
    Relay::open(config, Clock::starting_at(START_MS), Entropy::from_os()).unwrap()
}

/// Waits until a client is told of so many viewers; gives their names.
async fn viewers(client: &mut Client, count: u32) -> Vec<String> {
    let told = tokio::time::timeout(Duration::from_secs(15), async {
        loop {
            match client.next().await {
                ServerMessage::Viewers(told) if told.channel == PATIENT && told.count == count => return told.names,
                _ => {}
            }
        }
    });
    told.await.unwrap_or_else(|_| panic!("never told of {count} viewers"))
}

#[tokio::test]
async fn viewers_are_counted_over_all_relays_each_user_once() {
    let server = RedisServer::start(Keeps::Nothing);
    let relays = [relay_on(&server, "one"), relay_on(&server, "two")];
    for relay in &relays {
        until("the relay is ready", || relay.ready().is_ok()).await;
    }
    let (mut anna, _) = Client::connect(&relays[0], &token("anna"), &[PATIENT]).await;
    let (mut berta, welcome) = Client::connect(&relays[1], &token("berta"), &[PATIENT]).await;
    assert_eq!(viewers(&mut anna, 2).await, ["Name of anna", "Name of berta"]);
    // With the answer, where anna's lease was written by then.
    if entry(&welcome, PATIENT).viewers.as_ref().unwrap().count < 2 {
        viewers(&mut berta, 2).await;
    }
    // A second tab of anna's, on the other relay: nobody is told anything new.
    let (tab, welcome) = Client::connect(&relays[1], &token("anna"), &[PATIENT]).await;
    assert_eq!(entry(&welcome, PATIENT).viewers.as_ref().unwrap().count, 2);
    let (clara, welcome) = Client::connect(&relays[0], &token("clara"), &[PATIENT]).await;
    assert_eq!(entry(&welcome, PATIENT).viewers.as_ref().unwrap().count, 3);
    for client in [&mut anna, &mut berta] {
        viewers(client, 3).await;
    }
    clara.close().await;
    tab.close().await;
    for client in [&mut anna, &mut berta] {
        assert_eq!(viewers(client, 2).await, ["Name of anna", "Name of berta"], "anna's first tab is still there");
    }
    let who = relays[1].authenticate(Some(&token("berta"))).unwrap();
    for channel in [PATIENT, "tenant"] {
        let present = relays[1].presence(&who, channel).await.unwrap();
        let ids: Vec<&str> = present.iter().map(|user| user.user_id.as_str()).collect();
        assert_eq!(ids, ["anna", "berta"], "{channel}");
    }
    anna.close().await;
    viewers(&mut berta, 1).await;
}

/// Lets time pass that nobody waits for; the relays find Redis again afterwards.
async fn jump(relays: &[Relay], ms: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(ms)).await;
    tokio::time::resume();
    advance(20).await;
    for relay in relays {
        until("the relay is ready", || relay.ready().is_ok()).await;
    }
}

#[tokio::test]
async fn every_page_hears_once_who_came_and_left_by_way_of_whichever_relay() {
    let server = RedisServer::start(Keeps::Nothing);
    let relays = ["one", "two"].map(|name| {
        let mut config = patient_config_on(&server, "p");
        config.node = Some(name.to_owned());
        // Nobody here answers heartbeats.
        config.heartbeat.dead_after_ms = 86_400_000;
        Relay::open(config, Clock::starting_at(START_MS), Entropy::from_os()).unwrap()
    });
    for relay in &relays {
        until("the relay is ready", || relay.ready().is_ok()).await;
    }
    jump(&relays, 31_000).await;
    let (mut anna, _) = Client::connect(&relays[0], &token("anna"), &[]).await;
    let (mut berta, _) = Client::connect(&relays[1], &token("berta"), &[]).await;
    (anna.heeds_presence, berta.heeds_presence) = (true, true);
    // Both are told of both, if they were not there before.
    advance(3_000).await;
    for client in [&mut anna, &mut berta] {
        client.all().await;
    }
    let (first, _) = Client::connect(&relays[0], &token("clara"), &[]).await;
    advance(1_500).await;
    for client in [&mut anna, &mut berta] {
        assert_eq!(presences(client.all().await), [(vec!["Name of clara".to_owned()], vec![])]);
    }
    let (second, _) = Client::connect(&relays[1], &token("clara"), &[]).await;
    first.close().await;
    advance(200).await;
    jump(&relays, 11_000).await;
    advance(1_500).await;
    for client in [&mut anna, &mut berta] {
        assert_eq!(presences(client.all().await), [], "she is still there, by way of the other relay");
    }
    second.close().await;
    advance(200).await;
    let who = relays[0].authenticate(Some(&token("anna"))).unwrap();
    assert_eq!(relays[0].presence(&who, "tenant").await.unwrap().len(), 3, "she may come back");
    jump(&relays, 11_000).await;
    advance(2_500).await;
    for client in [&mut anna, &mut berta] {
        assert_eq!(presences(client.all().await), [(vec![], vec!["clara".to_owned()])]);
    }
    assert_eq!(relays[0].presence(&who, "tenant").await.unwrap().len(), 2);
}
