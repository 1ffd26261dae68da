//! The log-density ratio, the level N, and the one rule that compares them.

use crate::error::{Error, Result};
use crate::numerics::TOLERANCE;

/// A coverage level: a real number N >= 1, kept together with log N (nats).
///
/// Long responses need N = e^1000 and beyond, so comparisons use log N, and `n` may be infinite.
///
/// # Errors
///
/// The constructors refuse N < 1, NaN, and an infinite log N.
///
/// # Examples
///
/// ```
/// use breadth_stats::Level;
/// let level = Level::from_n(8.0)?;
/// assert_eq!(level.n(), 8.0);
/// assert!((level.log_n() - 2.0794415416798357).abs() < 1e-15);
/// assert_eq!(Level::from_log_n(1000.0)?.n(), f64::INFINITY);
/// assert!(Level::from_n(0.5).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Level {
    log_n: f64,
    n: f64,
}

impl Level {
    /// The level with the given N.
    ///
    /// # Errors
    ///
    /// N < 1, NaN, or infinite.
    pub fn from_n(n: f64) -> Result<Level> {
        Level { log_n: n.ln(), n }.checked()
    }

    /// The level with the given log N, in nats.
    ///
    /// # Errors
    ///
    /// log N < 0, NaN, or infinite.
    pub fn from_log_n(log_n: f64) -> Result<Level> {
        Level {
            log_n,
            n: log_n.exp(),
        }
        .checked()
    }

    fn checked(self) -> Result<Level> {
        if self.log_n.is_finite() && self.log_n >= 0.0 {
            return Ok(self);
        }
        Err(Error::InvalidLevel {
            n: self.n,
            log_n: self.log_n,
        })
    }

    /// N itself; `inf` where e^(log N) is beyond f64.
    pub fn n(self) -> f64 {
        self.n
    }

    /// log N, in nats.
    pub fn log_n(self) -> f64 {
        self.log_n
    }

    /// The level N * factor, for a factor >= 1.
    pub(crate) fn times(self, factor: f64) -> Level {
        Level {
            log_n: self.log_n + factor.ln(),
            n: self.n * factor,
        }
    }

    /// What a log-ratio must reach to be uncovered.
    pub(crate) fn threshold(self) -> f64 {
        self.log_n - TOLERANCE
    }
}

/// Log-ratio `log p - log q` in nats, with both zero cases settled.
///
/// `log_p`, `log_q`: log-probabilities in nats. Both `-inf` is ratio 1, so 0; `q = 0 < p` is
/// `+inf`.
///
/// # Examples
///
/// ```
/// use breadth_stats::log_ratio;
/// assert_eq!(log_ratio(-1.0, -3.0), 2.0);
/// assert_eq!(log_ratio(f64::NEG_INFINITY, f64::NEG_INFINITY), 0.0);
/// assert_eq!(log_ratio(-1.0, f64::NEG_INFINITY), f64::INFINITY);
/// ```
///
/// # Source
///
/// Def 1.1.
pub fn log_ratio(log_p: f64, log_q: f64) -> f64 {
    if log_p == f64::NEG_INFINITY && log_q == f64::NEG_INFINITY {
        0.0
    } else {
        log_p - log_q
    }
}

/// Whether a response is uncovered at level N: `log p - log q >= log N - 1e-9`.
///
/// `log_p`, `log_q`: log-probabilities in nats of the response. The tolerance is
/// [`crate::numerics::TOLERANCE`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{is_uncovered, Level};
/// let n = Level::from_n(1024.0)?;
/// let log_p = 0.0;
/// assert!(is_uncovered(log_p, -10.0 * 2.0_f64.ln(), n)); // ratio exactly N counts
/// assert!(!is_uncovered(log_p, -6.93, n));
/// assert!(is_uncovered(-900.0, f64::NEG_INFINITY, n)); // q = 0 is uncovered at every N
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Def 1.1.
pub fn is_uncovered(log_p: f64, log_q: f64, level: Level) -> bool {
    log_ratio(log_p, log_q) >= level.threshold()
}
