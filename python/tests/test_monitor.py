"""What the callbacks share, on a model that is a table of probabilities: no tensors."""

from __future__ import annotations

import importlib
import inspect
import io
import math
import sys
from types import SimpleNamespace

import pytest

from breadth import DataError, _tables
from breadth._monitor import Monitor, Monitored

pytest.importorskip("pyarrow")

HELDOUT = [
    {"prompt_id": 1, "prompt": [1], "response": [5], "group": "easy"},
    {"prompt_id": 1, "response_id": 1, "prompt": [1], "response": [6], "group": "easy"},
    {"prompt_id": 2, "prompt": [2], "response": [5], "group": "hard", "weight": 3.0},
]


class Tabled(Monitor):
    """Asks a dictionary in place of a model: the probabilities of the responses, in order, and
    the rewards of four samples to each prompt."""

    def _scored(self, model, name):
        return [
            {"source": "data", "prompt_id": item.prompt_id, "response_id": item.response_id,
             "model": name, "logprob": math.log(q), "group": item.group, "weight": item.weight}
            for item, q in zip(self.data.items, model["q"], strict=True)
        ]  # fmt: skip

    def _sampled(self, model, name, step):
        return [
            {"model": name, "prompt_id": prompt, "response_id": str(at), "reward": reward}
            for prompt, rewards in zip("12", model["rewards"], strict=True)
            for at, reward in enumerate(rewards)
        ]


def model(*q, rewards=((1.0, 0.0, 0.0, 0.0), (0.0,) * 4)):
    return {"q": q, "rewards": rewards}


class Model(dict):
    config = SimpleNamespace(eos_token_id=9)


def made(tmp_path, **options):
    usual = {"best_of": 2, "samples": 4, "verifier": "exact", "max_tokens": 2, "group_size": 2}
    return Tabled(HELDOUT, folder=tmp_path, **{**usual, **options})


def test_metrics_are_their_definitions_in_all_and_by_group(tmp_path):
    monitor = made(tmp_path)
    monitor.prepare(Model(model(0.5, 0.25, 0.5)), None, None, 0)
    found = monitor.evaluate(Model(model(0.5, 0.25, 0.125)), 10)
    easy, hard = 1.0 - 0.25**2, 1.0 - 0.875**2
    assert found["reach_2"] == pytest.approx((easy + 3.0 * hard) / 4.0, abs=1e-12)
    assert found["reach_2/easy"] == pytest.approx(easy, abs=1e-12)
    assert found["cov_2"] == pytest.approx(3.0 / 5.0)
    assert (found["cov_2/easy"], found["cov_2/hard"]) == (0.0, 1.0)
    assert found["cross_entropy/hard"] == pytest.approx(math.log(8.0))
    assert found["pass_2"] == pytest.approx(0.25)
    assert found["mixed_2/easy"] == pytest.approx(0.5)
    assert found["mixed_2/hard"] == 0.0


def test_the_table_grows_by_a_model_an_evaluation(engine, tmp_path):
    monitor = made(tmp_path, best_of=4)
    monitor.prepare(Model(model(0.25, 0.25, 0.5)), None, None, 0)
    for step in (10, 20, 20):
        monitor.evaluate(Model(model(0.5, 0.25, 0.125)), step)
    monitor.evaluate(Model(model(0.5, 0.25, 0.01)), 30, keep=False)
    models = [row["model"] for row in _tables.read_rows(monitor.scores_path)]
    assert models == [name for name in ("step-000000", "step-000010", "step-000020")
                      for _ in range(3)]  # fmt: skip
    assert len(_tables.read_rows(monitor.samples_path)) == 2 * 8
    document = monitor.verdict()
    assert document["command"] == "select"
    assert {one["model"] for one in document["models"]} == set(models)


def test_a_run_that_begins_anew_begins_its_tables_anew(tmp_path):
    monitor = made(tmp_path)
    for _ in range(2):
        monitor.prepare(Model(model(0.25, 0.25, 0.5)), None, None, 0)
        monitor.evaluate(Model(model(0.5, 0.25, 0.125)), 10)
    assert len(_tables.read_rows(monitor.scores_path)) == 6
    again = made(tmp_path)
    again.prepare(Model(model(0.9, 0.05, 0.9)), None, None, 10)  # goes on: not its initial model
    assert again.evaluate(Model(model(0.25, 0.25, 0.125)), 20)["cov_2"] == pytest.approx(0.6)


def test_without_a_reference_there_is_no_coverage(tmp_path):
    monitor = made(tmp_path, reference=None, per_group=False)
    monitor.prepare(Model(model(0.25, 0.25, 0.5)), None, None, 0)
    found = monitor.evaluate(Model(model(0.5, 0.25, 0.125)), 10)
    assert set(found) == {"reach_2", "cross_entropy", "pass_2", "mixed_2"}


