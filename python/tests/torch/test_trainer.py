"""The callbacks in real runs: what they log, what they decide, what they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

import sums
import torch
from breadth import DataError, _stats, _tables
from breadth._monitor import Monitor
from breadth.hf import CoverageCallback
from breadth.torch import load, sample

STEPS, EVERY = 1050, 150


class Heard(TrainerCallback):
    """What a reporter, whose place is before all callbacks of the user, is told."""

    def __init__(self):
        self.logs = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.logs.append((state.global_step, dict(logs)))


def arguments(folder, **more):
    usual = {
        "per_device_train_batch_size": 32,
        "per_device_eval_batch_size": 300,
        "learning_rate": 2e-3,
        "lr_scheduler_type": "constant",
        "weight_decay": 0.01,
        "eval_strategy": "steps",
        "save_strategy": "steps",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 0,
    }
    return TrainingArguments(str(folder), **{**usual, **more})


def trainer_of(args, callbacks, model=None, lines=None):
    train, held = lines or sums.split(6, 5)
    return Trainer(
        model or sums.gpt2(),
        args,
        train_dataset=sums.features(train),
        eval_dataset=sums.features(held),
        data_collator=sums.collate,
        callbacks=callbacks,
    )


def pass_16(model, held):
    """Of fresh samples, from another stream than the callback's."""
    drawn = sample(model, held, k=64, max_tokens=7, verifier=sums.is_right, seed=99)
    right = {}
    for row in drawn.rows:
        right[row["prompt_id"]] = right.get(row["prompt_id"], 0) + int(row["reward"])
    return sum(_stats.pass_at_k(64, c, 16) for c in right.values()) / len(right)


def test_loss_and_reach_keep_different_checkpoints_and_reachs_is_better(engine, tmp_path):
    _, held = sums.split(6, 5)
    heard = Heard()
    callback = CoverageCallback(held, best_of=16)
    args = arguments(
        tmp_path,
        max_steps=STEPS,
        eval_steps=EVERY,
        save_steps=EVERY,
        load_best_model_at_end=True,
        metric_for_best_model="eval_reach_16",
        greater_is_better=True,
    )
    # Early stopping stands before the callback, and reads its metric all the same.
    trainer = trainer_of(args, [heard, EarlyStoppingCallback(3), callback])
    trainer.train()
    evaluations = {h["step"]: h for h in trainer.state.log_history if "eval_loss" in h}
    by_loss = min(evaluations, key=lambda step: evaluations[step]["eval_loss"])
    by_reach = max(evaluations, key=lambda step: evaluations[step]["eval_reach_16"])
    assert trainer.state.best_model_checkpoint.endswith(f"checkpoint-{by_reach}")
    assert by_loss < by_reach
    other, _ = load(tmp_path / f"checkpoint-{by_loss}")
    passed = {by_loss: pass_16(other, held), by_reach: pass_16(trainer.model, held)}
    for step, history in evaluations.items():
        named = ("eval_loss", "eval_reach_16", "eval_cov_16", "eval_cross_entropy")
        print(step, *(f"{name}={history[name]:.4f}" for name in named))
    print(
        f"lowest loss: step {by_loss}, Pass@16 {passed[by_loss]:.3f}; "
        f"highest reach: step {by_reach}, Pass@16 {passed[by_reach]:.3f}"
    )
    assert passed[by_reach] > passed[by_loss] + 0.1
    # Reporters were told, with the groups and the fixed reference.
    told = {step: logs for step, logs in heard.logs if "eval_reach_16" in logs}
    assert told.keys() == evaluations.keys()
    assert {"eval_cov_16", "eval_reach_16_odd", "eval_cov_16_even"} <= told[EVERY].keys()
    # The table has the initial model and one for every evaluation, and the verdict comes free.
    rows = _tables.read_rows(callback.monitor.scores_path)
    steps = [0, *evaluations]
    assert {row["model"] for row in rows} == {f"step-{step:06d}" for step in steps}
    assert len(rows) == len(held) * len(steps)
    document = callback.verdict()
    assert document["n"] == 8.0
    assert document["cross_entropy_winner"] == f"step-{by_loss:06d}"
    (reach,) = [one for one in document["verdict"]["others"] if one["rule"] == "reach"]
    assert reach["says"] == f"step-{by_reach:06d}"
    values = engine("reach", callback.monitor.scores_path, "-k", "16")["models"]
    for one in values:
        step = int(one["model"].removeprefix("step-"))
        if step:
            value = evaluations[step]["eval_reach_16"]
            assert value == pytest.approx(one["reach"][0]["value"], abs=1e-12)
    profile = engine("profile", callback.monitor.scores_path, "-r", "step-000000", "-n", "16")
    for one in profile["models"]:
        step = int(one["model"].removeprefix("step-"))
        value = evaluations[step]["eval_cov_16"]
        assert value == pytest.approx(one["profile"][0]["cov"], abs=1e-12)
    # Evaluating without a run leaves the run's tables alone, and gives fresh numbers each time.
    fresh = trainer_of(args, [CoverageCallback(held, best_of=16)], model=sums.gpt2(seed=9))
    table = callback.monitor.scores_path.read_bytes()
    one = fresh.evaluate()["eval_reach_16"]
    fresh.model.load_state_dict(other.state_dict())
    assert fresh.evaluate()["eval_reach_16"] > one
    assert callback.monitor.scores_path.read_bytes() == table
    # The best model is loaded now: evaluating it must not overwrite the last step's rows.
    before = callback.monitor.scores_path.read_bytes()
    again = trainer.evaluate()
    assert again["eval_reach_16"] == pytest.approx(evaluations[by_reach]["eval_reach_16"], abs=1e-9)
    assert callback.monitor.scores_path.read_bytes() == before


