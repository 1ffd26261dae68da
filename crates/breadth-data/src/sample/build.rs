//! From rows, in any order, to one outcome for each model and prompt.

use arrow_array::Array;

use super::columns::{ANSWER, GOLD, GROUP, MODEL, PROMPT, QUESTION, RESPONSE, TEXT};
use super::observe::{Observation, bad, observe};
use super::table::{Outcome, SampleTable, SampleTexts};
use crate::error::{Error, Result};
use crate::intern::{Interner, NONE};
use crate::io::chunk::Chunk;
use crate::io::origins::Origins;
use crate::options::ReadOptions;
use crate::value;

/// Said where nothing but the values tells that a column holds the right answers.
const ANSWERS_AS_GOLD: &str = "the table has no rewards and no column `gold`: its column `answer`, \
    which is the same in all rows of a prompt, is taken as the right answer";

/// A sample table under construction.
#[derive(Default)]
pub(super) struct Builder {
    /// Whether every row must have a text.
    wants_texts: bool,
    /// Whether the user said which column is the reward.
    is_chosen: bool,
    /// Whether a row has a reward.
    is_graded: bool,
    origins: Origins,
    models: Interner,
    prompts: Interner,
    responses: Interner,
    groups: Interner,
    answers: Interner,
    texts: Interner,
    questions: Interner,
    golds: Interner,
    /// The text and the right answer of each prompt, or [`NONE`].
    known: Vec<[u32; 2]>,
    /// The class of each prompt, or [`NONE`].
    group: Vec<u32>,
    /// The ordinal of the first row of each prompt.
    prompt_origin: Vec<u32>,
    cells: Vec<Vec<Cell>>,
}

/// What is known of one model and one prompt.
#[derive(Clone, Default)]
enum Cell {
    #[default]
    Empty,
    Counts {
        n: u64,
        c: u64,
        origin: u32,
    },
    Samples(Vec<Sample>),
}

#[derive(Clone, Copy)]
struct Sample {
    reward: f64,
    response: u32,
    answer: u32,
    text: u32,
    origin: u32,
}

