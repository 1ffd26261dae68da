"""What each rule's choice costs, in points of Pass@k: evaluate.py BREADTH FOLDER.. prints a table over the folders (one a seed).

The truth is exact: `breadth reach` on every right answer is Pass@k. A rule sees scores.parquet (five held-out answers to each prompt), and samples.parquet
(16 graded samples of each prompt) where it says so.
"""

import json
import subprocess
import sys

KS = [2, 4, 16, 64, 256]


def ask(*command):
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ran.returncode not in (0, 3):
        sys.exit(ran.stderr)
    return json.loads(ran.stdout)


def choices(breadth, folder, k):
    """Rule to choice; None where nothing is taken. And the states of the two verdicts."""
    scores, samples = f"{folder}/scores.parquet", f"{folder}/samples.parquet"
    select = [breadth, "select", "--best-of", k, "--json", "-q"]
    alone, both = ask(*select, scores), ask(*select, scores, samples)
    reach = ask(*select, scores, "--rule", "reach")
    passed = ask(breadth, "pass", samples, "-k", min(k, 16), "--json", "-q")
    best = max(passed["models"], key=lambda model: model["pass"][0]["value"])["model"]
    models = sorted((model["model"] for model in alone["models"]), key=lambda name: int(name.rsplit("-", 1)[1]))
    found = {
        "last checkpoint": models[-1],
        "lowest loss": alone["cross_entropy_winner"],
        "tournament": alone["winner"],
        "reach": reach["winner"],
        "verdict, scores": alone["verdict"]["take"],
        "Pass@k of 16 samples": best,
        "verdict, scores and samples": both["verdict"]["take"],
    }
    return found, {"verdict, scores": alone["verdict"]["state"], "verdict, scores and samples": both["verdict"]["state"]}


def main(breadth, folders):
    costs, states, truths = {}, {}, []
    for folder in folders:
        truth = ask(breadth, "reach", f"{folder}/right.parquet", "-k", ",".join(map(str, KS)), "--json", "-q")
        exact = {model["model"]: {point["k"]: point["value"] for point in model["reach"]} for model in truth["models"]}
        truths.append((folder, exact))
        for k in KS:
            best = max(values[k] for values in exact.values())
            found, said = choices(breadth, folder, k)
            for rule, name in found.items():
                costs.setdefault(rule, {}).setdefault(k, []).append(None if name is None else 100 * (best - exact[name][k]))
            for rule, state in said.items():
                states.setdefault(rule, {}).setdefault(k, []).append(state)
    print("| rule | " + " | ".join(f"k = {k}" for k in KS) + " |")
    print("|---" * (len(KS) + 1) + "|")
    for rule, by_k in costs.items():
        cells = []
        for k in KS:
            taken = [cost for cost in by_k[k] if cost is not None]
            cell = f"{sum(taken) / len(taken):.1f} ({max(taken):.1f})" if taken else "nothing taken"
            if taken and len(taken) < len(by_k[k]):
                cell += f", {len(by_k[k]) - len(taken)} of {len(by_k[k])} open"
            if rule in states:
                certain = sum(state == "certain" for state in states[rule][k])
                cell += f"; {certain} certain" if certain else ""
            cells.append(cell)
        print(f"| {rule} | " + " | ".join(cells) + " |")
    for folder, exact in truths:
        print(f"\nExact Pass@16 in {folder.rsplit('/', 1)[-1]}: " + ", ".join(f"{name} {values[16]:.3f}" for name, values in exact.items()))


main(sys.argv[1], sys.argv[2:])
