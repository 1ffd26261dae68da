"""Reach, coverage and Pass@k of a model in training, at every evaluation: what the callbacks of
the trainers share.

Every rank scores a share of the prompts, all ranks know all metrics, and rank 0 writes.
"""

from __future__ import annotations

import math
import os
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from breadth import _engine, _stats, _tables
from breadth._data import Data, Item, one_per_prompt, read_data
from breadth._errors import DataError, refuse_open_file
from breadth._text import Text

Metrics = dict[str, float]
INITIAL = "initial"


class Monitor:
    """What held-out responses say of a model while it is trained.

    Metrics, with K = `best_of`: `reach_K` (what K samples find of the held-out responses for
    certain), `cov_K` (the share of them to which the *reference* gives K times the model's
    probability), `cross_entropy` (nats a response); with `samples` and a `verifier` also `pass_K`
    and `mixed_G`, the share of groups of G with right and wrong samples, G = `group_size`. Where
    the data has groups, each metric once more for each of them: `reach_K/GROUP`.

    `reference`: `"initial"`, the model as training begins; a checkpoint folder; a score table with
    the held-out responses under one model; or `None`. It stays the same through the run, so that
    `cov_K` of two evaluations can be compared, as a metric that selects a checkpoint must be.

    Rows go to `scores.parquet` and `samples.parquet` in `folder`, a model per evaluation
    (`step-000100`), for `verdict` and `report`.

    `heldout`: as `breadth score --data` takes it, or lines that are dictionaries.
    `verifier`, `samples`, `max_tokens`: as in `breadth.torch.sample`, `samples` for each prompt.
    `per_group`: whether each group has metrics of its own.
    `tokenizer`: that of the model, where the trainer hands none over and the data are text.
    `seed`: that of the samples. `reading`: options of `breadth.read_data`, such as
    `{"max_length": 512, "truncate": "left"}`. `computing`: options of `breadth.torch.Scorer`, such
    as `{"batch_tokens": 8192}`.
    """

    def __init__(
        self,
        heldout: Any,
        *,
        best_of: int = 16,
        reference: str | os.PathLike[str] | None = INITIAL,
        verifier: Any = None,
        samples: int = 0,
        max_tokens: int | None = None,
        group_size: int = 8,
        per_group: bool = True,
        folder: str | os.PathLike[str] | None = None,
        tokenizer: Any = None,
        seed: int = 0,
        reading: Mapping[str, Any] | None = None,
        computing: Mapping[str, Any] | None = None,
    ):
        if best_of < 1:
            raise ValueError(f"best_of = {best_of} must be at least 1")
        if samples and samples < max(best_of, group_size):
            raise ValueError(
                f"samples = {samples}: Pass@{best_of} and groups of {group_size} need at least "
                f"{max(best_of, group_size)} samples a prompt"
            )
        if samples and (verifier is None or max_tokens is None):
            raise ValueError("samples need a verifier, and max_tokens, their longest length")
        if verifier is not None and not samples:
            raise ValueError("a verifier grades samples; say how many: samples=")
        refuse_open_file(heldout)
        is_source = isinstance(heldout, str | os.PathLike | Data)
        self.heldout = heldout if is_source else list(heldout)
        self.best_of, self.samples, self.group_size = best_of, samples, group_size
        self.reference, self.verifier, self.max_tokens = reference, verifier, max_tokens
        self.per_group, self.folder, self.tokenizer, self.seed = per_group, folder, tokenizer, seed
        self._asked = (folder, tokenizer)
        self.reading, self.computing = dict(reading or {}), dict(computing or {})
        self.data: Data | None = None
        self.text: Text | None = None
        self._log_p: list[float] | None = None

    @property
    def scores_path(self) -> Path:
        """Where the score table is."""
        return Path(self._folder()) / "scores.parquet"

    @property
    def samples_path(self) -> Path:
        """Where the sample table is."""
        return Path(self._folder()) / "samples.parquet"

    def _folder(self) -> str | os.PathLike[str]:
        if self.folder is None:
            raise ValueError("no folder is known yet for the tables: give folder=, or train first")
        return self.folder

    def prepare(
        self, model: Any, tokenizer: Any, folder: Any, step: int, *, keep: bool = True
    ) -> None:
        """Reads the data and finds the reference, before the first step of training.

        A run that goes on after `step` steps finds its initial model's scores in the table, and
        what the table has of later steps, of a branch that was given up, goes; one that begins
        begins its tables anew. Without `keep`, for an evaluation without a run, the tables of a
        run that may be in the folder stay as they are. `folder` and `tokenizer` are those of this
        run, where the monitor was given none.
        """
        of_all, its_tokenizer = self._asked
        self.folder = folder if of_all is None else of_all
        self.tokenizer = tokenizer if its_tokenizer is None else its_tokenizer
        self.text = Text.of_model(_unwrapped(model), self.tokenizer)
        self.text.way = "pass it to the callback: CoverageCallback(.., tokenizer=..)"
        given = self.heldout
        read = given if isinstance(given, Data) else read_data(given, self.text, **self.reading)
        self.data = read
        if self.reference is None:
            self._log_p = None
        elif self.reference != INITIAL:
            self._log_p = self._of_reference(Path(self.reference), model)
        if keep:
            self._forget_after(step)
        if self.reference != INITIAL:
            return
        if step == 0:
            rows = self._scored(model, _name(0))
            if keep:
                self._write(_tables.write_scores, self.scores_path, rows)
            self._log_p = [row["logprob"] for row in rows]
        else:
            self._log_p = self._known(
                self.scores_path, _name(0), "the run began without this callback"
            )

    def evaluate(self, model: Any, step: int, *, keep: bool = True) -> Metrics:
        """The metrics of the model as it is; with `keep` its rows go to the tables."""
        if self.data is None:
            raise ValueError("prepare comes first: train, or call it with the model")
        name = _name(step)
        rows = self._scored(model, name)
        graded = self._sampled(model, name, step) if self.samples else []
        if keep:
            self._write(_tables.write_scores, self.scores_path, rows)
            if graded:
                self._write(_tables.write_samples, self.samples_path, graded)
        return self._metrics(rows, graded)

    def verdict(self) -> dict[str, Any]:
        """Which of the evaluated models to take: the document of `breadth select --json`."""
        return _engine.select(self._tables(), best_of=self.best_of).to_dict()

    def report(self, path: str | os.PathLike[str]) -> None:
        """Writes the page about all evaluations."""
        _engine.report(self._folder(), path, best_of=self.best_of)

    def _tables(self) -> list[Path]:
        return [path for path in (self.scores_path, self.samples_path) if path.exists()]

    def _items(self) -> list[Item]:
        assert self.data is not None
        return self.data.items

    def _scored(self, model: Any, name: str) -> list[dict[str, Any]]:
        from breadth.torch._score import rows
        from breadth.torch._scorer import Scorer

        items = self._items()
        scorer = Scorer(model, name=name, **self.computing)
        return _shared_out(items, lambda own: rows(scorer, own), _is_sharded(model))

    def _sampled(self, model: Any, name: str, step: int) -> list[dict[str, Any]]:
        from breadth.torch import _sample
        from breadth.torch._scorer import Scorer

        assert self.data is not None
        assert self.text is not None
        assert self.max_tokens is not None
        text, longest = self.text, self.max_tokens
        items = one_per_prompt(self.data.items)
        grade = _sample.grader(self.verifier, items)
        scorer = Scorer(model, name=name, **self.computing)
        ends, is_sharded = self.data.end_tokens, _is_sharded(model)

        def draw(own: list[Item]) -> list[dict[str, Any]]:
            # Each rank draws from a stream of its own, another one at every step.
            rank = 0 if is_sharded else _ranks()[0]
            seed = zlib.crc32(f"{self.seed}/{step}/{rank}".encode())
            how = _sample._Draw(self.samples, longest, seed=seed, end_tokens=ends)
            drawn = _sample.by_generate(scorer, own, how)
            return _sample.graded_rows(name, own, drawn, grade, text, keep_text=True)

        return _shared_out(items, draw, is_sharded)

    def _of_reference(self, path: Path, model: Any) -> list[float]:
        if not (path / "config.json").exists():
            return self._known(path, None, "it is neither a checkpoint folder nor a score table")
        from breadth.torch._score import load
        from breadth.torch._scorer import Scorer

        device = Scorer(model).device
        reference, _ = load(path, device=device)
        return [row["logprob"] for row in self._scored(reference, path.name)]

    def _known(self, path: Path, name: str | None, otherwise: str) -> list[float]:
        """Log-probabilities of the held-out responses in a score table."""
        if not path.is_file():
            raise DataError(f"{path}: has no scores of the reference; {otherwise}")
        rows = _tables.read_rows(path)
        models = {row["model"] for row in rows}
        if name is None:
            if len(models) != 1:
                raise DataError(f"{path}: has {len(models)} models; a reference is one")
            name = models.pop()
        known = {
            (row["prompt_id"], row["response_id"]): row["logprob"]
            for row in rows
            if row["model"] == name and row["source"] == "data"
        }
        try:
            return [known[item.prompt_id, item.response_id] for item in self._items()]
        except KeyError as error:
            raise DataError(f"{path}: model {name} has no row of {error.args[0]}") from None

    def _write(self, write: Callable[..., int], path: Path, rows: Sequence[Any]) -> None:
        if _ranks()[0] == 0:
            write(path, rows, append=True)
        _wait()

    def _forget_after(self, step: int) -> None:
        """Takes what other runs and branches measured after `step` steps out of the tables."""
        if _ranks()[0] == 0:
            for path in self._tables():
                if step == 0:
                    _tables.remove(path)
                else:
                    _tables.drop_models(path, lambda name: _step_of(name) > step)
        _wait()

    def _metrics(self, rows: list[dict[str, Any]], graded: list[dict[str, Any]]) -> Metrics:
        groups = {item.prompt_id: item.group for item in self._items()}
        metrics = self._of_rows(range(len(rows)), rows) | self._of_samples(graded)
        named = sorted({group for group in groups.values() if group is not None})
        for group in named if self.per_group else []:
            own = [at for at, row in enumerate(rows) if row["group"] == group]
            some = [row for row in graded if groups[row["prompt_id"]] == group]
            for name, value in (self._of_rows(own, rows) | self._of_samples(some)).items():
                metrics[f"{name}/{group}"] = value
        return metrics

    def _of_rows(self, places: Sequence[int], rows: Sequence[dict[str, Any]]) -> Metrics:
        if not places:
            return {}
        items, k = self._items(), self.best_of
        log_q = [rows[at]["logprob"] for at in places]
        weights = [_or_1(items[at].weight) for at in places]
        prompts = [items[at].prompt_id for at in places]
        same = [tuple(items[at].response) for at in places]
        metrics = {
            f"reach_{k}": _stats.reach(prompts, log_q, k, weights=weights, identities=same),
            "cross_entropy": _cross_entropy(log_q, weights),
        }
        if self._log_p is not None:
            log_p = [self._log_p[at] for at in places]
            metrics[f"cov_{k}"] = _stats.coverage(log_p, log_q, k, weights=weights)
        return metrics

    def _of_samples(self, rows: Sequence[dict[str, Any]]) -> Metrics:
        by_prompt: dict[str, list[float]] = {}
        for row in rows:
            by_prompt.setdefault(row["prompt_id"], []).append(row["reward"])
        if not by_prompt:
            return {}
        return sample_metrics(list(by_prompt.values()), self.best_of, self.group_size)


