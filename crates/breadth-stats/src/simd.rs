//! Which vector instructions the hot loops use.

use std::sync::OnceLock;

/// The environment variable that forces a level: `baseline`, `avx2` or `avx512`.
pub const VARIABLE: &str = "BREADTH_SIMD";

/// Vector instructions, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionSet {
    /// What every processor of the architecture has: SSE2, or NEON.
    Baseline,
    /// AVX2 with FMA (x86-64).
    Avx2,
    /// AVX-512 F, BW, DQ and VL, and all of AVX2 (x86-64).
    Avx512,
}

impl InstructionSet {
    /// From the least to the most.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// What this processor has.
    #[must_use]
    pub fn of_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let has_all = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            return if has_all { Self::Avx512 } else { Self::Avx2 };
        }
        Self::Baseline
    }

    /// What the hot loops use: what the processor has, or less where [`VARIABLE`] asks for less.
    /// The variable is read once. What it cannot mean, [`InstructionSet::forced`] says.
    #[must_use]
    pub fn in_use() -> Self {
        static IN_USE: OnceLock<InstructionSet> = OnceLock::new();
        *IN_USE.get_or_init(|| match Self::forced() {
            Ok(Some(level)) => level,
            _ => Self::of_processor(),
        })
    }

    /// What [`VARIABLE`] asks for, if it is set.
    ///
    /// # Errors
    /// A sentence, if it names no level or one that the processor does not have.
    pub fn forced() -> Result<Option<Self>, String> {
        let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let value = value.to_string_lossy();
        Self::within(&value, Self::of_processor()).map(Some)
    }

    /// The level of a name, on a processor that has `most`.
    fn within(name: &str, most: Self) -> Result<Self, String> {
        let Some(level) = Self::ALL.into_iter().find(|level| level.name() == name) else {
            let names = Self::ALL.map(Self::name).join(", ");
            return Err(format!("{VARIABLE} = {name} is none of {names}"));
        };
        if level > most {
            return Err(format!(
                "{VARIABLE} = {name}, and this processor has no more than {}",
                most.name()
            ));
        }
        Ok(level)
    }

    /// As [`VARIABLE`] has it.
    ///
    /// ```
    /// assert_eq!(breadth_stats::simd::InstructionSet::Avx2.name(), "avx2");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InstructionSet::{self, Avx2, Avx512, Baseline};

    #[test]
    fn names_are_taken_up_to_what_the_processor_has() {
        for level in InstructionSet::ALL {
            assert_eq!(InstructionSet::within(level.name(), Avx512), Ok(level));
        }
        assert_eq!(InstructionSet::within("baseline", Baseline), Ok(Baseline));
        let error = InstructionSet::within("avx512", Avx2).unwrap_err();
        assert_eq!(
            error,
            "BREADTH_SIMD = avx512, and this processor has no more than avx2"
        );
        let error = InstructionSet::within("sse", Avx512).unwrap_err();
        assert_eq!(
            error,
            "BREADTH_SIMD = sse is none of baseline, avx2, avx512"
        );
    }

    #[test]
    fn no_more_than_the_processor_has_is_used() {
        assert!(InstructionSet::in_use() <= InstructionSet::of_processor());
    }
}
