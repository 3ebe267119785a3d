//! What befalls a store that relays share, and their ways to it.

use crate::schedule::{CHANNELS, Restarts, Schedule};
use crate::truth::Truth;
use crate::world::TENANT;
use pulsewire_protocol::ErrorCode;
use pulsewire_relay::Publisher;

impl Schedule {
    /// One fault. Where the store is away it is back when this returns; what is cut or deaf heals by itself.
    pub async fn outage(&mut self) {
        let Some(store) = self.world.store() else { return };
        let lives = self.world.lives();
        let place = self.rng.usize(..lives.len());
        match self.rng.u32(..100) {
            0..20 => {
                let keeps = self.restarts != Restarts::Either || self.rng.bool();
                self.figures.fault(if keeps { "store killed" } else { "store emptied" });
                self.say(format_args!("the store dies, with its data {keeps}"));
                store.kill();
                self.publish_in_vain().await;
                let away_ms = self.rng.u64(..8_000);
                self.world.pass(away_ms).await;
                store.start(keeps, self.rng.u64(..), self.world.elapsed_ms());
                if !keeps {
                    self.pages.iter().for_each(|page| page.judge.borrow_mut().forget_expected_alerts());
                }
            }
            20..40 => {
                self.figures.fault("store paused");
                self.say("the store stands still");
                store.pause();
                if self.rng.bool() {
                    self.publish_in_vain().await;
                }
                let still_ms = if self.rng.bool() { self.rng.u64(..900) } else { self.rng.u64(..25_000) };
                self.world.pass(still_ms).await;
                store.resume();
            }
            40..80 => {
                self.figures.fault("store's answer cut off");
                self.say(format_args!("relay {place} is cut off from the store in the middle of something"));
                if let Some(node) = &lives[place].node {
                    node.cut_in(self.rng.u32(1..8));
                }
            }
            _ => {
                self.figures.fault("deaf to the store");
                self.say(format_args!("relay {place} goes deaf"));
                if let Some(node) = &lives[place].node {
                    node.go_deaf();
                }
            }
        }
    }

    /// Whoever publishes now is refused, and what is refused is not done later.
    async fn publish_in_vain(&mut self) {
        let channel = CHANNELS[self.rng.usize(..CHANNELS.len())];
        self.numbers += 1;
        let (number, publisher) = (self.numbers, Publisher::System { tenant: TENANT });
        let refused = self.world.life().relay.publish(publisher, channel, Truth::note(number), None).await.unwrap_err();
        assert_eq!((refused.code, refused.retryable), (ErrorCode::Unavailable, true), "{refused:?}");
        self.refused.push(number);
    }
}
