//! Data files to token ids.

use std::collections::HashMap;
use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use breadth_data::short;
use rayon::prelude::*;

use super::account::{Account, BoundaryAccount, Change, CutAccount, EndTokenAccount};
use super::chat::Conversation;
use super::json::Json;
use super::line::{Content, Line, found};
use super::options::{Boundary, Cut, DataOptions, EndToken, Responses, Side};
use super::turn::Turn;
use super::{Item, Text};
use crate::error::{Error, Result};

/// Lines with their token ids, and what was done to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// The lines.
    pub items: Vec<Item>,
    /// What was done.
    pub account: Account,
    /// The tokens that end a response to these prompts: the model's, and the one that ends a turn
    /// if there are conversations.
    pub end_tokens: Vec<u32>,
}

/// One item for each prompt, for drawing responses: the first of its lines, with what the others
/// say is right as [`Item::alternatives`]. Also how many prompts have lines that differ in that.
///
/// # Errors
/// If two lines of one `prompt_id` have different prompts.
pub fn one_per_prompt(items: Vec<Item>) -> Result<(Vec<Item>, usize)> {
    let mut at: HashMap<String, usize> = HashMap::new();
    let (mut first, mut several): (Vec<Item>, Vec<bool>) = (Vec::new(), Vec::new());
    for item in items {
        let Some(&known) = at.get(&item.prompt_id) else {
            at.insert(item.prompt_id.clone(), first.len());
            first.push(item);
            several.push(false);
            continue;
        };
        let kept = &first[known];
        if kept.prompt != item.prompt {
            return Err(different_prompts(kept, &item));
        }
        several[known] |= first[known].join(&item);
    }
    let differing = several.into_iter().filter(|&several| several).count();
    Ok((first, differing))
}

/// The error about two lines of one `prompt_id` with different prompts.
fn different_prompts(first: &Item, second: &Item) -> Error {
    let (a, b) = (short(&first.response_id), short(&second.response_id));
    let message = format!(
        "its lines with response_id {a} and {b} have different prompts; give each prompt its own \
         prompt_id"
    );
    Error::data(second.place(), message)
}

/// Tells every line of a prompt what the other lines of its `prompt_id` say is right, so that
/// verifiers take any of it.
pub fn join_right_answers(items: &mut [Item]) {
    let mut of_prompt: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        of_prompt
            .entry(item.prompt_id.clone())
            .or_default()
            .push(at);
    }
    for places in of_prompt.values().filter(|places| places.len() > 1) {
        let lines: Vec<Item> = places.iter().map(|&at| items[at].clone()).collect();
        for &at in places {
            let item = &mut items[at];
            for other in &lines {
                if other.prompt == item.prompt {
                    item.join(other);
                }
            }
        }
    }
}

/// Reads JSON Lines files as [`read_data`] does, with nothing added and nothing cut.
///
/// # Errors
/// As [`read_data`].
pub fn read_items(files: &[PathBuf], text: &Text, responses: Responses) -> Result<Vec<Item>> {
    let options = DataOptions {
        responses,
        ..DataOptions::default()
    };
    Ok(read_data(files, text, &options)?.items)
}

/// Reads JSON Lines files; blank lines are skipped.
///
/// # Errors
/// Names the file, the line and the field of what cannot be read, has no prompt, is too long, or
/// repeats a `(prompt_id, response_id)`; with [`DataOptions::one_prompt_per_id`], the `prompt_id` of
/// different prompts.
pub fn read_data(files: &[PathBuf], text: &Text, options: &DataOptions) -> Result<Data> {
    let lines = lines(files)?;
    let reader = Reader {
        text,
        options,
        rendered: AtomicU64::new(0),
        most_rendered: most_rendered(&lines),
    };
    if options.end_token == EndToken::Always && text.end_token().is_none() {
        let message = "end_token = always: the model names no end token (eos_token_id of generation_config.json or config.json, eos_token of tokenizer_config.json)";
        return Err(Error::data(&*text.place, message));
    }
    // An explicit collection before `?`: which error is reported must not depend on threads.
    let read: Vec<Result<Read>> = lines
        .par_iter()
        .enumerate()
        .map(|(i, line)| reader.line(line, i))
        .collect();
    if reader.rendered.load(Ordering::Relaxed) > reader.most_rendered {
        return Err(reader.too_much_rendered(files));
    }
    let read = read.into_iter().collect::<Result<Vec<Read>>>()?;
    let account = reader.account(&read);
    let mut end_tokens = text.generation.end_tokens.clone();
    if account.conversations > 0 {
        end_tokens.extend(
            text.end_of_turn()
                .filter(|id| !text.generation.end_tokens.contains(id)),
        );
    }
    check_unique(&read, &lines)?;
    if options.one_prompt_per_id {
        check_prompts(&read)?;
    }
    let items = read.into_iter().map(|one| one.item).collect();
    Ok(Data {
        items,
        account,
        end_tokens,
    })
}

