//! The one error type of this crate.

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why an input was refused. Rows, columns and prompts are counted from 0, as in the slices given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to take a mean of.
    #[error("{what} is empty: at least one row is needed")]
    Empty {
        /// The empty argument.
        what: &'static str,
    },
    /// Two aligned slices have different lengths.
    #[error(
        "{what} has {found} rows but {reference} has {expected}: rows must be aligned one to one"
    )]
    LengthMismatch {
        /// The argument whose length is wrong.
        what: String,
        /// Its length.
        found: usize,
        /// The argument it is aligned with.
        reference: &'static str,
        /// The length of that argument.
        expected: usize,
    },
    /// A log-probability is NaN, above 0, or finite and below [`crate::numerics::LEAST_LOG_PROB`].
    #[error(
        "{column}, row {row}: {value} is not a log-probability: neither in [-1e30, 0] nor -inf; \
         give natural logs of probabilities"
    )]
    InvalidLogProb {
        /// The slice it stands in.
        column: String,
        /// Its row.
        row: usize,
        /// The offending value.
        value: f64,
    },
    /// Two models saw a response as different numbers of tokens.
    #[error(
        "row {row}: {p} tokens under p but {q} under q; token by token only models with the same \
         tokenizer can be compared"
    )]
    DifferentTokens {
        /// The row.
        row: usize,
        /// Tokens under p.
        p: usize,
        /// Tokens under q.
        q: usize,
    },
    /// The reference gives probability 0 to a response that was drawn from the data.
    #[error(
        "row {row}: log p is -inf but log q is {log_q}; KL needs a reference that gives every row \
         a positive probability"
    )]
    ImpossibleReference {
        /// The row.
        row: usize,
        /// The model's log-probability there.
        log_q: f64,
    },
    /// A sampling weight is not a positive finite number.
    #[error(
        "weight {value} in row {row} is not a positive finite number; drop rows that should not \
         count"
    )]
    InvalidWeight {
        /// The row.
        row: usize,
        /// The offending value.
        value: f64,
    },
    /// Rows of one cluster in different strata.
    #[error(
        "row {row} belongs to a cluster whose other rows are in another stratum; a cluster lies in \
         one stratum"
    )]
    SplitCluster {
        /// The row.
        row: usize,
    },
    /// A coverage level N below 1, or not a number.
    #[error("level N = {n} (log N = {log_n}) is not a finite number with N >= 1")]
    InvalidLevel {
        /// N as given or implied.
        n: f64,
        /// log N as given or implied.
        log_n: f64,
    },
    /// A confidence outside (0, 1).
    #[error("confidence {0} is not strictly between 0 and 1; 0.95 is usual")]
    InvalidConfidence(f64),
    /// A sum of divergences that is negative or NaN.
    #[error("row {row}: {value} is not a divergence; give a number of nats >= 0")]
    InvalidDivergence {
        /// The row.
        row: usize,
        /// The offending value.
        value: f64,
    },
    /// The a of the offset tournament outside [0, 1].
    #[error("a = {0} is not in [0, 1]; Thm 6.4 needs N^(1-2a) >= 8")]
    InvalidOffset(f64),
    /// More correct samples than samples.
    #[error("{correct} correct of {samples} samples: the correct ones cannot be more than all")]
    InvalidCounts {
        /// Number of samples.
        samples: u64,
        /// Number of correct ones among them.
        correct: u64,
    },
    /// Fewer samples than k.
    #[error(
        "{samples} samples cannot give an unbiased estimate at k = {k}; draw more samples or ask \
         for a smaller k"
    )]
    TooFewSamples {
        /// Number of samples.
        samples: u64,
        /// The k asked for.
        k: u64,
    },
    /// k = 0.
    #[error("k = 0 is no number of attempts; k starts at 1")]
    ZeroAttempts,
    /// A number of attempts that is not a number.
    #[error("{0} is no number of attempts; give a number of at least 0")]
    InvalidAttempts(f64),
    /// An entry of a distribution that is negative, infinite or NaN.
    #[error("{what}, entry {index}: {value} is no probability; give finite numbers of at least 0")]
    InvalidProbability {
        /// The distribution.
        what: &'static str,
        /// The entry.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// A reward outside [0, 1].
    #[error(
        "sample {index}: reward {value} is not in [0, 1]; map rewards to that range, and remove \
         samples without one"
    )]
    InvalidReward {
        /// The sample's position.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// A share outside [0, 1], or shares with a sum above 1.
    #[error("{what} = {value} is no share; give a number in [0, 1], such as 0.1")]
    InvalidShare {
        /// The argument.
        what: &'static str,
        /// The offending value.
        value: f64,
    },
    /// A success rate outside (0, 1].
    #[error("a success rate of {0} is not in (0, 1]; give a number above 0 and at most 1")]
    InvalidRate(f64),
    /// A reward that is neither 0 nor 1 where success rates are asked for.
    #[error(
        "sample {index}: reward {value} is neither 0 nor 1, and only such rewards have success \
         rates"
    )]
    NotBinary {
        /// The sample's position.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// Distinct responses of one prompt with probabilities that add up to more than 1.
    #[error(
        "the distinct responses of the prompt of row {row} have probabilities that add up to \
         {total}; they must be whole responses, each listed once"
    )]
    ProbabilitiesAboveOne {
        /// One of the prompt's rows.
        row: usize,
        /// The sum.
        total: f64,
    },
    /// One prompt among several is at fault.
    #[error("prompt {index}: {source}")]
    Prompt {
        /// The prompt's position.
        index: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
}
