//! The columns of a score table.

use crate::write::columns;

columns! {
    /// One row of a score table: what one model says of one response.
    pub struct ScoreRow {
        /// Who wrote the response: `data`, or a model.
        SOURCE = source: String, Id, Always;
        /// The prompt.
        PROMPT = prompt_id: String, Id, Required;
        /// The response, unique within (source, prompt).
        RESPONSE = response_id: String, Id, Always;
        /// The model that is asked.
        MODEL = model: String, Id, Required;
        /// log q(y|x) of the whole response, in nats, at most 0.
        LOGPROB = logprob: f64, LogProb, Required;
        /// The length of the response in tokens.
        TOKENS = tokens: Option<u32>, Number, Tokens;
        /// Log-probabilities token by token, in nats, which sum to `logprob`.
        TOKEN_LOGPROBS = token_logprobs: Option<Vec<f32>>, LogProbs, TokenLogProbs;
        /// The class of the prompt.
        GROUP = group: Option<String>, Group, Always;
        /// The sampling weight, above 0; `None` means 1.
        WEIGHT = weight: Option<f64>, Number, Always;
    }
    read only {
        ANSWER = answer, Text, Answers;
    }
}
