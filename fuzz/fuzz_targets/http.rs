//! libFuzzer's way into [`pulsewire_fuzz::http`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::http::check(input));
