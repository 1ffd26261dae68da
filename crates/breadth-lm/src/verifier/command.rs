//! A program that judges.
//!
//! A program reads one JSON line per response and writes one, {"reward": .., "answer": ..}.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use breadth_data::short;
use serde_json::{Value, json};

use super::compare::references;
use super::judge::{Judged, Judgement, Reads, Tally, VerifierKind, Verify};
use super::worker::{Heard, Worker};
use crate::error::{Error, Result};
use crate::text::Item;

/// Seconds that a response may take unless it is said otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Failures in a row, over all processes, after which the program is at fault and not the
/// responses.
const MOST_FAILURES: u64 = 16;
/// The same while nothing was ever answered.
const MOST_FAILURES_AT_FIRST: u64 = 3;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "command:PROGRAM",
    help: "",
    parse: |text| Ok(Box::new(Command::parse(text)?)),
};

/// A program that reads one line of JSON for each response and writes one.
///
/// In, on standard input: `{"prompt_id", "response_id", "prompt", "response", "reference",
/// "group"}`, texts or `null`. `reference` is the line's `answer`, or its response. Out, on
/// standard output, before the next line comes in: `{"reward": r}` with r in [0, 1] or a boolean,
/// and, if it likes, `"answer"`, and `"prompt_id"` and `"response_id"`, which then must be those
/// asked about. Its output must not wait in a buffer (flush; `PYTHONUNBUFFERED` is set). Standard
/// error is passed on, 16 KiB of it for each response; more than 1 MiB, or a line that long, is an
/// error.
///
/// As many processes run as there are threads, each for many responses. Which of them gets a
/// response is not defined, so what it says must depend on the line alone.
///
/// - A response that takes longer than the limit gets reward 0 and is counted; the process is
///   killed and another started.
/// - A process that ends without an answer is started again and asked once more; if it ends again,
///   the response gets reward 0 and is counted.
/// - 16 such failures in a row (3 if nothing was ever answered) are an error, and so is a program
///   that cannot be started.
/// - A line that is not such JSON, a reward outside [0, 1], and a line too many are errors: they
///   say nothing of the response.
#[derive(Debug)]
pub(super) struct Command {
    words: Vec<String>,
    timeout: Duration,
    idle: Mutex<Vec<Worker>>,
    answered: AtomicU64,
    failures: AtomicU64,
    tally: Mutex<Tally>,
}

impl Command {
    /// A program and its arguments, parted by white space outside of quotes.
    ///
    /// # Errors
    /// If a quote is not closed or there is no program.
    fn parse(text: &str) -> Result<Self> {
        let words = words(text)
            .filter(|words| !words.is_empty())
            .ok_or_else(|| {
                Error::config(
                    format!("verifier command:{text}"),
                    "is no program with its arguments; close every quote",
                )
            })?;
        Ok(Self {
            words,
            timeout: TIMEOUT,
            idle: Mutex::default(),
            answered: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            tally: Mutex::default(),
        })
    }

    fn part(&self, part: &[Judged]) -> Result<Vec<Judgement>> {
        let mut worker = lock(&self.idle).pop();
        let judged: Result<Vec<Judgement>> =
            part.iter().map(|one| self.one(one, &mut worker)).collect();
        if judged.is_ok() {
            lock(&self.idle).extend(worker);
        }
        judged
    }

    fn one(&self, judged: &Judged, worker: &mut Option<Worker>) -> Result<Judgement> {
        let line = request(judged);
        let mut is_fresh = false;
        loop {
            let mut running = match worker.take() {
                Some(worker) => worker,
                None => {
                    is_fresh = true;
                    Worker::start(&self.words)?
                }
            };
            match running.ask(&line, self.timeout) {
                Heard::Line(answer) => {
                    *worker = Some(running);
                    return self.answered(judged, &answer);
                }
                Heard::End if !is_fresh => {}
                Heard::End => {
                    let status = running.ended();
                    return self.failed(judged, status, |tally| tally.crashed += 1);
                }
                Heard::Nothing => return self.failed(judged, None, |tally| tally.timed_out += 1),
                Heard::Surplus(line) => return Err(self.surplus(&line)),
                Heard::Unreadable(why) => return Err(self.error(judged, &why)),
            }
        }
    }

    fn answered(&self, judged: &Judged, line: &str) -> Result<Judgement> {
        let judgement = reply(judged, line)
            .map_err(|why| self.error(judged, &format!("wrote `{}`: {why}", short(line))))?;
        lock(&self.tally).judged += 1;
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        Ok(judgement)
    }

    fn failed(
        &self,
        judged: &Judged,
        status: Option<ExitStatus>,
        count: impl Fn(&mut Tally),
    ) -> Result<Judgement> {
        let mut tally = lock(&self.tally);
        tally.judged += 1;
        count(&mut tally);
        let Tally {
            crashed, timed_out, ..
        } = *tally;
        drop(tally);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let is_new = self.answered.load(Ordering::Relaxed) == 0;
        let most = if is_new {
            MOST_FAILURES_AT_FIRST
        } else {
            MOST_FAILURES
        };
        if failures >= most {
            let message = match status {
                Some(status) if timed_out == 0 => format!(
                    "ended {failures} times in a row without a line ({status}); see what it wrote \
                     on standard error, and run it by hand"
                ),
                _ => format!(
                    "failed {failures} times in a row ({crashed} times ended, {timed_out} times \
                     no line within {} s); does it flush every line that it writes?",
                    self.timeout.as_secs_f64()
                ),
            };
            return Err(self.error(judged, &message));
        }
        Ok(Judgement {
            reward: 0.0,
            answer: Some(String::new()),
        })
    }

