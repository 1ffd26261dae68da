"""Makes tests/golden/stats/*.csv: the numbers of breadth-stats from SciPy and NumPy. Needs scipy; run from the repository root.

Every file is one table with a header. Nothing here shares a formula with the crate beyond the published definition.
"""

import itertools
import pathlib

import numpy as np
from scipy import integrate, optimize, stats

OUT = pathlib.Path("tests/golden/stats")


def write(name, header, rows):
    OUT.mkdir(parents=True, exist_ok=True)
    lines = [header] + [",".join(repr(float(v)) if isinstance(v, float) else str(v) for v in row) for row in rows]
    (OUT / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def clopper_pearson(c, n, confidence):
    tail = (1 - confidence) / 2
    low = 0.0 if c == 0 else float(stats.beta.ppf(tail, c, n - c + 1))
    high = 1.0 if c == n else float(stats.beta.isf(tail, c + 1, n - c))
    return low, high


def clopper_pearson_rows():
    sizes = [1, 2, 10, 97, 1000, 20_000, 1_000_000, 50_000_000]
    for n, confidence in itertools.product(sizes, [0.5, 0.95, 0.999999]):
        for c in sorted({0, 1, n // 100, n // 3, n // 2, n - 1, n} & set(range(n + 1))):
            yield (c, n, confidence, *clopper_pearson(c, n, confidence))


def beta_rows():
    for a, b, p in itertools.product([0.02, 0.5, 1.0, 3.7, 250.5, 90_000.25], [0.5, 1.0, 8.3, 4000.5, 1e6], [1e-9, 0.0025, 0.3]):
        yield a, b, p, float(stats.beta.ppf(p, a, b)), float(stats.beta.cdf(float(stats.beta.ppf(p, a, b)), a, b))


def student_rows():
    for df, tail in itertools.product([1.0, 2.0, 3.0, 9.0, 50.0, 1e4, 1e7], [0.25, 0.025, 1e-4, 1e-9]):
        yield df, tail, float(stats.t.isf(tail, df))


def pass_at_k_rows():
    for n, c, k in [(1, 0, 1), (1, 1, 1), (5, 2, 3), (200, 3, 100), (200, 1, 1), (100, 50, 50), (10_000, 1, 5000), (10_000, 7, 1), (1_000_000, 3, 12)]:
        yield n, c, k, float(stats.hypergeom.sf(0, n, c, k))


def best_of_k_rows():
    rng = np.random.default_rng(11)
    for n, k in [(1, 1), (4, 2), (7, 3), (9, 9), (10, 4)]:
        rewards = np.round(rng.random(n), 2)
        value = float(np.mean([max(subset) for subset in itertools.combinations(rewards, k)]))
        yield k, value, " ".join(repr(float(r)) for r in rewards)


def survey_rows():
    """Weighted clustered samples: mean, linearised standard error, t limits at the effective number of clusters. One line per row of data, the answers on its first row."""
    rng = np.random.default_rng(5)
    for case, (m, confidence) in enumerate([(150, 0.95), (250, 0.95), (300, 0.9)]):
        cluster = np.repeat(np.arange(m), rng.integers(1, 4, m))
        weight = np.round(rng.uniform(0.5, 2.0, len(cluster)), 3)
        log_q = np.round(-rng.uniform(2.0, 6.0, len(cluster)) - np.repeat(rng.random(m), np.bincount(cluster)), 3)
        mean = np.sum(weight * -log_q) / weight.sum()
        totals = np.array([weight[cluster == c].sum() for c in range(m)])
        residual = np.array([np.sum((weight * (-log_q - mean))[cluster == c]) for c in range(m)])
        assert totals.max() < 0.1 * totals.sum() and np.max(residual**2) < 0.1 * np.sum(residual**2)
        effective = totals.sum() ** 2 / np.sum(totals**2)
        error = np.sqrt(effective / (effective - 1) * np.sum(residual**2)) / weight.sum()
        margin = stats.t.ppf(0.5 + confidence / 2, effective - 1) * error
        for c, w, q in zip(cluster, weight, log_q):
            yield case, confidence, int(c), float(w), float(q), float(mean), float(mean - margin), float(mean + margin)


def chance_above(x, weights, values):
    """`P[sum G_j w_j (z_j - x) > 0]` for exponential G_j, by Imhof's inversion of the characteristic function."""
    gaps = weights * (values - x)
    gaps = gaps / np.abs(gaps).max()

    def integrand(u):
        return np.sin(np.sum(np.arctan(u * gaps))) / (u * np.exp(0.5 * np.sum(np.log1p((u * gaps) ** 2))))

    total = sum(integrate.quad(integrand, a, b, limit=500, epsabs=1e-13, epsrel=1e-12)[0] for a, b in itertools.pairwise([0, 0.3, 1, 3, 10, 30, 100, 1e3, 1e4]))
    return 0.5 + total / np.pi


def upper_limit(weights, values, tail):
    """The quantile of the Dirichlet mean with the imaginary unit at 1."""
    weights, values = np.append(weights, weights.max()), np.append(values, 1.0)
    if values.min() == 1.0:
        return 1.0
    return float(optimize.brentq(lambda x: chance_above(x, weights, values) - tail, values.min() + 1e-9, 1 - 1e-9, xtol=1e-13))


def share_rows():
    rng = np.random.default_rng(8)
    for case, (m, rate) in enumerate([(4, 0.0), (8, 0.3), (8, 1.0), (40, 0.05), (40, 0.6)]):
        cluster = np.repeat(np.arange(m), rng.integers(1, 7, m))
        weight = np.round(rng.uniform(0.2, 3.0, len(cluster)), 3)
        hit = rng.random(len(cluster)) < rate
        totals = np.array([weight[cluster == c].sum() for c in range(m)])
        values = np.array([(weight * hit)[cluster == c].sum() for c in range(m)]) / totals
        share = float(np.sum(weight * hit) / weight.sum())
        answer = share, 1 - upper_limit(totals, 1 - values, 0.025), upper_limit(totals, values, 0.025)
        for c, w, h in zip(cluster, weight, hit):
            yield (case, int(c), float(w), int(h), *answer)


if __name__ == "__main__":
    write("clopper_pearson.csv", "successes,trials,confidence,low,high", clopper_pearson_rows())
    write("beta_quantile.csv", "a,b,p,x,cdf_of_x", beta_rows())
    write("student_t.csv", "df,tail,t", student_rows())
    write("pass_at_k.csv", "n,c,k,pass", pass_at_k_rows())
    write("best_of_k.csv", "k,best,rewards", best_of_k_rows())
    write("cross_entropy.csv", "case,confidence,cluster,weight,log_q,mean,low,high", survey_rows())
    write("share.csv", "case,cluster,weight,hit,share,low,high", share_rows())
