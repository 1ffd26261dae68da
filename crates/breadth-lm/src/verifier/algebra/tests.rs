use super::*;
use proptest::prelude::*;

fn whole(value: i64) -> Quotient {
    Quotient::number(Ratio::whole(value))
}

fn half() -> Quotient {
    Quotient::number(Ratio::new(1, 2).unwrap())
}

#[test]
fn roots_are_written_in_one_way() {
    let calculator = Calculator::default();
    let root = |value: i64| calculator.power(&whole(value), &half()).unwrap();
    assert_eq!(root(8).to_string(), "2\\sqrt{2}");
    assert_eq!(root(49), whole(7));
    assert_eq!(root(-4).to_string(), "2i");
    assert_eq!(
        calculator.times(&root(6), &root(15)).unwrap().to_string(),
        "3\\sqrt{10}"
    );
    assert_eq!(
        calculator.over(&whole(1), &root(3)).unwrap().to_string(),
        "\\frac{\\sqrt{3}}{3}"
    );
    let sum = calculator.plus(&whole(2), &root(3)).unwrap();
    let inverse = calculator.over(&whole(1), &sum).unwrap();
    assert_eq!(inverse, calculator.minus(&whole(2), &root(3)).unwrap());
    let third = Quotient::number(Ratio::new(1, 3).unwrap());
    assert_eq!(calculator.power(&whole(-8), &third).unwrap(), whole(-2));
    // The root of a square of an unknown is not the unknown.
    let x = Quotient::name("x");
    let square = calculator.times(&x, &x).unwrap();
    assert!(!calculator.is_equal(&calculator.power(&square, &half()).unwrap(), &x));
}

#[test]
fn what_is_undefined_is_no_value() {
    let calculator = Calculator::default();
    assert_eq!(calculator.over(&whole(1), &whole(0)), None);
    assert_eq!(calculator.power(&whole(0), &whole(0)), None);
    assert_eq!(calculator.power(&whole(0), &whole(-1)), None);
    let nothing = calculator
        .minus(&Quotient::name("x"), &Quotient::name("x"))
        .unwrap();
    assert_eq!(calculator.over(&Quotient::name("y"), &nothing), None);
}

#[test]
fn what_costs_too_much_is_given_up() {
    let calculator = Calculator::default();
    let sum = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .fold(whole(1), |sum, name| {
            calculator.plus(&sum, &Quotient::name(*name)).unwrap()
        });
    assert_eq!(calculator.power(&sum, &whole(20)), None);
    // Powers that are not multiplied out are kept as they are.
    let calculator = Calculator::default();
    let huge = calculator
        .power(&whole(10), &whole(10_000_000_000))
        .unwrap();
    assert_eq!(huge.to_string(), "2^{10000000000}5^{10000000000}");
    let power = |exponent: i64| calculator.power(&sum, &whole(exponent)).unwrap();
    assert!(!calculator.is_equal(&power(2025), &power(2024)));
    assert_eq!(
        calculator.times(&power(2024), &power(1000)),
        Some(power(3024))
    );
}

/// Sums of products of whole numbers, two names and a root, with their values at a point.
fn expressions() -> impl Strategy<Value = (Quotient, [f64; 3])> {
    let leaf = prop_oneof![
        (-4i64..5).prop_map(|n| (whole(n), [n as f64; 3])),
        Just((Quotient::name("x"), [0.37, 1.91, -2.3])),
        Just((Quotient::name("y"), [1.13, -0.71, 0.59])),
        Just((
            Calculator::default().power(&whole(2), &half()).unwrap(),
            [2f64.sqrt(); 3]
        )),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        (inner.clone(), inner, 0..4u8).prop_map(|((a, u), (b, v), operation)| {
            let calculator = Calculator::default();
            let values = |of: fn(f64, f64) -> f64| std::array::from_fn(|i| of(u[i], v[i]));
            let (value, at) = match operation {
                0 => (calculator.plus(&a, &b), values(|u, v| u + v)),
                1 => (calculator.minus(&a, &b), values(|u, v| u - v)),
                2 => (calculator.times(&a, &b), values(|u, v| u * v)),
                _ => (calculator.over(&a, &b), values(|u, v| u / v)),
            };
            value.map_or((a, u), |value| (value, at))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_is_equal_at_every_point((a, u) in expressions(), (b, v) in expressions()) {
        let is_near = |i: usize| (u[i] - v[i]).abs() <= 1e-6 * (1.0 + u[i].abs() + v[i].abs());
        let is_finite = u.iter().chain(&v).all(|value| value.is_finite() && value.abs() < 1e6);
        if is_finite {
            // Two that cost too much to compare are not called equal; nothing else may be wrong.
            if let Some(equal) = Calculator::default().compare(&a, &b) {
                prop_assert_eq!(equal, (0..3).all(is_near), "{} and {}", a, b);
            }
        }
    }

    #[test]
    fn laws_of_the_field_hold((a, _) in expressions(), (b, _) in expressions(), (c, _) in expressions()) {
        let calculator = Calculator::default();
        let left = calculator.plus(&b, &c).and_then(|sum| calculator.times(&a, &sum));
        let products = calculator.times(&a, &b).zip(calculator.times(&a, &c));
        let right = products.and_then(|(x, y)| calculator.plus(&x, &y));
        if let (Some(left), Some(right)) = (left, right) {
            let equal = Calculator::default().compare(&left, &right);
            prop_assert_ne!(equal, Some(false), "{} and {}", left, right);
        }
    }
}