def test_early_stopping_stops_by_reach(tmp_path):
    lines = sums.split(6, 5)
    args = arguments(
        tmp_path,
        max_steps=60,
        eval_steps=2,
        save_strategy="no",
        metric_for_best_model="eval_reach_16",
        greater_is_better=True,
        learning_rate=1e-9,
    )
    callback = CoverageCallback(lines[1], best_of=16)
    trainer = trainer_of(args, [EarlyStoppingCallback(2, 1e-3), callback], lines=lines)
    trainer.train()
    assert trainer.state.global_step == 6


def test_a_run_that_goes_on_keeps_its_reference_and_its_numbers(tmp_path):
    lines = sums.split(2, 2)
    common = {"eval_steps": 10, "save_steps": 10, "logging_steps": 10}
    whole = CoverageCallback(lines[1], best_of=4)
    trainer = trainer_of(
        arguments(tmp_path / "whole", max_steps=30, **common), [whole], lines=lines
    )
    trainer.train()
    half = CoverageCallback(lines[1], best_of=4)
    args = arguments(tmp_path / "half", max_steps=20, **common)
    trainer_of(args, [half], lines=lines).train()
    again = CoverageCallback(lines[1], best_of=4)
    args = arguments(tmp_path / "half", max_steps=30, **common)
    other = trainer_of(args, [again], lines=lines, model=sums.gpt2(seed=5))
    other.train(resume_from_checkpoint=True)
    tables = [_tables.read_rows(one.monitor.scores_path) for one in (whole, again)]
    assert len(tables[0]) == len(tables[1]) == 4 * len(lines[1])
    key = ("model", "prompt_id", "response_id")
    logs = [{tuple(row[k] for k in key): row["logprob"] for row in rows} for rows in tables]
    assert logs[0].keys() == logs[1].keys()
    assert max(abs(logs[0][k] - logs[1][k]) for k in logs[0]) < 1e-3
    covs = [
        [h["eval_cov_4"] for h in t.state.log_history if "eval_cov_4" in h]
        for t in (trainer, other)
    ]
    assert len(covs[0]) == 3
    assert covs[0] == covs[1]


