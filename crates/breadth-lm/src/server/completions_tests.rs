use super::*;
use crate::generation::Sampling;

/// A recorded reply and its status.
fn recorded(name: &str) -> (Value, u16) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/vllm/");
    let text = std::fs::read_to_string(format!("{folder}{name}")).unwrap();
    let (body, status) = text.trim_end().rsplit_once("\nHTTP ").unwrap();
    (serde_json::from_str(body).unwrap(), status.parse().unwrap())
}

const SENT: [u32; 4] = [270, 336, 331, 333];
/// By transformers, in float64 from float32 logits.
const RIGHT: [f64; 3] = [-9.679288, -5.723825, -11.192174];

fn read(name: &str, sent: &[u32], form: Form) -> Result<Vec<f64>, String> {
    let (reply, status) = recorded(name);
    assert_eq!(status, 200);
    let choices = choices(&reply, 1).map_err(|e| format!("{e:?}"))?;
    values(entries(choices[0], sent, form, false))
}

fn values(steps: Attempt<Vec<TokenLogProb>>) -> Result<Vec<f64>, String> {
    let values = steps.map(|steps| steps.iter().map(|s| s.log_prob).collect());
    values.map_err(|e| format!("{e:?}"))
}

fn assert_right(values: &[f64]) {
    assert_eq!(values.len(), RIGHT.len());
    for (value, right) in values.iter().zip(RIGHT) {
        assert!((value - right).abs() < 1e-5, "{values:?}");
    }
}

#[test]
fn recorded_scores_are_those_of_transformers() {
    for (name, form) in [
        ("vllm_prompt_logprobs.json", Form::Prompt),
        ("vllm_prompt_logprobs0.json", Form::Prompt),
        ("vllm_echo_max0.json", Form::Echo),
        ("vllm_echo_max1.json", Form::EchoOne),
        ("vllm_ids.json", Form::Echo),
    ] {
        assert_right(&read(name, &SENT, form).unwrap()[1..]);
    }
}

/// The same replies, as a server gives them that has no `prompt_logprobs`.
fn echo_only(name: &str, form: Form) -> Result<Vec<f64>, String> {
    let (mut reply, _) = recorded(name);
    reply["choices"][0]["prompt_logprobs"] = Value::Null;
    values(entries(&reply["choices"][0], &SENT, form, false))
}

#[test]
fn echoed_lists_need_ids() {
    assert_right(&echo_only("vllm_ids.json", Form::Echo).unwrap()[1..]);
    for (name, form) in [
        ("vllm_echo_max0.json", Form::Echo),
        ("vllm_echo_max1.json", Form::EchoOne),
    ] {
        let error = echo_only(name, form).unwrap_err();
        assert!(error.contains("names tokens by text"), "{error}");
    }
}

#[test]
fn a_recorded_batch_is_read_in_order() {
    let (mut reply, _) = recorded("vllm_batch.json");
    let right = |reply: &Value| {
        let choices = choices(reply, 2).unwrap();
        assert_right(&values(entries(choices[0], &SENT, Form::Echo, false)).unwrap()[1..]);
        let second = values(entries(choices[1], &SENT[..3], Form::Echo, false)).unwrap();
        assert!((second[2] - RIGHT[1]).abs() < 1e-5);
    };
    right(&reply);
    // A server may answer in another order; the index tells.
    reply["choices"].as_array_mut().unwrap().reverse();
    right(&reply);
    for wrong in [1, 3] {
        let error = format!("{:?}", choices(&reply, wrong).unwrap_err());
        assert!(
            error.contains("the reply has those of index [0, 1]"),
            "{error}"
        );
    }
}

#[test]
fn a_recorded_reply_to_other_tokens_is_refused() {
    let other = [270, 336, 332, 333];
    let error = read("vllm_prompt_logprobs0.json", &other, Form::Prompt).unwrap_err();
    assert!(
        error.contains("token 2 was sent as 332 and came back as 331"),
        "{error}"
    );
    let error = read("vllm_prompt_logprobs.json", &other, Form::Prompt).unwrap_err();
    assert!(
        error.contains("token 2 was sent as 332; prompt_logprobs has"),
        "{error}"
    );
    let error = read("vllm_prompt_logprobs.json", &SENT[..3], Form::Prompt).unwrap_err();
    assert!(error.contains("3 entries are due and 4 came"), "{error}");
}

#[test]
fn recorded_samples_have_the_log_probability_of_every_token() {
    let (reply, _) = recorded("vllm_sample.json");
    let asked = Generation {
        prompt: &SENT,
        samples: 2,
        seed: 7,
        top: 2,
        sampling: &Sampling::default(),
    };
    let choices = choices(&reply, 2).unwrap();
    let drawn: Vec<Vec<TokenLogProb>> = choices
        .into_iter()
        .map(|c| drawn(c, &asked).unwrap())
        .collect();
    let tokens = |steps: &[TokenLogProb]| steps.iter().map(|s| s.token).collect::<Vec<_>>();
    assert_eq!(tokens(&drawn[0]), [97, 207, 420]);
    assert_eq!(tokens(&drawn[1]), [147, 119, 391]);
    assert!((drawn[0][1].log_prob + 3.943_928_956_985_473_6).abs() < 1e-12);
    // The drawn token first, then the two likeliest.
    let top: Vec<u32> = drawn[0][0].top.iter().map(|(id, _)| *id).collect();
    assert_eq!(top.len(), 3);
    assert!([97, 40, 71].iter().all(|id| top.contains(id)), "{top:?}");
}
