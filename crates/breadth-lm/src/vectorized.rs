//! One loop, compiled once per instruction set.

/// Defines a function whose body is compiled for AVX-512, for AVX2 with FMA, and for the baseline;
/// the processor decides at run time.
///
/// A macro and not a function over closures: a closure is compiled for the baseline unless the
/// optimiser happens to inline it, and then `mul_add` becomes a call.
macro_rules! vectorized {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$g:ident: $bound:path>)? ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "vector instructions, which the processor is asked for")]
        $vis fn $name $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512 $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

                match breadth_stats::simd::InstructionSet::in_use() {
                    // SAFETY: the processor has every feature the function was compiled for.
                    breadth_stats::simd::InstructionSet::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    breadth_stats::simd::InstructionSet::Avx2 => return unsafe { avx2($($arg),*) },
                    breadth_stats::simd::InstructionSet::Baseline => {}
                }
            }
            body($($arg),*)
        }
    };
}

pub(crate) use vectorized;