def test_measuring_leaves_training_as_it_was(tmp_path):
    lines = sums.split(2, 2)
    losses = []
    for number, callbacks in enumerate(
        [
            [],
            [
                CoverageCallback(
                    lines[1], best_of=4, samples=8, max_tokens=7, verifier=sums.is_right
                )
            ],
        ]
    ):
        args = arguments(
            tmp_path / str(number), max_steps=12, eval_steps=4, save_strategy="no", logging_steps=1
        )
        model = sums.gpt2()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.1  # uses random numbers
        trainer = trainer_of(args, callbacks, lines=lines, model=model)
        trainer.train()
        losses.append([h["loss"] for h in trainer.state.log_history if "loss" in h])
    assert losses[0] == losses[1]
    metrics = [h for h in trainer.state.log_history if "eval_pass_4" in h]
    assert [h["step"] for h in metrics] == [4, 8, 12]
    assert {"eval_pass_4", "eval_mixed_8", "eval_pass_4_odd"} <= metrics[0].keys()
    samples = _tables.read_rows(callbacks[0].monitor.samples_path)
    assert len(samples) == 3 * 8 * len(sums.TOTALS)


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_the_reference_may_be_another_model(tmp_path, kind):
    from breadth.torch import score

    _, held = sums.split(2, 2)
    reference, model = sums.gpt2(seed=3), sums.gpt2()
    exact = score(reference, held, name="teacher")
    path = tmp_path / "teacher"
    if kind == "folder":
        reference.save_pretrained(path)
    else:
        path = tmp_path / "teacher.parquet"
        exact.write(path)
    monitor = Monitor(held, best_of=2, reference=path, folder=tmp_path)
    monitor.prepare(model, None, None, 0)
    metrics = monitor.evaluate(model, 7)
    own = score(model, held)
    logs = [[row["logprob"] for row in one.rows] for one in (exact, own)]
    assert metrics["cov_2"] == pytest.approx(_stats.coverage(*logs, 2.0))
    assert 0.0 < metrics["cov_2"] < 1.0
    with pytest.raises(ValueError, match="neither a checkpoint folder nor a score table"):
        Monitor(held, reference=tmp_path / "x", folder=tmp_path).prepare(model, None, None, 0)
    with pytest.raises(ValueError, match="the run began without this callback"):
        Monitor(held, folder=tmp_path / "new").prepare(model, None, None, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 8, "verifier": "exact", "max_tokens": 4}, "at least 16 samples"),
        ({"samples": 16}, "samples need a verifier"),
        ({"verifier": "exact"}, "say how many"),
        ({"best_of": 0}, "best_of = 0"),
        ({"every": 0}, "every = 0"),
    ],
)
def test_impossible_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CoverageCallback([], **options)


WORKER = """
import json, sys
import torch, torch.distributed as group
import sums
from breadth._monitor import Monitor
torch.set_num_threads(1)
rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if world > 1:
    meet = f"file://{folder}/meet"
    group.init_process_group("gloo", init_method=meet, rank=rank, world_size=world)
_, held = sums.split(2, 3)
held[4]["weight"] = 3.0
model = sums.gpt2()
if sys.argv[4:] == ["sharded"]:
    from torch.distributed.fsdp import fully_shard
    for block in model.transformer.h:
        fully_shard(block)
    fully_shard(model)
elif world > 1:
    model = torch.nn.parallel.DistributedDataParallel(model)
monitor = Monitor(held, best_of=4, samples=8, max_tokens=7, verifier=sums.is_right,
                  folder=f"{folder}/tables")
monitor.prepare(model, None, None, 0)
found = monitor.evaluate(model, 5)
print(json.dumps(found))
if sys.argv[4:] == ["fail"]:
    def broken(prompt, response, item):
        if int(item.prompt_id) % 2:
            raise RuntimeError("the verifier broke")
        return 0.0
    monitor.verifier = broken
    try:
        monitor.evaluate(model, 6)
    except RuntimeError as error:
        print(error)
"""


