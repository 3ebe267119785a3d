//! libFuzzer's way into [`pulsewire_fuzz::config`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::config::check(input));
