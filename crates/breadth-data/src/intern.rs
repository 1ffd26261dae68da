//! Strings to dense codes, in order of first appearance.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;

use crate::message::short;

/// Dictionary entries worth a thread of their own.
const PIECE: usize = 1 << 12;

/// Gives each distinct string the next code.
#[derive(Default)]
pub(crate) struct Interner {
    /// All strings, one after another: a look-up touches as little memory as can be.
    text: String,
    /// Where each string ends.
    ends: Vec<usize>,
    /// Codes with the hashes of their strings, so that no string is hashed twice.
    table: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
    last: u32,
    /// The dictionary of the last column of codes, and the code of each of its strings.
    translated: Option<(ArrayRef, Vec<u32>)>,
}

impl Interner {
    /// The code of `text`.
    pub(crate) fn code(&mut self, text: &str) -> u32 {
        self.last = match self.look_up(text, self.last) {
            Ok(known) => known,
            Err(hash) => self.insert(text, hash),
        };
        self.last
    }

    /// The code of `text`, or [`NONE`].
    ///
    /// Tables usually repeat their ids in one order, so the string after the last one is tried
    /// first: a comparison instead of a hash.
    pub(crate) fn find(&self, text: &str, last: u32) -> u32 {
        self.look_up(text, last).unwrap_or(NONE)
    }

    /// The code of `text`, or its hash.
    fn look_up(&self, text: &str, last: u32) -> Result<u32, u64> {
        let guess = last.wrapping_add(1);
        if (guess as usize) < self.len() && self.name(guess) == text {
            return Ok(guess);
        }
        let hash = self.hasher.hash_one(text);
        let is_text = |known: &(u64, u32)| known.0 == hash && self.name(known.1) == text;
        let found = self.table.find(hash, is_text);
        found.map(|known| known.1).ok_or(hash)
    }

    fn insert(&mut self, text: &str, hash: u64) -> u32 {
        let code = self.len() as u32;
        self.table
            .insert_unique(hash, (hash, code), |known| known.0);
        self.text.push_str(text);
        self.ends.push(self.text.len());
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
        let found = codes.of_rows(column, |interner, row| match default {
            Some(text) => Ok(interner.code(text)),
            None => Err(row),
        });
        codes.keep(column);
        found
    }

    /// The codes of a chunk's column, [`NONE`] for a null.
    pub(crate) fn optional_codes(&mut self, column: &DictionaryArray<Int32Type>) -> Vec<u32> {
        let mut codes = Codes::new(self, column);
        let found = codes.of_rows(column, |_, _| Ok(NONE));
        codes.keep(column);
        found.expect("a null has a code")
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The code of a string, if it was seen.
    pub(crate) fn position(&self, text: &str) -> Option<u32> {
        let code = self.find(text, NONE);
        (code != NONE).then_some(code)
    }

    /// Where there are both `1` and `1.0`, as CSV files have them that programs wrote whose ids were
    /// floating-point numbers: what to do about it.
    pub(crate) fn twin(&self, code: u32) -> String {
        let id = self.name(code);
        let other = match id.strip_suffix(".0") {
            Some(whole) => whole.to_owned(),
            None => format!("{id}.0"),
        };
        match self.position(&other) {
            Some(_) => format!(
                " (there is `{}`, too: ids that are texts, as all are in CSV, are taken as they \
                 stand; write them alike)",
                short(&other)
            ),
            None => String::new(),
        }
    }

    pub(crate) fn name(&self, code: u32) -> &str {
        let at = code as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }

    /// As [`name`](Self::name), for a message.
    pub(crate) fn shown(&self, code: u32) -> Cow<'_, str> {
        short(self.name(code))
    }

    /// All strings, by code.
    pub(crate) fn strings(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.name(code))
    }

    pub(crate) fn into_strings(self) -> Vec<String> {
        self.strings().map(str::to_owned).collect()
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
        let map = match interner.translated.take() {
            Some((known, map)) if Arc::ptr_eq(&known, column.values()) => map,
            _ => translate(interner, values),
        };
        Self {
            keys: column.keys().values(),
            values,
            map,
            interner,
        }
    }

    /// The code of every row, with that of `missing` for a null.
    fn of_rows(
        &mut self,
        column: &DictionaryArray<Int32Type>,
        missing: impl Fn(&mut Interner, usize) -> Result<u32, usize>,
    ) -> Result<Vec<u32>, usize> {
        let rows = 0..column.len();
        if column.null_count() == 0 {
            return Ok(rows.map(|row| self.get(row)).collect());
        }
        rows.map(|row| match column.is_null(row) {
            false => Ok(self.get(row)),
            true => missing(self.interner, row),
        })
        .collect()
    }

    fn get(&mut self, row: usize) -> u32 {
        let key = self.keys[row] as usize;
        if self.map[key] == NONE {
            self.map[key] = self.interner.code(self.values.value(key));
        }
        self.map[key]
    }

    /// Leaves the codes of the dictionary to the next column that has it.
    fn keep(self, column: &DictionaryArray<Int32Type>) {
        self.interner.translated = Some((column.values().clone(), self.map));
    }
}

/// The codes of strings that are known; the others have none.
fn translate(interner: &Interner, values: &StringArray) -> Vec<u32> {
    let look_up = |last: &mut u32, key: usize| {
        *last = interner.find(values.value(key), *last);
        *last
    };
    (0..values.len())
        .into_par_iter()
        .with_min_len(PIECE)
        .map_init(|| interner.last, look_up)
        .collect()
}
