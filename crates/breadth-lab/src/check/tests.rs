use super::*;

fn worst(ratio: f64) -> WorstRatio {
    let mut worst = WorstRatio::default();
    worst.see(ratio, 1.0, String::new);
    worst
}

fn estimate(value: f64, standard_error: f64) -> Estimate {
    Estimate::new(value, standard_error, 1e6)
}

#[test]
fn inequalities() {
    let verdict = |ratio| Check::inequality("", &worst(ratio)).verdict;
    assert_eq!(verdict(0.9), Verdict::Holds);
    assert_eq!(verdict(1.0 + 5e-10), Verdict::Holds);
    assert_eq!(verdict(1.0 + 5e-7), Verdict::Inconclusive);
    assert_eq!(verdict(1.0 + 2e-6), Verdict::Fails);
    assert_eq!(verdict(f64::NAN), Verdict::Fails);
    assert_eq!(verdict(f64::INFINITY), Verdict::Fails);
    let nothing = Check::inequality("", &WorstRatio::default());
    assert_eq!(nothing.verdict, Verdict::Fails);
}

#[test]
fn the_worst_ratio_keeps_a_nan_and_counts_zeros() {
    let nan = worst(f64::NAN).merge(worst(2.0));
    assert!(nan.ratio.is_nan() && nan.instances == 2);
    assert!(worst(2.0).merge(worst(f64::NAN)).ratio.is_nan());
    assert_eq!(worst(0.5).merge(worst(0.7)).ratio, 0.7);
    let mut zero = WorstRatio::default();
    zero.see(0.0, 0.0, String::new);
    zero.see(-0.5, 0.0, String::new);
    assert_eq!(zero.ratio, 0.0);
    zero.see(1e-300, 0.0, || "here".into());
    assert_eq!(zero.ratio, f64::INFINITY);
    assert!(zero.at.ends_with("at here"));
}

#[test]
fn tight_bands_include_their_ends() {
    let verdict = |measured| Check::tight("", measured, (0.9, 1.0)).verdict;
    assert_eq!(
        (verdict(0.9), verdict(1.0)),
        (Verdict::Holds, Verdict::Holds)
    );
    assert_eq!(verdict(0.89), Verdict::Fails);
    assert_eq!(verdict(f64::NAN), Verdict::Fails);
}

#[test]
fn constants_and_slopes_are_decided_on_the_wide_interval() {
    let constant = |mean, se| Check::constant_estimate("", estimate(mean, se), 2.0, 0.05).verdict;
    assert_eq!(constant(2.0, 0.02), Verdict::Holds); // 3.29 se = .066, the band .1
    assert_eq!(constant(2.0, 0.04), Verdict::Inconclusive); // .13: 95% would have held
    assert_eq!(constant(2.2, 0.02), Verdict::Fails);
    assert_eq!(constant(2.14, 0.02), Verdict::Inconclusive);
    assert_eq!(constant(f64::NAN, 0.02), Verdict::Fails);
    let one = Check::constant("", &[2.0], 2.0, 0.05);
    assert_eq!(one.verdict, Verdict::Inconclusive);
    let one_sided = |value| Check::slope("", estimate(value, 0.01), (f64::NEG_INFINITY, -0.5));
    assert_eq!(one_sided(-0.6).verdict, Verdict::Holds);
    assert_eq!(one_sided(-0.5).verdict, Verdict::Inconclusive);
    assert_eq!(one_sided(-0.4).verdict, Verdict::Fails);
}

