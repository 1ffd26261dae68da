//! Damaged logs end in an error or in valid rows, never in a panic.

use breadth_data::{ReadOptions, SampleTable, ScoreTable, Table, TrainerState};
use proptest::prelude::*;

use crate::support::{Ask, golden, rows};

const GOLDENS: [&str; 21] = [
    "lm-eval/org__tiny/samples_tinymc_2026-11-24T08-00-00.000001.jsonl",
    "lm-eval/generated/samples_sums_2026-11-24T09-00-00.000002.jsonl",
    "inspect/finished.eval",
    "inspect/unfinished.eval",
    "inspect/perplexity.json",
    "human-eval/base.jsonl_results.jsonl",
    "evalplus/tuned.eval_results.json",
    "verl/20.jsonl",
    "trl/completions_00010.parquet",
    "trl/conversations.parquet",
    "monkeys/Llama-3-8B/0.yaml",
    "sharpening-tax/base.jsonl",
    "openrlhf/qwen-sft.jsonl",
    "prime-rl/step_40/train_rollouts.jsonl",
    "prime-rl/step_60/eval/all/traces.jsonl",
    "nemo-gym/rollouts.jsonl",
    "nemo-rl/val_data_step12.jsonl",
    "nemo-rl/train_data_step3.jsonl",
    "skyrl/global_step_20_evals/gsm8k.jsonl",
    "slime/rollout_7.pt",
    "every-eval/gsm8k_samples.jsonl",
];

fn read_all(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let inputs = [path.clone()];
    for (table, reward, filter) in [
        (None, "", ""),
        (Some(Table::Samples), "acc", "strict-match"),
        (None, "accuracy_reward", ""),
    ] {
        let ask = Ask {
            table,
            reward,
            filter,
            intersect: true,
            ..Ask::default()
        };
        if let Ok(logs) = ask.read(&inputs) {
            let valid = |value: f64| match logs.table {
                Table::Scores => value <= 0.0,
                Table::Samples => (0.0..=1.0).contains(&value),
            };
            assert!(rows(&logs).iter().all(|row| valid(row.3)));
        }
    }
    let _ = ScoreTable::read(&inputs, &ReadOptions::default());
    let _ = SampleTable::read(&inputs, &ReadOptions::default());
    let _ = TrainerState::read(&path, None);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_logs(
        golden_at in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let name = GOLDENS[golden_at.index(GOLDENS.len())];
        let mut bytes = std::fs::read(golden(name)).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(name.rsplit('/').next().unwrap(), &bytes);
    }

    #[test]
    fn members_of_any_kind(
        members in prop::collection::vec(
            ("(doc_id|resps|filtered_resps|arguments|target|filter|acc|task_id|passed|pass_flags|n|c|input|output|score|step|eval|hash|status|samples|log_history)",
             r#"(-?[0-9]{1,20}(\.[0-9]{1,3})?|"[a-z]{0,3}"|null|true|NaN|\[\]|\[\["q","x"\]\]|\[\[\[-1,0\]\]\]|\{"a":1\}|\{"a":\[\]\})"#),
            1..8,
        ),
        count in 1..3usize,
    ) {
        let members: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        read_all("log", format!("{{{}}}\n", members.join(",")).repeat(count).as_bytes());
    }
}
