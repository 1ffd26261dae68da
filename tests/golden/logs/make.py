#!/usr/bin/env python3
"""Writes the logs of this folder as the tools write them, as small as can be.

    pip install numpy pandas pyarrow pyyaml && python3 make.py

`lm-eval/tiny/` and `inspect/finished.*` are not made here: they are logs of lm-evaluation-harness 0.4.13 and Inspect
0.3.285, of a tiny model with random weights and of a mock model. `openrlhf/`, `prime-rl/`, `verifiers/`, `nemo-gym/`, `nemo-rl/`, `skyrl/` and
`every-eval/` are a few lines written by hand after the sources that their readers name. The others follow the writers of
the published sources:

    lm-evaluation-harness   lm_eval/evaluator.py, lm_eval/loggers/evaluation_tracker.py (sanitize_list: all responses
                            are strings; one line per filter), tasks/humaneval (pass@1 over all repeats)
    Inspect                 log/_recorders/eval.py (_journal/start.json, samples/{id}_epoch_{n}.json),
                            log/_recorders/chunked/format.py, scorer/_target_perplexity.py
    human-eval              human_eval/evaluation.py, combine_results
    EvalPlus                evalplus/evaluate.py, both forms of `eval`
    verl                    trainer/ppo/ray_trainer.py, _dump_generations (reward_extra_infos beside `score`)
    TRL                     trainer/grpo_trainer.py, log: one column for each reward function, by its name
    large_language_monkeys  llmonk/evaluate/*.py, `is_corrects`; CodeContests leaves out the extension
    sharpening-tax          sharpening_tax/run.py, outcomes.py and {log}.config.json
    transformers            trainer_callback.py, TrainerState

What they hold stands in crates/breadth-data/tests/logs/.
"""

import hashlib
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
NAN, INF = float("nan"), float("inf")


def write(name: str, text: str) -> None:
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lines(name: str, rows: list) -> None:
    write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def strings(value):
    """lm-evaluation-harness: every response inside lists becomes a string."""
    if isinstance(value, (list, tuple)):
        return [strings(item) for item in value]
    return str(value)


def document(doc_id, doc, target, requests, resps, filtered, filter_name, metrics) -> dict:
    arguments = {f"gen_args_{i}": {f"arg_{j}": a for j, a in enumerate(args)} for i, args in enumerate(requests)}
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": str(target),
        "arguments": arguments,
        "resps": strings(resps),
        "filtered_resps": strings(filtered),
        "filter": filter_name,
        "metrics": list(metrics),
        "doc_hash": sha(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": sha(requests[0][0]),
        "target_hash": sha(str(target)),
        **metrics,
    }


def results(folder: str, time: str, model_name: str, model_args) -> None:
    config = {"model": "hf", "model_args": model_args, "batch_size": 1}
    body = {"results": {}, "configs": {}, "versions": {}, "config": config, "model_name": model_name}
    write(f"lm-eval/{folder}/results_{time}.json", json.dumps(body, indent=2))