#[test]
fn bounds_need_a_cap_and_no_drift() {
    let flat = [estimate(0.0, 0.005)];
    let above = |ratio, slopes: &[Estimate]| {
        Check::bounded_above(
            "",
            &[estimate(0.5, 0.01), estimate(ratio, 0.01)],
            1.0,
            slopes,
        )
    };
    assert_eq!(above(0.9, &flat).verdict, Verdict::Holds);
    assert_eq!(above(1.02, &flat).verdict, Verdict::Inconclusive);
    assert_eq!(above(1.04, &flat).verdict, Verdict::Fails);
    assert_eq!(
        above(0.9, &[estimate(0.04, 0.01)]).verdict,
        Verdict::Inconclusive
    );
    assert_eq!(above(0.9, &[estimate(0.1, 0.01)]).verdict, Verdict::Fails);
    assert_eq!(above(f64::NAN, &flat).verdict, Verdict::Fails);
    assert_eq!(
        Check::bounded_above("", &[], 1.0, &flat).verdict,
        Verdict::Fails
    );

    let below = |ratio, slope| {
        let ratios = [estimate(0.5, 0.01), estimate(ratio, 0.01)];
        Check::bounded_below("", &ratios, 0.12, &[estimate(slope, 0.005)])
    };
    assert_eq!(below(0.2, 0.0).verdict, Verdict::Holds);
    assert_eq!(below(0.2, 0.0).measured, 0.2);
    assert_eq!(below(0.11, 0.0).verdict, Verdict::Inconclusive);
    assert_eq!(below(0.05, 0.0).verdict, Verdict::Fails);
    assert_eq!(below(0.2, -0.1).verdict, Verdict::Fails);
    assert_eq!(below(0.2, 0.1).verdict, Verdict::Holds);
}

#[test]
fn probabilities() {
    let above = |successes| Check::probability("", successes, 1000, 0.25).verdict;
    assert_eq!(above(320), Verdict::Holds);
    assert_eq!(above(260), Verdict::Inconclusive);
    assert_eq!(above(190), Verdict::Fails);
    let below = |successes| Check::probability_below("", successes, 1500, 0.05).verdict;
    assert_eq!(
        (below(0), below(75), below(150)),
        (Verdict::Holds, Verdict::Inconclusive, Verdict::Fails)
    );
}

#[test]
fn signs_need_four_seeds_of_five_and_the_median() {
    use Shown::{No, Yes};
    let verdict = |seeds: &[Shown], median| Check::sign("", seeds, median).verdict;
    assert_eq!(verdict(&[Yes; 5], Yes), Verdict::Holds);
    assert_eq!(verdict(&[Yes, Yes, Yes, Yes, No], Yes), Verdict::Holds);
    assert_eq!(verdict(&[Yes, Yes, Yes, No, No], Yes), Verdict::Fails);
    assert_eq!(verdict(&[Yes; 5], No), Verdict::Fails);
    assert_eq!(verdict(&[Yes], Yes), Verdict::Holds);
    assert_eq!(verdict(&[No], No), Verdict::Fails);
    assert_eq!(verdict(&[Yes, Yes, No], Yes), Verdict::Fails);
    // 13 of 16, but not 12.
    let sixteen = |yes: usize| [vec![Yes; yes], vec![No; 16 - yes]].concat();
    assert_eq!(verdict(&sixteen(13), Yes), Verdict::Holds);
    assert_eq!(verdict(&sixteen(12), Yes), Verdict::Fails);
    assert_eq!(verdict(&[], Yes), Verdict::Fails);
    let half = Check::sign("", &[Yes, No], Yes);
    assert_eq!((half.measured, half.band), (0.5, (0.8, 1.0)));
}

#[test]
fn what_was_not_reached_neither_shows_a_sign_nor_refutes_it() {
    use Shown::{No, Unreached, Yes};
    let verdict = |seeds: &[Shown], median| Check::sign("", seeds, median).verdict;
    assert_eq!(verdict(&[Unreached], Unreached), Verdict::Inconclusive);
    let one = [Yes, Yes, Yes, Yes, Unreached];
    assert_eq!(verdict(&one, Yes), Verdict::Holds);
    assert_eq!(verdict(&one, Unreached), Verdict::Inconclusive);
    let two = [Yes, Yes, Yes, Unreached, Unreached];
    assert_eq!(verdict(&two, Yes), Verdict::Inconclusive);
    // Even had the unreached one shown it, two of five do not.
    assert_eq!(verdict(&[Yes, Yes, No, No, Unreached], Yes), Verdict::Fails);
}

#[test]
fn what_is_reported_decides_nothing() {
    let good = Check::tight("", 1.0, (0.0, 1.0));
    let bad = Check::tight("", 2.0, (0.0, 1.0));
    let reported = bad.clone().reported();
    assert_eq!(
        (reported.verdict, reported.measured),
        (Verdict::Reported, 2.0)
    );
    let verdict = crate::statement::verdict;
    assert_eq!(verdict(&[good.clone(), reported.clone()]), Verdict::Holds);
    assert_eq!(verdict(&[good, bad, reported.clone()]), Verdict::Fails);
    assert_eq!(verdict(&[reported]), Verdict::Fails);
}
