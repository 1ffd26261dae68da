//! The MODEL arguments: checkpoint folders, folders of them, and servers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use breadth_lm::job::{Model, Serving};
use breadth_lm::model::adapter;
use breadth_lm::model::folders::{self, LeftOut};
use breadth_lm::server::{Address, Limits, ServeCommand, Server, Tell};
use breadth_lm::text::{self, Data, DataOptions, Generation, Text};

use crate::output::Output;

/// What `score` and `sample` ask.
#[derive(Debug, clap::Args)]
pub struct Models {
    /// Checkpoint folders (config.json, model.safetensors, tokenizer.json), folders of them, run
    /// folders, LoRA adapters, names of models in the local Hugging Face cache, or servers:
    /// KIND:http://HOST:PORT/NAME, where KIND is openai (finds out), vllm, sglang or llama.cpp
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// Folder of the model that LoRA adapters change [default: what adapter_config.json names, if
    /// it is here]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    #[command(flatten)]
    servers: Servers,
    #[command(flatten)]
    serve: Serve,
    /// Folder with the servers' tokenizer.json, for text; and with the generation_config.json that
    /// names end tokens
    #[arg(
        long,
        value_name = "FOLDER",
        help_heading = "Servers",
        display_order = 800
    )]
    tokenizer: Option<PathBuf>,
}

/// How servers are asked.
#[derive(Debug, clap::Args)]
pub struct Servers {
    /// Requests under way at once, on each server
    #[arg(long, value_name = "N", help_heading = "Servers", display_order = 801, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Longest wait for a reply
    #[arg(long, value_name = "SECONDS", help_heading = "Servers", display_order = 802, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// How far apart, in nats per token, two numbers of a server may be that should be equal
    #[arg(long, value_name = "NATS", help_heading = "Servers", display_order = 803, default_value_t = 0.05, value_parser = tolerance)]
    tolerance: f64,
}

fn serve(text: &str) -> Result<ServeCommand, String> {
    ServeCommand::parse(text).map_err(|e| e.to_string())
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("write a number of nats, such as 0.05".to_owned()),
    }
}

impl Servers {
    /// Finds out who answers at an address.
    pub fn open(&self, address: &Address, output: &Output) -> Result<Server> {
        Ok(Server::open(address, self.limits(output))?)
    }

    fn limits(&self, output: &Output) -> Limits {
        let output = *output;
        Limits {
            tell: Tell::by(move |text| output.remark(text)),
            concurrency: usize::from(self.concurrency),
            timeout: Duration::from_secs(u64::from(self.timeout)),
            tolerance: self.tolerance,
            ..Limits::default()
        }
    }
}

/// Servers that are started for checkpoint folders.
#[derive(Debug, clap::Args)]
struct Serve {
    /// Start this server for one checkpoint folder after another: a command of the shell in which
    /// {path} and {port}, and {name} and {gpu}, are filled in, as in 'vllm serve {path} --port
    /// {port}'. It is waited for, probed, asked, and ended. LoRA adapters share one where {base} and
    /// {loras} stand for their base and for NAME=FOLDER of each
    #[arg(long, value_name = "COMMAND", help_heading = "Servers", display_order = 804, value_parser = serve)]
    serve: Option<ServeCommand>,
    /// With --serve: so many servers at once, each for another checkpoint; {gpu} counts them from 0
    #[arg(long, value_name = "N", help_heading = "Servers", display_order = 805, default_value_t = 1, requires = "serve", value_parser = clap::value_parser!(u16).range(1..=1024))]
    parallel: u16,
    /// With --serve: how long a server may take until it answers
    #[arg(long, value_name = "SECONDS", help_heading = "Servers", display_order = 806, default_value_t = 1800, requires = "serve", value_parser = clap::value_parser!(u32).range(1..))]
    serve_timeout: u32,
}

impl Serve {
    /// How checkpoint folders are served, if they are.
    fn serving(&self, servers: &Servers, output: &Output) -> Option<Serving> {
        let patience = Duration::from_secs(u64::from(self.serve_timeout));
        self.serve.clone().map(|command| Serving {
            command: command.with_patience(patience),
            limits: servers.limits(output),
            parallel: usize::from(self.parallel),
        })
    }
}

