//! Randomness from one seed: ids, epochs, the spread of retry delays.
//!
//! Why: a simulation that is given a seed must run the same way twice; a real relay seeds from the operating system.
//! The generator is a cryptographic one, so ids cannot be guessed from earlier ones.

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;

/// A shared source of randomness.
#[derive(Clone)]
pub struct Entropy {
    /// Held for one draw only, never across an await.
    rng: Arc<Mutex<StdRng>>,
}

/// Letters that survive being read aloud, in URLs and in file names.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Entropy {
    /// Seeded by the operating system.
    pub fn from_os() -> Self {
        Self { rng: Arc::new(Mutex::new(StdRng::from_os_rng())) }
    }
    /// The same sequence for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }
    /// A fresh id of 16 letters (80 bits).
    pub fn id(&self) -> String {
        let bits: u128 = self.rng.lock().random();
        (0..16).map(|place| letter((bits >> (place * 5)) as usize)).collect()
    }
    /// A number in `low..=high`; `low` where the range is empty.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        if high <= low { low } else { self.rng.lock().random_range(low..=high) }
    }
}

fn letter(bits: usize) -> char {
    ALPHABET.get(bits & 31).copied().map_or('0', char::from)
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entropy")
    }
}
