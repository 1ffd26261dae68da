//! The only place that prints: the result on stdout as text or as one JSON document, remarks on
//! stderr.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use breadth_data::{is_unseen, readable};
use breadth_report::common_start;
use comfy_table::ColumnConstraint::LowerBoundary;
use comfy_table::Width::Fixed;
use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle,
};
use serde::Serialize;
use terminal_size::{Height, Width, terminal_size_of};

use crate::flags;

/// Where and how the results of a command go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document on stdout and nothing else there.
    pub json: bool,
    /// No remarks on stderr; errors are still shown.
    pub quiet: bool,
}

impl Output {
    /// Prints a result: `document` under `--json`, else what `text` makes of the terminal's style.
    pub fn result(
        &self,
        document: &impl Serialize,
        text: impl FnOnce(Style) -> String,
    ) -> Result<()> {
        let mut rendered = if self.json {
            serde_json::to_string(document)?
        } else {
            let style = Style::stdout();
            style.wrapped(&printable(&text(style)))
        };
        rendered.push('\n');
        to_stdout(rendered.as_bytes())
    }

    /// What the readers of other tools' logs want known.
    pub fn remarks(&self, texts: &[String]) {
        texts
            .iter()
            .for_each(|text| self.remark(&flags::named(text)));
    }

    /// The command that comes next, on stderr for a person who watches.
    pub fn next(&self, command: &str) {
        if !self.json {
            self.remark(&format!("next: {command}"));
        }
    }

    /// A remark on stderr for a person who watches, silenced by `-q`. What was said is not said
    /// again: a table may be read twice.
    pub fn remark(&self, text: &str) {
        static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.quiet && said.insert(text.to_owned()) {
            // A remark that nobody can read must not fail the command.
            let style = Style::stderr();
            let shown = style.wrapped(&style.faint(&readable(&printable(text))));
            let _ = writeln!(stderr(), "{shown}");
        }
    }
}

/// A text in which control characters that came with the data are seen instead of obeyed: `\u{1b}`
/// as `\x1b`. Line breaks and the emphasis of [`Style`] stay.
pub fn printable(text: &str) -> String {
    let is_hidden = |c: char| is_unseen(c) && c != '\n';
    if !text.contains(is_hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(own) = EMPHASIS.iter().find(|own| rest.starts_with(*own)) {
            shown.push_str(own);
            rest = &rest[own.len()..];
            continue;
        }
        if is_hidden(c) && u32::from(c) < 0x100 {
            shown.push_str(&format!("\\x{:02x}", u32::from(c)))
        } else if is_hidden(c) {
            shown.push_str(&format!("\\u{{{:x}}}", u32::from(c)))
        } else {
            shown.push(c)
        }
        rest = &rest[c.len_utf8()..];
    }
    shown
}

/// Names of models with their control characters, line breaks among them, as JSON writes them: in a
/// sentence nothing else tells a name's line break from the sentence's.
pub fn printable_names(names: &mut [String]) {
    for name in names.iter_mut().filter(|name| name.contains(is_unseen)) {
        let shown = name.chars().map(|c| match c {
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            c if is_unseen(c) => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        });
        *name = shown.collect();
    }
}

/// What [`Style`] and its tables write to a terminal.
const EMPHASIS: [&str; 5] = ["\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[0m", "\x1b[22m"];

