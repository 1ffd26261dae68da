#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| breadth_fuzz::log("traces.jsonl", bytes));
