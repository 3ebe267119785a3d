//! libFuzzer's way into [`pulsewire_fuzz::recording`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::recording::check(input));
