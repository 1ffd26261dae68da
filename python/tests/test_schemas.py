"""Every document of `--json` is what docs/json says: no field is missing, none is unknown."""

from __future__ import annotations

import http.server
import json
import math
import random
import re
import shutil
import subprocess
import threading

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
    parts = [row | {"reward": row["reward"] / 2} for row in samples(draw, 10, 8)]
    lines(folder / "parts.jsonl", parts)
    losses = [{"step": step, "eval_loss": 1.0 / step} for step in (20, 100)]
    about = {"global_step": 100, "best_global_step": 100, "log_history": losses}
    (folder / "trainer_state.json").write_text(json.dumps(about))
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
select plain.jsonl -n 4 --reference teacher --trainer-state trainer_state.json
profile plain.jsonl -r teacher
profile plain.jsonl -r teacher --trainer-state trainer_state.json
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
report counts.jsonl -o counts.html --svg charts
report parts.jsonl -o parts.html
import model.jsonl_results.jsonl -o imported.parquet
score gpt2 --data data.jsonl -o scored.parquet
sample gpt2 --prompts data.jsonl -k 2 --max-tokens 3 -o sampled.parquet
train train.toml --out trained
train train.toml --out again && train train.toml --out again
train --compare train.toml --out compared -n 2
lab list --results lab
lab run d1 --results lab
lab check d2 --results lab
lab run d1 --results lab && lab show d1 --results lab
lab run headline --results lab && lab page --results lab --svg pictures
"""


def schema_of(name):
    """The schema in the file of this name."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def check(document, name):
    """The document is what the schema says, and with one field more it is not."""
    assert isinstance(document["schema"], int)
    schema = schema_of(name)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "unheard_of": 1}, schema)


@pytest.mark.parametrize("commands", [line for line in COMMANDS.splitlines() if line])
def test_the_document_of_a_command(engine, tables, monkeypatch, commands):
    monkeypatch.chdir(tables)
    for command in commands.split(" && "):
        words = command.split()
        document = engine(*words)
        name = " ".join(words[:2]) if words[0] == "lab" else words[0]
        assert document["command"] == name
        check(document, "train-compare" if "--compare" in words else name.replace(" ", "-"))


def test_the_document_of_the_demo(engine, tables, monkeypatch):
    """The demo trains for a minute, so its document is put together here: that of `select`, and
    three fields more."""
    monkeypatch.chdir(tables)
    limits = {"value": 0.5, "low": 0.25, "high": 0.75}
    level = {"n": 4.0, "log_n": math.log(4.0)}
    point = {**level, "cov": 0.1, "low": 0.0, "high": 0.2, "band_low": 0.0, "band_high": 0.3}
    at_k = {"k": 8, "exact": 0.5, "sampled": limits}
    checkpoint = {
        "model": "step-000090",
        "step": 90,
        "kl": limits,
        "cross_entropy": limits,
        "coverage": [point],
        "profile": [point],
        "pass": [at_k],
        "pass_curve": [{**at_k, "exact": None}],
        "reach": limits,
        "rank": 1,
        "value": 0.5,
        "value_low": 0.25,
        "value_high": 0.75,
        "worst_rival": "step-000480",
        "tied": True,
        "not_excluded": True,
        "certified_low": 0.0,
        "certified_high": 1.0,
    }
    document = {
        **engine("select", "run", "-n", "4"),
        "headline": "Take step-000090.",
        "report": "breadth-demo/report.html",
        "checkpoints": [checkpoint],
    }
    check(document, "demo")
    of_select, of_demo = schema_of("select"), schema_of("demo")
    for key, value in of_select["properties"].items():
        assert key == "command" or of_demo["properties"][key] == value


class UniformModel(http.server.BaseHTTPRequestHandler):
    """As much of llama.cpp's server as a probe asks for, with a model to which all of eight tokens
    are alike."""

    def reply(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply({"data": [{"id": "uniform", "owned_by": "llamacpp"}], "build_info": "b0"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            self.reply({"tokens": [1, 2, 3]})
            return
        forced = asked.get("logit_bias", [[0]])[0][0]
        told = [{"id": token, "logprob": -math.log(8)} for token in range(8)]
        steps = [{**told[forced], "top_logprobs": told}] * asked["n_predict"]
        self.reply(
            {
                "completion_probabilities": steps,
                "tokens": [step["id"] for step in steps],
                "tokens_evaluated": len(asked["prompt"]),
            }
        )

    def log_message(self, *_):
        pass


def test_the_document_of_a_probe(engine):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), UniformModel) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        document = engine("probe", f"llama.cpp:http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert document["command"] == "probe"
    check(document, "probe")


def commands_of(program, *command):
    """The commands that the help of a command lists, those within them too."""
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
    listed = done.stdout.partition("\nCommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  (\S+)", listed, flags=re.MULTILINE):
        # Neither has a document: both print text for people or for a shell.
        if name in ("help", "completions"):
            continue
        inner = list(commands_of(program, *command, name))
        yield from inner or [" ".join([*command, name])]


def test_every_command_has_a_schema(program):
    names = [name.replace(" ", "-") for name in commands_of(program)]
    assert "select" in names
    assert "lab-show" in names
    # One command has two documents.
    there = {path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()}
    assert there == {*names, "train-compare"}
