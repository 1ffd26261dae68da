//! Servers for the tests: real HTTP over a small distribution that is known exactly, faithful or
//! with one defect.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breadth_lm::rng;
use serde_json::{Value, json};

/// Tokens of the distribution.
pub const VOCAB: u32 = 16;
/// The token that the distribution never gives.
pub const IMPOSSIBLE: u32 = 13;

/// Whose weights a server has unless it is told otherwise.
pub const WEIGHTS: u64 = 5;

thread_local! {
    /// The weights that this thread speaks of: a server's are its own.
    static SERVED: Cell<u64> = const { Cell::new(WEIGHTS) };
}

/// From now on this thread speaks of these weights.
#[allow(dead_code)] // the command line's tests look at differences alone
pub fn speak_of(weights: u64) {
    SERVED.set(weights);
}

/// Logits after a context: pseudo-random, by its last three tokens and its length.
fn logits(context: &[u32]) -> Vec<f64> {
    let tail = &context[context.len().saturating_sub(3)..];
    let name: String = tail.iter().map(|t| format!("{t},")).collect();
    let mut stream = rng::stream(SERVED.get(), &name, context.len() as u64);
    let logit = |token| match token {
        IMPOSSIBLE => f64::NEG_INFINITY,
        _ => 6.0 * rng::uniform(&mut stream),
    };
    (0..VOCAB).map(logit).collect()
}

/// `log p` of every token after a context, each logit divided by the temperature; as single floats,
/// which servers compute in.
pub fn log_probs(context: &[u32], temperature: f64) -> Vec<f64> {
    let logits: Vec<f64> = logits(context).iter().map(|l| l / temperature).collect();
    let total: f64 = logits.iter().map(|l| l.exp()).sum();
    logits
        .iter()
        .map(|l| f64::from((l - total.ln()) as f32))
        .collect()
}

/// `log p` of every token of a sequence, the first one's unknown.
pub fn scores(tokens: &[u32], temperature: f64) -> Vec<Option<f64>> {
    let of = |i: usize| (i > 0).then(|| log_probs(&tokens[..i], temperature)[tokens[i] as usize]);
    (0..tokens.len()).map(of).collect()
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// vLLM with `prompt_logprobs`.
    Vllm,
    /// `echo` with `token_id:` names; `max_tokens` 0 is refused.
    EchoOne,
    /// `echo` with `token_id:` names.
    Echo,
    /// `echo` with the tokens' text.
    EchoText,
    Sglang,
    LlamaCpp,
}

/// What is wrong with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Defect {
    None,
    /// Every score is that of the token so much later.
    Shift(isize),
    /// Nothing about the prompt comes back.
    EchoIgnored,
    /// A generated entry stands behind the prompt's, though `max_tokens` is 0.
    Appended,
    /// A start token was put in front.
    StartToken,
    /// The prompt went through text, and came back with other tokens.
    Retokenized,
    /// One entry lacks.
    WrongCount,
    /// The first token has a number.
    FirstEntry,
    /// Minus infinity is written so.
    StandIn(f64),
    /// Scores are so much lower for each other sequence in the request.
    Batch(f64),
    /// Scores are divided by the request's temperature.
    Tempered,
    /// Generated tokens carry log-probabilities at this temperature, scores do not.
    GenerationTempered(f64),
    /// The end token is not shown.
    HiddenEnd,
    /// The string that ends a response is not shown.
    HiddenStop,
    /// Tokens are drawn from the whole distribution whatever the request says.
    DrawIgnored,
    /// The wanted token is not forced.
    BiasIgnored,
    /// The likeliest tokens of a prompt's distributions do not come.
    TopIgnored,
    /// They come with twice their probability.
    TopDoubled,
}

/// What happens to a request instead of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A status, with `Retry-After` where one is given.
    Status(u16, Option<&'static str>),
    /// The connection is dropped at once.
    Reset,
    /// Nothing comes.
    Silence,
    /// The body breaks off in the middle.
    Truncated,
    /// A page for people, with status 200.
    Html,
}

/// When trouble comes.
#[derive(Clone, Debug)]
pub enum When {
    /// For the requests of these numbers (from 0), those for scores and samples alone.
    At(Vec<usize>),
    /// From this one on.
    From(usize),
}

