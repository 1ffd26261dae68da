//! A hash that is written down for ever, for names and random streams.

/// The 128-bit Fowler-Noll-Vo hash, variant 1a: it never changes, as an identifier must not. It
/// withstands nobody who wants two texts of one hash.
///
/// ```
/// assert_eq!(breadth_data::fnv_1a(b"a"), 0xd228cb696f1a8caf78912b704e4a8964);
/// ```
#[must_use]
pub fn fnv_1a(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(BASIS, step)
}

#[cfg(test)]
mod tests {
    use super::fnv_1a;

    /// Values of the reference implementation.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv_1a(b""), 0x6c62272e07bb014262b821756295c58d);
        assert_eq!(fnv_1a(b"a"), 0xd228cb696f1a8caf78912b704e4a8964);
        assert_eq!(fnv_1a(b"foobar"), 0x343e1662793c64bf6f0d3597ba446f18);
    }
}
