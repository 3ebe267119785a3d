//! Time as the core knows it: numbers that the driver hands in.
//!
//! Two clocks, because a page has two: a monotonic one that drives every timer, and the wall clock that toasts, token
//! ends and ages are told in. A wall clock that ran ahead of the monotonic one means that the machine slept.

/// Milliseconds: a point on one of the clocks, or a duration where the name ends in `_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This point moved by `ms`, without overflow. Not inlined, nor is [`since`](Self::since): each copy costs bytes in the wasm.
    #[inline(never)]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
    /// How long ago `earlier` was; 0 where it lies ahead.
    #[inline(never)]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The two clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Drives timers. Any zero point; must not go back (the core holds on to the newest it saw).
    pub monotonic: Millis,
    /// Unix time. May jump either way.
    pub unix: Millis,
}
