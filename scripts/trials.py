"""What scripts/kills and scripts/pairs share: small jobs, and what they leave."""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
# How a process may end that gets one: by it, or, if it was done before, well.
ENDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}

CONFIG = """
seed = {seed}
[task]
mixture = {{ g1 = 0.9, g2 = 0.1 }}
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = {{ figure = "1", branching = 1, label = "drawn" }}
[model]
layers = 1
width = 16
heads = 2
[train]
steps = 24
batch_size = 4
checkpoint_every = 3
log_every = 3
"""


def arguments(description, trials):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("trials", type=int, nargs="?", default=trials)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--breadth", help="the binary [default: cargo builds it]")
    parser.add_argument("--only", help="jobs, separated by commas")
    return parser.parse_args()


def binary(given):
    """The program under trial."""
    if given:
        return str(pathlib.Path(given).resolve())
    build = ["cargo", "build", "--locked", "--workspace", "--message-format=json"]
    built = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "breadth":
            return message["executable"]
    sys.exit("cargo built no binary `breadth`")


class Place:
    """A folder with data, a trained run, and one output per job."""

    def __init__(self, program):
        self.program = program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="breadth-trials-"))
        for kind in "ab":
            (self.folder / f"{kind}.toml").write_text(CONFIG.format(seed=ord(kind)))
            (self.folder / f"{kind}.jsonl").write_text(data(ord(kind)))
            logs = self.folder / f"logs-{kind}"
            logs.mkdir()
            (logs / "1.jsonl").write_text(log(ord(kind)))
        self.out = self.folder / "out"
        self.finish(["train", "a.toml", "--out", "run"])
        for step in range(3, 24, 3):
            shutil.rmtree(self.folder / f"run/checkpoints/step-{step:06}")

    def jobs(self, kind):
        """The commands of the jobs by name, on the data `kind`."""
        return {
            "train": ["train", f"{kind}.toml", "--out", "out/run"],
            "score": ["score", "run", "--data", f"{kind}.jsonl", "-o", "out/table.parquet"],
            "sample": ["sample", "run", "--prompts", f"{kind}.jsonl", "-k", "8", "-o", "out/table.parquet"],
            "import": ["import", f"logs-{kind}", "-o", "out/table.parquet"],
        }

    def start(self, command):
        return subprocess.Popen(
            [self.program, *command, "-q", "--threads", "2"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, command):
        """Runs to the end; how long it took."""
        begin = time.monotonic()
        process = self.start(command)
        _, said = process.communicate()
        if process.returncode != 0:
            raise Failure(f"{' '.join(command)} ended with {process.returncode}: {said}")
        return time.monotonic() - begin

    def empty(self):
        if self.out.exists():
            shutil.rmtree(self.out)
        self.out.mkdir()

    def left(self):
        """Every file under the output's folder."""
        files = (path for path in sorted(self.out.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.out)): path.read_bytes() for path in files}

    def whole(self, command):
        """What a run leaves that nobody disturbs, and how long it takes."""
        self.empty()
        took = self.finish(command)
        took = min(took, self.finish(command)) if command[0] != "train" else took
        return self.left(), took

    def remove(self):
        shutil.rmtree(self.folder)


class Failure(Exception):
    """A trial that went wrong."""


def data(seed):
    rng = random.Random(seed)

    def line(at):
        prompt = [rng.randrange(12) for _ in range(8)]
        return json.dumps({"prompt_id": at, "prompt": prompt, "response": [rng.randrange(12) for _ in range(3)]})

    return "".join(line(at) + "\n" for at in range(3000))


def log(seed):
    rng = random.Random(seed)
    rows = ({"input": f"q{at % 500}", "output": str(at), "score": rng.randrange(2)} for at in range(20000))
    return "".join(json.dumps(row) + "\n" for row in rows)


def strangers(names):
    """Those among names that no finished job leaves."""
    return [name for name in names if any(mark in name for mark in (".breadth-tmp", ".breadth-lock", ".parts"))]


def same(got, expected, what):
    """Fails unless both hold the same files with the same bytes."""
    if got.keys() != expected.keys():
        raise Failure(f"{what}: {sorted(got.keys() ^ expected.keys())} on one side alone")
    for name, content in got.items():
        if content != expected[name]:
            raise Failure(f"{what}: {name} differs")


def run(description, trials, prepare, trial):
    """Makes the trials; counts them, and keeps the folder of one that fails."""
    asked = arguments(description, trials)
    place = Place(binary(asked.breadth))
    rng = random.Random(asked.seed)
    prepared = prepare(place)
    names = asked.only.split(",") if asked.only else list(prepared)
    counts = {}
    for number in range(asked.trials):
        name = names[number % len(names)]
        try:
            outcome = trial(place, rng, name, prepared[name])
        except Failure as failure:
            print(f"trial {number} ({name}) of seed {asked.seed}: {failure}\nleft in {place.folder}")
            sys.exit(1)
        counts[name, outcome] = counts.get((name, outcome), 0) + 1
        if (number + 1) % 100 == 0:
            print(f"{number + 1} trials", flush=True)
    place.remove()
    for (name, outcome), count in sorted(counts.items()):
        print(f"{count:5} {name}: {outcome}")
    print(f"{asked.trials} trials, none went wrong")


os.environ.pop("BREADTH_API_KEY", None)