pub struct Fake {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    dialect: Dialect,
    defect: Defect,
    trouble: Mutex<Vec<(When, Trouble)>>,
    /// Requests for scores and samples.
    requests: AtomicUsize,
    answered: AtomicUsize,
    /// Longest random pause before an answer.
    delay: Mutex<Duration>,
    closed: AtomicBool,
    /// Names and weights; requests that name none of them mean the first.
    models: Mutex<Vec<(String, u64)>>,
}

impl Fake {
    pub fn new(dialect: Dialect, defect: Defect) -> Self {
        Self::on(0, dialect, defect)
    }

    /// On this port; 0 means a free one.
    pub fn on(port: u16, dialect: Dialect, defect: Defect) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            dialect,
            defect,
            trouble: Mutex::new(Vec::new()),
            requests: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            delay: Mutex::new(Duration::ZERO),
            closed: AtomicBool::new(false),
            models: Mutex::new(vec![("toy".to_owned(), WEIGHTS)]),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(stream));
            }
        });
        Self { url: host, shared }
    }

    pub fn with_trouble(self, when: When, trouble: Trouble) -> Self {
        self.shared.trouble.lock().unwrap().push((when, trouble));
        self
    }

    pub fn with_delay(self, longest: Duration) -> Self {
        *self.shared.delay.lock().unwrap() = longest;
        self
    }

    /// From now on the model of the same name has these weights.
    pub fn set_weights(&self, weights: u64) {
        self.shared.models.lock().unwrap()[0].1 = weights;
    }

    /// A model more, an adapter of the first one.
    #[allow(dead_code)] // as above
    pub fn with_adapter(self, name: &str, weights: u64) -> Self {
        let model = (name.to_owned(), weights);
        self.shared.models.lock().unwrap().push(model);
        self
    }

    /// From now on every connection is dropped.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
    }

    /// And from now on none is.
    pub fn reopen(&self) {
        self.shared.closed.store(false, Ordering::SeqCst);
    }

    /// Requests for scores and samples so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Those that were answered.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