class Monitored:
    """A callback around a monitor."""

    monitor: Monitor

    def verdict(self) -> dict[str, Any]:
        """Which of the evaluated models to take: the document of `breadth select --json`."""
        return self.monitor.verdict()

    def report(self, path: str | os.PathLike[str]) -> None:
        """Writes the page about all evaluations."""
        self.monitor.report(path)


def sample_metrics(rewards: Sequence[Sequence[float]], k: int, group_size: int) -> Metrics:
    """`pass_K` and `mixed_G` from the rewards of each prompt's samples; a reward above 0 that is
    not 1 counts as right in a group."""
    passed = [_stats.best_of_k(own, k) for own in rewards]
    right = [sum(reward > 0.0 for reward in own) for own in rewards]
    mixed = [
        _stats.mixed_group(len(own), count, group_size)
        for own, count in zip(rewards, right, strict=True)
    ]
    return {
        f"pass_{k}": math.fsum(passed) / len(passed),
        f"mixed_{group_size}": math.fsum(mixed) / len(mixed),
    }


def _cross_entropy(log_q: Sequence[float], weights: Sequence[float]) -> float:
    return -_stats.weighted_mean(log_q, weights) + 0.0


def _or_1(weight: float | None) -> float:
    return 1.0 if weight is None else weight