/// The most bytes that chat templates may make of all these lines: two of the longest records, or
/// many times the lines. Text and tokens of all are held.
fn most_rendered(lines: &[(String, String)]) -> u64 {
    const TIMES: u64 = 32;
    let given: u64 = lines.iter().map(|(_, line)| line.len() as u64).sum();
    (2 * breadth_data::max_record_bytes()).max(TIMES * given)
}

/// The next line, without its end, if it is not longer than records may be.
fn line(file: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let most = breadth_data::max_record_bytes();
    let mut line = String::new();
    let read = std::io::Read::take(file, most + 1).read_line(&mut line)?;
    if read as u64 > most {
        let what = format!("a line of more than {most} bytes (BREADTH_MAX_RECORD_BYTES)");
        return Err(std::io::Error::other(what));
    }
    let text = line.strip_suffix('\n').unwrap_or(&line);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let length = text.len();
    line.truncate(length);
    Ok((read > 0).then_some(line))
}

/// The text of a data file, without what compresses it.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let wrong = |what: &str| Error::data(path.display().to_string(), what);
    if path.is_dir() {
        return Err(wrong(
            "is a folder, and files of JSON Lines are read; name those in it (FOLDER/*.jsonl)",
        ));
    }
    let opened = breadth_data::open_lines_of(path);
    let mut file = opened.map_err(|e| Error::io(path, e))?;
    let mut head = Vec::new();
    let read = file.by_ref().take(4).read_to_end(&mut head);
    read.map_err(|e| Error::io(path, e))?;
    if head.starts_with(b"PAR1") {
        return Err(wrong(
            "is a Parquet file, and JSON Lines are read; make them of it: \
             pandas.read_parquet(FILE).to_json(\"data.jsonl\", orient=\"records\", lines=True)",
        ));
    }
    Ok(Box::new(std::io::Cursor::new(head).chain(file)))
}

/// The lines of files that are not blank, with their places.
pub(super) fn lines(files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    for path in files {
        let mut file = open(path)?;
        for index in 1.. {
            let place = place(path, index);
            let read = line(&mut file);
            match read.map_err(|e| Error::data(&*place, format!("cannot be read: {e}")))? {
                None => break,
                Some(line) if line.trim().is_empty() => {}
                Some(line) => lines.push((place, line)),
            }
        }
    }
    if lines.is_empty() {
        return Err(Error::data(names(files), "no line of data"));
    }
    Ok(lines)
}

fn names(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

fn place(path: &Path, line: usize) -> String {
    format!("{}, line {line}", path.display())
}

/// A line's item and what was done to it.
#[derive(Default)]
struct Read {
    item: Item,
    is_conversation: bool,
    has_response: bool,
    /// Whether an end token was appended.
    ended: bool,
    /// Whether there was one.
    has_end: bool,
    is_checked: bool,
    change: Option<Change>,
    /// Where the response is taken as the template writes it, which is not as it stands.
    as_written: Option<String>,
    /// Where the response is taken as it stands, though the template would write another.
    rewritten: Option<String>,
    /// Tokens cut away.
    cut: usize,
    /// The prompt before the cut, where there was one: how much of a prompt is left depends on the
    /// response.
    uncut: Option<Vec<u32>>,
}

impl Read {
    /// The prompt as the line gives it.
    fn whole_prompt(&self) -> &[u32] {
        self.uncut.as_deref().unwrap_or(&self.item.prompt)
    }
}

struct Reader<'a> {
    text: &'a Text,
    options: &'a DataOptions,
    /// Bytes that the chat template has made of all lines so far; once they are more than the most,
    /// no more are made.
    rendered: AtomicU64,
    most_rendered: u64,
}