/// What an argument stands for.
enum Place {
    Folders(Vec<(String, PathBuf)>),
    Pool(Address),
}

impl Place {
    /// The pool that a server of the same model joins.
    fn pool_of(&mut self, address: &Address) -> Option<&mut Address> {
        match self {
            Self::Pool(pool) if !pool.model.is_empty() && pool.model == address.model => Some(pool),
            _ => None,
        }
    }
}

/// The models of a command, and the folders whose tokenizers they have.
pub struct Chosen {
    /// What was left out of the folders given.
    pub left_out: Vec<LeftOut>,
    pub models: Vec<Model>,
    pub tokenizers: Vec<PathBuf>,
    /// The base of adapters, as it was given.
    pub base: Option<PathBuf>,
}

impl Chosen {
    /// Names, for a result.
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|m| m.name().to_owned()).collect()
    }

    /// Refuses to write over a file of the models, of an adapter's base, or of the others that are
    /// read.
    ///
    /// Tables may stand in a checkpoint's folder: they are nothing that is read of it, unless an
    /// index of weights names them.
    pub fn refuse_overwriting(&self, output: &Path, others: &[PathBuf]) -> Result<()> {
        let mut inputs: Vec<PathBuf> = self.models.iter().flat_map(Model::files).collect();
        let of_weights = inputs.iter().filter_map(|file| file.parent());
        let folders: BTreeSet<PathBuf> = of_weights
            .map(Path::to_path_buf)
            .chain(self.tokenizers.iter().cloned())
            .collect();
        let files = folders
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        let is_input =
            |path: &PathBuf| path.is_file() && path.extension() != Some("parquet".as_ref());
        inputs.extend(files.filter(is_input));
        inputs.extend(others.iter().cloned());
        Ok(breadth_data::refuse_overwriting(output, &inputs)?)
    }

    /// Says what was left out: folders, and fields of `config.json` that change no score.
    pub fn warn(&self, output: &Output) {
        for LeftOut { folder, link_to } in &self.left_out {
            let why = match link_to {
                Some(target) => format!("a link to {}", target.display()),
                None => "give it by itself if it is a checkpoint with a config.json".into(),
            };
            output.remark(&format!("left out: {} ({why})", folder.display()));
        }
        for remark in self.models.iter().flat_map(Model::remarks) {
            output.remark(&remark);
        }
        // What cannot be read is an error where it is read in earnest.
        let configs = self.models.iter().filter_map(|model| model.config()?.ok());
        let names: BTreeSet<String> = configs.flat_map(|config| config.unread).collect();
        if !names.is_empty() {
            let names: Vec<String> = names.into_iter().collect();
            output.remark(&format!(
                "note: config.json has fields that change no score and were passed over: {}",
                names.join(", ")
            ));
        }
    }
}

impl Models {
    /// The models in the order given. A folder of checkpoints stands for all of them; servers of
    /// one model are a pool.
    pub fn find(&self, output: &Output) -> Result<Chosen> {
        let folders = self.models.iter().filter(|text| !Address::is_one(text));
        let folders: Vec<&Path> = folders.map(Path::new).collect();
        let mut found = folders::find_all(&folders)?.into_iter();
        let mut places: Vec<Place> = Vec::new();
        for text in &self.models {
            if !Address::is_one(text) {
                places.extend(found.next().map(Place::Folders));
                continue;
            }
            let address = Address::parse(text)?;
            let pool = places.iter_mut().find_map(|place| place.pool_of(&address));
            match pool {
                Some(pool) => pool.join(address)?,
                None => places.push(Place::Pool(address)),
            }
        }
        let mut chosen = self.open(places, output)?;
        chosen.left_out = folders.into_iter().flat_map(folders::left_out).collect();
        Ok(chosen)
    }

