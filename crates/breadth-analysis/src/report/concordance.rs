//! Whether one quantity predicts another over training.

/// How often the smaller first number comes with the larger second one, over the pairs of points
/// that differ in both: (share, number of such pairs); `None` without such a pair.
///
/// Kendall's tau of the first against the second number is `1 - 2 share` where no values tie.
///
/// ```
/// use breadth_analysis::concordance;
/// // KL and Pass@k of three checkpoints: the lower KL has the higher Pass@k in two of three pairs.
/// assert_eq!(concordance(&[(1.0, 0.8), (2.0, 0.9), (3.0, 0.7)]), Some((2.0 / 3.0, 3)));
/// ```
pub fn concordance(points: &[(f64, f64)]) -> Option<(f64, usize)> {
    let (mut agree, mut pairs) = (0usize, 0usize);
    for (i, a) in points.iter().enumerate() {
        for b in &points[..i] {
            if a.0 != b.0 && a.1 != b.1 {
                pairs += 1;
                agree += usize::from((a.0 < b.0) == (a.1 > b.1));
            }
        }
    }
    (pairs > 0).then(|| (agree as f64 / pairs as f64, pairs))
}

#[cfg(test)]
mod tests {
    use super::concordance;

    #[test]
    fn concordance_counts_pairs_that_differ_in_both() {
        assert_eq!(
            concordance(&[(1.0, 0.9), (2.0, 0.8), (3.0, 0.7)]),
            Some((1.0, 3))
        );
        assert_eq!(
            concordance(&[(1.0, 0.7), (2.0, 0.8), (3.0, 0.9)]),
            Some((0.0, 3))
        );
        assert_eq!(
            concordance(&[(1.0, 0.7), (1.0, 0.8), (3.0, 0.7)]),
            Some((1.0, 1))
        );
        assert_eq!(concordance(&[(1.0, 0.7), (1.0, 0.8)]), None);
        assert_eq!(concordance(&[]), None);
        let infinite = [(f64::INFINITY, 0.2), (1.0, 0.9), (f64::INFINITY, 0.3)];
        assert_eq!(concordance(&infinite), Some((1.0, 2)));
    }
}