impl Reader<'_> {
    fn line(&self, (place, line): &(String, String), index: usize) -> Result<Read> {
        let line = Line::parse(line, place)?;
        let mut read = Read::default();
        if line.response.is_none() && self.options.responses == Responses::Required {
            let message = match line.prompt {
                Content::Messages(_) => {
                    "has no response; the last message must be the assistant's".to_owned()
                }
                _ => format!("has no response{}", found(&line.unread)),
            };
            return Err(Error::data(&**place, message));
        }
        self.tokens(&mut read, line.prompt, (line.response, line.turn), place)?;
        read.has_response = !read.item.response.is_empty();
        self.cut(&mut read, place)?;
        read.item.prompt_id = line.prompt_id.unwrap_or_else(|| index.to_string());
        read.item.response_id = line.response_id.unwrap_or_else(|| "0".into());
        (read.item.answer, read.item.group, read.item.weight) =
            (line.answer, line.group, line.weight);
        Ok(read)
    }

    fn tokens(
        &self,
        read: &mut Read,
        prompt: Content,
        (mut response, turn): (Option<Content>, Option<Json>),
        place: &str,
    ) -> Result<()> {
        let at = format!("{place}: prompt");
        let (prompt_text, ids) = match prompt {
            Content::Ids(ids) => (None, ids),
            Content::Text(text) => {
                let ids = self.text.encode_prompt(&text, &at)?;
                (Some(text), ids)
            }
            Content::Messages(conversation) => {
                let text = self.rendered(&conversation, place)?;
                read.is_conversation = true;
                let ids = self.text.encode_whole(&text, &at)?;
                if let Some(Content::Text(content)) = &mut response {
                    self.turn(read, (&text, &conversation), (content, turn), place)?;
                }
                (Some(text), ids)
            }
        };
        (read.item.prompt, read.item.prompt_text) = (ids, prompt_text);
        let is_text = matches!(response, Some(Content::Text(_)));
        match response {
            Some(Content::Text(response)) => self.respond(read, response, place)?,
            Some(Content::Ids(ids)) => read.item.response = ids,
            Some(Content::Messages(_)) | None => return Ok(()),
        }
        self.end(read, is_text);
        Ok(())
    }

    /// The text of a conversation, if not too much was made of conversations before.
    fn rendered(&self, conversation: &Conversation, place: &str) -> Result<String> {
        if self.rendered.load(Ordering::Relaxed) > self.most_rendered {
            // All lines then have one error, that of the files.
            return Err(Error::data(place, "is not rendered"));
        }
        let text = self.text.prompt_of(conversation, place)?;
        self.rendered
            .fetch_add(text.len() as u64, Ordering::Relaxed);
        Ok(text)
    }

    fn too_much_rendered(&self, files: &[PathBuf]) -> Error {
        let message = format!(
            "the chat template beside {} makes more than {} bytes of the conversations, far more than \
             they have; split the file, or raise {}",
            self.text.place,
            self.most_rendered,
            breadth_data::MAX_RECORD_BYTES
        );
        Error::data(names(files), message)
    }

    /// Takes a whole conversation's last turn as the template writes it, and notes where a response
    /// is taken otherwise than that.
    fn turn(
        &self,
        read: &mut Read,
        before: (&str, &Conversation),
        (content, turn): (&mut String, Option<Json>),
        place: &str,
    ) -> Result<()> {
        let is_whole = turn.is_some();
        let last = turn.unwrap_or_else(|| {
            Json::object([("role", "assistant"), ("content", content.as_str())])
        });
        match Turn::new(self.text, before, &last, content) {
            Turn::AsItStands => {}
            Turn::Written(written) if is_whole => {
                *content = written;
                read.as_written = Some(place.to_owned());
            }
            Turn::Written(_) | Turn::Otherwise => read.rewritten = Some(place.to_owned()),
            Turn::Refused(why) => {
                let message = format!(
                    "the chat template does not write the texts of the last message, whose content \
                     is a list of parts ({why}); give its content as one text"
                );
                return Err(Error::data(place, message));
            }
        }
        Ok(())
    }

    fn respond(&self, read: &mut Read, response: String, place: &str) -> Result<()> {
        let mut ids = self
            .text
            .encode_whole(&response, &format!("{place}: response"))?;
        if ids.is_empty() {
            return Err(Error::data(format!("{place}: response"), "has no token"));
        }
        if let Some(prompt) = &read.item.prompt_text {
            let whole = format!("{prompt}{response}");
            let joint = if read.is_conversation {
                self.text.encode_whole(&whole, place)
            } else {
                self.text.encode_prompt(&whole, place)
            };
            match (joint, self.options.boundary) {
                // The template writes both in one piece.
                (Ok(joint), _)
                    if read.as_written.is_some()
                        && joint.starts_with(&read.item.prompt)
                        && joint.len() > read.item.prompt.len() =>
                {
                    ids = joint[read.item.prompt.len()..].to_vec();
                }
                (Ok(joint), boundary) => {
                    read.is_checked = true;
                    read.change = change(&[&read.item.prompt[..], &ids].concat(), &joint, place);
                    if boundary == Boundary::Joint {
                        ids = after_prompt(&read.item.prompt, &joint, place)?;
                    }
                }
                (Err(error), Boundary::Joint) => return Err(error),
                // Words that stand apart may make none in one piece: then nothing merges, and
                // nothing is compared.
                (Err(_), Boundary::Separate) => {}
            }
        }
        (read.item.response, read.item.response_text) = (ids, Some(response));
        Ok(())
    }

    /// Appends the end token where it belongs.
    fn end(&self, read: &mut Read, is_text: bool) {
        let token = self.end_token(read.is_conversation);
        let last = read.item.response.last().copied();
        read.has_end = last
            .is_some_and(|id| Some(id) == token || self.text.generation.end_tokens.contains(&id));
        let is_due = match self.options.end_token {
            EndToken::Auto => is_text,
            EndToken::Always => true,
            EndToken::Never => false,
        };
        if let Some(token) = token.filter(|_| is_due && !read.has_end) {
            read.item.response.push(token);
            read.ended = true;
        }
    }

    fn end_token(&self, is_conversation: bool) -> Option<u32> {
        if is_conversation {
            self.text.end_of_turn()
        } else {
            self.text.end_token()
        }
    }

    fn cut(&self, read: &mut Read, place: &str) -> Result<()> {
        let Some(Cut {
            max_length,
            reserve,
            side,
        }) = self.options.cut
        else {
            return Ok(());
        };
        let item = &mut read.item;
        let response = if reserve > 0 {
            reserve
        } else {
            item.response.len()
        };
        let length = item.prompt.len() + response;
        if length <= max_length {
            return Ok(());
        }
        let start = self
            .text
            .special
            .token("bos_token")
            .and_then(|token| self.text.id(token));
        let kept = usize::from(start.is_some() && item.prompt.first().copied() == start);
        let room = max_length.saturating_sub(response);
        let Some(side) = side else {
            let message = format!(
                "{length} tokens of prompt and response; at most {max_length} are allowed; shorten \
                 it, or have it cut: truncate = left or right"
            );
            return Err(Error::data(place, message));
        };
        if room <= kept {
            let message = format!(
                "the response has {response} tokens, which leaves no room for a prompt within \
                 {max_length}; responses are never cut"
            );
            return Err(Error::data(place, message));
        }
        read.cut = item.prompt.len() - room;
        read.uncut = (self.options.one_prompt_per_id).then(|| item.prompt.clone());
        match side {
            Side::Left => drop(item.prompt.drain(kept..kept + read.cut)),
            Side::Right => item.prompt.truncate(room),
        }
        Ok(())
    }

    fn account(&self, read: &[Read]) -> Account {
        let count = |is: &dyn Fn(&Read) -> bool| read.iter().filter(|one| is(one)).count();
        let first = |of: &dyn Fn(&Read) -> Option<&String>| read.iter().find_map(of).cloned();
        let conversations = count(&|one| one.is_conversation);
        let mut tokens: Vec<u32> = Vec::new();
        for (is_conversation, lines) in [(true, conversations), (false, read.len() - conversations)]
        {
            tokens.extend(self.end_token(is_conversation).filter(|_| lines > 0));
        }
        tokens.dedup();
        let ended = count(&|one| one.ended);
        let present = count(&|one| one.has_end);
        let is_text = |one: &Read| !one.is_conversation && one.item.prompt_text.is_some();
        let has_text = read.iter().any(is_text);
        Account {
            lines: read.len(),
            conversations,
            as_written: count(&|one| one.as_written.is_some()),
            as_written_example: first(&|one| one.as_written.as_ref()),
            rewritten: count(&|one| one.rewritten.is_some()),
            rewritten_example: first(&|one| one.rewritten.as_ref()),
            disputed_start: has_text.then(|| self.text.disputed_start()).flatten(),
            end_token: EndTokenAccount {
                policy: self.options.end_token,
                tokens,
                appended: ended,
                present,
                without: count(&|one| one.has_response) - ended - present,
            },
            boundary: BoundaryAccount {
                policy: self.options.boundary,
                checked: count(&|one| one.is_checked),
                changed: count(&|one| one.change.is_some()),
                example: read.iter().find_map(|one| one.change.clone()),
            },
            cut: self.options.cut.and_then(|cut| {
                Some(CutAccount {
                    side: cut.side?,
                    max_length: cut.max_length,
                    prompts: count(&|one| one.cut > 0),
                    tokens: read.iter().map(|one| one.cut).sum(),
                })
            }),
        }
    }
}