def test_a_reference_must_have_every_response(tmp_path):
    table = tmp_path / "teacher.parquet"
    row = {"source": "data", "prompt_id": 1, "response_id": 0, "model": "t", "logprob": -1.0}
    _tables.write_scores(table, [row])
    with pytest.raises(DataError, match=r"model t has no row of \('1', '1'\)"):
        made(tmp_path, reference=table).prepare(Model(), None, None, 0)
    _tables.write_scores(table, [row, {**row, "model": "u"}])
    with pytest.raises(DataError, match="has 2 models; a reference is one"):
        made(tmp_path, reference=table).prepare(Model(), None, None, 0)


def test_folders_and_data_come_first(tmp_path):
    with pytest.raises(TypeError, match="is an open file: give its path"):
        Tabled(io.StringIO("{}"))
    with pytest.raises(ValueError, match="no folder is known yet"):
        _ = Tabled(HELDOUT).scores_path
    with pytest.raises(ValueError, match="prepare comes first"):
        made(tmp_path).evaluate(Model(), 1)


def test_every_run_has_its_own_folder_unless_one_is_given(tmp_path):
    monitor = made(None, reference=None)
    for run in ("a", "b"):
        monitor.prepare(Model(), None, tmp_path / run, 0)
        monitor.evaluate(Model(model(0.5, 0.25, 0.125)), 10)
    assert monitor.scores_path == tmp_path / "b" / "scores.parquet"
    for run in ("a", "b"):
        assert len(_tables.read_rows(tmp_path / run / "scores.parquet")) == 3
    given = made(tmp_path / "c")
    given.prepare(Model(model(0.25, 0.25, 0.5)), None, tmp_path / "d", 0)
    assert given.scores_path == tmp_path / "c" / "scores.parquet"


@pytest.mark.parametrize("reference", ["initial", None])
def test_a_run_that_goes_on_forgets_the_branch_that_was_given_up(tmp_path, reference):
    def steps(monitor):
        paths = (monitor.scores_path, monitor.samples_path)
        return [{row["model"] for row in _tables.read_rows(path)} for path in paths]

    def named(*numbers):
        return {f"step-{number:06d}" for number in numbers}

    monitor = made(tmp_path, reference=reference)
    monitor.prepare(Model(model(0.25, 0.25, 0.5)), None, None, 0)
    for step in (10, 20, 30):
        monitor.evaluate(Model(model(0.5, 0.25, 0.125)), step)
    first = named(0) if reference else set()
    again = made(tmp_path, reference=reference)
    again.prepare(Model(), None, None, 10, keep=False)  # only looks
    assert steps(again) == [first | named(10, 20, 30), named(10, 20, 30)]
    again.prepare(Model(), None, None, 10)
    assert steps(again) == [first | named(10), named(10)]
    again.evaluate(Model(model(0.5, 0.25, 0.125)), 15)
    assert steps(again) == [first | named(10, 15), named(10, 15)]
    again.prepare(Model(model(0.25, 0.25, 0.5)), None, None, 0)
    assert not again.samples_path.exists()
    assert again.scores_path.exists() == (reference is not None)


@pytest.mark.parametrize(
    ("module", "needs", "base", "own"),
    [
        ("hf", "transformers", "TrainerCallback", {"every"}),
        ("lightning", "lightning.pytorch.callbacks", "Callback", {"model"}),
    ],
)
def test_callbacks_spell_their_options_out(monkeypatch, module, needs, base, own):
    for name in (needs, *(needs[:at] for at, letter in enumerate(needs) if letter == ".")):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    monkeypatch.setitem(sys.modules, needs, SimpleNamespace(**{base: type(base, (), {})}))
    monkeypatch.delitem(sys.modules, f"breadth.{module}", raising=False)
    callback = importlib.import_module(f"breadth.{module}").CoverageCallback
    monkeypatch.delitem(sys.modules, f"breadth.{module}")
    options = dict(inspect.signature(callback).parameters)
    assert {name: options.pop(name).kind for name in own}
    known = inspect.signature(Monitor).parameters
    assert options == dict(known)
    for name in (*known, *own):
        assert f"`{name}`" in callback.__doc__
    given = {"samples": 4, "verifier": "exact", "max_tokens": 7, "group_size": 3, "best_of": 2}
    given |= {"per_group": False, "folder": "f", "tokenizer": "t", "seed": 5, "reference": None}
    given |= {"reading": {"truncate": "left"}, "computing": {"batch_tokens": 8}}
    assert set(given) | {"heldout"} == set(known)
    made = callback(HELDOUT, **given)
    assert isinstance(made, Monitored)
    assert {name: getattr(made.monitor, name) for name in given} == given


@pytest.mark.parametrize("prompt", ["2 + 2", [{"role": "user", "content": "2 + 2"}]])
def test_text_without_a_tokenizer_says_where_to_give_one(tmp_path, prompt):
    monitor = Tabled([{"prompt": prompt, "response": "4"}], folder=tmp_path)
    with pytest.raises(DataError, match=r"no tokenizer; pass it .* CoverageCallback\(.., tokenize"):
        monitor.prepare(Model(), None, None, 0)
