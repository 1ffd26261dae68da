#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| breadth_fuzz::log("0.yaml", bytes));
