"""What each rule's choice of a checkpoint comes to after reinforcement learning: reinforce.py BREADTH RESULTS SEED.. in the folder of the series that `run` trains.

For each family and seed every rule takes a checkpoint for k = 16, as in `evaluate.py`; from each that is taken GRPO makes STEPS steps (groups of 8 responses to each of 32
prompts, the same for all), and its Pass@1 and Pass@16 are measured before and after. Right is what the
family's verifier says: exact, but for the chain. Writes into RESULTS: after-rl.csv (all of it)
and after-rl-tables.md.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

import evaluate
from evaluate import Series, ask, lines, save, write

# The other sizes that `evaluate.py` looks at are not wanted here.
evaluate.SAMPLES = [16]

FAMILIES = {
    "right-path-4": "one right path, W = 4",
    "many-answers": "many right answers, prompts seen",
    "chain": "a chain of steps, the total counts",
}
K = 16
STEPS = [0, 25, 100, 400]
# Responses of 73 tokens are not trained on for longer.
MOST_STEPS = {"right-path-4": 100}
# Of the chain, whose right answers cannot be listed: samples of each of so many prompts.
PROMPTS, SAMPLES = 100, 400
RULES = [("last checkpoint", 0), ("lowest loss", 0), ("tournament", 0), ("reach", 0), ("verdict", 0), ("Pass@k of the samples", 16), ("verdict", 16)]
SETTINGS = """
[optimizer]
learning_rate = 3e-4
warmup_steps = 10
clip_norm = 1.0

[rl]
algorithm = "grpo"
group = 8
verifier = "{verifier}"

[train]
steps = {steps}
batch_size = 32
checkpoint_every = 25
"""


class Reinforced(Series):
    """A series whose checkpoints are trained further on a verifier."""

    def prompts(self):
        """The section that says what is asked and the verifier."""
        if self.family == "right-path-4":
            text = (Path(__file__).parent / "right-path-4.toml").read_text()
            return text[text.index("[task]") : text.index("[optimizer]")], "exact"
        path = self.folder / "rl-prompts.jsonl"
        if self.family == "chain":
            write(path, lines(self.data / "selection.jsonl"))
            verifier = "number"
        else:
            right = {}
            for row in lines(self.data / "right.jsonl"):
                right.setdefault(row["prompt"], []).append(row["response"])
            rows = [{"prompt": prompt, "response": answers[0], "answer": json.dumps(answers)} for prompt, answers in right.items()]
            write(path, rows)
            verifier = "text"
        return f'[data]\nfiles = ["{path.resolve()}"]\nend_token = "auto"\n', verifier

    def steps(self):
        return [step for step in STEPS if step <= MOST_STEPS.get(self.family, STEPS[-1])]

    def reinforced(self, choice):
        """Folders of the checkpoints at the steps, trained unless they are there."""
        out = self.folder / "rl" / choice
        out.parent.mkdir(exist_ok=True)
        init = next(model for model in self.models if model.name == choice)
        section, verifier = self.prompts()
        config = out.with_suffix(".toml")
        config.write_text(f'init = "{init.resolve()}"\nseed = {self.seed}\n\n{section}' + SETTINGS.format(verifier=verifier, steps=self.steps()[-1]))
        ask(self.breadth, "train", config, "--out", out, "-q")
        return [out / "checkpoints" / f"step-{step:06d}" for step in self.steps()]

    def passed(self, choice):
        """(Pass@1, Pass@K) at each of the steps."""
        folders = self.reinforced(choice)
        if self.family == "chain":
            prompts = self.folder / "truth.jsonl"
            write(prompts, lines(self.data / "evaluation.jsonl")[:PROMPTS])
            table = self.made(f"rl/{choice}.parquet", "sample", *folders, "--prompts", prompts, "-k", SAMPLES, "--verifier", "number", "--seed", 2000 + self.seed)
            found = ask(self.breadth, "pass", table, "-k", f"1,{K}", "--json", "-q")
            key = "pass"
        else:
            right = self.data / "right.jsonl"
            table = self.made(f"rl/{choice}.parquet", "score", *folders, "--data", right if right.exists() else self.data / "evaluation.jsonl")
            found = ask(self.breadth, "reach", table, "-k", f"1,{K}", "--json", "-q")
            key = "reach"
        values = {model["model"]: [point["value"] for point in model[key]] for model in found["models"]}
        return [values[folder.name] for folder in folders]


def study(job):
    breadth, family, seed = job
    series = Reinforced(breadth, family, seed)
    found = series.choices(K)
    results, rows = {}, []
    for rule, m in RULES:
        choice, state = found[rule, m]
        if choice is None:
            rows.append((family, seed, rule, m, "", state, "", "", ""))
            continue
        if choice not in results:
            results[choice] = series.passed(choice)
        for step, (one, many) in zip(series.steps(), results[choice]):
            rows.append((family, seed, rule, m, choice, state, step, f"{one:.5f}", f"{many:.5f}"))
    print(f"{family}, seed {seed}", file=sys.stderr)
    return rows


def tables(rows):
    """Per family and rule: what was taken, then Pass@1 and Pass@K by step, means over seeds with the least and the most."""
    out = []
    for family, name in FAMILIES.items():
        of_family = [row for row in rows if row[0] == family]
        if not of_family:
            continue
        seeds = len({row[1] for row in of_family})
        out.append(f"\n## {name}\n\n{seeds} seeds.\n")
        heads = [f"Pass@{k}, step {step}" for k in (1, K) for step in STEPS]
        out.append("| rule | samples | taken at steps | " + " | ".join(heads) + " |")
        out.append("|---" * (len(heads) + 3) + "|")
        for rule, m in RULES:
            own = [row for row in of_family if (row[2], row[3]) == (rule, m)]
            choices = [row[4] for row in own if row[6] in ("", STEPS[0])]
            taken = [str(int(choice[5:])) if choice else "none" for choice in choices]
            cells = []
            for column in (7, 8):
                for step in STEPS:
                    values = [100 * float(row[column]) for row in own if row[6] == step]
                    cells.append(f"{mean(values):.1f} ({min(values):.1f} to {max(values):.1f})" if values else "-")
            out.append(f"| {rule} | {m} | {', '.join(taken)} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def main(breadth, results, seeds):
    jobs = [(breadth, family, int(seed)) for family in FAMILIES for seed in seeds if Path(f"{family}-{seed}").exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = [row for of_series in pool.map(study, jobs) for row in of_series]
    results = Path(results)
    save(results / "after-rl.csv", ["family", "seed", "rule", "samples", "choice", "state", "rl_step", "pass_1", f"pass_{K}"], rows)
    (results / "after-rl-tables.md").write_text("# After reinforcement learning: the tables\n\nWritten by `lab/selection/reinforce.py`; what they mean is in `selection.md`.\n" + tables(rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
