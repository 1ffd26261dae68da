//! Random streams named by what they are for.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator of replicate `replicate` in a cell of a statement, independent of all others.
///
/// ChaCha8 with the BLAKE3 hash of (`seed`, `id`, `cell`) as its key and `replicate` as its stream
/// number, so that a cell added to a statement changes no other. `id`: the statement; `cell`: what
/// distinguishes this part of it, such as `"n=64"`; `seed`: the seed of the whole run.
///
/// # Examples
///
/// ```
/// use breadth_lab::stream;
/// use rand::Rng;
/// let draw = |cell, replicate| stream("headline", cell, 0, replicate).next_u64();
/// assert_eq!(draw("n=64", 1), draw("n=64", 1));
/// assert_ne!(draw("n=64", 1), draw("n=64", 2));
/// assert_ne!(draw("n=64", 1), draw("n=256", 1));
/// ```
pub fn stream(id: &str, cell: &str, seed: u64, replicate: u64) -> ChaCha8Rng {
    let mut name = blake3::Hasher::new();
    name.update(&seed.to_le_bytes());
    name.update(id.as_bytes());
    name.update(&[0]); // so that the two names cannot run into one another
    name.update(cell.as_bytes());
    let mut rng = ChaCha8Rng::from_seed(*name.finalize().as_bytes());
    rng.set_stream(replicate);
    rng
}
