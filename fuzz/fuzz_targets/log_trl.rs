#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| breadth_fuzz::log("completions_00010.parquet", bytes));
