#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| breadth_fuzz::log(
    "samples_task_2026-11-24T08-00-00.000001.jsonl",
    bytes
));