def processes(folder, world, *more):
    folder.mkdir()
    source = Path(_tables.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{source}:{Path(sums.__file__).parent}"}
    command = [sys.executable, "-c", WORKER]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(world), str(folder), *more],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(world)
    ]
    lines = [one.communicate(timeout=300)[0].splitlines() for one in started]
    assert [one.returncode for one in started] == [0] * world
    return lines


def test_ranks_share_the_work_and_know_the_same(tmp_path):
    (alone,) = processes(tmp_path / "one", 1)
    both = processes(tmp_path / "two", 2, "fail")
    assert both[0] == both[1]  # of the failure, too, which one rank alone met
    assert both[0][1] == "the verifier broke"
    one, two = json.loads(alone[0]), json.loads(both[0][0])
    assert one.keys() == two.keys()
    for name in one:
        if "pass" not in name and "mixed" not in name:  # their samples are other ones
            assert one[name] == pytest.approx(two[name], abs=1e-6)
    tables = [
        _tables.read_rows(tmp_path / who / "tables" / "scores.parquet") for who in ("one", "two")
    ]
    keys = [[(row["model"], row["prompt_id"], row["response_id"]) for row in t] for t in tables]
    assert keys[0] == keys[1]
    samples = _tables.read_rows(tmp_path / "two" / "tables" / "samples.parquet")
    assert len(samples) == 8 * len(sums.TOTALS)


def test_ranks_that_hold_shards_go_together(tmp_path):
    (alone,) = processes(tmp_path / "one", 1)
    both = processes(tmp_path / "two", 2, "sharded")
    one, (two, other) = json.loads(alone[0]), [json.loads(lines[0]) for lines in both]
    assert two == other
    for name in one:
        assert one[name] == pytest.approx(two[name], abs=1e-6)


