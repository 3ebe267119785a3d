//! `kill -9` of the real relay under load, again and again: what it accepted is there afterwards, each once, marks too.
//!
//! Six writers, three over HTTP and three over WebSockets (`call`, `publish`), do everything that is kept. Each waits for its answer before
//! it goes on, so at most one thing of each is in doubt when the relay dies: that one is sent again to the next relay, with its key, as a
//! backend would. Then the lists must be just what was accepted: nothing missing, nothing twice, nothing else.
//!
//! `PULSEWIRE_KILL_ROUNDS` (20) and `PULSEWIRE_KILL_SEED` say how often and when; a failure tells the seed.

mod doors;
mod ledger;

use crate::support::Folder;
use doors::{Door, Process, Told};
use ledger::{Deed, Ledger};
use pulsewire_relay::Entropy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const WRITERS: u64 = 6;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a number")))
}

/// Does one thing after the other until the relay is gone: what was accepted, and what is in doubt.
fn write(mut door: Door, round: u64, writer: u64, over: &AtomicBool) -> (Ledger, Option<Deed>) {
    let mut ledger = Ledger::new(round, writer);
    for number in 0.. {
        let deed = ledger.next(number);
        match door.tell(&deed.op, deed.by_nurse) {
            Told::Accepted(answer) => ledger.accept(deed, &answer),
            Told::Gone if over.load(Ordering::Relaxed) => return (ledger, Some(deed)),
            Told::Gone => panic!("the relay was lost before it was killed: {deed:?}"),
            Told::Refused(why) => panic!("refused: {why}: {deed:?}"),
        }
    }
    (ledger, None)
}

#[test]
fn what_the_relay_accepted_is_there_once_after_each_kill_9() {
    let rounds = from_env("PULSEWIRE_KILL_ROUNDS").unwrap_or(20);
    let seed = from_env("PULSEWIRE_KILL_SEED").unwrap_or_else(|| Entropy::from_os().between(0, 999_999));
    // Shown where the test fails.
    println!("PULSEWIRE_KILL_SEED={seed}");
    let chance = Entropy::from_seed(seed);
    let folder = Folder::new();
    let mut ledgers: Vec<Ledger> = Vec::new();
    let mut in_doubt: Vec<(usize, Deed)> = Vec::new();
    let mut relay = Process::start(folder.path());
    for round in 0..rounds {
        let over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (door, over) = (if writer % 2 == 0 { relay.http(round) } else { relay.socket(round) }, Arc::clone(&over));
                std::thread::spawn(move || write(door, round, writer, &over))
            })
            .collect();
        // Somewhere else in its writing each time.
        std::thread::sleep(Duration::from_millis(chance.between(60, 400)));
        over.store(true, Ordering::Relaxed);
        relay.kill();
        for writer in writers {
            let (ledger, doubtful) = writer.join().unwrap();
            in_doubt.extend(doubtful.map(|deed| (ledgers.len(), deed)));
            ledgers.push(ledger);
        }
        relay = Process::start(folder.path());
        for (of, deed) in in_doubt.drain(..) {
            match relay.http(round).tell(&deed.op, deed.by_nurse) {
                Told::Accepted(answer) => ledgers[of].accept(deed, &answer),
                other => panic!("sent again and not accepted: {other:?}: {deed:?}"),
            }
        }
        ledger::check(&mut relay.http(round), round, &ledgers[ledgers.len() - WRITERS as usize..]);
    }
    // What was there after its own kill is there after all others.
    for (round, ledgers) in (0..).zip(ledgers.chunks(WRITERS as usize)) {
        ledger::check(&mut relay.http(round), round, ledgers);
    }
    relay.kill();
    pulsewire_relay::store::check(&folder.database()).unwrap();
    let accepted: usize = ledgers.iter().map(Ledger::count).sum();
    println!("{rounds} times killed, {accepted} accepted, none lost, none twice");
    assert!(accepted as u64 > rounds * WRITERS, "hardly anything was written: {accepted}");
}