def lm_eval() -> None:
    # the same four documents as in lm-eval/tiny, under a revision of another model
    time = "2026-11-24T08-00-00.000001"
    results("org__tiny", time, "org/tiny", "pretrained=org/tiny,revision=step20,dtype=float32")
    scores = [(-1.5, -2.5), (-3.0, -INF), (-0.25, -4.0), (-7.0, -0.5)]
    rows = []
    for i, (fox, dog) in enumerate(scores):
        doc = {"q": f"the quick brown {i}", "c": [" fox", " dog"], "a": i % 2}
        requests = [(doc["q"], " fox"), (doc["q"], " dog")]
        pairs = [(fox, False), (dog, False)]
        acc = 1.0 if (fox >= dog) == (i % 2 == 0) else 0.0
        rows.append(document(i, doc, i % 2, requests, [[pair] for pair in pairs], pairs, "none", {"acc": acc}))
    lines(f"lm-eval/org__tiny/samples_tinymc_{time}.jsonl", rows)

    # generated answers under two filters
    time = "2026-11-24T09-00-00.000002"
    results("generated", time, "tiny", {"pretrained": "tiny"})
    said = [("It is 4. #### 4", "4", "4"), ("so 7", "[invalid]", "7"), ("#### 10", "10", "10")]
    truth = ["4", "7", "9"]
    rows = []
    for name, column in [("strict-match", 1), ("flexible-extract", 2)]:
        for i, answers in enumerate(said):
            doc = {"question": f"question {i}", "answer": truth[i]}
            requests = [(f"Q: question {i}\nA:", {"until": ["Q:"], "do_sample": False})]
            exact = float(answers[column] == truth[i])
            rows.append(
                document(
                    i, doc, truth[i], requests, [[answers[0]]], [answers[column]], name, {"exact_match": exact}
                )
            )
    lines(f"lm-eval/generated/samples_sums_{time}.jsonl", rows)

    # programs: four repeats, graded together by pass@1
    rows = []
    for i, right in enumerate([1, 4, 0]):
        doc = {"task_id": f"HumanEval/{i}", "prompt": f"def f{i}():"}
        said = [f"    return {k}" for k in range(4)]
        requests = [(doc["prompt"], {"until": ["\n\n"], "do_sample": True, "temperature": 0.2})]
        rows.append(
            document(i, doc, f"check(f{i})", requests, [said], [said], "create_test", {"pass@1": right / 4})
        )
    lines("lm-eval/programs/samples_humaneval_2026-11-24T10-00-00.000003.jsonl", rows)

    # whole texts
    rows = [
        document(i, {"page": text}, text, [(text,)], [[value]], [value], "none", {"word_perplexity": [value, 2]})
        for i, (text, value) in enumerate([("one page", -10.5), ("another", -20.25)])
    ]
    lines("lm-eval/texts/samples_wikitext_2026-11-24T11-00-00.000004.jsonl", rows)


def inspect_sample(identifier, epoch, scores, **more) -> dict:
    return {
        "id": identifier,
        "epoch": epoch,
        "input": f"What is {identifier}?",
        "target": "1",
        "messages": [{"role": "user", "content": "a long transcript"}],
        "scores": scores,
        "events": [{"event": "score", "scores": {"value": NAN}}],
        **more,
    }