/// The ids around the first difference, if there is one.
fn change(apart: &[u32], joint: &[u32], place: &str) -> Option<Change> {
    if apart == joint {
        return None;
    }
    let at = apart.iter().zip(joint).take_while(|(a, b)| a == b).count();
    let around = |ids: &[u32]| ids[at.saturating_sub(2)..ids.len().min(at + 3)].to_vec();
    Some(Change {
        place: place.into(),
        apart: around(apart),
        joint: around(joint),
    })
}

/// What comes after the prompt's ids in those of the whole.
fn after_prompt(prompt: &[u32], joint: &[u32], place: &str) -> Result<Vec<u32>> {
    match joint.strip_prefix(prompt) {
        Some(rest) if !rest.is_empty() => Ok(rest.to_vec()),
        _ => {
            let change = change(prompt, joint, place)
                .map(|c| format!(" ({:?} alone, {:?} in one piece)", c.apart, c.joint));
            let message = format!(
                "boundary = joint: the last tokens of the prompt merge with the response{}; move \
                 the white space at the boundary, or take boundary = separate",
                change.unwrap_or_default()
            );
            Err(Error::data(place, message))
        }
    }
}

/// Checks that lines of one `prompt_id` have one prompt.
fn check_prompts(read: &[Read]) -> Result<()> {
    let mut known: HashMap<&str, &Read> = HashMap::new();
    for one in read {
        let first = *known.entry(&one.item.prompt_id).or_insert(one);
        if first.whole_prompt() != one.whole_prompt() {
            return Err(different_prompts(&first.item, &one.item));
        }
    }
    Ok(())
}

/// Checks that the lines, of which these are the items, have keys of their own.
fn check_unique(read: &[Read], lines: &[(String, String)]) -> Result<()> {
    let mut seen = HashMap::new();
    for (Read { item, .. }, (place, _)) in read.iter().zip(lines) {
        let key = (&item.prompt_id, &item.response_id);
        if let Some(first) = seen.insert(key, place) {
            let response = short(&item.response_id);
            let message = format!(
                "{}, response_id {response} stands there twice, first in {first}; give each \
                 response its own response_id",
                item.place()
            );
            return Err(Error::data(&**place, message));
        }
    }
    Ok(())
}
