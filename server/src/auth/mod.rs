//! Who may come in and what they may do: tokens ([`Verifier`]), the keys they are checked with ([`keys`]) and rights ([`Principal`]).

pub mod keys;
mod principal;
mod verifier;

pub use principal::{Principal, Publisher};
pub use verifier::{KeyFigures, TokenRefused, Verifier};