    fn surplus(&self, line: &str) -> Error {
        let message = format!(
            "wrote a line too many (`{}`); it must write one line for each that it reads",
            short(line)
        );
        Error::data(self.name(), message)
    }

    fn error(&self, judged: &Judged, message: &str) -> Error {
        let (place, response) = (judged.item.place(), judged.response_id);
        Error::data(
            self.name(),
            format!("{place}, response_id {response}: {message}"),
        )
    }

    fn name(&self) -> String {
        format!("verifier command:{}", self.words.join(" "))
    }
}

impl Verify for Command {
    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn compares(&self) -> bool {
        false
    }

    fn check(&self, _: &Item) -> Result<()> {
        Ok(())
    }

    /// A word may be a file, or have one behind a `=`, as in `--rules=rules.json`.
    fn files(&self) -> Vec<PathBuf> {
        let after = |word: &String| word.split_once('=').map(|(_, value)| value.to_owned());
        let words = self.words.iter();
        words
            .flat_map(|word| std::iter::once(word.clone()).chain(after(word)))
            .map(PathBuf::from)
            .filter(|path| path.is_file())
            .collect()
    }

    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        let threads = rayon::current_num_threads().min(batch.len()).max(1);
        let share = batch.len().div_ceil(threads).max(1);
        let judged = std::thread::scope(|scope| {
            let work = |part| scope.spawn(move || self.part(part));
            let running: Vec<_> = batch.chunks(share).map(work).collect();
            let ended = running
                .into_iter()
                .map(|one| one.join().expect("a worker does not panic"));
            ended.collect::<Vec<Result<Vec<Judgement>>>>()
        });
        Ok(judged.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Closes the programs' input and waits for their ends.
    fn finish(&self) -> Result<Option<Tally>> {
        let workers = std::mem::take(&mut *lock(&self.idle));
        for worker in workers {
            if let Some(line) = worker.finish(self.timeout) {
                return Err(self.surplus(&line));
            }
        }
        Ok(Some(*lock(&self.tally)))
    }
}

/// What a poisoned lock holds is whole all the same: nothing panics between two writes.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn request(judged: &Judged) -> String {
    let Judged {
        item,
        response_id,
        text,
        ..
    } = judged;
    let mut references: Vec<Option<&str>> = references(item).map(|right| right.text()).collect();
    references.dedup();
    let mut line = json!({
        "prompt_id": item.prompt_id,
        "response_id": response_id,
        "prompt": item.prompt_text,
        "response": text,
        "reference": references[0],
        "group": item.group,
    });
    if references.len() > 1 {
        line["references"] = json!(references);
    }
    format!("{line}\n")
}

fn reply(judged: &Judged, line: &str) -> std::result::Result<Judgement, String> {
    let reply = breadth_data::parse_json(line).map_err(|e| format!("not JSON ({e})"))?;
    let fields = reply
        .as_object()
        .ok_or("not an object; write {\"reward\": ..}")?;
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let asked = [
        ("prompt_id", judged.item.prompt_id.as_str()),
        ("response_id", judged.response_id),
    ];
    for (name, asked) in asked {
        if let Some(told) = fields.get(name).map(text).filter(|told| told != asked) {
            return Err(format!(
                "{name} {told} where {asked} was asked about; answer line by line, in order"
            ));
        }
    }
    let reward = match fields.get("reward") {
        Some(Value::Bool(right)) => f64::from(u8::from(*right)),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        _ => return Err("no reward, a number from 0 to 1".into()),
    };
    if !(0.0..=1.0).contains(&reward) {
        return Err(format!("reward {reward} is not in [0, 1]"));
    }
    let answer = fields
        .get("answer")
        .filter(|value| !value.is_null())
        .map(text);
    Ok(Judgement {
        reward,
        answer: Some(answer.unwrap_or_default()),
    })
}

/// Words parted by white space; single and double quotes keep it, a backslash within double quotes
/// or outside of any keeps the next character.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(rest.next()?),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_in_a_shell() {
        for (text, expected) in [
            ("a b  c", Some(vec!["a", "b", "c"])),
            (
                r#"sh -c 'x y' "z \" w" v\ u"#,
                Some(vec!["sh", "-c", "x y", "z \" w", "v u"]),
            ),
            ("a '' b", Some(vec!["a", "", "b"])),
            (r"'a\b'", Some(vec![r"a\b"])),
            ("  ", Some(vec![])),
            ("a 'b", None),
            ("a\\", None),
        ] {
            let found = words(text);
            let found = found
                .as_ref()
                .map(|w| w.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found, expected, "{text}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["my grade.py", "rules.json"] {
            std::fs::write(path(name), "").unwrap();
        }
        let [program, rules] = ["my grade.py", "rules.json"].map(path);
        let text = format!(
            "python3 '{}' -v --rules={}",
            program.display(),
            rules.display()
        );
        assert_eq!(Command::parse(&text).unwrap().files(), [program, rules]);
        assert!(Command::parse("  ").is_err());
        assert!(Command::parse("'a").is_err());
    }
}