    fn open(&self, places: Vec<Place>, output: &Output) -> Result<Chosen> {
        let serving = self.serve.serving(&self.servers, output);
        let mut chosen = Chosen {
            left_out: Vec::new(),
            models: Vec::new(),
            tokenizers: Vec::new(),
            base: self.base.clone(),
        };
        for place in places {
            match place {
                Place::Folders(found) => {
                    let base = self.base.as_deref();
                    if serving.is_none() {
                        // Before anything of it is read: its tokenizer may be the base's.
                        let mut adapters = found.iter().filter(|(_, path)| adapter::is_one(path));
                        adapters
                            .try_for_each(|(_, path)| adapter::base_of(path, base).map(drop))?;
                    }
                    let folders = Model::folders_on(&found, base).into_iter();
                    chosen.models.extend(folders.map(|folder| match &serving {
                        Some(serving) => folder.served(serving),
                        None => folder,
                    }));
                    let folders = found.into_iter().map(|(_, path)| path);
                    let folders = folders.map(|path| text::tokenizer_folder(&path, base));
                    chosen.tokenizers.extend(folders);
                }
                Place::Pool(address) => {
                    let server = self.servers.open(&address, output)?;
                    chosen.models.push(Model::Server(Box::new(server)));
                    chosen.tokenizers.extend(self.tokenizer.clone());
                }
            }
        }
        if chosen.tokenizers.is_empty() {
            // Then the data must be token ids; a message about text names the flag.
            chosen.tokenizers.push(PathBuf::from("--tokenizer FOLDER"));
        }
        Ok(chosen)
    }
}

/// The first folder's tokenizer, and the data in its tokens.
///
/// Checkpoints of one run share a tokenizer; scores under different tokenizers are not comparable
/// token by token, so each family is scored by a command of its own. The same goes for end tokens
/// and chat templates, where they were used. What an adapter does not say, its base says: `base`,
/// or what it names.
pub fn read_data(
    tokenizers: &[PathBuf],
    base: Option<&Path>,
    files: &[PathBuf],
    options: &DataOptions,
) -> Result<(Text, Data)> {
    let first = &tokenizers[0];
    let text_of = |folder: &Path| Text::of_checkpoint_on(folder, base);
    let text = text_of(first)?;
    let others = || tokenizers[1..].iter().filter(|other| *other != first);
    for other in others() {
        let is_same = || -> Result<bool> { Ok(text.has_tokens_of(&text_of(other)?)) };
        if !same_files(first, other, &TOKENIZER_FILES) && !is_same()? {
            differ(first, other, "tokenizers")?;
        }
    }
    let data = text::read_data(files, &text, options)?;
    for other in others() {
        let is_same = || -> Result<bool> { Ok(text.has_template_of(&text_of(other)?)) };
        if data.account.conversations > 0
            && !same_files(first, other, &TEMPLATE_FILES)
            && !is_same()?
        {
            differ(first, other, "chat templates")?;
        }
        if data.account.end_token.appended > 0 {
            same_end_tokens(first, other, base)?;
        }
    }
    Ok((text, data))
}

/// The files that say how a text is cut into tokens.
const TOKENIZER_FILES: [&str; 3] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// The files that a chat template and its special tokens may stand in.
const TEMPLATE_FILES: [&str; 4] = [
    "chat_template.jinja",
    "additional_chat_templates/tool_use.jinja",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// Whether two folders have the same files of these names: then what is read of them is the same,
/// and need not be compared.
fn same_files(first: &Path, other: &Path, names: &[&str]) -> bool {
    let read = |folder: &Path, name: &str| {
        let file = Some(folder.join(name)).filter(|path| path.is_file());
        std::fs::read(file?).ok()
    };
    names
        .iter()
        .all(|name| read(first, name) == read(other, name))
}

fn same_end_tokens(first: &Path, other: &Path, base: Option<&Path>) -> Result<()> {
    let end_tokens =
        |folder| -> Result<Vec<u32>> { Ok(Generation::read_on(folder, base)?.end_tokens) };
    if end_tokens(first)? != end_tokens(other)? {
        differ(first, other, "end tokens")?;
    }
    Ok(())
}

fn differ(first: &Path, other: &Path, what: &str) -> Result<()> {
    anyhow::bail!(
        "{} and {} have different {what}; run the command once for each",
        first.display(),
        other.display()
    )
}
