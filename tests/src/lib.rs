//! Whole-system tests of Pulsewire: the load generator, and the two-ended simulation.

pub mod load;
