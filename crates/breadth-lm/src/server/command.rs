//! The command of the shell that serves a checkpoint, with what stands in braces filled in.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};

/// How long a server may take until it answers, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What may stand in braces in a command, and what it becomes.
const PLACEHOLDERS: [(&str, &str); 6] = [
    ("path", "the checkpoint's folder"),
    ("port", "a free port"),
    ("name", "the checkpoint's name"),
    ("gpu", "0, 1, .. for servers that run at once"),
    (
        "base",
        "the folder of the model that a LoRA adapter changes",
    ),
    ("loras", "NAME=FOLDER of all LoRA adapters of that base"),
];

/// A command that serves a checkpoint, `vllm serve {path} --port {port}`; or all LoRA adapters of
/// one base: `vllm serve {base} --enable-lora --lora-modules {loras} --port {port}`.
///
/// ```
/// use breadth_lm::server::ServeCommand;
/// let text = "CUDA_VISIBLE_DEVICES={gpu} vllm serve {path} --port {port}";
/// assert!(ServeCommand::parse(text)?.has("gpu"));
/// let error = ServeCommand::parse("vllm serve {path}").unwrap_err();
/// assert!(error.to_string().contains("has no {port}"));
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeCommand {
    text: String,
    pub(super) patience: Duration,
}

/// What one server is started for.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// Name and folder of a checkpoint; of all adapters that are served together.
    pub checkpoints: Vec<(&'a str, &'a Path)>,
    /// For adapters: the folder of the model that they change.
    pub base: Option<&'a Path>,
    /// Which of the servers that run at once it is.
    pub gpu: usize,
}

impl Target<'_> {
    /// The names of the checkpoints, for a message.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.checkpoints.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

impl ServeCommand {
    /// Reads a command of the shell with `{port}` and `{path}` in it, and perhaps `{name}`, `{gpu}`
    /// and `{base}`; or with `{port}`, `{base}` and `{loras}`.
    ///
    /// # Errors
    /// If one lacks, a word in braces is none of these, or those of one checkpoint stand beside
    /// `{loras}`.
    pub fn parse(text: &str) -> Result<Self> {
        let command = Self {
            text: text.trim().to_owned(),
            patience: PATIENCE,
        };
        match command.wrong() {
            Some(message) => Err(Error::config("--serve", message)),
            None => Ok(command),
        }
    }

    fn wrong(&self) -> Option<String> {
        let is_known = |word: &str| PLACEHOLDERS.iter().any(|(name, _)| *name == word);
        if let Some(word) = words_in_braces(&self.text).find(|word| !is_known(word)) {
            let known = PLACEHOLDERS.map(|(name, meaning)| format!("{{{name}}} ({meaning})"));
            return Some(format!("{{{word}}} is none of {}", known.join(", ")));
        }
        let needed: &[&str] = match self.has("loras") {
            true => &["port", "base"],
            false => &["port", "path"],
        };
        for (name, meaning) in PLACEHOLDERS {
            if needed.contains(&name) && !self.has(name) {
                return Some(format!(
                    "the command has no {{{name}}}, which stands for {meaning}"
                ));
            }
        }
        let of_one = ["path", "name"].into_iter().find(|name| self.has(name));
        of_one.filter(|_| self.has("loras")).map(|name| {
            format!(
                "{{{name}}} is of one checkpoint, and {{loras}} of all LoRA adapters of a base: \
                 leave out one of them"
            )
        })
    }

    /// The same with another time until a server must answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether this word stands in braces in it.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        words_in_braces(&self.text).any(|found| found == word)
    }

    /// The command as it was written, with its braces.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The command for one target, in words that the shell takes as they are.
    pub(super) fn filled(&self, target: &Target, port: u16) -> String {
        let (name, path) = target.checkpoints[0];
        let value = |word: &str| match word {
            "path" => quoted(path),
            "port" => port.to_string(),
            "name" => quoted(name.as_ref()),
            "gpu" => target.gpu.to_string(),
            "base" => quoted(target.base.unwrap_or(path)),
            _ => {
                let adapters = target.checkpoints.iter();
                let adapters = adapters.map(|(name, path)| format!("{name}={}", path.display()));
                let words: Vec<String> = adapters.map(|word| quoted(word.as_ref())).collect();
                words.join(" ")
            }
        };
        let (mut filled, mut done) = (String::new(), 0);
        for word in words_in_braces(&self.text) {
            let at = word.as_ptr() as usize - self.text.as_ptr() as usize;
            filled += &self.text[done..at - 1];
            filled += &value(word);
            done = at + word.len() + 1;
        }
        filled + &self.text[done..]
    }
}

/// The lower-case words that stand in braces.
fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(move |(at, _)| {
        let rest = &text[at + 1..];
        let word = &rest[..rest.find('}')?];
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        is_word.then_some(word)
    })
}

/// A word for the shell that stands for itself.
fn quoted(text: &Path) -> String {
    format!("'{}'", text.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_braces_is_filled_in_once_and_quoted() {
        let filled = |text: &str, checkpoints: Vec<(&str, &str)>| {
            let checkpoints = checkpoints.iter();
            let target = Target {
                checkpoints: checkpoints.map(|(n, p)| (*n, Path::new(*p))).collect(),
                base: Some(Path::new("a base")),
                gpu: 3,
            };
            ServeCommand::parse(text).unwrap().filled(&target, 80)
        };
        // A name that looks like a placeholder stays what it is.
        assert_eq!(
            filled(
                "X={gpu} serve {path} -p {port} -n {name} --json '{\"a\": {}}'",
                vec![("{port}", "it's/{name}")]
            ),
            "X=3 serve 'it'\\''s/{name}' -p 80 -n '{port}' --json '{\"a\": {}}'"
        );
        assert_eq!(
            filled(
                " serve {base} --loras {loras} {port}\n",
                vec![("a", "r/a"), ("b", "r/b c")]
            ),
            "serve 'a base' --loras 'a=r/a' 'b=r/b c' 80"
        );
    }

    #[test]
    fn commands_name_the_path_and_the_port() {
        for (command, message) in [
            (
                "vllm serve {path}",
                "the command has no {port}, which stands for a free port",
            ),
            ("vllm serve --port {port}", "the command has no {path}"),
            (
                "serve {path} {port} {tp}",
                "{tp} is none of {path} (the checkpoint's folder), {port}",
            ),
            ("serve {port} {loras}", "the command has no {base}"),
            (
                "serve {port} {base} {loras} {name}",
                "{name} is of one checkpoint, and {loras} of all LoRA adapters",
            ),
        ] {
            let error = ServeCommand::parse(command).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let json = "serve {path} {port} --override '{\"max_len\": 5}'";
        assert!(!ServeCommand::parse(json).unwrap().has("gpu"));
    }
}
