//! The columns of a sample table.

use crate::write::columns;

columns! {
    /// One row of a sample table: a response drawn from a model, and its reward.
    pub struct SampleRow {
        /// The model that wrote the response.
        MODEL = model: String, Id, Required;
        /// The prompt.
        PROMPT = prompt_id: String, Id, Required;
        /// The response, unique within (model, prompt).
        RESPONSE = response_id: String, Id, Always;
        /// The reward, in [0, 1]; NaN, which is no value in a file, for a response that has a text
        /// and that nobody graded yet.
        REWARD = reward: f64, Flag, Always;
        /// The final answer in the response.
        ANSWER = answer: Option<String>, Text, Answers;
        /// log q(y|x) of the response under its model, in nats, at most 0.
        LOGPROB = logprob: Option<f64>, LogProb, Never;
        /// The length of the response in tokens.
        TOKENS = tokens: Option<u32>, Number, Never;
        /// The response itself.
        TEXT = text: Option<String>, Text, Texts;
        /// The prompt as text, the same in all rows of a prompt.
        QUESTION = prompt: Option<String>, Text, Texts;
        /// The right answer to the prompt, as verifiers compare with it.
        GOLD = gold: Option<String>, Text, Texts;
        /// The class of the prompt.
        GROUP = group: Option<String>, Group, Always;
    }
    read only {
        N = n, Number, Always;
        C = c, Number, Always;
        CORRECT = correct, Flag, Always;
        PASSED = passed, Flag, Always;
    }
}
