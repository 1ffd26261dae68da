#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| breadth_fuzz::log("val_data_step12.jsonl", bytes));
