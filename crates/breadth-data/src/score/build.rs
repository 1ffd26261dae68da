//! From long rows, in any order, to one column for each model.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{Array, DictionaryArray, ListArray};
use rayon::prelude::*;

use super::columns::{
    ANSWER, COLUMNS, GROUP, LOGPROB, MODEL, PROMPT, RESPONSE, SOURCE, TOKEN_LOGPROBS, TOKENS,
    WEIGHT,
};
use super::keys::{Key, Keys};
use super::model_values::ModelValues;
use super::table::ScoreTable;
use crate::error::{Error, Result};
use crate::intern::{Interner, NONE};
use crate::io::chunk::Chunk;
use crate::io::origins::{ABSENT, Origins};
use crate::message::list;
use crate::options::ReadOptions;
use crate::value;

/// The source of rows that are no model's.
const DATA: &str = "data";

/// Rows worth a thread of their own.
const PIECE: usize = 1 << 13;

/// A score table under construction.
#[derive(Default)]
pub(super) struct Builder {
    origins: Origins,
    models: Interner,
    sources: Interner,
    prompts: Interner,
    responses: Interner,
    groups: Labels,
    answers: Labels,
    keys: Keys,
    columns: Vec<ModelValues>,
    /// Where each model's next value belongs if its rows come in the order of the table.
    next: Vec<u32>,
    weights: Vec<f64>,
    tokens: Vec<u32>,
    has_lists: bool,
    remarks: Vec<String>,
}

/// What each response is said to be: its group or its answer.
#[derive(Default)]
struct Labels {
    names: Interner,
    /// By row; [`NONE`] or nothing where it is not known yet.
    codes: Vec<u32>,
}

impl Builder {
    pub(super) fn push(&mut self, chunk: &Chunk) -> Result<()> {
        let first = self.origins.push(chunk)?;
        let models = codes(&mut self.models, chunk, MODEL, None)?;
        let sources = codes(&mut self.sources, chunk, SOURCE, Some(DATA))?;
        let prompts = codes(&mut self.prompts, chunk, PROMPT, None)?;
        let responses = codes(&mut self.responses, chunk, RESPONSE, Some("0"))?;
        let values = log_probs(chunk)?;
        self.columns
            .resize_with(self.models.len(), ModelValues::default);

        let rows = self.rows_of([&sources, &prompts, &responses], &models, first);
        let table = (self.models.len(), self.keys.rows.len(), "responses");
        self.origins.check_cells(chunk, table)?;
        for column in &mut self.columns {
            column.make_room(self.keys.rows.len());
        }
        if let Some((at, earlier)) = self.set(&models, &rows, &values, first) {
            return Err(self.duplicate(models[at], rows[at], earlier, first + at as u32));
        }
        self.push_weights(chunk, &rows)?;
        self.push_labels(chunk, &rows, GROUP)?;
        self.push_labels(chunk, &rows, ANSWER)?;
        self.push_tokens(chunk, &rows)?;
        self.push_lists(chunk, &rows, &models)
    }

    /// The row of the table that each row of a chunk belongs to.
    ///
    /// Known rows are looked up in parallel. A model's next row is usually the one after its last,
    /// as rows are written model by model or response by response; only others are hashed.
    fn rows_of(&mut self, parts: [&[u32]; 3], models: &[u32], first: u32) -> Vec<u32> {
        self.next.resize(self.models.len(), 0);
        let key = |at: usize| parts.map(|part| part[at]);
        let look_up = |next: &mut Vec<u32>, at: usize| {
            let next = &mut next[models[at] as usize];
            let row = self.keys.find(key(at), *next);
            *next = row.wrapping_add(1);
            row
        };
        let mut rows: Vec<u32> = (0..models.len())
            .into_par_iter()
            .with_min_len(PIECE)
            .map_init(|| self.next.clone(), look_up)
            .collect();
        for (at, row) in rows.iter_mut().enumerate() {
            if *row == NONE {
                *row = self.keys.find_or_insert(key(at), first + at as u32);
            }
            self.next[models[at] as usize] = *row + 1;
        }
        rows
    }

    /// Sets the values, each thread those of some models. Returns the first position in the chunk
    /// that has a value already, and the ordinal of that.
    fn set(
        &mut self,
        models: &[u32],
        rows: &[u32],
        values: &[f64],
        first: u32,
    ) -> Option<(usize, u32)> {
        let share = self
            .columns
            .len()
            .div_ceil(rayon::current_num_threads())
            .max(1);
        let set_some = |(part, columns): (usize, &mut [ModelValues])| {
            let start = part * share;
            (0..rows.len()).find_map(|at| {
                let column = columns.get_mut((models[at] as usize).wrapping_sub(start))?;
                let earlier = column.set(rows[at] as usize, values[at], first + at as u32)?;
                Some((at, earlier))
            })
        };
        let shares = self.columns.par_chunks_mut(share).enumerate();
        shares.filter_map(set_some).min()
    }

