//! The end of a schedule: fair weather, a bounded time to heal, and the final judgement.

use crate::figures::Figures;
use crate::page::Order;
use crate::schedule::{CHANNELS, Schedule};
use pulsewire_client_core::{Command, Wake};

/// Longer than the relay takes to find a connection dead (90 s), and than any question of the client waits for its answer.
const HEALING_MS: u64 = 130_000;
impl Schedule {
    pub async fn end(mut self) -> Figures {
        self.say("fair weather for all");
        for (page, offline) in self.pages.iter().zip(&self.offline) {
            page.weather.clear_up();
            page.skew_ms.set(0);
            page.moods.borrow_mut().clear();
            // Nobody else is told: what hangs has to be found out.
            if *offline {
                page.order(Order::Wake(Wake::Online));
            }
        }
        let awake_at_ms = self.pages.iter().map(|page| page.awake_at_ms).max().unwrap_or(0);
        self.world.pass(awake_at_ms.saturating_sub(self.world.elapsed_ms())).await;
        let healing_ms = self.heal(HEALING_MS).await;
        for channel in CHANNELS {
            self.publish(channel, 1).await;
        }
        // A socket that is half open downwards seems well until it is silent for too long.
        self.figures.slowest_healing_ms = self.heal(HEALING_MS).await.max(healing_ms);
        self.judge();
        // A close that gets lost on its way (a socket that is half open upwards works to the eye) leaves the relay to find out.
        for page in &self.pages {
            page.command(Command::Close);
        }
        self.heal_from(HEALING_MS, |schedule| {
            let left = schedule.world.connection_count();
            (left > 0).then(|| format!("the relay holds {left} connections of pages that are gone"))
        })
        .await;
        self.figures.virtual_ms = self.world.elapsed_ms();
        self.figures.trace = self.world.trace();
        self.figures
    }

    /// Lets time pass until all is well; says how long it took.
    async fn heal(&self, within_ms: u64) -> u64 {
        self.heal_from(within_ms, Self::lacks).await
    }

    async fn heal_from(&self, within_ms: u64, lacks: impl Fn(&Self) -> Option<String>) -> u64 {
        let began_ms = self.world.elapsed_ms();
        loop {
            let took_ms = self.world.elapsed_ms() - began_ms;
            match lacks(self) {
                None => return took_ms,
                Some(lack) => assert!(took_ms < within_ms, "not well after {took_ms} ms: {lack}"),
            }
            self.world.pass(250).await;
        }
    }

    /// What is not well yet.
    fn lacks(&self) -> Option<String> {
        self.world.truth.check();
        for (index, page) in self.pages.iter().enumerate() {
            if let Some(lack) = page.lacks() {
                return Some(format!("page {index}: {lack}"));
            }
            // Relays of the simulation that share a store do not tell each other who views what.
            let counted: &[&str] = if self.world.store().is_some() { &[] } else { &["patient:p1", "patient:p2", "device:d1"] };
            for channel in counted.iter().copied().filter(|channel| page.held.contains(*channel)) {
                let holders = self.pages.iter().filter(|other| other.held.contains(channel)).count();
                let viewers = page.client.borrow().viewers().counts().at(channel).map_or(0, |viewers| viewers.count as usize);
                if viewers != holders {
                    return Some(format!("page {index} sees {viewers} of {holders} viewers on {channel}"));
                }
            }
        }
        let (connections, pages) = (self.world.connection_count(), self.pages.len());
        (connections != pages).then(|| format!("the relay holds {connections} connections for {pages} pages"))
    }

    fn judge(&mut self) {
        let lossless =
            !self.forgets && !["restart without history", "store emptied"].iter().any(|fault| self.figures.faults.contains_key(fault));
        for number in &self.refused {
            assert!(self.world.truth.fact(*number).is_none(), "{number} was refused, and stored nevertheless");
        }
        for (index, page) in self.pages.iter().enumerate() {
            let judge = page.judge.borrow();
            judge.ledger.handle_end();
            if lossless {
                assert_eq!(judge.figures.resyncs, 0, "page {index} was told of a loss that was none");
                let missing = judge.missing_alerts();
                assert!(missing.is_empty(), "page {index} lacks the alerts {missing:?}");
            }
            let client = page.client.borrow();
            let counters = client.counters();
            self.figures.checked += judge.figures.applied;
            self.figures.settled += judge.ledger.settled;
            self.figures.delivered += judge.ledger.delivered;
            self.figures.reported += judge.ledger.reported;
            self.figures.polls += judge.figures.polls;
            self.figures.sign_ins += judge.figures.unauthorized;
            self.figures.resyncs += judge.figures.resyncs;
            self.figures.tries += counters.tries;
            self.figures.welcomes += counters.welcomes;
            self.figures.duplicates_dropped += counters.duplicates;
        }
    }
}
