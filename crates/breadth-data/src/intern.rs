//! Strings to dense codes, in order of first appearance.

use std::borrow::Cow;
use std::hash::BuildHasher;

use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, StringArray};
use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;

use crate::message::short;

/// Dictionary entries worth a thread of their own.
const PIECE: usize = 1 << 12;

/// Gives each distinct string the next code.
#[derive(Default)]
pub(crate) struct Interner {
    strings: Vec<String>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    last: u32,
}

impl Interner {
    /// The code of `text`.
    pub(crate) fn code(&mut self, text: &str) -> u32 {
        let known = self.find(text, self.last);
        self.last = if known == NONE {
            self.insert(text)
        } else {
            known
        };
        self.last
    }

    /// The code of `text`, or [`NONE`].
    ///
    /// Tables usually repeat their ids in one order, so the string after the last one is tried
    /// first: a comparison instead of a hash.
    pub(crate) fn find(&self, text: &str, last: u32) -> u32 {
        let guess = last.wrapping_add(1);
        if self
            .strings
            .get(guess as usize)
            .is_some_and(|known| known == text)
        {
            return guess;
        }
        let hash = self.hasher.hash_one(text);
        let found = self
            .table
            .find(hash, |&code| self.strings[code as usize] == text);
        found.copied().unwrap_or(NONE)
    }

    fn insert(&mut self, text: &str) -> u32 {
        let code = self.strings.len() as u32;
        let rehash = |&code: &u32| self.hasher.hash_one(&*self.strings[code as usize]);
        self.table
            .insert_unique(self.hasher.hash_one(text), code, rehash);
        self.strings.push(text.to_string());
        code
    }

    /// The codes of a chunk's column; `default` stands for a null.
    ///
    /// # Errors
    /// The position of the first null, if there is no default.
    pub(crate) fn codes(
        &mut self,
        column: &DictionaryArray<Int32Type>,
        default: Option<&str>,
    ) -> Result<Vec<u32>, usize> {
        let mut codes = Codes::new(self, column);
        let rows = 0..column.len();
        if column.null_count() == 0 {
            return Ok(rows.map(|row| codes.get(row)).collect());
        }
        rows.map(|row| match (column.is_null(row), default) {
            (false, _) => Ok(codes.get(row)),
            (true, Some(text)) => Ok(codes.interner.code(text)),
            (true, None) => Err(row),
        })
        .collect()
    }

    /// The codes of a chunk's column, [`NONE`] for a null.
    pub(crate) fn optional_codes(&mut self, column: &DictionaryArray<Int32Type>) -> Vec<u32> {
        let mut codes = Codes::new(self, column);
        (0..column.len())
            .map(|row| {
                if column.is_null(row) {
                    NONE
                } else {
                    codes.get(row)
                }
            })
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.strings.len()
    }

    /// The code of a string, if it was seen.
    pub(crate) fn position(&self, text: &str) -> Option<u32> {
        let code = self.find(text, NONE);
        (code != NONE).then_some(code)
    }

    pub(crate) fn name(&self, code: u32) -> &str {
        &self.strings[code as usize]
    }

    /// As [`name`](Self::name), for a message.
    pub(crate) fn shown(&self, code: u32) -> Cow<'_, str> {
        short(self.name(code))
    }

    pub(crate) fn strings(&self) -> &[String] {
        &self.strings
    }

    pub(crate) fn into_strings(self) -> Vec<String> {
        self.strings
    }
}

/// The code of a missing value.
pub(crate) const NONE: u32 = u32::MAX;

/// Numbers the names again, in order of first appearance and without those that no row uses.
pub(crate) fn recode(codes: &mut [u32], names: &mut Vec<String>) {
    let mut new_code = vec![NONE; names.len()];
    let mut used = Vec::new();
    for code in codes {
        if *code == NONE {
            continue;
        }
        let old = *code as usize;
        if new_code[old] == NONE {
            new_code[old] = used.len() as u32;
            used.push(std::mem::take(&mut names[old]));
        }
        *code = new_code[old];
    }
    *names = used;
}

/// Translates one dictionary to global codes: known strings at once and in parallel, new ones as
/// rows use them. A dictionary may hold strings that no row uses, and these must not become models
/// or prompts.
struct Codes<'a> {
    interner: &'a mut Interner,
    keys: &'a [i32],
    values: &'a StringArray,
    map: Vec<u32>,
}

impl<'a> Codes<'a> {
    fn new(interner: &'a mut Interner, column: &'a DictionaryArray<Int32Type>) -> Self {
        let values = column.values().as_any().downcast_ref::<StringArray>();
        let values = values.expect("readers make dictionaries of strings");
        let look_up = |last: &mut u32, key: usize| {
            *last = interner.find(values.value(key), *last);
            *last
        };
        let map = (0..values.len())
            .into_par_iter()
            .with_min_len(PIECE)
            .map_init(|| interner.last, look_up)
            .collect();
        Self {
            keys: column.keys().values(),
            values,
            map,
            interner,
        }
    }

    fn get(&mut self, row: usize) -> u32 {
        let key = self.keys[row] as usize;
        if self.map[key] == NONE {
            self.map[key] = self.interner.code(self.values.value(key));
        }
        self.map[key]
    }
}
