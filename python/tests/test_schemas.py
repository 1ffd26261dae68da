"""Every document of `--json` is what docs/json says: no field is missing, none is unknown."""

from __future__ import annotations

import json
import random
import shutil

import jsonschema
import pytest

from conftest import ROOT

SCHEMAS = ROOT / "docs" / "json"
MODELS = ["teacher", "step-100", "step-20", "step-3"]


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def scores(draw, prompts, **columns):
    """Log-probabilities below the teacher's; `columns` are functions of the prompt."""
    rows = []
    for prompt in range(prompts):
        base = -draw.expovariate(0.3) - 0.1
        for model in MODELS:
            below = 0.0 if model == "teacher" else abs(draw.gauss(0.0, 1.5))
            row = {"model": model, "prompt_id": prompt, "logprob": base - below}
            rows.append(row | {name: column(prompt) for name, column in columns.items()})
    return rows


def samples(draw, prompts, k, *, counts=False):
    rows = []
    for prompt in range(prompts):
        rate = draw.random()
        for model in MODELS[1:]:
            right = [float(draw.random() < rate) for _ in range(k)]
            row = {"model": model, "prompt_id": prompt, "group": "AB"[prompt % 2]}
            if counts:
                rows.append(row | {"n": k, "c": int(sum(right))})
                continue
            for i, reward in enumerate(right):
                rows.append(
                    row | {"response_id": i, "reward": reward, "answer": draw.choice("xyz")}
                )
    return rows


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    draw = random.Random(7)
    classes = {"group": lambda prompt: "AB"[prompt % 2], "weight": lambda prompt: 1 + prompt % 3}
    lines(folder / "plain.jsonl", scores(draw, 60))
    lines(folder / "few.jsonl", scores(draw, 3))
    lines(folder / "classes.jsonl", scores(draw, 60, **classes))
    tokens = [
        {**row, "token_logprobs": [row["logprob"] / 4] * 4, "logprob": row["logprob"]}
        for row in scores(draw, 40)
    ]
    lines(folder / "tokens.jsonl", tokens)
    sampled = [
        {**row, "source": source, "prompt_id": f"{source}-{row['prompt_id']}"}
        for source in MODELS
        for row in scores(draw, 20)
    ]
    lines(folder / "sources.jsonl", scores(draw, 30) + sampled)
    lines(folder / "samples.jsonl", samples(draw, 40, 8))
    lines(folder / "counts.jsonl", samples(draw, 40, 32, counts=True))
    nowhere = scores(draw, 20)
    nowhere[1]["logprob"] = "-inf"
    lines(folder / "nowhere.jsonl", nowhere)
    run = folder / "run"
    run.mkdir()
    shutil.copy(folder / "classes.jsonl", run / "scores.parquet")
    shutil.copy(folder / "counts.jsonl", run / "samples.parquet")
    about = {"command": "train", "version": "0.1.0", "status": "finished", "config": {}}
    (run / "run.json").write_text(json.dumps({**about, "reference": "teacher"}))
    log = [{"task_id": "HumanEval/0", "completion": "..", "passed": i % 2 == 0} for i in range(4)]
    lines(folder / "model.jsonl_results.jsonl", log)
    ids = [{"prompt_id": i, "prompt": [1, 2 + i], "response": [3]} for i in range(4)]
    lines(folder / "data.jsonl", ids)
    shutil.copytree(ROOT / "tests" / "golden" / "families" / "gpt2", folder / "gpt2")
    (folder / "train.toml").write_text(TRAIN)
    return folder


TRAIN = """
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 3
width = 2
names = 16
edge_order = "slot"
family = { figure = "1", branching = 2, label = "drawn" }
[model]
layers = 1
width = 32
heads = 4
[train]
steps = 2
batch_size = 2
"""

COMMANDS = """
select plain.jsonl -n 2
select plain.jsonl --best-of 16 --reference teacher
select plain.jsonl --log-n 3 --rule reach -r teacher
select plain.jsonl -n 4 --rule cross-entropy
select plain.jsonl -n 4 --landscape
select plain.jsonl -n 4 --against teacher
select plain.jsonl -n 4 --race
select few.jsonl -n 4
select nowhere.jsonl -n 4 -r teacher
select classes.jsonl -n 4 --group-weights A=0.9,B=0.1
select sources.jsonl --rule offset -n 4
select samples.jsonl --best-of 8
select samples.jsonl --answers -n 4
select plain.jsonl counts.jsonl --best-of 16
select run -n 4
profile plain.jsonl -r teacher
profile nowhere.jsonl -r teacher
profile classes.jsonl -r teacher --group-weights A=0.9,B=0.1 --baseline step-20
profile tokens.jsonl -r teacher --tokens
profile run
reach plain.jsonl -r teacher
reach plain.jsonl counts.jsonl --budget 16
reach few.jsonl
pass samples.jsonl
pass samples.jsonl -k 1,8 --all-of --solved 0.5 --majority
pass samples.jsonl -k 8,64 --extrapolate
pass counts.jsonl -k 32,128 --extrapolate=beta
pass counts.jsonl --group-weights A=0.7,B=0.3
plan plain.jsonl -n 4 -r teacher --certify 0.3
plan --certify 0.05 --coverage 0.02
plan --separate 0.10,0.05 --models 8 --per-prompt 4 --correlation 0.5
plan --see 64
report run -n 4 -o run.html
report plain.jsonl -n 4 -o plain.html
report counts.jsonl -o counts.html
import model.jsonl_results.jsonl -o imported.parquet
score gpt2 --data data.jsonl -o scored.parquet
sample gpt2 --prompts data.jsonl -k 2 --max-tokens 3 -o sampled.parquet
train train.toml --out trained
"""


@pytest.mark.parametrize("command", [line for line in COMMANDS.splitlines() if line])
def test_the_document_of_a_command(engine, tables, monkeypatch, command):
    monkeypatch.chdir(tables)
    document = engine(*command.split())
    name = command.split()[0]
    assert document["command"] == name
    assert isinstance(document["schema"], int)
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "unheard_of": 1}, schema)
