//! How much the steps of a `tokenizer.json` may add to a text: without a limit, a small file makes
//! any text fill the memory.

use serde_json::Value;

/// How much a step, or several in a row, may lengthen a text, in bytes per byte.
///
/// # Errors
/// If a table of a step is damaged.
pub(super) fn bytes(step: &Value) -> Result<f64, String> {
    let inner = ["normalizers", "decoders"]
        .iter()
        .find_map(|name| step.get(name)?.as_array());
    if let Some(steps) = inner {
        let factors = steps.iter().map(bytes);
        return Ok(factors
            .collect::<Result<Vec<f64>, String>>()?
            .iter()
            .product());
    }
    let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "Replace" => {
            let pattern = step.pointer("/pattern/String").and_then(Value::as_str);
            let length = text("content").len() as f64;
            Ok(match pattern.map_or(0, str::len) {
                // An expression may match between any two characters.
                0 => length + 1.0,
                old => (length / old as f64).max(1.0),
            })
        }
        "Prepend" => Ok(1.0 + text("prepend").len() as f64),
        "Precompiled" => trie(text("precompiled_charsmap")).map(|()| 4.0),
        // Of a character of three bytes 33.
        "NFKC" | "NFKD" => Ok(11.0),
        "NFC" | "NFD" | "BertNormalizer" => Ok(3.0),
        "ByteLevel" => Ok(2.0),
        "Lowercase" => Ok(1.5),
        _ => Ok(1.0),
    }
}

/// How many tokens a post-processor puts around a text.
///
/// # Errors
/// If it writes the text more than once.
pub(super) fn added_tokens(step: &Value) -> Result<usize, String> {
    if let Some(steps) = step.get("processors").and_then(Value::as_array) {
        return steps.iter().map(added_tokens).sum();
    }
    match step.get("type").and_then(Value::as_str) {
        Some("TemplateProcessing") => {}
        Some("BertProcessing" | "RobertaProcessing") => return Ok(2),
        _ => return Ok(0),
    }
    let pieces = step.get("single").and_then(Value::as_array);
    let pieces = pieces.map_or(&[][..], Vec::as_slice);
    let texts = pieces
        .iter()
        .filter(|piece| piece.get("Sequence").is_some());
    match texts.count() {
        0 | 1 => {}
        times => return Err(format!("its post-processor writes each text {times} times")),
    }
    let of_piece = |piece: &Value| {
        let name = piece.pointer("/SpecialToken/id").and_then(Value::as_str)?;
        let token = step.get("special_tokens")?.get(name)?;
        let list = |name: &str| {
            token
                .get(name)
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice)
        };
        // Each has a name of its own, of any length.
        let bytes: usize = list("tokens")
            .iter()
            .filter_map(Value::as_str)
            .map(str::len)
            .sum();
        Some(list("ids").len().max(list("tokens").len()).max(bytes / 64))
    };
    Ok(pieces.iter().filter_map(of_piece).sum())
}

/// How often pre-tokenizers spell a text in the characters of its bytes; each time but the first
/// makes two of most of them.
pub(super) fn byte_levels(step: &Value) -> usize {
    let inner = step.get("pretokenizers").and_then(Value::as_array);
    let of_inner = inner.map_or(0, |steps| steps.iter().map(byte_levels).sum());
    of_inner + usize::from(step.get("type").is_some_and(|name| name == "ByteLevel"))
}

/// A table of SentencePiece begins with the bytes of its trie, which the library believes: they
/// must be there.
fn trie(table: &str) -> Result<(), String> {
    let wrong =
        || Err("normalizer.precompiled_charsmap is damaged; take the file of the model".to_owned());
    let bytes = table.trim_end_matches('=').len() as u64 * 3 / 4;
    let mut size = 0_u64;
    for c in table.bytes().take(6) {
        let Some(digit) = digit(c) else {
            return wrong();
        };
        size = size << 6 | u64::from(digit);
    }
    // Six digits are 36 bits; the first four bytes, the lowest one first.
    let size = u64::from(u32::swap_bytes((size >> 4) as u32));
    if bytes >= 4 && size % 4 == 0 && size >= 4 && size <= bytes - 4 {
        Ok(())
    } else {
        wrong()
    }
}

/// A digit of base 64.
fn digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_in_a_row_multiply_what_they_lengthen() {
        let replace = |old: &str, new: &str| json!({"type": "Replace", "pattern": {"String": old}, "content": new});
        let several = json!({"type": "Sequence", "normalizers": [replace("a", "aaaa"), replace("``", "\""), replace(" ", "▁")]});
        assert_eq!(bytes(&several), Ok(12.0));
        let expression = json!({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "ab"});
        assert_eq!(bytes(&expression), Ok(3.0));
        assert_eq!(bytes(&Value::Null), Ok(1.0));
    }

    #[test]
    fn post_processors_add_what_their_pieces_have() {
        let token = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        let template = |single: Value| {
            json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": {
                "<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                "<x>": {"id": "<x>", "ids": vec![1; 50], "tokens": []},
            }})
        };
        let one = template(json!([token("<s>"), token("<x>"), text, token("<x>")]));
        assert_eq!(added_tokens(&one), Ok(101));
        let roberta = json!({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]});
        let several =
            json!({"type": "Sequence", "processors": [one, roberta, {"type": "ByteLevel"}]});
        assert_eq!(added_tokens(&several), Ok(103));
        assert!(added_tokens(&template(json!([text, text]))).is_err());
        assert_eq!(added_tokens(&Value::Null), Ok(0));
    }

    #[test]
    fn byte_levels_are_counted() {
        let level = json!({"type": "ByteLevel"});
        let inner = json!({"type": "Sequence", "pretokenizers": [level, {"type": "Digits"}]});
        let several = json!({"type": "Sequence", "pretokenizers": [inner, level]});
        assert_eq!([&Value::Null, &level, &several].map(byte_levels), [0, 1, 2]);
    }

    #[test]
    fn a_trie_must_be_as_long_as_its_table_says() {
        // 4, then four bytes of the trie and one of the texts.
        assert!(trie("BAAAAAAAAAAA").is_ok());
        for damaged in ["", "AAAA", "/////wAAAAA=", "BAAAAA==", "é"] {
            assert!(trie(damaged).is_err(), "{damaged}");
        }
    }
}