def inspect_archive(name: str, members: dict) -> None:
    path = HERE / "inspect" / name
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for member, body in members.items():
            info = zipfile.ZipInfo(member, date_time=(2026, 11, 24, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, json.dumps(body, indent=2))


def inspect() -> None:
    spec = {"task": "sums", "model": "hf/tiny", "model_args": {"model_path": "runs/a/checkpoint-40"}}
    start = {"version": 2, "eval": spec, "plan": {}}
    value = lambda v, **more: {"judge": {"value": v, **more}}
    samples = [
        inspect_sample("a/1", 1, value("C", answer="2")),
        inspect_sample("a/1", 2, value("I", answer="3")),
        inspect_sample(7, 1, value("P")),
        inspect_sample(7, 2, value(NAN)),
        inspect_sample("n", 1, value("N")),
        inspect_sample("n", 2, None, error={"message": "out of memory"}),
    ]
    members = {"_journal/start.json": start}
    members |= {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in samples}
    members["_journal/summaries/1.json"] = []
    inspect_archive("unfinished.eval", members)

    # two scorers, one of several values; one sample in the chunked form
    both = lambda a, b, c: {"exact": {"value": a}, "rubric": {"value": {"style": b, "sense": c}}}
    whole = inspect_sample("w", 1, both(1, 0.25, True))
    pieces = inspect_sample("p", 1, both(0, 0.75, None))
    header = {"version": 3, "status": "success", "eval": spec | {"model_args": {}}, "plan": {}, "results": {}}
    inspect_archive(
        "scorers.eval",
        {
            "header.json": header,
            "samples/w_epoch_1.json": whole,
            "samples/p_epoch_1/sample.json": pieces,
            "samples/p_epoch_1/events/0.json": [],
            "samples/p_epoch_1/events/stats.json": {},
            "summaries.json": [],
        },
    )

    # log-probabilities of targets, two epochs of the first
    def perplexity(sum_log_probs, tokens):
        metadata = {"num_tokens": tokens, "sum_log_probs": sum_log_probs, "perplexity": 2.0}
        return {"target_perplexity": {"value": -sum_log_probs / tokens, "metadata": metadata}}

    samples = [
        inspect_sample("x", 1, perplexity(-6.5, 4)),
        inspect_sample("x", 2, perplexity(-6.5, 4)),
        inspect_sample("y", 1, perplexity(-INF, 2)),
        inspect_sample("z", 1, {"target_perplexity": {"value": NAN, "metadata": {"unscored": "no_logprobs"}}}),
    ]
    body = {"version": 2, "status": "success", "eval": spec, "plan": {}, "samples": samples}
    write("inspect/perplexity.json", json.dumps(body))


def programs() -> None:
    def row(task, passed):
        result = "passed" if passed else "failed: AssertionError"
        return {"task_id": task, "completion": "    return 1\n", "result": result, "passed": passed}

    tasks = [("HumanEval/0", True), ("HumanEval/1", False), ("HumanEval/0", False), ("HumanEval/1", False)]
    lines("human-eval/base.jsonl_results.jsonl", [row(*task) for task in tasks])

    def attempt(task, base, plus):
        tests = {"base_fail_tests": [], "plus_fail_tests": []}
        return {"task_id": task, "solution": "..", "base_status": base, "plus_status": plus, **tests}

    outcomes = {"HumanEval/0": [("pass", "pass"), ("pass", "fail")], "HumanEval/1": [("fail", "fail"), ("timeout", "pass")]}
    graded = {task: [attempt(task, *pair) for pair in pairs] for task, pairs in outcomes.items()}
    body = {"date": "2026-11-24 10:00", "hash": "fe585eb4df8c88d844eeb463ea4d0302", "eval": graded}
    write("evalplus/tuned.eval_results.json", json.dumps(body | {"pass_at_k": {"base": {"pass@1": 0.5}}}))
    columns = {
        task: {"nfiles": len(pairs), "base": [[base, []] for base, _ in pairs], "plus": [[plus, [True]] for _, plus in pairs]}
        for task, pairs in outcomes.items()
    }
    write("evalplus/earlier_eval_results.json", json.dumps(body | {"eval": columns}))


def rollouts() -> None:
    # step -> prompt, right or wrong; scores of the mathematics reward are 1 and -1
    steps = {20: [("1+1", [1, 0, 0, 0]), ("2+2", [0, 0, 0, 0])], 40: [("2+2", [1, 1, 0, 0]), ("1+1", [1, 1, 1, 1])]}
    for step, prompts in steps.items():
        rows = [
            {
                "input": prompt,
                "output": f"answer {k}",
                "gts": str(eval(prompt)),
                "score": 1.0 if right else -1.0,
                "step": step,
                "acc": bool(right),
                "pred": str(eval(prompt) if right else 0),
            }
            for prompt, outcomes in prompts
            for k, right in enumerate(outcomes)
        ]
        lines(f"verl/{step}.jsonl", rows)

    folder = HERE / "trl"
    folder.mkdir(exist_ok=True)
    for step, rewards in [(5, [1.0, 0.5, 0.0, NAN]), (10, [1.0, 1.0, 0.25, 0.0])]:
        table = {
            "step": [step] * 4,
            "prompt": ["1+1", "1+1", "2+2", "2+2"],
            "completion": ["2", "3", "4", "5"],
            "accuracy_reward": rewards,
            "format_reward": [1.0, 1.0, -1.0, 1.0],
            "advantage": [0.5, -0.5, 0.0, 0.0],
        }
        pd.DataFrame(table).to_parquet(folder / f"completions_{step:05d}.parquet")
    messages = [[{"role": "user", "content": "1+1"}], [{"role": "user", "content": "1+1"}]]
    table = {"step": [5, 5], "prompt": messages, "completion": ["2", "3"], "correct": [1.0, 0.0], "advantage": [1.0, -1.0]}
    pd.DataFrame(table).to_parquet(folder / "conversations.parquet")


def monkeys() -> None:
    # llmonk.utils.save_yaml: yaml.dump with sorted keys
    for name, outcomes in [("0.yaml", [True, False, True]), ("algebra_12.yaml", [False, False, False]), ("contest", [True, True, False])]:
        body = {
            "prompt": "Question: how many?\nAnswer:",
            "question": "how many?",
            "samples": [f"#### {k}\nand a 'quote': - [x]" for k in range(3)],
            "gt_answer": "#### 0",
            "is_corrects": outcomes,
        }
        write(f"monkeys/Llama-3-8B/{name}", yaml.dump(body, sort_keys=True))


def sharpening() -> None:
    rows = [
        {"task_id": "parallel_0", "category": "parallel", "pass_flags": [True, False, True, True], "rollouts": []},
        {"task_id": "irrelevance_3", "category": "irrelevance", "pass_flags": [0, 0, 0, 1], "rollouts": []},
        {"task_id": "counted", "category": "parallel", "n": 4, "c": 1},
    ]
    lines("sharpening-tax/base.jsonl", rows)
    config = {"benchmark": "bfcl", "policy": {"model": "org/base-31B", "mode": "harness", "temperature": 1.0}, "seed": 42}
    write("sharpening-tax/base.jsonl.config.json", json.dumps(config, indent=2))


def trainer_state() -> None:
    history = [
        {"epoch": 0.5, "learning_rate": 1e-4, "loss": 3.0, "step": 20},
        {"epoch": 0.5, "eval_loss": 2.5, "eval_runtime": 1.0, "step": 20},
        {"epoch": 1.0, "loss": 2.0, "step": 40},
        {"epoch": 1.0, "eval_loss": 2.25, "eval_runtime": 1.0, "step": 40},
        {"epoch": 1.5, "eval_loss": 2.75, "eval_runtime": 1.0, "step": 60},
        {"epoch": 2.0, "eval_loss": NAN, "eval_runtime": 1.0, "step": 80},
        {"epoch": 2.0, "step": 80, "total_flos": 1e12, "train_loss": 2.0, "train_runtime": 9.0},
    ]
    state = {
        "best_global_step": None,
        "best_metric": 2.25,
        "best_model_checkpoint": "out/checkpoint-40",
        "epoch": 2.0,
        "global_step": 80,
        "is_local_process_zero": True,
        "log_history": history,
        "max_steps": 80,
    }
    write("trainer/checkpoint-80/trainer_state.json", json.dumps(state, indent=2, sort_keys=True) + "\n")
    early = state | {"global_step": 20, "log_history": history[:2], "best_model_checkpoint": "out/checkpoint-20"}
    write("trainer/checkpoint-20/trainer_state.json", json.dumps(early, indent=2, sort_keys=True) + "\n")


def slime():
    """What torch.save writes of slime's rollouts: a zip archive, stored, whose pickle holds plain data."""
    def sample(index, prompt, response, label, reward):
        return {"group_index": index // 2, "index": index, "prompt": prompt, "tokens": [1, 2, 3 + index], "response": response,
                "response_length": 2, "label": label, "reward": reward, "loss_mask": None, "status": "completed", "metadata": {}}
    question = [{"role": "user", "content": "2+2?"}]
    samples = [sample(0, question, "It is 4.", "4", 1.0), sample(1, question, "It is 5.", "4", 0), sample(2, "3*3?", "It is 9.", "9", True)]
    # reward functions return scalars of NumPy, too
    scalars = [np.float64(1.0), 0, np.float32(0.25), np.bool_(True), np.int64(0)]
    scored = [sample(i, "2+2?", f"{i}", "4", reward) for i, reward in enumerate(scalars)]
    (HERE / "slime").mkdir(exist_ok=True)
    for rollout, kept in [(7, samples), (8, scored)]:
        with zipfile.ZipFile(HERE / f"slime/rollout_{rollout}.pt", "w") as archive:
            for name, content in [("data.pkl", pickle.dumps({"rollout_id": rollout, "samples": kept}, protocol=2)), ("version", b"3\n")]:
                archive.writestr(zipfile.ZipInfo(f"rollout_{rollout}/{name}"), content)


if __name__ == "__main__":
    lm_eval()
    inspect()
    programs()
    rollouts()
    monkeys()
    sharpening()
    trainer_state()
    slime()
