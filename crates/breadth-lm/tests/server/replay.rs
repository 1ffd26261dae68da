//! Recorded replies of vLLM, served again.

use std::io::BufReader;
use std::net::TcpListener;

use breadth_lm::generation::Sequence;
use breadth_lm::server::{Address, Server};
use serde_json::Value;

use super::fake::{read_request, write_reply};
use super::{limits, name};

/// A server that gives a recorded reply to requests with `has`, and to others a status of 400.
fn serve(file: &str, has: &'static str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/vllm/");
    let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
    let (body, status) = text.trim_end().rsplit_once("\nHTTP ").unwrap();
    let (body, status) = (body.to_owned(), status.parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().unwrap();
            let mut reader = BufReader::new(stream);
            while let Some((path, asked)) = read_request(&mut reader) {
                match &path[..] {
                    "/v1/models" => {
                        let models = r#"{"data": [{"id": "tiny", "owned_by": "vllm"}]}"#;
                        write_reply(&mut writer, 200, "", models);
                    }
                    "/v1/completions" if asked.get(has).is_some_and(|v| *v != Value::Null) => {
                        write_reply(&mut writer, status, "", &body);
                    }
                    _ => write_reply(
                        &mut writer,
                        400,
                        "",
                        r#"{"error": {"message": "unknown field"}}"#,
                    ),
                }
            }
        }
    });
    host
}

fn score(file: &str, has: &'static str) -> Result<Vec<f32>, String> {
    let address = Address::parse(&format!("openai:{}/tiny", serve(file, has))).unwrap();
    let server = Server::open(&address, limits()).map_err(|e| e.to_string())?;
    let sequence = Sequence {
        prompt: &[270],
        response: &[336, 331, 333],
    };
    let scored = server.score(&[sequence], &name, &mut |_| {});
    scored
        .map(|lists| lists[0].clone())
        .map_err(|e| e.to_string())
}

#[test]
fn replayed_scores_are_those_of_transformers() {
    for (file, has) in [
        ("vllm_prompt_logprobs.json", "prompt_logprobs"),
        ("vllm_prompt_logprobs0.json", "prompt_logprobs"),
        ("vllm_ids.json", "echo"),
        ("vllm_echo_max0.json", "echo"),
        ("vllm_echo_max1.json", "echo"),
    ] {
        let got = score(file, has).unwrap();
        let right = [-9.679_288, -5.723_825, -11.192_174];
        assert_eq!(got.len(), 3);
        let furthest = got
            .iter()
            .zip(right)
            .map(|(a, b): (&f32, f32)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{file}: {got:?}");
    }
}

#[test]
fn replayed_refusals_are_quoted() {
    for (file, said) in [
        (
            "vllm_err_long.json",
            "status 400: This model's maximum context length is 256 tokens",
        ),
        (
            "vllm_err_model.json",
            "status 404: The model `nope` does not exist",
        ),
        ("vllm_err_logprobs.json", "greater than max allowed: 20"),
        (
            "vllm_empty.json",
            "Either prompt or prompt_embeds must be provided",
        ),
    ] {
        let error = score(file, "model").unwrap_err();
        assert!(
            error.contains(said) && error.contains("sequence 0"),
            "{file}: {error}"
        );
    }
}

#[test]
fn a_reply_to_another_request_is_refused() {
    // A batch of two where one was sent.
    let error = score("vllm_batch.json", "prompt_logprobs").unwrap_err();
    assert!(
        error.contains("1 choices were asked for; the reply has those of index [0, 1]"),
        "{error}"
    );
}