/// Reads one request; `None` at the end of the connection.
pub fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok().filter(|&n| n > 0)?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if header.starts_with("transfer-encoding:") {
            panic!("a request of unknown length");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

pub fn write_reply(stream: &mut impl Write, status: u16, extra: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{extra}\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = read_request(&mut reader) {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            let counts = matches!(&path[..], "/v1/completions" | "/generate" | "/completion");
            let number = if counts {
                self.requests.fetch_add(1, Ordering::SeqCst)
            } else {
                usize::MAX
            };
            match self.trouble_of(number) {
                Some(Trouble::Status(status, retry_after)) => {
                    let extra =
                        retry_after.map_or_else(String::new, |s| format!("Retry-After: {s}\r\n"));
                    write_reply(
                        &mut writer,
                        status,
                        &extra,
                        "{\"error\": {\"message\": \"too much\"}}",
                    );
                }
                Some(Trouble::Reset) => return,
                Some(Trouble::Silence) => {
                    // Until the client hangs up.
                    let _ = reader.read(&mut [0]);
                    return;
                }
                Some(Trouble::Html) => {
                    write_reply(&mut writer, 200, "", "<html><h1>Welcome</h1></html>")
                }
                trouble => {
                    self.pause(number);
                    let (status, reply) = self.answer(&path, &body);
                    let text = reply.to_string();
                    if trouble == Some(Trouble::Truncated) {
                        let head =
                            format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", text.len());
                        let _ = writer
                            .write_all(format!("{head}{}", &text[..text.len() / 2]).as_bytes());
                        return;
                    }
                    write_reply(&mut writer, status, "", &text);
                    if counts {
                        self.answered.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
    }

    fn trouble_of(&self, number: usize) -> Option<Trouble> {
        let troubles = self.trouble.lock().unwrap();
        let meets = |when: &When| match when {
            When::At(numbers) => numbers.contains(&number),
            When::From(first) => number != usize::MAX && number >= *first,
        };
        troubles
            .iter()
            .find(|(when, _)| meets(when))
            .map(|(_, trouble)| trouble.clone())
    }

    fn pause(&self, number: usize) {
        let longest = *self.delay.lock().unwrap();
        let share = rng::uniform(&mut rng::stream(1, "fake/delay", number as u64));
        std::thread::sleep(longest.mul_f64(share));
    }

    fn answer(&self, path: &str, body: &Value) -> (u16, Value) {
        let models = self.models.lock().unwrap().clone();
        let is_meant = |(name, _): &&(String, u64)| body["model"] == json!(name);
        SERVED.set(models.iter().find(is_meant).unwrap_or(&models[0]).1);
        let owner = match self.dialect {
            Dialect::Sglang => "sglang",
            Dialect::LlamaCpp => "llamacpp",
            Dialect::Vllm => "vllm",
            _ => "somebody",
        };
        match (path, self.dialect) {
            ("/v1/models", _) => {
                let parent = |i| (i > 0).then(|| models[0].0.clone());
                let entry = |(i, (name, _)): (usize, &(String, u64))| json!({"id": name, "owned_by": owner, "parent": parent(i)});
                let entries: Vec<Value> = models.iter().enumerate().map(entry).collect();
                (200, json!({"data": entries}))
            }
            ("/version", Dialect::Vllm) => (200, json!({"version": "0.32.0"})),
            ("/tokenize", Dialect::Vllm) => {
                let text = body["prompt"].as_str().unwrap();
                let ids: Vec<u32> = text.bytes().map(|b| u32::from(b) % 12).collect();
                (200, json!({"tokens": ids}))
            }
            ("/generate", Dialect::Sglang) => (200, self.sglang(body)),
            ("/completion", Dialect::LlamaCpp) => (200, self.llama_cpp(body)),
            ("/v1/completions", Dialect::Sglang | Dialect::LlamaCpp) => {
                (404, json!({"detail": "Not Found"}))
            }
            ("/v1/completions", _) => self.completions(body),
            _ => (404, json!({"detail": "Not Found"})),
        }
    }

    fn out_of_vocabulary(&self, tokens: &[u32]) -> Option<(u16, Value)> {
        let token = tokens.iter().find(|&&t| t >= VOCAB)?;
        let message = format!("Token id {token} is out of vocabulary");
        Some((400, json!({"error": {"message": message}})))
    }

    /// The tokens that the server works on, and their scores with its defect.
    fn scored(
        &self,
        sent: &[u32],
        together: usize,
        temperature: f64,
    ) -> (Vec<u32>, Vec<Option<f64>>) {
        let mut tokens = sent.to_vec();
        match self.defect {
            Defect::StartToken => tokens.insert(0, 1),
            Defect::Retokenized if tokens.len() > 3 => tokens[2] = (tokens[2] + 1) % 12,
            _ => {}
        }
        let temperature = match self.defect {
            Defect::Tempered => temperature,
            _ => 1.0,
        };
        let mut values = scores(&tokens, temperature);
        match self.defect {
            Defect::Shift(by) => {
                let old = values.clone();
                for (i, value) in values.iter_mut().enumerate().skip(1) {
                    let from = (i as isize + by).clamp(1, old.len() as isize - 1);
                    *value = old[from as usize];
                }
            }
            Defect::Batch(lower) => {
                let less = lower * (together - 1) as f64;
                values.iter_mut().flatten().for_each(|v| *v -= less);
            }
            Defect::FirstEntry => values[0] = Some(-2.5),
            Defect::WrongCount => drop((tokens.pop(), values.pop())),
            _ => {}
        }
        (tokens, values)
    }

    /// The likeliest tokens in the place of a given token, best first.
    fn top_of_prompt(&self, context: &[u32], count: u64) -> Vec<(u32, f64)> {
        let mut best = best(&log_probs(context, 1.0), count as usize);
        match self.defect {
            Defect::TopIgnored => best.clear(),
            Defect::TopDoubled => best.iter_mut().for_each(|(_, v)| *v = (*v + 0.69).min(0.0)),
            _ => {}
        }
        best
    }

    fn written(&self, value: Option<f64>) -> Value {
        match (value, self.defect) {
            (Some(v), Defect::StandIn(number)) if v == f64::NEG_INFINITY => json!(number),
            (Some(v), _) if v == f64::NEG_INFINITY && self.dialect == Dialect::Sglang => {
                json!(f64::from(f32::MIN))
            }
            (Some(v), _) => json!(v.max(-9999.0)),
            (None, _) => Value::Null,
        }
    }

    fn completions(&self, body: &Value) -> (u16, Value) {
        let prompts: Vec<Vec<u32>> = if body["prompt"][0].is_array() {
            serde_json::from_value(body["prompt"].clone()).unwrap()
        } else {
            vec![serde_json::from_value(body["prompt"].clone()).unwrap()]
        };
        if let Some(refused) = prompts.iter().find_map(|p| self.out_of_vocabulary(p)) {
            return refused;
        }
        let echo = body["echo"] == json!(true);
        if echo && self.dialect == Dialect::EchoOne && body["max_tokens"] == json!(0) {
            return (
                400,
                json!({"error": {"message": "max_tokens must be at least 1"}}),
            );
        }
        let samples = body["n"].as_u64().unwrap_or(1);
        let mut choices = Vec::new();
        for prompt in &prompts {
            for sample in 0..samples {
                let mut choice = self.choice(prompt, body, prompts.len(), sample);
                choice["index"] = json!(choices.len());
                choices.push(choice);
            }
        }
        // The order of a reply's choices is not promised.
        choices.reverse();
        (200, json!({"choices": choices}))
    }

    fn choice(&self, prompt: &[u32], body: &Value, together: usize, sample: u64) -> Value {
        let temperature = body["temperature"].as_f64().unwrap_or(1.0);
        let most = body["max_tokens"].as_u64().unwrap_or(16) as usize;
        let asked_prompt = body.get("prompt_logprobs").is_some();
        let echo = body["echo"] == json!(true);
        let (tokens, values) = self.scored(prompt, together, temperature);
        let drawn = self.draw(prompt, body, sample, most);
        let mut choice = json!({"text": "", "finish_reason": "length"});
        if body["return_token_ids"] == json!(true) && self.dialect == Dialect::Vllm {
            choice["token_ids"] = json!(drawn.iter().map(|(t, _)| t).collect::<Vec<_>>());
            // A server that changes tokens need not say so here.
            choice["prompt_token_ids"] = json!(prompt);
        }
        if asked_prompt && self.dialect == Dialect::Vllm && self.defect != Defect::EchoIgnored {
            let count = body["prompt_logprobs"].as_u64().unwrap();
            let entry = |(i, (token, value)): (usize, (&u32, &Option<f64>))| {
                if value.is_none() {
                    return Value::Null;
                }
                let mut map = json!({token.to_string(): {"logprob": self.written(*value)}});
                for (token, value) in self.top_of_prompt(&tokens[..i], count) {
                    map[token.to_string()] = json!({"logprob": self.written(Some(value))});
                }
                map
            };
            let entries = tokens.iter().zip(&values).enumerate();
            choice["prompt_logprobs"] = entries.map(entry).collect();
        }
        let ignored = self.defect == Defect::EchoIgnored || self.dialect == Dialect::Vllm;
        let mut entries: Vec<(u32, Value, Value)> = Vec::new();
        if echo && !ignored {
            let count = body["logprobs"].as_u64().unwrap();
            for (i, (token, value)) in tokens.iter().zip(&values).enumerate() {
                let top = match i {
                    0 => Value::Null,
                    i => self.names(&self.top_of_prompt(&tokens[..i], count)),
                };
                entries.push((*token, self.written(*value), top));
            }
        }
        let extra = usize::from(echo && self.defect == Defect::Appended && most == 0);
        for (token, context) in drawn.iter().take(most.max(extra)) {
            let temperature = match self.defect {
                Defect::GenerationTempered(t) => t,
                _ => 1.0,
            };
            let values = log_probs(context, temperature);
            let count = body["logprobs"].as_u64().unwrap_or(0) as usize;
            let top = self.names(&best(&values, count));
            entries.push((*token, json!(values[*token as usize]), top));
        }
        if body.get("logprobs").is_some() {
            choice["logprobs"] = json!({
                "tokens": entries.iter().map(|(t, ..)| self.named(*t)).collect::<Vec<_>>(),
                "token_logprobs": entries.iter().map(|(_, v, _)| v.clone()).collect::<Vec<_>>(),
                "top_logprobs": entries.iter().map(|(.., t)| t.clone()).collect::<Vec<_>>(),
            });
        }
        choice
    }

    fn named(&self, token: u32) -> String {
        match self.dialect {
            Dialect::EchoText => format!("t{token}"),
            _ => format!("token_id:{token}"),
        }
    }

    fn names(&self, top: &[(u32, f64)]) -> Value {
        let entry = |&(t, v): &(u32, f64)| (self.named(t), self.written(Some(v)));
        Value::Object(top.iter().map(entry).collect())
    }

    /// Drawn tokens with the context of each.
    fn draw(&self, prompt: &[u32], body: &Value, sample: u64, most: usize) -> Vec<(u32, Vec<u32>)> {
        let seed = body["seed"].as_u64().unwrap_or(0) + sample;
        let stops: Vec<String> = serde_json::from_value(body["stop"].clone()).unwrap_or_default();
        let ends: Vec<u32> =
            serde_json::from_value(body["stop_token_ids"].clone()).unwrap_or_default();
        let mut context = prompt.to_vec();
        let mut drawn = Vec::new();
        for i in 0..most.max(1) {
            let weights = match self.defect {
                Defect::DrawIgnored => drawable(&context, &Value::Null),
                _ => drawable(&context, body),
            };
            let mut stream = rng::stream(seed, "fake/draw", i as u64);
            let token = rng::categorical(&mut stream, &weights).unwrap() as u32;
            if ends.contains(&token) && self.defect == Defect::HiddenEnd {
                break;
            }
            drawn.push((token, context.clone()));
            context.push(token);
            if ends.contains(&token) {
                break;
            }
            let said = letters(&context[prompt.len()..]);
            if let Some(stop) = stops.iter().find(|stop| said.contains(*stop)) {
                if self.defect == Defect::HiddenStop {
                    drawn.truncate(drawn.len() - stop.len());
                }
                break;
            }
        }
        drawn
    }

    fn sglang(&self, body: &Value) -> Value {
        let prompts: Vec<Vec<u32>> = serde_json::from_value(body["input_ids"].clone()).unwrap();
        let reply = |(i, prompt): (usize, &Vec<u32>)| {
            let parameters = match &body["sampling_params"] {
                Value::Array(each) => each[i].clone(),
                one => one.clone(),
            };
            // At temperature 0 it takes the likeliest token at temperature 1.
            let temperature = match parameters["temperature"].as_f64().unwrap() {
                0.0 => 1.0,
                other => other,
            };
            let asked = json!({
                "seed": parameters["sampling_seed"],
                "temperature": parameters["temperature"],
                "top_k": parameters["top_k"],
                "top_p": parameters["top_p"],
                "stop": parameters["stop"],
                "stop_token_ids": parameters["stop_token_ids"],
            });
            let most = parameters["max_new_tokens"].as_u64().unwrap() as usize;
            let drawn = self.draw(prompt, &asked, 0, most);
            let start = body["logprob_start_len"][i].as_i64().unwrap();
            let (tokens, values) = self.scored(prompt, prompts.len(), temperature);
            let entry = |i: usize| json!([self.written(values[i]), tokens[i], null_text()]);
            let mut input: Vec<Value> = match start {
                -1 => Vec::new(),
                start => (start as usize..tokens.len()).map(entry).collect(),
            };
            if let (Some(first), false) = (input.first_mut(), self.defect == Defect::FirstEntry) {
                first[0] = Value::Null;
            }
            let output: Vec<Value> = drawn
                .iter()
                .map(|(t, c)| json!([log_probs(c, temperature)[*t as usize], t, null_text()]))
                .collect();
            let wanted = body["top_logprobs_num"][i].as_u64().unwrap();
            let listed = |best: Vec<(u32, f64)>| -> Value {
                let entry = |(t, v): (u32, f64)| json!([self.written(Some(v)), t, null_text()]);
                best.into_iter().map(entry).collect()
            };
            let top = |(_, c): &(u32, Vec<u32>)| {
                listed(best(&log_probs(c, temperature), wanted as usize))
            };
            let top_of_prompt = |i: usize| listed(self.top_of_prompt(&tokens[..i], wanted));
            let mut input_top: Vec<Value> = match start {
                -1 => Vec::new(),
                start => (start as usize..tokens.len()).map(top_of_prompt).collect(),
            };
            if let Some(first) = input_top.first_mut() {
                *first = Value::Null;
            }
            json!({
                "text": "",
                "output_ids": drawn.iter().map(|(t, _)| t).collect::<Vec<_>>(),
                "meta_info": {
                    "input_token_logprobs": input,
                    "input_top_logprobs": input_top,
                    "output_token_logprobs": output,
                    "output_top_logprobs": drawn.iter().map(top).collect::<Vec<_>>(),
                },
            })
        };
        prompts.iter().enumerate().map(reply).collect()
    }

    fn llama_cpp(&self, body: &Value) -> Value {
        let prompt: Vec<u32> = serde_json::from_value(body["prompt"].clone()).unwrap();
        let most = body["n_predict"].as_u64().unwrap() as usize;
        let forced = body["logit_bias"][0][0].as_u64().map(|t| t as u32);
        let forced = forced.filter(|_| self.defect != Defect::BiasIgnored);
        let drawn = match forced {
            Some(token) => vec![(token, prompt.clone())],
            None => self.draw(&prompt, body, 0, most),
        };
        let temperature = match self.defect {
            Defect::Tempered => body["temperature"].as_f64().unwrap_or(1.0),
            _ => 1.0,
        };
        // A probability of 0 has the lowest single float for its logarithm there.
        let number = |v: f64| json!(v.max(f64::from(f32::MIN)));
        let entry = |(token, context): &(u32, Vec<u32>)| {
            let values = log_probs(context, temperature);
            let count = body["n_probs"].as_u64().unwrap();
            let top = match forced {
                Some(_) => self.top_of_prompt(context, count),
                None => best(&values, count as usize),
            };
            let top = top
                .into_iter()
                .map(|(t, v)| json!({"id": t, "logprob": number(v)}));
            json!({"id": token, "logprob": number(values[*token as usize]), "top_logprobs": top.collect::<Vec<_>>()})
        };
        let seen = prompt.len() + usize::from(self.defect == Defect::StartToken);
        json!({
            "tokens": drawn.iter().map(|(t, _)| t).collect::<Vec<_>>(),
            "tokens_evaluated": seen,
            "truncated": false,
            "completion_probabilities": drawn.iter().map(entry).collect::<Vec<_>>(),
        })
    }
}

/// Tokens as text, a letter each.
pub fn letters(tokens: &[u32]) -> String {
    let letter = |&token: &u32| char::from(b'a' + token as u8);
    tokens.iter().map(letter).collect()
}

/// Weights of the tokens that a request lets be drawn: the distribution at its temperature, of the
/// `top_k` likeliest, of these the fewest with `top_p` of their probability.
pub fn drawable(context: &[u32], asked: &Value) -> Vec<f64> {
    let temperature = asked["temperature"].as_f64().unwrap_or(1.0);
    let (temperature, greedy) = if temperature == 0.0 {
        (1.0, true)
    } else {
        (temperature, false)
    };
    let mut best = best(&log_probs(context, temperature), VOCAB as usize);
    match asked["top_k"].as_u64() {
        _ if greedy => best.truncate(1),
        Some(k) if k > 0 => best.truncate(k as usize),
        _ => {}
    }
    let total: f64 = best.iter().map(|(_, v)| v.exp()).sum();
    let (top_p, mut sum) = (asked["top_p"].as_f64().unwrap_or(1.0), 0.0);
    let reached = best.iter().position(|(_, v)| {
        sum += v.exp();
        sum >= top_p * total
    });
    best.truncate(reached.map_or(best.len(), |last| last + 1));
    let mut weights = vec![0.0; VOCAB as usize];
    for (token, value) in best {
        weights[token as usize] = value.exp();
    }
    weights
}

/// The most likely of a distribution, best first.
fn best(values: &[f64], count: usize) -> Vec<(u32, f64)> {
    let mut order: Vec<(u32, f64)> = (0..).zip(values.iter().copied()).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(count);
    order
}

fn null_text() -> Value {
    Value::Null
}
