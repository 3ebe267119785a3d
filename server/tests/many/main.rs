//! Many relays as one: three relay processes on one Redis behind a balancer without sticky sessions, clients spread over them,
//! publishers at each. A relay is killed, another one drained, connections to Redis are cut at any byte, Redis stands still, dies, comes
//! back with its data, and then without.
//!
//! The short version is part of every run; `PULSEWIRE_TEST_ALL=1` (`cargo xtask test --only many`) has 300 clients, and holds Redis
//! up for 20 seconds.
//!
//! Whatever the clients were not told (a 202, a `reply`) may be there or not, but never twice.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod balancer;
mod http;
mod logs;
mod publishers;
// The tests beside this one need the rest of them.
#[allow(dead_code)]
#[path = "../relay/redis_proxy.rs"]
mod redis_proxy;
#[allow(dead_code)]
#[path = "../relay/redis_server.rs"]
mod redis_server;
mod relays;
mod visitors;

use balancer::Balancer;
use logs::{have_all, have_all_since_the_loss};
use publishers::Publishers;
use redis_proxy::Proxy;
use redis_server::{Keeps, RedisServer};
use relays::RelayProcess;
use std::time::{Duration, Instant};
use visitors::{Visitors, visit};

const CHANNELS: usize = 12;

/// How large.
struct Size {
    clients: usize,
    /// Connections to Redis that are cut.
    cuts: u64,
    /// How long Redis stands still.
    pause: Duration,
    /// Between two faults.
    calm: Duration,
}

fn size() -> Size {
    if std::env::var_os("PULSEWIRE_TEST_ALL").is_some_and(|all| !all.is_empty()) {
        Size { clients: 300, cuts: 100, pause: Duration::from_secs(20), calm: Duration::from_secs(4) }
    } else {
        Size { clients: 60, cuts: 15, pause: Duration::from_secs(3), calm: Duration::from_millis(1_000) }
    }
}

pub fn channel(number: usize) -> String {
    format!("lobby:{}", number % CHANNELS)
}

async fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the check passes; its last word where it does not.
async fn eventually(what: &str, mut check: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match check() {
            Ok(()) => return,
            Err(error) => assert!(Instant::now() < deadline, "{what}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everything that is there.
struct System {
    redis: RedisServer,
    proxy: Proxy,
    relays: Vec<RelayProcess>,
    started: usize,
    balancer: Balancer,
    size: Size,
    began: Instant,
}

impl System {
    fn say(&self, what: &str) {
        eprintln!("{:>6.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    async fn calm(&self) {
        tokio::time::sleep(self.size.calm).await;
    }

    fn put_another(&mut self, place: usize) {
        self.relays[place] = RelayProcess::start(self.started, &self.proxy.url());
        self.started += 1;
        self.balancer.replace(place, Some(self.relays[place].address));
    }

    /// Relays come and go, the balancer notices at once.
    async fn disturb_relays(&mut self) {
        self.say("a relay is killed");
        self.relays[0].kill();
        self.calm().await;
        self.put_another(0);
        self.say("a relay is drained");
        self.balancer.replace(1, None);
        self.relays[1].drain();
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = self.relays[1].ended() {
                break status;
            }
            assert!(Instant::now() < deadline, "it never ends");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "a drained relay ends with {status}");
        self.calm().await;
        self.put_another(1);
        self.calm().await;
    }

    /// Nothing of this loses anything.
    async fn disturb_redis(&mut self) {
        self.say("connections to redis are cut");
        for number in 0..self.size.cuts {
            // Anywhere in a script, its answer, or what is told.
            self.proxy.cut_at_byte(1 + number * 997 % 6_000);
            until("it is cut", Duration::from_secs(20), || self.proxy.cuts() > number).await;
            if number % 4 == 3 {
                self.proxy.cut_next_script();
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        self.calm().await;
        self.say("redis stands still");
        self.redis.pause();
        tokio::time::sleep(self.size.pause).await;
        self.redis.resume();
        self.calm().await;
        self.say("redis dies and comes back with its data");
        self.redis.kill();
        self.calm().await;
        self.redis.start_again();
        self.calm().await;
    }
}

async fn run(mut system: System) {
    let (clients, began) = (system.size.clients, system.began);
    let visitors: Visitors = visit(system.balancer.address, clients);
    until("everybody is there", Duration::from_secs(60), || visitors.there.get() == clients).await;
    let publishers = Publishers::start(&system.balancer);
    system.calm().await;
    system.disturb_relays().await;
    let gone = visitors.connections.get() - clients * 5 / 6;
    assert!(gone > clients / 3, "only {gone} had to come back when two relays went");
    let before = publishers.refused();
    system.disturb_redis().await;
    assert!(publishers.refused() > before, "no publication was refused while redis was away: nothing was tried");
    publishers.pause().await;
    let accepted = publishers.accepted();
    assert!(accepted.len() > 200, "{} were accepted", accepted.len());
    let lossless = accepted.len();
    eventually("with redis' data whole", || have_all(&visitors.logs, &accepted)).await;

    system.say("redis dies and comes back with nothing");
    publishers.go_on();
    system.calm().await;
    system.redis.kill();
    system.calm().await;
    system.redis.forget();
    system.redis.start_again();
    system.calm().await;
    publishers.pause().await;
    let last = publishers.one_each().await;
    eventually("after redis lost everything", || have_all_since_the_loss(&visitors.logs, &last)).await;
    let delivered: usize = visitors.logs.borrow().values().map(Vec::len).sum();
    eprintln!(
        "many: {clients} clients, {} connections, {} polls, {} accepted ({lossless} before the loss), {} refused or unanswered, {} cuts, {delivered} deliveries checked, {:.1} s",
        visitors.connections.get(),
        visitors.polls.get(),
        publishers.accepted().len(),
        publishers.refused(),
        system.proxy.cuts(),
        began.elapsed().as_secs_f64(),
    );
}

#[test]
fn three_relays_on_one_redis_lose_nothing_that_was_accepted() {
    // The network has a thread of its own: clients that are busy must not slow Redis down for the relays.
    let network = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let redis = RedisServer::start(Keeps::Everything);
    let proxy = network.block_on(Proxy::start(redis.port()));
    let relays: Vec<RelayProcess> = (0..3).map(|number| RelayProcess::start(number, &proxy.url())).collect();
    let balancer = network.block_on(Balancer::start(relays.iter().map(|relay| relay.address).collect()));
    let system = System { redis, proxy, relays, started: 3, balancer, size: size(), began: Instant::now() };
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&clients, run(system));
}
