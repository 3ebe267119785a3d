//! libFuzzer's way into [`pulsewire_fuzz::codecs`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::codecs::check(input));
