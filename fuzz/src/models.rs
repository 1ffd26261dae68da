//! The readers of `breadth-lm`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use breadth_lm::generation::Sequence;
use breadth_lm::model::{Checkpoint, Config};
use breadth_lm::server::{Address, Limits, Server, ServerKind};
use breadth_lm::text::{ChatTemplate, Responses, Text, read_items};
use breadth_lm::train::TrainConfig;

use crate::{file, folder};

/// The sizes of the tiny golden model.
const CONFIG: &[u8] = include_bytes!("../../tests/golden/lm/config.json");

/// `model.safetensors` beside a `config.json` that is right.
pub fn safetensors(bytes: &[u8]) {
    file("config.json", CONFIG);
    file("model.safetensors", bytes);
    let _ = Checkpoint::read(folder());
}

/// `config.json`.
pub fn config_json(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Config::from_json(text, Path::new("model"));
    }
}

/// `tokenizer.json`, and what it makes of a text.
pub fn tokenizer_json(bytes: &[u8]) {
    let Ok(text) = Text::read(&file("tokenizer.json", bytes)) else {
        return;
    };
    let line = br#"{"prompt": "ab A\u00e9 \u4e16 12", "response": " b"}"#;
    let data = file("data.jsonl", line);
    let _ = read_items(&[data], &text, Responses::Required);
    let _ = text.decode(&[0, 1, 2]);
}

/// A chat template, over a conversation.
pub fn chat_template(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let tokens = [("bos_token".to_owned(), "<s>".to_owned())];
    let template = ChatTemplate::new(source, tokens, "chat_template.jinja");
    let messages = r#"[{"role": "system", "content": "s"}, {"role": "user", "content": "a b"}]"#;
    let _ = template.render_json(messages, true);
}

/// The TOML of a training run.
pub fn train_toml(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = TrainConfig::parse(text, "train.toml");
    }
}

/// Lines of data that are token ids.
pub fn data_lines(bytes: &[u8]) {
    let Ok(text) = Text::of_checkpoint(&folder().join("none")) else {
        return;
    };
    let _ = read_items(&[file("data.jsonl", bytes)], &text, Responses::Required);
}

/// What a server answers, one line for each request, the last one again and again.
pub fn server_reply(bytes: &[u8]) {
    static PORT: OnceLock<u16> = OnceLock::new();
    let port = *PORT.get_or_init(serve);
    *ANSWERS.lock().expect("one thread") = bytes
        .split(|&byte| byte == b'\n')
        .map(Vec::from)
        .rev()
        .collect();
    let kinds: Vec<&str> = ServerKind::all().map(ServerKind::name).collect();
    let kind = kinds[bytes
        .first()
        .map_or(0, |byte| usize::from(*byte) % kinds.len())];
    let address = Address::parse(&format!("{kind}:http://127.0.0.1:{port}/m"));
    let address = address.expect("an address");
    let limits = Limits {
        attempts: 1,
        concurrency: 1,
        timeout: Duration::from_secs(5),
        back_off: Duration::ZERO,
        ..Limits::default()
    };
    let Ok(server) = Server::open(&address, limits) else {
        return;
    };
    let sequence = Sequence {
        prompt: &[1, 2],
        response: &[3, 4],
    };
    if let Ok(scored) = server.score(&[sequence], &|i| i.to_string(), &mut |_| {}) {
        assert!(scored.iter().flatten().all(|value| *value <= 0.0));
    }
}

static ANSWERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A server on a port of its own, for as long as the process lives.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        listener
            .incoming()
            .flatten()
            .for_each(|stream| drop(answer(stream)))
    });
    port
}

/// Answers one request.
fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let mut answers = ANSWERS.lock().expect("one thread");
    let body = if answers.len() > 1 {
        answers.pop()
    } else {
        answers.last().cloned()
    };
    let body = body.unwrap_or_default();
    let mut stream = stream;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )?;
    stream.write_all(&body)
}