    fn push_weights(&mut self, chunk: &Chunk, rows: &[u32]) -> Result<()> {
        if all_null(chunk, WEIGHT) {
            return Ok(());
        }
        self.weights.resize(self.keys.rows.len(), f64::NAN);
        for (at, row) in indices(rows).enumerate() {
            let Some(weight) = chunk.number(WEIGHT, at) else {
                continue;
            };
            let weight = value::weight(weight).map_err(|p| bad(chunk, at, WEIGHT, p))?;
            let known = self.weights[row];
            if known.is_nan() {
                self.weights[row] = weight;
            } else if known != weight {
                return Err(self.conflict(
                    chunk,
                    at,
                    row,
                    WEIGHT,
                    known.to_string(),
                    weight.to_string(),
                ));
            }
        }
        Ok(())
    }

    fn push_labels(&mut self, chunk: &Chunk, rows: &[u32], column: usize) -> Result<()> {
        if all_null(chunk, column) {
            return Ok(());
        }
        let Some(ids) = chunk.ids(column) else {
            return Ok(());
        };
        let labels = match column {
            ANSWER => &mut self.answers,
            _ => &mut self.groups,
        };
        let Some((at, known, other)) = labels.set(ids, rows, self.keys.rows.len()) else {
            return Ok(());
        };
        let name = |code| format!("`{}`", labels.names.shown(code));
        let (known, other) = (name(known), name(other));
        Err(self.conflict(chunk, at, rows[at] as usize, column, known, other))
    }

    fn push_tokens(&mut self, chunk: &Chunk, rows: &[u32]) -> Result<()> {
        if all_null(chunk, TOKENS) {
            return Ok(());
        }
        self.tokens.resize(self.keys.rows.len(), 0);
        for (at, row) in indices(rows).enumerate() {
            if let Some(count) = chunk.number(TOKENS, at) {
                let count = value::tokens(count).map_err(|p| bad(chunk, at, TOKENS, p))?;
                self.tokens[row] = self.tokens[row].max(count);
            }
        }
        Ok(())
    }

