//! The responses of a score table, found by source, prompt and response.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::intern::NONE;

/// Source, prompt and response.
pub(super) type Key = [u32; 3];

/// The responses, in order of first appearance.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) rows: Vec<Key>,
    /// Keys with their rows.
    index: HashTable<(Key, u32)>,
    /// The ordinal of the long row that gave it first.
    pub(super) origin: Vec<u32>,
}

impl Keys {
    /// The row of a key, or [`NONE`]; `guess` is tried first.
    #[inline]
    pub(super) fn find(&self, key: Key, guess: u32) -> u32 {
        if self.rows.get(guess as usize) == Some(&key) {
            return guess;
        }
        let found = self.index.find(hash(&key), |known| known.0 == key);
        found.map_or(NONE, |known| known.1)
    }

    pub(super) fn find_or_insert(&mut self, key: Key, ordinal: u32) -> u32 {
        let row = self.rows.len() as u32;
        let entry = self
            .index
            .entry(hash(&key), |known| known.0 == key, |known| hash(&known.0));
        match entry {
            Entry::Occupied(entry) => return entry.get().1,
            Entry::Vacant(entry) => entry.insert((key, row)),
        };
        self.rows.push(key);
        self.origin.push(ordinal);
        row
    }
}

/// Two multiplications folded: codes are dense and not chosen by anyone, so no more is needed.
#[inline]
fn hash(&[source, prompt, response]: &Key) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let low = u64::from(prompt) | u64::from(response) << 32;
    fold(
        low ^ 0x9e37_79b9_7f4a_7c15,
        u64::from(source) ^ 0xd6e8_feb8_6659_fd93,
    )
}
