//! The state of a Hugging Face trainer.

use breadth_data::{TrainerState, checkpoint_step};
use insta::assert_snapshot;

use crate::support::{Folder, golden};

#[test]
fn the_latest_of_the_checkpoints_counts() {
    let state = TrainerState::read(&golden("trainer"), None).unwrap();
    let losses: Vec<(u64, f64)> = state.eval_loss[..3].to_vec();
    assert_eq!(losses, [(20, 2.5), (40, 2.25), (60, 2.75)]);
    assert_eq!(state.eval_loss[3].0, 80);
    assert!(state.eval_loss[3].1.is_nan());
    assert_eq!((state.best_step, state.last_step), (Some(40), 80));
    assert_eq!(state.loss_of("runs/a/checkpoint-40"), Some(2.25));
    assert_eq!(state.loss_of("checkpoint-50"), None);
    let early = TrainerState::read(&golden("trainer/checkpoint-20"), None).unwrap();
    assert_eq!((early.eval_loss, early.last_step), (vec![(20, 2.5)], 20));
}

#[test]
fn steps_in_names() {
    let steps = [
        ("checkpoint-500", Some(500)),
        ("out/checkpoint-500/", Some(500)),
        ("step_7", Some(7)),
        ("global_step120", Some(120)),
        ("grpo/step-20", Some(20)),
        ("model@step3000", Some(3000)),
        ("out/epoch-3", Some(3)),
        ("iter-0012", Some(12)),
        ("Iteration 12", Some(12)),
        ("run-steps=12", Some(12)),
        ("out/500/", Some(500)),
        ("runs/40", Some(40)),
        ("40", Some(40)),
        ("llama-3", None),
        ("pythia-160m", None),
        ("qwen2", None),
        ("footstep-1", None),
        ("checkpoint", None),
        ("step-99999999999999999999", None),
        ("", None),
    ];
    for (name, step) in steps {
        assert_eq!(checkpoint_step(name), step, "{name}");
    }
}

#[test]
fn states_that_are_wrong() {
    let folder = Folder::new();
    let message = |content: &str| {
        let path = folder.file("trainer_state.json", content);
        folder.message(TrainerState::read(&path, None).unwrap_err())
    };
    assert_snapshot!(message("{\"global_step\": 1"), @"trainer_state.json: not a trainer_state.json (EOF while parsing an object at line 1 column 17); give the file that the Hugging Face trainer writes");
    assert_snapshot!(message("{\"global_step\": 1}"), @"trainer_state.json: not a trainer_state.json (missing field `log_history` at line 1 column 18); give the file that the Hugging Face trainer writes");
    assert_snapshot!(message(r#"{"log_history": [{"step": 1, "loss": 2.0}]}"#), @"trainer_state.json, field `log_history`: no eval_loss at any step; train with an evaluation set (eval_strategy)");
    assert_snapshot!(message(r#"{"log_history": [{"step": 1, "eval_a_loss": 2.0, "eval_b_loss": 1}]}"#), @"trainer_state.json, field `log_history`: 2 losses and no eval_loss; choose one with `loss` of `TrainerState::read`: `eval_a_loss`, `eval_b_loss`");
    assert_snapshot!(message(r#"{"log_history": [{"step": 1, "eval_loss": 2.0}, {"eval_loss": 1}]}"#), @"trainer_state.json, field `log_history[1]`: `step` and `eval_loss` must be numbers");
    let path = folder.file(
        "trainer_state.json",
        r#"{"log_history": [{"step": 1, "eval_a_loss": 2}]}"#,
    );
    assert_eq!(
        TrainerState::read(&path, None).unwrap().eval_loss,
        [(1, 2.0)],
        "one evaluation set has a name"
    );
    let none = TrainerState::read(std::path::Path::new("no/such/folder"), None).unwrap_err();
    assert_snapshot!(none, @"no/such/folder: no such file or folder; check the path");
    let empty = Folder::new();
    let inside = empty.file("checkpoint-1/config.json", "{}");
    let error = TrainerState::read(inside.parent().unwrap().parent().unwrap(), None).unwrap_err();
    assert_snapshot!(empty.message(error), @"trainer_state.json: no such file or folder; check the path");
}

#[test]
fn several_evaluation_sets() {
    let folder = Folder::new();
    let history = r#"{"log_history": [
        {"step": 10, "epoch": 1.0, "eval_math_loss": 2.5}, {"step": 10, "epoch": 1.0, "eval_code_loss": 3.5},
        {"step": 20, "epoch": 2.0, "eval_math_loss": 2.0}, {"step": 20, "epoch": 2.0, "eval_code_loss": 3.0}]}"#;
    let path = folder.file("trainer_state.json", history);
    for name in ["math", "math_loss", "eval_math_loss"] {
        let state = TrainerState::read(&path, Some(name)).unwrap();
        assert_eq!(state.eval_loss, [(10, 2.5), (20, 2.0)], "{name}");
        assert_eq!(state.step_of("run/epoch-2"), Some(20));
        assert_eq!(state.loss_of("run/epoch-2"), Some(2.0));
        assert_eq!(state.loss_of("run/epoch-3"), None);
        assert_eq!(state.loss_of("20"), Some(2.0));
    }
    let error = TrainerState::read(&path, Some("law")).unwrap_err();
    assert_snapshot!(folder.message(error), @"trainer_state.json, field `log_history`: `loss` of `TrainerState::read` law: no such loss; it has `eval_code_loss`, `eval_math_loss`");
}