    fn push_lists(&mut self, chunk: &Chunk, rows: &[u32], models: &[u32]) -> Result<()> {
        let Some(lists) = chunk.lists(TOKEN_LOGPROBS) else {
            return Ok(());
        };
        for (at, row) in indices(rows).enumerate() {
            let column = &mut self.columns[models[at] as usize];
            let Some(list) = list_at(lists, at) else {
                continue;
            };
            let list = value::token_logprobs(list, column.values[row], chunk.number(TOKENS, at))
                .map_err(|problem| bad(chunk, at, TOKEN_LOGPROBS, problem))?;
            column.lists.resize(column.values.len(), None);
            column.lists[row] = Some(list);
            self.has_lists = true;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, options: &ReadOptions) -> Result<ScoreTable> {
        let rows = self.keys.rows.len();
        for column in &mut self.columns {
            column.pad(rows);
        }
        let wanted = self.wanted(options)?;
        let left_out = options
            .without
            .as_deref()
            .and_then(|name| self.models.position(name));
        let heard: Vec<usize> = (0..self.columns.len())
            .filter(|&model| Some(model as u32) != left_out)
            .collect();
        if !options.intersect {
            self.check_complete(&wanted, &heard)?;
        }
        let is_complete = |row: usize| heard.iter().all(|&m| self.columns[m].origin[row] != ABSENT);
        let keep: Vec<bool> = (0..rows)
            .map(|row| wanted[row] && is_complete(row))
            .collect();
        if !keep.contains(&true) {
            return Err(self.nothing_common());
        }
        let group = self.take_labels(GROUP, &keep)?;
        let answer = self.take_labels(ANSWER, &keep)?;
        let token_logprobs = self.take_lists(&keep, &heard)?;
        let mut table = self.into_table(group, answer, token_logprobs);
        table.of_other_sources = match &options.source {
            Some(_) => wanted.iter().filter(|wanted| !**wanted).count(),
            None => 0,
        };
        if let Some(model) = left_out {
            table.models.remove(model as usize);
            table.logprob.remove(model as usize);
        }
        if keep.contains(&false) {
            Ok(table.keep(&keep))
        } else {
            Ok(table)
        }
    }

    /// The sources, where they are said not to be what this column holds here: with neither the
    /// data nor a model among them, as where other programs keep the name of a data set.
    fn note_foreign_sources(&mut self) -> bool {
        let sources = self.sources.strings();
        let mut ours = sources.filter(|&name| name == DATA || self.models.position(name).is_some());
        if ours.next().is_some() {
            return false;
        }
        let sources: Vec<String> = self.sources.strings().map(str::to_owned).collect();
        self.remarks.push(format!(
            "the column `source` has neither `{DATA}` nor a model ({}): it is not taken for who \
             wrote the responses, and all rows for the data",
            list(&sources)
        ));
        true
    }

    /// The rows whose source is asked for.
    fn wanted(&mut self, options: &ReadOptions) -> Result<Vec<bool>> {
        let code =
            |name: &Option<String>| name.as_deref().and_then(|name| self.sources.position(name));
        let (only, without) = (code(&options.source), code(&options.without));
        if options.source.as_deref() == Some(DATA) && only.is_none() && self.note_foreign_sources()
        {
            return Ok(vec![true; self.keys.rows.len()]);
        }
        if let (Some(wanted), None) = (&options.source, only) {
            let known: Vec<String> = (0..self.sources.len() as u32)
                .map(|source| self.sources.shown(source).into())
                .collect();
            return Err(Error::UnknownSource {
                wanted: wanted.clone(),
                known: list(&known),
            });
        }
        let is_wanted =
            |&[source, ..]: &Key| only.is_none_or(|only| only == source) && Some(source) != without;
        Ok(self.keys.rows.iter().map(is_wanted).collect())
    }

    fn into_table(
        self,
        group: Option<Vec<u32>>,
        answer: Option<Vec<u32>>,
        token_logprobs: Option<Vec<Vec<Vec<f32>>>>,
    ) -> ScoreTable {
        let rows = self.keys.rows.len();
        let part = |at: usize| self.keys.rows.iter().map(|key| key[at]).collect();
        let mut weights = self.weights;
        let mut tokens = self.tokens;
        ScoreTable {
            source: part(0),
            prompt: part(1),
            response: part(2),
            models: self.models.into_strings(),
            sources: self.sources.into_strings(),
            prompts: self.prompts.into_strings(),
            responses: self.responses.into_strings(),
            groups: self.groups.names.into_strings(),
            group,
            answers: match answer {
                Some(_) => self.answers.names.into_strings(),
                None => Vec::new(),
            },
            answer,
            weight: (!weights.is_empty()).then(|| {
                weights.resize(rows, 1.0);
                weights
                    .iter()
                    .map(|w| if w.is_nan() { 1.0 } else { *w })
                    .collect()
            }),
            tokens: (!tokens.is_empty()).then(|| {
                tokens.resize(rows, 0);
                tokens
            }),
            of_other_sources: 0,
            logprob: self
                .columns
                .into_iter()
                .map(|column| column.values)
                .collect(),
            token_logprobs,
            remarks: self.remarks,
            same: Vec::new(),
            known_models: Vec::new(),
        }
    }

    /// The groups or the answers, if there are any; then no row may be without.
    fn take_labels(&mut self, column: usize, keep: &[bool]) -> Result<Option<Vec<u32>>> {
        let labels = match column {
            ANSWER => &mut self.answers,
            _ => &mut self.groups,
        };
        let mut codes = std::mem::take(&mut labels.codes);
        if codes.is_empty() {
            return Ok(None);
        }
        codes.resize(keep.len(), NONE);
        match (0..keep.len()).find(|&row| keep[row] && codes[row] == NONE) {
            None => Ok(Some(codes)),
            Some(row) => Err(self.incomplete(column, self.keys.origin[row])),
        }
    }

    fn take_lists(&mut self, keep: &[bool], heard: &[usize]) -> Result<Option<Vec<Vec<Vec<f32>>>>> {
        if !self.has_lists {
            return Ok(None);
        }
        let mut all = Vec::with_capacity(self.columns.len());
        for &at in heard {
            let mut lists = std::mem::take(&mut self.columns[at].lists);
            lists.resize(keep.len(), None);
            if let Some(row) = (0..keep.len()).find(|&row| keep[row] && lists[row].is_none()) {
                return Err(self.incomplete(TOKEN_LOGPROBS, self.columns[at].origin[row]));
            }
            all.push(lists.into_iter().map(Option::unwrap_or_default).collect());
        }
        Ok(Some(all))
    }

    fn check_complete(&self, wanted: &[bool], heard: &[usize]) -> Result<()> {
        for &model in heard {
            let lacks = |&row: &usize| wanted[row] && self.columns[model].origin[row] == ABSENT;
            if let Some(first) = (0..wanted.len()).find(lacks) {
                return Err(Error::MissingRows {
                    model: self.models.shown(model as u32).into(),
                    missing: (0..wanted.len()).filter(lacks).count(),
                    all: wanted.iter().filter(|wanted| **wanted).count(),
                    what: "responses",
                    key: self.key(first),
                    at: self.origins.at(self.keys.origin[first]),
                });
            }
        }
        Ok(())
    }

    fn nothing_common(&self) -> Error {
        let given = |column: &ModelValues| column.origin.iter().filter(|&&o| o != ABSENT).count();
        let fewest = (0..self.columns.len()).min_by_key(|&m| given(&self.columns[m]));
        Error::NoCommonRows {
            models: self.columns.len(),
            what: "response",
            model: self.models.shown(fewest.unwrap_or(0) as u32).into(),
        }
    }

    fn incomplete(&self, column: usize, ordinal: u32) -> Error {
        let name = COLUMNS[column].name;
        Error::Value {
            at: self.origins.at(ordinal),
            column: name,
            problem: format!(
                "no value, but other rows have one; give every row a `{name}`, or none"
            ),
        }
    }

    fn duplicate(&self, model: u32, row: u32, first: u32, second: u32) -> Error {
        Error::Duplicate {
            first: self.origins.at(first),
            second: self.origins.at(second),
            key: format!(
                "model `{}`, {}",
                self.models.shown(model),
                self.key(row as usize)
            ),
        }
    }

    fn conflict(
        &self,
        chunk: &Chunk,
        at: usize,
        row: usize,
        column: usize,
        first_value: String,
        second_value: String,
    ) -> Error {
        Error::Conflict {
            first: self.origins.at(self.keys.origin[row]),
            first_value,
            second: chunk.places.at(at),
            second_value,
            column: COLUMNS[column].name,
            shared: format!("the same response ({})", self.key(row)),
        }
    }

    /// A response, as messages name it.
    fn key(&self, row: usize) -> String {
        let [source, prompt, response] = self.keys.rows[row];
        format!(
            "source `{}`, prompt `{}`{}, response `{}`",
            self.sources.shown(source),
            self.prompts.shown(prompt),
            self.prompts.twin(prompt),
            self.responses.shown(response)
        )
    }
}

impl Labels {
    /// Notes the labels of a chunk. Returns the first position with another label than its row has,
    /// and both.
    fn set(
        &mut self,
        ids: &DictionaryArray<Int32Type>,
        rows: &[u32],
        all: usize,
    ) -> Option<(usize, u32, u32)> {
        let codes = self.names.optional_codes(ids);
        self.codes.resize(all, NONE);
        for (at, (row, code)) in indices(rows).zip(codes).enumerate() {
            let known = self.codes[row];
            if known == NONE {
                self.codes[row] = code;
            } else if code != NONE && code != known {
                return Some((at, known, code));
            }
        }
        None
    }
}

/// The global codes of an id column.
fn codes(
    interner: &mut Interner,
    chunk: &Chunk,
    column: usize,
    default: Option<&str>,
) -> Result<Vec<u32>> {
    match (chunk.ids(column), default) {
        (Some(ids), _) => interner
            .codes(ids, default)
            .map_err(|row| bad(chunk, row, column, value::missing())),
        (None, Some(text)) => Ok(vec![interner.code(text); chunk.rows]),
        (None, None) => Err(bad(chunk, 0, column, value::missing())),
    }
}

fn log_probs(chunk: &Chunk) -> Result<Cow<'_, [f64]>> {
    let at = |row, problem| bad(chunk, row, LOGPROB, problem);
    let column = chunk
        .numbers(LOGPROB)
        .ok_or_else(|| at(0, value::missing()))?;
    if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
        return Err(at(row, value::missing()));
    }
    let values = column.values();
    if values.iter().all(|&given| value::is_plain_log_prob(given)) {
        return Ok(Cow::Borrowed(values));
    }
    let checked = values
        .iter()
        .enumerate()
        .map(|(row, &given)| value::log_prob(given).map_err(|problem| at(row, problem)));
    checked.collect::<Result<_>>().map(Cow::Owned)
}

fn list_at(lists: &ListArray, row: usize) -> Option<Vec<f32>> {
    if lists.is_null(row) {
        return None;
    }
    let items = lists.value(row);
    let items = items.as_primitive::<Float32Type>();
    Some(items.iter().map(|item| item.unwrap_or(f32::NAN)).collect())
}

fn indices(rows: &[u32]) -> impl Iterator<Item = usize> {
    rows.iter().map(|&row| row as usize)
}

fn all_null(chunk: &Chunk, column: usize) -> bool {
    let array = chunk.columns[column].as_ref();
    array.is_none_or(|array| array.null_count() == array.len())
}

fn bad(chunk: &Chunk, row: usize, column: usize, problem: String) -> Error {
    Error::Value {
        at: chunk.places.at(row),
        column: COLUMNS[column].name,
        problem,
    }
}
