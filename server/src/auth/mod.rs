//! Who may come in and what they may do: tokens ([`Verifier`]) and rights ([`Principal`]).

mod principal;
mod verifier;

pub use principal::{Principal, Publisher};
pub use verifier::{TokenRefused, Verifier};
