#!/usr/bin/env python3
"""Writes the tables of this folder, as other people's tools write them.

    pip install polars pyarrow && python3 make.py

Everything follows from the two lists below; crates/breadth-data/tests/goldens.rs has them too.
"""

import csv
import gzip
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
INF = float("inf")

# model, prompt, response, logprob, token log-probabilities, group, weight; not in sorted order
SCORES = [
    ("step-2", 7, 0, -1.5, [-0.5, -1.0], "G1", 2.0),
    ("step-2", 7, 1, -INF, [-0.25, -INF], "G1", 2.0),
    ("step-2", 11, 0, -3.25, [-3.25], "G2", 0.5),
    ("step-10", 11, 0, -0.0, [0.0], "G2", 0.5),
    ("step-10", 7, 1, -2.75, [-2.5, -0.25], "G1", 2.0),
    ("step-10", 7, 0, -12.0, [-4.0, -8.0], "G1", 2.0),
]
# model, prompt, response, correct
SAMPLES = [
    ("step-2", "p/1", 0, True),
    ("step-2", "p/1", 1, False),
    ("step-10", "p/2", 0, False),
    ("step-10", "p/1", 0, True),
    ("step-2", "p/2", 0, True),
]


def scores(ids) -> pl.DataFrame:
    model, prompt, response, logprob, tokens, group, weight = zip(*SCORES)
    return pl.DataFrame(
        {
            "model": model,
            "prompt_id": pl.Series(prompt, dtype=pl.Int64).cast(ids),
            "response_id": pl.Series(response, dtype=pl.Int64).cast(ids),
            "logprob": logprob,
            "token_logprobs": pl.Series(tokens, dtype=pl.List(pl.Float32)),
            "tokens": [len(t) for t in tokens],
            "group": group,
            "weight": weight,
            "note": ["an extra column"] * len(SCORES),
        }
    )


def write_scores() -> None:
    text = scores(pl.String)
    text.write_parquet(HERE / "polars.parquet")
    categorical = pl.col("model", "prompt_id", "group").cast(pl.Categorical)
    text.with_columns(categorical).write_parquet(
        HERE / "polars-categorical.parquet", compression="snappy", row_group_size=2
    )
    integers = scores(pl.UInt64).with_columns(pl.col("logprob", "weight").cast(pl.Float32))
    integers.write_parquet(HERE / "polars-integers.parquet")
    table = text.to_arrow()
    pq.write_table(table, HERE / "pyarrow.parquet")
    pq.write_table(
        table.set_column(3, "logprob", table["logprob"].cast(pa.float32())),
        HERE / "pyarrow-plain.parquet",
        use_dictionary=False,
        data_page_version="2.0",
        row_group_size=4,
    )
    for codec in ["gzip", "lz4", "brotli"]:
        pq.write_table(table, HERE / f"pyarrow-{codec}.parquet", compression=codec)
    rows = [clean(row) for row in scores(pl.Int64).iter_rows(named=True)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)  # a bare -Infinity, as Python has it
    (HERE / "scores.jsonl").write_text(lines)
    quoted = lines.replace("-Infinity", '"-inf"')
    (HERE / "scores.jsonl.gz").write_bytes(gzip.compress(quoted.encode(), mtime=0))
    with pa.output_stream(str(HERE / "scores.jsonl.zst"), compression="zstd") as file:
        file.write(quoted.encode())
    with open(HERE / "scores.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"token_logprobs": json.dumps(row["token_logprobs"])})


def clean(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "note"}


def write_samples() -> None:
    model, prompt, response, correct = zip(*SAMPLES)
    names = {"model": model, "prompt_id": prompt, "response_id": response, "correct": correct}
    table = pl.DataFrame(names)
    table.write_parquet(HERE / "samples.parquet")
    table.rename({"correct": "passed"}).write_ndjson(HERE / "samples.jsonl")
    counts = table.group_by("model", "prompt_id", maintain_order=True).agg(
        n=pl.len(), c=pl.col("correct").sum()
    )
    counts.write_csv(HERE / "counts.csv")


write_scores()
write_samples()