/// A table before it is laid out in a terminal that has no room for it.
struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn cells(&self, at: usize) -> impl Iterator<Item = &String> {
        self.rows.iter().filter_map(move |row| row.get(at))
    }

    /// The columns of the longest words of each column.
    fn words(&self) -> Vec<usize> {
        let longest = |cell: &str, between| {
            let words = cell.split(between);
            words.map(textwrap::core::display_width).max().unwrap_or(0)
        };
        let of_column = |at: usize| {
            let title = longest(&self.header[at], broken_at(&self.header[at]));
            let cells = self.cells(at).map(|cell| longest(cell, ' '));
            PADDING + cells.fold(title, usize::max)
        };
        (0..self.header.len()).map(of_column).collect()
    }

    /// The columns that the table takes if no word is broken.
    fn least(&self) -> usize {
        self.words().iter().sum()
    }

    /// Leaves out what all names in these columns begin with, and says what, and cuts names that
    /// have no room even where other cells are broken.
    fn shorten(&mut self, titles: &[&str], width: usize) -> Option<String> {
        let is_of_names = |at: &usize| titles.contains(&&*self.header[*at]);
        let columns: Vec<usize> = (0..self.header.len()).filter(is_of_names).collect();
        let first = *columns.first()?;
        let room = |others: usize| (width.saturating_sub(others) / columns.len()).max(SHORTEST);
        let whole = |at: usize| {
            let lengths = self
                .cells(at)
                .map(|cell| textwrap::core::display_width(cell));
            PADDING + lengths.fold(textwrap::core::display_width(&self.header[at]), usize::max)
        };
        let is_other = |at: &usize| !columns.contains(at);
        let others = (0..self.header.len()).filter(is_other);
        let (wholes, words) = (others.clone().map(whole).sum::<usize>(), self.words());
        let broken: usize = others.map(|at| words[at]).sum();
        let names: Vec<&str> = self.cells(first).map(String::as_str).collect();
        let start = common_start(&names, room(wholes).saturating_sub(PADDING)).to_owned();
        let most = room(broken).saturating_sub(PADDING);
        let rest = |name: &str| name.strip_prefix(&*start).unwrap_or(name).to_owned();
        let all: BTreeSet<String> = names.iter().map(|name| rest(name)).collect();
        let cut: BTreeSet<String> = all.iter().map(|name| without_middle(name, most)).collect();
        // Names that the cut would make one are broken over several lines instead.
        let most = if cut.len() < all.len() {
            usize::MAX
        } else {
            most
        };
        for row in &mut self.rows {
            for &at in &columns {
                let Some(name) = row.get_mut(at) else {
                    continue;
                };
                *name = without_middle(&rest(name), most);
            }
        }
        Some(start).filter(|start| !start.is_empty())
    }

    /// Lets no column of a table become narrower than its longest word, as far as there is room;
    /// the widest give way first.
    fn keep_words(&self, table: &mut Table, width: usize) {
        let mut widths = self.words();
        while widths.iter().sum::<usize>() > width {
            let Some(widest) = widths
                .iter_mut()
                .max()
                .filter(|widest| **widest > PADDING + 1)
            else {
                return;
            };
            *widest -= 1;
        }
        for (column, least) in table.column_iter_mut().zip(widths) {
            column.set_constraint(LowerBoundary(Fixed(least as u16)));
        }
    }
}

/// A name in so many characters: its middle tells models of one run apart the least.
fn without_middle(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let head: String = name.chars().take((most - 1) / 3).collect();
    let tail: String = name
        .chars()
        .skip(length - (most - 1 - (most - 1) / 3))
        .collect();
    format!("{head}…{tail}")
}

/// Where a heading may be broken: between words, or in the one that it has.
fn broken_at(title: &str) -> char {
    if title.contains(' ') { ' ' } else { '-' }
}

/// Spaces beside the words of a cell.
const PADDING: usize = 2;

/// A cell of a table: one line, whatever it holds.
fn one_line(cell: &str) -> String {
    cell.replace('\r', "\\r")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// Writes and flushes, so that a full disk behind `> file` is an error and not a lost result.
pub fn to_stdout(bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut out = stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    };
    write().context("cannot write the result to standard output")
}

/// Emphasis for terminals; plain text everywhere else, and under the `NO_COLOR` convention.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
    /// Columns of the terminal; none where the text goes elsewhere.
    width: Option<usize>,
}

/// Columns of tables that hold names, which are long and have no words to part them at: what they
/// are names of, and the titles.
const NAMES: [(&str, &[&str]); 2] = [("models", &["model", "worst rival"]), ("logs", &["log"])];

/// Fewer columns are not enough for any name.
const SHORTEST: usize = 12;

/// Narrower terminals get lines of this many columns.
const NARROWEST: usize = 60;

impl Style {
    /// The style for a stream that is a terminal or not.
    pub fn of(terminal: bool) -> Self {
        let variable = |name| std::env::var(name).ok();
        Style::decide(
            terminal,
            variable("NO_COLOR").as_deref(),
            variable("TERM").as_deref(),
        )
    }