def test_lightning_watches_reach(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger

    from breadth.lightning import CoverageCallback as LightningCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = sums.gpt2()

        def training_step(self, batch, _):
            return self.model(**batch).loss

        def validation_step(self, batch, _):
            self.log("val_loss", self.model(**batch).loss)

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), lr=2e-3)

    train, held = sums.split(6, 5)

    def loader(lines, **more):
        return torch.utils.data.DataLoader(sums.features(lines), collate_fn=sums.collate, **more)

    callback = LightningCallback(held, best_of=16, folder=tmp_path / "tables")
    best = ModelCheckpoint(tmp_path / "best", monitor="eval_reach_16", mode="max")
    logger = CSVLogger(tmp_path)
    trainer = lightning.Trainer(
        max_steps=120,
        val_check_interval=6,
        check_val_every_n_epoch=None,
        accelerator="cpu",
        callbacks=[callback, best, EarlyStopping("eval_reach_16", mode="max", patience=50)],
        logger=logger,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=1,
    )
    trainer.fit(Module(), loader(train, batch_size=32, shuffle=True), loader(held, batch_size=300))
    metrics = trainer.callback_metrics
    assert {"eval_reach_16", "eval_cov_16", "eval_reach_16/odd", "val_loss"} <= metrics.keys()
    models = {row["model"] for row in _tables.read_rows(tmp_path / "tables" / "scores.parquet")}
    assert models == {f"step-{step:06d}" for step in range(0, 121, 6)}
    assert best.best_model_score.item() > 0
    logger.save()
    assert "eval_reach_16" in Path(logger.log_dir, "metrics.csv").read_text().splitlines()[0]
    again = LightningCallback(held, best_of=16, folder=tmp_path / "tables")
    other = lightning.Trainer(
        max_steps=126,
        val_check_interval=6,
        check_val_every_n_epoch=None,
        accelerator="cpu",
        callbacks=[again],
        logger=False,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    batches = loader(train, batch_size=32, shuffle=True), loader(held, batch_size=300)
    other.fit(Module(), *batches, ckpt_path=best.best_model_path)
    rows = _tables.read_rows(tmp_path / "tables" / "scores.parquet")
    assert models <= {row["model"] for row in rows}  # it goes on with the same table and reference
    other.validate(other.lightning_module, batches[1], verbose=False)
    assert _tables.read_rows(tmp_path / "tables" / "scores.parquet") == rows
    print(f"lightning: best {best.best_model_path}: reach_16 {best.best_model_score:.4f}")


def test_trl_fine_tunes_and_reinforces_with_it(tmp_path, llama, tokenizer):
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    tokenizer.pad_token = tokenizer.eos_token
    texts = [
        {"prompt": f"What is {a} + {b}?", "completion": f" {a + b}."}
        for a in range(8)
        for b in range(4)
    ]
    held = [
        {"prompt_id": i, "prompt": t["prompt"], "response": t["completion"]}
        for i, t in enumerate(texts[::4])
    ]
    heard = Heard()
    callback = CoverageCallback(held, best_of=4)
    args = trl.SFTConfig(
        str(tmp_path / "sft"),
        max_steps=20,
        per_device_train_batch_size=8,
        eval_strategy="steps",
        eval_steps=10,
        save_strategy="steps",
        save_steps=10,
        load_best_model_at_end=True,
        metric_for_best_model="eval_reach_4",
        greater_is_better=True,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        learning_rate=3e-3,
        bf16=False,
    )
    data = Dataset.from_list(texts)
    trainer = trl.SFTTrainer(
        llama(initializer_range=0.02),
        args,
        train_dataset=data,
        eval_dataset=data,
        processing_class=tokenizer,
        callbacks=[heard, callback],
    )
    trainer.train()
    reach = [logs["eval_reach_4"] for _, logs in heard.logs if "eval_reach_4" in logs]
    assert len(reach) == 2
    assert trainer.state.best_metric == max(reach)
    print(f"SFT: reach_4 {reach}")

    def reward(completions, **kwargs):
        return [float(text.count(" ")) / len(text) if text else 0.0 for text in completions]

    heard, callback = (
        Heard(),
        CoverageCallback(
            held, best_of=4, every=2, samples=8, max_tokens=6, verifier=lambda x, y, item: " " in y
        ),
    )
    args = trl.GRPOConfig(
        str(tmp_path / "grpo"),
        max_steps=4,
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        bf16=False,
    )
    trainer = trl.GRPOTrainer(
        trainer.model,
        reward,
        args,
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[heard, callback],
    )
    trainer.train()
    found = {step: logs for step, logs in heard.logs if "eval_reach_4" in logs}
    assert list(found) == [2, 4]
    assert {"eval_pass_4", "eval_mixed_8", "eval_cov_4"} <= found[4].keys()
    print("GRPO:", *(f"step {s}: pass_4 {logs['eval_pass_4']:.3f}" for s, logs in found.items()))
    models = {row["model"] for row in _tables.read_rows(callback.monitor.scores_path)}
    assert models == {"step-000000", "step-000002", "step-000004"}


def test_groups_whose_metrics_would_share_a_name_are_refused(tmp_path):
    train, held = sums.split(2, 2)
    held = [{**line, "group": ("a/b", "a_b")[at % 2]} for at, line in enumerate(held)]
    args = arguments(tmp_path, max_steps=1)
    trainer = trainer_of(args, [CoverageCallback(held, best_of=4)], lines=(train, held))
    with pytest.raises(DataError, match="groups a/b and a_b would share one metric"):
        trainer.train()
    apart = CoverageCallback(held, best_of=4, per_group=False)
    trainer_of(args, [apart], lines=(train, held)).train()
