//! A measured number with its standard error.

use breadth_stats::interval::student_t_upper;

/// A measured number, its standard error and the degrees of freedom of that error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error; 0 for a number that is known exactly.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error; 0 where it is unknown.
    pub degrees: f64,
}

impl Estimate {
    /// The mean of independent values, with Student's standard error.
    ///
    /// One value has no standard error, and its intervals are the whole line. NaN for no values.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_lab::Estimate;
    /// let mean = Estimate::mean(&[1.0, 2.0, 3.0]);
    /// assert_eq!((mean.value, mean.degrees), (2.0, 2.0));
    /// assert!((mean.standard_error - 3.0_f64.recip().sqrt()).abs() < 1e-15);
    /// ```
    pub fn mean(values: &[f64]) -> Estimate {
        let count = values.len() as f64;
        let value = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|x| (x - value).powi(2)).sum();
        Estimate::new(value, (squares / (count - 1.0) / count).sqrt(), count - 1.0)
    }

    /// A number with the standard error that a fit gave it.
    pub fn new(value: f64, standard_error: f64, degrees: f64) -> Estimate {
        let known = degrees > 0.0 && standard_error.is_finite();
        Estimate {
            value,
            standard_error: if known { standard_error } else { f64::INFINITY },
            degrees: if known { degrees } else { 0.0 },
        }
    }

    /// A number known exactly.
    pub fn exact(value: f64) -> Estimate {
        Estimate {
            value,
            standard_error: 0.0,
            degrees: f64::INFINITY,
        }
    }

    /// This number times a constant.
    pub fn scaled(self, factor: f64) -> Estimate {
        Estimate {
            value: self.value * factor,
            standard_error: self.standard_error * factor.abs(),
            ..self
        }
    }

    /// Student's two-sided interval, the whole line where the standard error is unknown.
    pub fn interval(self, confidence: f64) -> (f64, f64) {
        if self.standard_error == 0.0 {
            return (self.value, self.value);
        }
        if self.degrees == 0.0 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        // Past a billion, Student's distribution is the normal one to nine digits.
        let t = student_t_upper(self.degrees.min(1e9), 0.5 * (1.0 - confidence));
        let margin = t * self.standard_error;
        (self.value - margin, self.value + margin)
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn intervals_of_known_samples() {
        let mean = Estimate::mean(&[4.0, 6.0, 5.0, 7.0, 8.0, 3.0, 5.0, 6.0, 4.0, 7.0]);
        // t(9; .025) = 2.262157, standard deviation 1.581139.
        let (low, high) = mean.interval(0.95);
        assert!((low - 4.368930).abs() < 1e-5 && (high - 6.631070).abs() < 1e-5);
        let (low, high) = Estimate::new(0.0, 1.0, f64::INFINITY).interval(0.999);
        assert!((low + 3.290527).abs() < 1e-5 && (high - 3.290527).abs() < 1e-5);
    }

    #[test]
    fn one_value_none_and_an_exact_one() {
        let one = Estimate::mean(&[2.0]);
        assert_eq!(one.interval(0.95), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(Estimate::mean(&[]).value.is_nan());
        assert_eq!(Estimate::exact(2.0).interval(0.999), (2.0, 2.0));
        assert_eq!(Estimate::mean(&[3.0, 3.0]).interval(0.999), (3.0, 3.0));
    }
}
