"""What each rule's choice of a checkpoint gives away, in points of Pass@k: evaluate.py BREADTH RESULTS SEED.. in the folder of the series that `run` trains.

A rule sees held-out rows of at most 200 prompts, and m = 0, 4, 16 or 64 graded samples of each. The truth is exact: the probability of all right responses to the
evaluation's prompts; of the chains, where any chain with the right total is right, 2,000 samples of each of 100 prompts. Writes into RESULTS: selection-truth.csv (Pass@k of
every checkpoint), selection-choices.csv (what every rule takes, and what that gives away) and selection-tables.md.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KS = [2, 4, 16, 64, 256]
SAMPLES = [4, 16, 64]
ROWS, PROMPTS = 400, 200
TRUTH_PROMPTS, TRUTH_SAMPLES = 100, 2000
# wrong-labels.toml adds two numbers below this: few enough to evaluate on every prompt there is.
TERMS = 50
# Family: what it is called in the tables.
FAMILIES = {
    "right-path-2": "one right path, W = 2",
    "right-path-4": "one right path, W = 4",
    "many-answers": "many right answers, prompts seen",
    "many-answers-fresh": "many right answers, fresh prompts",
    "chain": "a chain of steps, the total counts",
    "minority-1": "a minority of 1%",
    "minority-5": "a minority of 5%",
    "minority-20": "a minority of 20%",
    "wrong-labels": "a fifth of the labels wrong",
    "distillation": "distillation from a known teacher",
    "optimisers": "four optimisers of one run",
}
OPTIMISERS = ["sgd", "normalized", "muon", "adamw"]


def ask(*command):
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{ran.stderr}")
    return json.loads(ran.stdout) if ran.stdout.startswith("{") else None


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Series:
    """The checkpoints of one family and seed."""

    def __init__(self, breadth, family, seed):
        self.breadth, self.family, self.seed = breadth, family, seed
        self.runs = [f"optimiser-{name}-{seed}" for name in OPTIMISERS] if family == "optimisers" else [f"{family}-{seed}"]
        self.folder = Path("evaluation") / f"{family}-{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = Path(self.runs[0])
        self.is_fine_tuned = "init" in json.loads((self.data / "run.json").read_text()).get("config", {})
        self.models = self.candidates()

    def candidates(self):
        """Folders with the names that the tables have, in the order of training."""
        folders = []
        for run in self.runs:
            steps = sorted((Path(run) / "checkpoints").glob("step-*"))
            kept = [step for step in steps if int(step.name[5:]) > 0]
            # The start is a candidate where it has learnt something; of several runs from one start, once.
            folders += ([steps[0]] if self.is_fine_tuned and run == self.runs[0] else []) + kept
        if len(self.runs) == 1:
            return folders
        named = []
        for folder in folders:
            copy = self.folder / "models" / f"{folder.parts[0].split('-')[1]}-{folder.name}"
            if not copy.exists():
                shutil.copytree(folder, copy, copy_function=os.link)
            named.append(copy)
        return named

    def names(self):
        return [folder.name for folder in self.models]

    def made(self, name, *command):
        """A table that a command writes, unless it is there."""
        path = self.folder / name
        if not path.exists():
            ask(self.breadth, *command, "-o", path, "-q")
        return path

    def heldout(self):
        path = self.folder / "heldout.jsonl"
        rows, prompts = [], set()
        for row in lines(self.data / "selection.jsonl")[:ROWS]:
            if row["prompt_id"] in prompts or len(prompts) < PROMPTS:
                prompts.add(row["prompt_id"])
                rows.append(row)
        write(path, rows)
        return path, prompts

    def scores(self):
        return self.made("scores.parquet", "score", *self.models, "--data", self.heldout()[0])

    def verifier(self):
        return "number" if (self.data / "right.jsonl").exists() and "answer" in lines(self.data / "right.jsonl")[0] else "exact"

    def samples(self, m):
        prompts, ids = self.heldout()
        if (self.data / "right.jsonl").exists() and self.verifier() == "exact":
            prompts = self.folder / "prompts.jsonl"
            write(prompts, [row for row in lines(self.data / "right.jsonl") if row["prompt_id"] in ids])
        return self.made(f"samples-{m}.parquet", "sample", *self.models, "--prompts", prompts, "-k", m, "--verifier", self.verifier(), "--seed", self.seed)

    def truth(self):
        """Pass@k of every candidate, at each of KS."""
        if self.family == "chain":
            prompts = self.folder / "truth.jsonl"
            write(prompts, lines(self.data / "evaluation.jsonl")[:TRUTH_PROMPTS])
            table = self.made("truth.parquet", "sample", *self.models, "--prompts", prompts, "-k", TRUTH_SAMPLES, "--verifier", "number", "--seed", 1000 + self.seed)
            found = ask(self.breadth, "pass", table, "-k", ",".join(map(str, KS)), "--json", "-q")
            return {model["model"]: {point["k"]: point["value"] for point in model["pass"]} for model in found["models"]}
        data = self.data / "right.jsonl"
        if self.family == "wrong-labels":
            data = self.folder / "right.jsonl"
            write(data, [{"prompt": f"{a}+{b}=", "response": str(a + b)} for a in range(TERMS) for b in range(TERMS)])
        elif not data.exists():
            data = self.data / "evaluation.jsonl"
        table = self.made("truth.parquet", "score", *self.models, "--data", data)
        found = ask(self.breadth, "reach", table, "-k", ",".join(map(str, KS)), "--json", "-q")
        return {model["model"]: {point["k"]: point["value"] for point in model["reach"]} for model in found["models"]}

    def choices(self, k):
        """(rule, samples of a prompt) to (choice or None, state)."""
        select = [self.breadth, "select", "--best-of", k, "--json", "-q"]
        scores = self.scores()
        alone = ask(*select, scores)
        found = {
            ("last checkpoint", 0): (self.names()[-1], ""),
            ("lowest loss", 0): (alone["cross_entropy_winner"], ""),
            ("tournament", 0): (alone["winner"], ""),
            ("reach", 0): (ask(*select, scores, "--rule", "reach")["winner"], ""),
            ("verdict", 0): (alone["verdict"]["take"], alone["verdict"]["state"]),
        }
        for m in SAMPLES:
            samples = self.samples(m)
            passed = ask(self.breadth, "pass", samples, "-k", min(k, m), "--json", "-q")
            best = max(passed["models"], key=lambda model: model["pass"][0]["value"])["model"]
            verdict = ask(*select, scores, samples)["verdict"]
            found["Pass@k of the samples", m] = (best, "")
            if self.verifier() == "number":
                found["answers' tournament", m] = (ask(*select, samples, "--answers")["winner"], "")
            found["verdict", m] = (verdict["take"], verdict["state"])
        return found


def evaluate(job):
    breadth, family, seed = job
    series = Series(breadth, family, seed)
    exact = series.truth()
    truth = [(family, seed, name, k, f"{exact[name][k]:.5f}") for name in series.names() for k in KS]
    choices = []
    for k in KS:
        best = max(exact[name][k] for name in series.names())
        for (rule, m), (name, state) in series.choices(k).items():
            regret = "" if name is None else f"{100 * (best - exact[name][k]):.2f}"
            choices.append((family, seed, k, rule, m, name or "", state, regret))
    print(f"{family}, seed {seed}", file=sys.stderr)
    return truth, choices


def tables(choices):
    """Per rule and family the mean regret over seeds, the worst over k in brackets; then the states of the verdict."""
    rules = list(dict.fromkeys((rule, m) for _, _, _, rule, m, _, _, _ in choices))
    families = [family for family in FAMILIES if any(row[0] == family for row in choices)]
    out = []
    for k in KS:
        out.append(f"\n## k = {k}\n\nMean over seeds of the Pass@{k} given away, in points (worst seed). A dash: the rule has no data; `open`: how often nothing is taken.\n")
        out.append("| family | " + " | ".join(rule if m == 0 else f"{rule}, {m} samples" for rule, m in rules) + " |")
        out.append("|---" * (len(rules) + 1) + "|")
        for family in families:
            cells = []
            for rule in rules:
                rows = [row for row in choices if (row[0], row[2]) == (family, k) and (row[3], row[4]) == rule]
                costs = [float(row[7]) for row in rows if row[7] != ""]
                cell = f"{sum(costs) / len(costs):.1f} ({max(costs):.1f})" if costs else ""
                opened = sum(row[7] == "" for row in rows)
                if opened:
                    cell = (cell + f", {opened} of {len(rows)} open").lstrip(", ")
                cells.append(cell or "-")
            out.append(f"| {FAMILIES[family]} | " + " | ".join(cells) + " |")
    out.append("\n## Over all families\n\nWorst mean over seeds of any family and k; mean of all; the largest of a single series. Where the verdict is open it gives nothing away and takes nothing.\n")
    out.append("| rule | samples | worst mean | mean | worst series | taken | certain | certain and wrong by more than a point |")
    out.append("|---|---|---|---|---|---|---|---|")
    for rule, m in rules:
        rows = [row for row in choices if (row[3], row[4]) == (rule, m)]
        taken = [row for row in rows if row[7] != ""]
        means = {}
        for row in taken:
            means.setdefault((row[0], row[2]), []).append(float(row[7]))
        worst = max(sum(costs) / len(costs) for costs in means.values())
        costs = [float(row[7]) for row in taken]
        certain = [float(row[7]) for row in rows if row[6] == "certain"]
        said = f"{len(certain)} | {sum(cost > 1 for cost in certain)}" if rule == "verdict" else "| "
        out.append(f"| {rule} | {m} | {worst:.1f} | {sum(costs) / len(costs):.2f} | {max(costs):.1f} | {len(taken)} of {len(rows)} | {said} |")
    return "\n".join(out) + "\n"


def save(path, head, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main(breadth, results, seeds):
    jobs = [(breadth, family, int(seed)) for family in FAMILIES for seed in seeds]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(evaluate, jobs))
    results = Path(results)
    choices = [row for _, of_series in found for row in of_series]
    save(results / "selection-truth.csv", ["family", "seed", "checkpoint", "k", "pass"], [row for of_series, _ in found for row in of_series])
    save(results / "selection-choices.csv", ["family", "seed", "k", "rule", "samples", "choice", "state", "regret"], choices)
    (results / "selection-tables.md").write_text("# What a choice of checkpoint costs: the tables\n\nWritten by `lab/selection/run`; what they mean is in `selection.md`.\n" + tables(choices))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