    fn decide(terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let refused = no_color.is_some_and(|value| !value.is_empty());
        Style {
            colours: terminal && !refused && term != Some("dumb"),
            width: None,
        }
    }

    fn stdout() -> Self {
        let is_terminal = stdout().is_terminal();
        Style::of(is_terminal).as_wide_as(terminal_size_of(stdout()), is_terminal)
    }

    fn stderr() -> Self {
        let is_terminal = stderr().is_terminal();
        Style::of(is_terminal).as_wide_as(terminal_size_of(stderr()), is_terminal)
    }

    /// As wide as a terminal says, or `COLUMNS` for one that does not, as under some CI systems.
    fn as_wide_as(self, size: Option<(Width, Height)>, is_terminal: bool) -> Self {
        let told = size.map(|(Width(columns), _)| usize::from(columns));
        let set = || std::env::var("COLUMNS").ok()?.parse().ok();
        let columns = told.or_else(|| set().filter(|_| is_terminal));
        Style {
            width: columns.map(|columns: usize| columns.max(NARROWEST)),
            ..self
        }
    }

    /// Sentences broken between words at the terminal's width. Lines that begin with a space,
    /// tables and commands, stay as they are.
    fn wrapped(self, text: &str) -> String {
        let Some(width) = self.width else {
            return text.to_owned();
        };
        // Names such as `step-300` stay in one piece.
        let options = textwrap::Options::new(width)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let line = |line: &str| {
            if line.starts_with(' ') || line.contains('─') {
                line.to_owned()
            } else {
                textwrap::fill(line, &options)
            }
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }

    /// The sentence to read first.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be skipped.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// What went wrong.
    pub fn failure(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Rows under a header, every row one line. The first `left` columns hold words, the others
    /// numbers.
    ///
    /// In a terminal that has no room for it, names lose what all of them begin with and then their
    /// middle, cells are broken between words, and the last columns are left out; lines below say
    /// so.
    pub fn table(self, left: usize, header: &[String], rows: Vec<Vec<String>>) -> String {
        let whole = self.laid_out(left, header, &rows, None);
        let is_wide = |line: &str, width: usize| textwrap::core::display_width(line) > width;
        let Some(width) = self
            .width
            .filter(|&width| whole.lines().any(|line| is_wide(line, width)))
        else {
            return whole;
        };
        let mut grid = Grid {
            header: header.to_vec(),
            rows,
        };
        let mut said = Vec::new();
        for (what, titles) in NAMES {
            let start = grid.shorten(titles, width);
            said.extend(start.map(|start| {
                format!("All names of {what} begin with `{start}`, which is left out.")
            }));
        }
        let mut left_out = Vec::new();
        while grid.least() > width && grid.header.len() > left + 1 {
            left_out.push(format!("`{}`", grid.header.pop().unwrap_or_default()));
            grid.rows.iter_mut().for_each(|row| drop(row.pop()));
        }
        if !left_out.is_empty() {
            left_out.reverse();
            said.push(format!(
                "No room for {}; --json has all.",
                left_out.join(", ")
            ));
        }
        let table = self.laid_out(left, &grid.header, &grid.rows, Some(width));
        std::iter::once(table)
            .chain(said)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn laid_out(
        self,
        left: usize,
        header: &[String],
        rows: &[Vec<String>],
        width: Option<usize>,
    ) -> String {
        let mut table = Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        // Whether to emphasise was decided once, for everything on stdout.
        table.force_no_tty();
        if self.colours {
            table.enforce_styling();
        }
        table.set_header(header.iter().map(|title| {
            let cell = Cell::new(title).set_delimiter(broken_at(title));
            cell.add_attribute(Attribute::Bold)
        }));
        let one_line =
            |row: &Vec<String>| row.iter().map(|cell| one_line(cell)).collect::<Vec<_>>();
        table.add_rows(rows.iter().map(one_line));
        for column in table.column_iter_mut().skip(left) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if let Some(width) = width {
            let is_wide = |line: &str| textwrap::core::display_width(line) > width;
            if table.trim_fmt().lines().any(is_wide) {
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(width as u16);
                let grid = Grid {
                    header: header.to_vec(),
                    rows: rows.to_vec(),
                };
                grid.keep_words(&mut table, width);
            }
        }
        table.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emphasis_is_for_terminals_that_want_it() {
        assert!(Style::decide(true, None, Some("xterm")).colours);
        assert!(
            Style::decide(true, Some(""), Some("xterm")).colours,
            "empty means unset"
        );
        assert!(!Style::decide(true, Some("1"), Some("xterm")).colours);
        assert!(!Style::decide(true, None, Some("dumb")).colours);
        assert!(!Style::decide(false, None, Some("xterm")).colours);
    }

    #[test]
    fn control_characters_are_seen_and_emphasis_stays() {
        let bold = Style {
            colours: true,
            width: None,
        }
        .strong("a");
        assert_eq!(printable(&bold), bold);
        assert_eq!(
            printable("a\u{1b}[2J\u{1b}]0;x\u{7}\nb\u{9b}"),
            "a\\x1b[2J\\x1b]0;x\\x07\nb\\x9b"
        );
        // What turns the direction of writing, or takes no room.
        assert_eq!(
            printable("a\u{202e}b\u{2066}\u{200b}é"),
            "a\\u{202e}b\\u{2066}\\u{200b}é"
        );
        let mut names = ["x\u{2028}y".to_owned()];
        printable_names(&mut names);
        assert_eq!(names, ["x\\u2028y"]);
    }

    #[test]
    fn sentences_fit_the_terminal_and_commands_stay_whole() {
        let narrow = Style {
            colours: true,
            width: Some(60),
        };
        let sentence = "Take step-000030 (likely, by reach): reach_16 is 99.1%, so that no other candidate is better.";
        let command = "  breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 64 --verifier VERIFIER -o samples.parquet";
        let text = format!("{}\n{command}", narrow.strong(sentence));
        let names = narrow.wrapped("the checkpoints of which none is excluded: step-100, step-200");
        assert!(
            names.contains("step-100") && names.contains("step-200"),
            "{names}"
        );
        let wrapped = narrow.wrapped(&text);
        let (sentences, last) = wrapped.rsplit_once('\n').unwrap();
        assert_eq!(last, command);
        let width = |line: &str| textwrap::core::display_width(line);
        assert!(sentences.lines().count() == 2 && sentences.lines().all(|line| width(line) <= 60));
        let joined = sentences.replace('\n', " ");
        assert_eq!(joined, narrow.strong(sentence));
        let elsewhere = Style {
            width: None,
            ..narrow
        };
        assert_eq!(elsewhere.wrapped(&text), text);

        let header =
            ["model", "a long heading", "another long heading", "limits"].map(str::to_owned);
        let row = [
            "step-000030",
            "99.1%",
            "12.5%",
            "[10.0, 100.0]%, as far as known",
        ]
        .map(str::to_owned);
        let table = narrow.table(1, &header, vec![row.to_vec()]);
        assert!(table.lines().all(|line| width(line) <= 60), "{table}");
        assert!(table.contains("step-000030"), "{table}");
    }

    #[test]
    fn narrow_columns_break_between_words() {
        let narrow = Style {
            colours: false,
            width: Some(60),
        };
        let header = [
            "rank",
            "model",
            "worst rival",
            "value",
            "limits",
            "cross-entropy",
            "Cov_4",
        ];
        let row = [
            "1",
            "step-100",
            "step-2000",
            "33.3%",
            "[10.0, 70.8]%",
            "10.6667",
            "[0.0, 10.0]%",
        ];
        let table = narrow.table(
            3,
            &header.map(str::to_owned),
            vec![row.map(str::to_owned).to_vec()],
        );
        insta::assert_snapshot!(table, @r"
         rank  model     worst      value  limits    cross   Cov_4
                         rival                     entropy
        ───────────────────────────────────────────────────────────
         1     step-100  step-2000  33.3%  [10.0,  10.6667   [0.0,
                                           70.8]%           10.0]%
        ");
    }

    #[test]
    fn narrow_tables_leave_out_the_folders_that_all_names_begin_with() {
        let of = |width: Option<usize>, names: [&str; 2]| {
            let header = ["model", "worst rival", "value", "limits"].map(str::to_owned);
            let row = |name: &str, rival: &str| {
                [name, rival, "12.5%", "[10.0, 15.0]%"]
                    .map(str::to_owned)
                    .to_vec()
            };
            let rows = vec![row(names[0], names[1]), row(names[1], "-")];
            let style = Style {
                colours: false,
                width,
            };
            style.table(2, &header, rows)
        };
        let names = [
            "runs/finetune/checkpoint-100",
            "runs/finetune/checkpoint-2000",
        ];
        let narrow = of(Some(80), names);
        insta::assert_snapshot!(narrow, @"
         model            worst rival      value         limits
        ────────────────────────────────────────────────────────
         checkpoint-100   checkpoint-2000  12.5%  [10.0, 15.0]%
         checkpoint-2000  -                12.5%  [10.0, 15.0]%
        All names of models begin with `runs/finetune/`, which is left out.
        ");
        for width in [None, Some(120)] {
            let wide = of(width, names);
            assert!(wide.contains("runs/finetune/checkpoint-100"), "{wide}");
            assert!(!wide.contains("All names of models"), "{wide}");
        }
        // Nothing in common, the same, or room enough.
        let folder = "a-rather-long-folder-of-runs-that-fills-lines/checkpoint-1";
        for names in [[folder, "another"], [folder, folder], ["a/b", "a/c"]] {
            assert!(
                !of(Some(80), names).contains("All names of models"),
                "{names:?}"
            );
        }
        let cut = of(Some(60), [folder, "another"]);
        assert!(cut.lines().all(|line| width_of(line) <= 60), "{cut}");
        assert!(cut.contains('…') && cut.contains("checkpoint-1"), "{cut}");
    }

    fn width_of(line: &str) -> usize {
        textwrap::core::display_width(line)
    }

    #[test]
    fn columns_that_have_no_room_are_left_out_and_said() {
        let header: Vec<String> = std::iter::once("model".to_owned())
            .chain((0..12).map(|k| format!("Pass@{}", 1 << k)))
            .collect();
        let names = [
            "Qwen2.5-7B-sft-lora-r64-checkpoint-500",
            "Qwen2.5-7B-sft-lora-r64-checkpoint-1000",
        ];
        let row = |name: &str| {
            let cells = (0..12).map(|_| "0.123".to_owned());
            std::iter::once(name.to_owned()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = names.map(row).to_vec();
        let style = |width| Style {
            colours: false,
            width,
        };
        let narrow = style(Some(80)).table(1, &header, rows.clone());
        let narrow = style(Some(80)).wrapped(&narrow);
        assert!(narrow.lines().all(|line| width_of(line) <= 80), "{narrow}");
        insta::assert_snapshot!(narrow, @r"
        model  Pass@1  Pass@2  Pass@4  Pass@8  Pass@16  Pass@32  Pass@64  Pass@128
       ────────────────────────────────────────────────────────────────────────────
        500     0.123   0.123   0.123   0.123    0.123    0.123    0.123     0.123
        1000    0.123   0.123   0.123   0.123    0.123    0.123    0.123     0.123
       All names of models begin with `Qwen2.5-7B-sft-lora-r64-checkpoint-`, which is
       left out.
       No room for `Pass@256`, `Pass@512`, `Pass@1024`, `Pass@2048`; --json has all.
        ");
        let whole = style(None).table(1, &header, rows);
        assert!(
            whole.contains(names[1]) && whole.contains("Pass@2048"),
            "{whole}"
        );
    }

    #[test]
    fn names_are_one_line() {
        let mut names = ["a\u{1b}[2J\n\u{9b}é".to_owned(), "b".to_owned()];
        printable_names(&mut names);
        assert_eq!(names, ["a\\u001b[2J\\n\\u009bé", "b"]);
    }

    #[test]
    fn columns_line_up_with_and_without_emphasis() {
        let lines = |colours| {
            let header = ["model", "value"].map(str::to_owned);
            let rows = vec![
                vec!["a".to_owned(), "12.5%".to_owned()],
                vec!["bc".to_owned(), "0%".to_owned()],
            ];
            let table = Style {
                colours,
                width: None,
            }
            .table(1, &header, rows);
            table.replace("\x1b[1m", "").replace("\x1b[0m", "")
        };
        assert_eq!(
            lines(false),
            " model  value \n──────────────\n a      12.5% \n bc        0%".replace(" \n", "\n")
        );
        assert_eq!(lines(true).replace(" \n", "\n").trim_end(), lines(false));
    }
}
