//! libFuzzer's way into [`pulsewire_fuzz::tokens`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::tokens::check(input));
