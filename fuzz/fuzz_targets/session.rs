//! libFuzzer's way into [`pulsewire_fuzz::session`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::session::check(input));