def _name(step: int) -> str:
    return f"step-{step:06d}"


def _step_of(name: str) -> int:
    number = name.removeprefix("step-")
    return int(number) if number != name and number.isdecimal() else 0


def _unwrapped(model: Any) -> Any:
    return model if hasattr(model, "config") else getattr(model, "module", model)


def _ranks() -> tuple[int, int]:
    """The rank of this process, and how many there are."""
    group = getattr(sys.modules.get("torch"), "distributed", None)
    if group is not None and group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return 0, 1


def _is_sharded(model: Any) -> bool:
    """Whether parameters lie scattered over the ranks: FSDP, or stage 3 of DeepSpeed's ZeRO."""
    parameters = list(model.parameters()) if hasattr(model, "parameters") else []
    kinds = {type(p).__name__ for p in parameters} | {type(model).__name__}
    scattered = {"DTensor", "FlatParameter", "FullyShardedDataParallel"}
    return bool(kinds & scattered) or any(hasattr(p, "ds_id") for p in parameters)


def _wait() -> None:
    if _ranks()[1] > 1:
        import torch.distributed as group

        group.barrier()


def _shared_out(
    items: Sequence[Item],
    work: Callable[[list[Item]], list[dict[str, Any]]],
    is_sharded: bool = False,
) -> list[dict[str, Any]]:
    """Each rank's share of the prompts, whole; every rank gets all rows, in the order of items.

    Where the ranks hold shards of one model, a pass needs them all: then all do the same. An error
    on one rank is an error on all: nobody waits for rows that do not come.
    """
    rank, world = _ranks()
    if world == 1 or is_sharded:
        return work(list(items))
    import torch.distributed as group

    prompts = {item.prompt_id: at for at, item in reversed(list(enumerate(items)))}
    order = {prompt: at for at, prompt in enumerate(sorted(prompts, key=prompts.__getitem__))}
    own = [item for item in items if order[item.prompt_id] % world == rank]
    done: Any
    try:
        done = work(own)
    except Exception as error:
        done = error
    shares: list[Any] = [None] * world
    group.all_gather_object(shares, done)
    failed = next((share for share in shares if isinstance(share, Exception)), None)
    if failed is not None:
        raise failed
    of_prompt: dict[str, list[dict[str, Any]]] = {}
    for row in (row for share in shares for row in share):
        of_prompt.setdefault(row["prompt_id"], []).append(row)
    seen = dict.fromkeys(item.prompt_id for item in items)
    by_id = {
        (row["prompt_id"], row["response_id"]): row for rows in of_prompt.values() for row in rows
    }
    if len(by_id) == len(items) and all((i.prompt_id, i.response_id) in by_id for i in items):
        return [by_id[item.prompt_id, item.response_id] for item in items]
    return [row for prompt in seen for row in of_prompt[prompt]]