impl Builder {
    pub(super) fn new(options: &ReadOptions) -> Self {
        Self {
            wants_texts: options.texts,
            is_chosen: (options.columns.iter()).any(|(here, _)| here == "reward"),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, chunk: &Chunk) -> Result<()> {
        let first = self.origins.push(chunk)?;
        let models = required(&mut self.models, chunk, MODEL)?;
        let prompts = required(&mut self.prompts, chunk, PROMPT)?;
        let responses = optional(&mut self.responses, chunk, RESPONSE);
        let groups = optional(&mut self.groups, chunk, GROUP);
        let answers = self.answers(chunk);
        let texts = self.texts(chunk)?;
        let known = [
            optional(&mut self.questions, chunk, QUESTION),
            optional(&mut self.golds, chunk, GOLD),
        ];
        let table = (self.models.len(), self.prompts.len(), "prompts");
        self.origins.check_cells(chunk, table)?;
        self.cells.resize_with(self.models.len(), Vec::new);
        for at in 0..chunk.rows {
            let ordinal = first + at as u32;
            let (model, prompt) = (models[at], prompts[at]);
            self.note_prompt(prompt, groups[at], ordinal)?;
            self.note_known(prompt, [known[0][at], known[1][at]], ordinal)?;
            let said = [responses[at], answers[at], texts[at]];
            let row = observe(chunk, at, said, self.is_chosen)?;
            self.is_graded |= !matches!(row, Observation::Sample { reward, .. } if reward.is_nan());
            self.add(model, prompt, row, ordinal)?;
        }
        Ok(())
    }

    /// The answers of a chunk; the empty one where a sample has none, [`NONE`] where nobody asked.
    fn answers(&mut self, chunk: &Chunk) -> Vec<u32> {
        match chunk.ids(ANSWER).filter(|ids| ids.null_count() < ids.len()) {
            Some(ids) => self
                .answers
                .codes(ids, Some(""))
                .unwrap_or_else(|_| vec![NONE; chunk.rows]),
            None => vec![NONE; chunk.rows],
        }
    }

    /// The texts of a chunk, which every row must have; [`NONE`] where nobody asked.
    fn texts(&mut self, chunk: &Chunk) -> Result<Vec<u32>> {
        if !self.wants_texts {
            return Ok(vec![NONE; chunk.rows]);
        }
        required(&mut self.texts, chunk, TEXT)
    }

    fn note_prompt(&mut self, prompt: u32, group: u32, ordinal: u32) -> Result<()> {
        let at = prompt as usize;
        if at == self.group.len() {
            self.group.push(NONE);
            self.prompt_origin.push(ordinal);
        }
        let known = self.group[at];
        if known == NONE {
            self.group[at] = group;
        } else if group != NONE && group != known {
            return Err(Error::Conflict {
                first: self.origins.at(self.prompt_origin[at]),
                first_value: format!("`{}`", self.groups.shown(known)),
                second: self.origins.at(ordinal),
                second_value: format!("`{}`", self.groups.shown(group)),
                column: "group",
                shared: format!("the same prompt `{}`", self.prompts.shown(prompt)),
            });
        }
        Ok(())
    }

    /// Keeps what a row says of its prompt, of which the right answer must be one.
    fn note_known(&mut self, prompt: u32, said: [u32; 2], ordinal: u32) -> Result<()> {
        self.known.resize(self.group.len(), [NONE; 2]);
        let known = &mut self.known[prompt as usize];
        for (known, said) in known.iter_mut().zip(said) {
            if *known == NONE {
                *known = said;
            }
        }
        let gold = known[1];
        if said[1] == NONE || said[1] == gold {
            return Ok(());
        }
        Err(Error::Conflict {
            first: self.origins.at(self.prompt_origin[prompt as usize]),
            first_value: format!("`{}`", self.golds.shown(gold)),
            second: self.origins.at(ordinal),
            second_value: format!("`{}`", self.golds.shown(said[1])),
            column: "gold",
            shared: format!("the same prompt `{}`", self.prompts.shown(prompt)),
        })
    }

    fn add(&mut self, model: u32, prompt: u32, row: Observation, origin: u32) -> Result<()> {
        let cells = &mut self.cells[model as usize];
        if cells.len() <= prompt as usize {
            cells.resize(prompt as usize + 1, Cell::Empty);
        }
        let cell = &mut cells[prompt as usize];
        match (&mut *cell, row) {
            (Cell::Empty, Observation::Counts { n, c }) => *cell = Cell::Counts { n, c, origin },
            (
                Cell::Empty,
                Observation::Sample {
                    reward,
                    response,
                    answer,
                    text,
                },
            ) => {
                *cell = Cell::Samples(vec![Sample {
                    reward,
                    response,
                    answer,
                    text,
                    origin,
                }]);
            }
            (
                Cell::Samples(samples),
                Observation::Sample {
                    reward,
                    response,
                    answer,
                    text,
                },
            ) => {
                samples.push(Sample {
                    reward,
                    response,
                    answer,
                    text,
                    origin,
                });
            }
            (Cell::Counts { origin: first, .. }, _) => {
                let first = *first;
                return Err(self.duplicate(model, prompt, None, first, origin));
            }
            (Cell::Samples(samples), Observation::Counts { .. }) => {
                let first = samples[0].origin;
                return Err(self.duplicate(model, prompt, None, first, origin));
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self, options: &ReadOptions) -> Result<SampleTable> {
        self.check_unique()?;
        let prompts = self.prompts.len();
        for cells in &mut self.cells {
            cells.resize(prompts, Cell::Empty);
        }
        let keep: Vec<bool> = (0..prompts)
            .map(|prompt| self.cells.iter().all(|cells| !cells[prompt].is_empty()))
            .collect();
        if !options.intersect {
            self.check_complete()?;
        } else if !keep.contains(&true) {
            return Err(self.nothing_common());
        }
        Ok(self.into_table(&keep))
    }

    /// Samples are few for each model and prompt: sorting them is cheaper than a hash of all.
    fn check_unique(&self) -> Result<()> {
        let mut order = Vec::new();
        for (model, cells) in self.cells.iter().enumerate() {
            for (prompt, cell) in cells.iter().enumerate() {
                let Cell::Samples(samples) = cell else {
                    continue;
                };
                order.clear();
                order.extend(
                    samples
                        .iter()
                        .map(|sample| (sample.response, sample.origin)),
                );
                order.sort_unstable();
                if let Some(two) = order.windows(2).find(|two| two[0].0 == two[1].0) {
                    let response = Some(two[0].0);
                    let (model, prompt) = (model as u32, prompt as u32);
                    return Err(self.duplicate(model, prompt, response, two[0].1, two[1].1));
                }
            }
        }
        Ok(())
    }

    fn check_complete(&self) -> Result<()> {
        for (model, cells) in self.cells.iter().enumerate() {
            if let Some(first) = cells.iter().position(Cell::is_empty) {
                return Err(Error::MissingRows {
                    model: self.models.shown(model as u32).into(),
                    missing: cells.iter().filter(|cell| cell.is_empty()).count(),
                    all: cells.len(),
                    what: "prompts",
                    key: format!(
                        "prompt `{}`{}",
                        self.prompts.shown(first as u32),
                        self.prompts.twin(first as u32)
                    ),
                    at: self.origins.at(self.prompt_origin[first]),
                });
            }
        }
        Ok(())
    }

    fn nothing_common(&self) -> Error {
        let given = |cells: &Vec<Cell>| cells.iter().filter(|cell| !cell.is_empty()).count();
        let fewest = (0..self.cells.len()).min_by_key(|&model| given(&self.cells[model]));
        Error::NoCommonRows {
            models: self.cells.len(),
            what: "prompt",
            model: self.models.shown(fewest.unwrap_or(0) as u32).into(),
        }
    }

    fn duplicate(
        &self,
        model: u32,
        prompt: u32,
        response: Option<u32>,
        first: u32,
        second: u32,
    ) -> Error {
        let (model, prompt) = (self.models.shown(model), self.prompts.shown(prompt));
        let what = match response {
            Some(response) => format!("response `{}`", self.responses.shown(response)),
            None => "its counts".into(),
        };
        Error::Duplicate {
            first: self.origins.at(first),
            second: self.origins.at(second),
            key: format!("model `{model}`, prompt `{prompt}`, {what}"),
        }
    }

    /// The answers as the right ones to their prompts: those of a table without rewards and
    /// without the column `gold` in which all rows of a prompt have the same.
    fn answers_as_gold(&self, keep: &[bool]) -> Option<Vec<Option<String>>> {
        let is_open = self.wants_texts && !self.is_graded && self.golds.len() == 0;
        if !is_open || self.answers.len() == 0 {
            return None;
        }
        let prompts = (0..keep.len()).filter(|&prompt| keep[prompt]);
        let of_prompt = |prompt: usize| {
            let cells = self.cells.iter().map(|cells| &cells[prompt]);
            let samples = cells.flat_map(|cell| match cell {
                Cell::Samples(samples) => &samples[..],
                _ => &[],
            });
            let mut codes = samples.map(|sample| sample.answer);
            let first = codes.next().filter(|&code| code != NONE)?;
            codes.all(|code| code == first).then_some(first)
        };
        let codes: Option<Vec<u32>> = prompts.map(of_prompt).collect();
        let name = |code| Some(self.answers.name(code).to_owned()).filter(|name| !name.is_empty());
        Some(codes?.into_iter().map(name).collect())
    }

    fn into_table(self, keep: &[bool]) -> SampleTable {
        let own = self.answers_as_gold(keep);
        let remarks = own.iter().map(|_| ANSWERS_AS_GOLD.to_owned()).collect();
        let mut group: Vec<u32> = kept(self.group, keep);
        let mut groups = self.groups.into_strings();
        crate::intern::recode(&mut group, &mut groups);
        let answers = self.answers.into_strings();
        let codes = |of: fn(&Sample) -> u32| -> Vec<Vec<Vec<u32>>> {
            let of_samples = |cell: &Cell| match cell {
                Cell::Samples(samples) => samples.iter().map(of).collect(),
                _ => Vec::new(),
            };
            let of_model = |cells: &Vec<Cell>| {
                let kept = cells.iter().zip(keep).filter(|(_, keep)| **keep);
                kept.map(|(cell, _)| of_samples(cell)).collect()
            };
            self.cells.iter().map(of_model).collect()
        };
        let texts = self.texts.into_strings();
        let named = |names: &Interner, which: usize| {
            let of = |known: [u32; 2]| {
                (known[which] != NONE).then(|| names.name(known[which]).to_owned())
            };
            kept(self.known.clone(), keep).into_iter().map(of).collect()
        };
        let text = (!texts.is_empty()).then(|| SampleTexts {
            prompts: named(&self.questions, 0),
            gold: own.unwrap_or_else(|| named(&self.golds, 1)),
            text: codes(|sample| sample.text),
            response: codes(|sample| sample.response),
            responses: self.responses.into_strings(),
            texts,
        });
        // Chunks that lack the column leave holes: then nothing is known of the answers.
        let mut answer: Vec<Vec<Vec<u32>>> = if answers.is_empty() {
            Vec::new()
        } else {
            codes(|sample| sample.answer)
        };
        if answer.iter().flatten().flatten().any(|&code| code == NONE) {
            answer.clear();
        }
        SampleTable {
            remarks,
            same: Vec::new(),
            known_models: Vec::new(),
            answers,
            answer,
            text,
            models: self.models.into_strings(),
            prompts: kept(self.prompts.into_strings(), keep),
            groups,
            group: group
                .into_iter()
                .map(|code| (code != NONE).then_some(code))
                .collect(),
            outcomes: self
                .cells
                .into_iter()
                .map(|cells| kept(cells, keep).into_iter().map(Cell::outcome).collect())
                .collect(),
        }
    }
}

impl Cell {
    fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }

    fn outcome(self) -> Option<Outcome> {
        match self {
            Cell::Empty => None,
            Cell::Counts { n, c, .. } => Some(Outcome::Counts { n, c }),
            Cell::Samples(samples) => Some(Outcome::Rewards(
                samples.iter().map(|sample| sample.reward).collect(),
            )),
        }
    }
}

fn kept<T>(values: Vec<T>, keep: &[bool]) -> Vec<T> {
    let pairs = values.into_iter().zip(keep);
    pairs
        .filter(|(_, keep)| **keep)
        .map(|(value, _)| value)
        .collect()
}

fn required(interner: &mut Interner, chunk: &Chunk, column: usize) -> Result<Vec<u32>> {
    let missing = |row| bad(chunk, row, column, value::missing());
    let ids = chunk.ids(column).ok_or_else(|| missing(0))?;
    interner.codes(ids, None).map_err(missing)
}

fn optional(interner: &mut Interner, chunk: &Chunk, column: usize) -> Vec<u32> {
    match chunk.ids(column) {
        Some(ids) => interner.optional_codes(ids),
        None => vec![NONE; chunk.rows],
    }
}
