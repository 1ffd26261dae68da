//! Chat templates: conversations to text, as the model's author wrote it down in Jinja.
//!
//! The template is that of `chat_template.jinja`, or else `chat_template` of `tokenizer_config.json`: one text, or a list of
//! named ones of which `default` is taken. It is rendered as transformers renders it: `trim_blocks` and `lstrip_blocks`, loop controls, string
//! methods of Python, `tojson` without HTML escapes, `raise_exception`, every `*_token` of the tokenizer's configuration, no `tools` and no `documents`.
//!
//! `strftime_now` always tells one day, 26 July 2024 at midnight: a score must not depend on when it was computed. It is the day that
//! Llama 3 templates take where there is no clock.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::{Kwargs, Value as JinjaValue, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};
use serde_json::Value;

use super::json::Json;
use super::special::Special;
use crate::error::{Error, Result};

/// Name of the one template in its environment.
const NAME: &str = "chat";

/// A compiled template and the special tokens it may write.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    special: Special,
    /// The file it comes from.
    pub place: String,
}

impl ChatTemplate {
    /// The template of a folder, if it has one.
    ///
    /// # Errors
    /// If it is not one, or there are several and none is `default`.
    pub fn of_folder(folder: &Path, special: &Special) -> Result<Option<Self>> {
        let file = folder.join("chat_template.jinja");
        if file.exists() {
            let source = std::fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?;
            return Self::new(source, special.clone(), file.display().to_string()).map(Some);
        }
        let place = folder.join("tokenizer_config.json").display().to_string();
        let Some(value) = &special.template else {
            return Ok(None);
        };
        let source =
            named(value).map_err(|why| Error::data(format!("{place}: chat_template"), why))?;
        Self::new(source, special.clone(), place).map(Some)
    }

    /// Compiles a template.
    ///
    /// # Errors
    /// Says where it is not Jinja.
    pub fn new(source: String, special: Special, place: String) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment.set_syntax(syntax.expect("white space control alone is valid"));
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise);
        environment.add_function("strftime_now", |format: &str| strftime(format));
        environment
            .add_template_owned(NAME, without_generation_blocks(&source))
            .map_err(|e| Error::data(&*place, format!("chat template: {}", reason(&e))))?;
        Ok(Self {
            environment,
            special,
            place,
        })
    }

    /// The text of a conversation.
    ///
    /// # Errors
    /// What the template raises, or cannot do, in its words.
    pub fn render(
        &self,
        messages: &[Json],
        generation: bool,
    ) -> std::result::Result<String, String> {
        let special = self.special.tokens.iter();
        let special =
            special.map(|(name, token)| (name.as_str(), JinjaValue::from(token.as_str())));
        let mut context: BTreeMap<&str, JinjaValue> = special.collect();
        context.insert("messages", messages.iter().map(Json::to_jinja).collect());
        context.insert("add_generation_prompt", generation.into());
        context.insert("tools", ().into());
        context.insert("documents", ().into());
        let template = self.environment.get_template(NAME).expect("it was added");
        template
            .render(JinjaValue::from(context))
            .map_err(|e| reason(&e))
    }

    /// What the template writes after a message of the assistant, in a conversation of two messages.
    pub fn after_response(&self) -> Option<String> {
        let content = "breadth 3141592653 breadth";
        let messages = [("user", "?"), ("assistant", content)]
            .map(|(role, content)| Json::object([("role", role), ("content", content)]));
        let text = self.render(&messages, false).ok()?;
        text.rsplit_once(content).map(|(_, after)| after.to_owned())
    }
}

/// One template, or the one named `default` among several.
fn named(value: &Value) -> std::result::Result<String, String> {
    let list = match value {
        Value::String(source) => return Ok(source.clone()),
        Value::Array(list) => list,
        _ => return Err("must be text, or a list of {\"name\": .., \"template\": ..}".into()),
    };
    let default = list.iter().find(|one| one["name"] == "default");
    match default.and_then(|one| one["template"].as_str()) {
        Some(source) => Ok(source.to_owned()),
        None => {
            let names: Vec<String> = list.iter().map(|one| one["name"].to_string()).collect();
            Err(format!(
                "none is named \"default\" among {}; write the one to take to chat_template.jinja",
                names.join(", ")
            ))
        }
    }
}

/// `{% generation %}` blocks only mark what the assistant says; here they are blocks that are always true.
fn without_generation_blocks(source: &str) -> String {
    let open = regex::Regex::new(r"\{%([-+]?)\s*generation\s*([-+]?)%\}").expect("a pattern");
    let close = regex::Regex::new(r"\{%([-+]?)\s*endgeneration\s*([-+]?)%\}").expect("a pattern");
    let opened = open.replace_all(source, "{%$1 if true $2%}");
    close.replace_all(&opened, "{%$1 endif $2%}").into_owned()
}

fn raise(message: String) -> std::result::Result<String, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

/// What went wrong, without the internal names of the template.
fn reason(error: &minijinja::Error) -> String {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{detail} (line {line} of the template)"),
        None => detail,
    }
}

/// Python's `json.dumps`: `", "` and `": "` between things, other letters than ASCII as they are.
fn to_json(value: &JinjaValue, options: Kwargs) -> std::result::Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    let ascii = options
        .get::<Option<bool>>("ensure_ascii")?
        .unwrap_or(false);
    // Keys of our maps are sorted, or in the order in which the template made them.
    let _: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let mut text = String::new();
    write_json(value, indent, 0, &mut text)?;
    Ok(if ascii { to_ascii(&text) } else { text })
}

fn write_json(
    value: &JinjaValue,
    indent: Option<usize>,
    depth: usize,
    out: &mut String,
) -> std::result::Result<(), minijinja::Error> {
    let between = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    };
    let separator = if indent.is_some() { "," } else { ", " };
    let (open, close) = match value.kind() {
        ValueKind::Map => ('{', '}'),
        ValueKind::Seq | ValueKind::Iterable => ('[', ']'),
        _ => {
            out.push_str(&scalar(value));
            return Ok(());
        }
    };
    out.push(open);
    let mut is_empty = true;
    for item in value.try_iter()? {
        if !is_empty {
            out.push_str(separator);
        }
        is_empty = false;
        between(out, depth + 1);
        if value.kind() == ValueKind::Map {
            out.push_str(&quoted(&item.to_string()));
            out.push_str(": ");
            write_json(&value.get_item(&item)?, indent, depth + 1, out)?;
        } else {
            write_json(&item, indent, depth + 1, out)?;
        }
    }
    if !is_empty {
        between(out, depth);
    }
    out.push(close);
    Ok(())
}

fn scalar(value: &JinjaValue) -> String {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "null".into(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => value.to_string(),
        _ => quoted(&value.to_string()),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn to_ascii(text: &str) -> String {
    let escaped = |c: char| {
        let mut units = [0; 2];
        let units = c.encode_utf16(&mut units);
        units
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect::<String>()
    };
    let ascii = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            escaped(c)
        }
    };
    text.chars().map(ascii).collect()
}

/// 26 July 2024, a Friday, at midnight, in the format of C's `strftime`.
fn strftime(format: &str) -> std::result::Result<String, minijinja::Error> {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let code: String = match rest.next() {
            Some('-') => rest.next().map(|c| format!("-{c}")).unwrap_or_default(),
            Some(c) => c.to_string(),
            None => String::new(),
        };
        out.push_str(match code.as_str() {
            "Y" => "2024",
            "y" => "24",
            "m" => "07",
            "-m" => "7",
            "B" => "July",
            "b" | "h" => "Jul",
            "d" | "-d" | "e" => "26",
            "A" => "Friday",
            "a" => "Fri",
            "w" | "u" => "5",
            "j" | "-j" => "208",
            "F" => "2024-07-26",
            "H" | "M" | "S" => "00",
            "-H" | "-M" | "-S" => "0",
            "I" | "-I" => "12",
            "p" => "AM",
            "T" => "00:00:00",
            "%" => "%",
            _ => {
                let message = format!("strftime_now: %{code} is not known here");
                return Err(minijinja::Error::new(ErrorKind::InvalidOperation, message));
            }
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(source: &str) -> Result<ChatTemplate> {
        ChatTemplate::new(source.into(), Special::default(), "t.jinja".into())
    }

    fn rendered(source: &str) -> std::result::Result<String, String> {
        let messages = [Json::object([("role", "user"), ("content", "a <b> & 'é'")])];
        template(source).unwrap().render(&messages, true)
    }

    #[test]
    fn templates_that_raise_say_so_in_their_own_words() {
        let message =
            rendered("{% if true %}\n{{ raise_exception('Roles must alternate') }}{% endif %}");
        assert_eq!(
            message.unwrap_err(),
            "Roles must alternate (line 2 of the template)"
        );
        let message = template("{% if %}").unwrap_err().to_string();
        assert!(message.starts_with("t.jinja: chat template: "), "{message}");
        assert!(rendered("{{ strftime_now('%Q') }}").is_err());
    }

    #[test]
    fn what_python_has_is_here() {
        for (source, expected) in [
            (
                "{{ messages[0] | tojson }}",
                r#"{"role": "user", "content": "a <b> & 'é'"}"#,
            ),
            (
                "{{ [1, true, none, 'x'] | tojson }}",
                r#"[1, true, null, "x"]"#,
            ),
            ("{{ [] | tojson(indent=2) }}", "[]"),
            (
                "{{ [1, [2]] | tojson(indent=2) }}",
                "[\n  1,\n  [\n    2\n  ]\n]",
            ),
            (
                "{{ 'é😀' | tojson(ensure_ascii=true) }}",
                r#""\u00e9\ud83d\ude00""#,
            ),
            (
                "{{ strftime_now('%d %b %Y, %A %H:%M') }}",
                "26 Jul 2024, Friday 00:00",
            ),
            ("{{ ' x '.strip() + 'a,b'.split(',')[-1] }}", "xb"),
            (
                "{% for m in [1, 2, 3] %}{% if m == 2 %}{% break %}{% endif %}{{ m }}{% endfor %}",
                "1",
            ),
            ("{{ [1, 2, 3][::-1] }}", "[3, 2, 1]"),
            (
                "{% set ns = namespace(n=0) %}{% for m in [1, 2] %}{% set ns.n = ns.n + m %}{% endfor %}{{ ns.n }}",
                "3",
            ),
            (
                "{{ tools is none }}{{ bos_token is defined }}{{ add_generation_prompt }}",
                "TrueFalseTrue",
            ),
            ("a{%- generation -%} b {% endgeneration %}\nc", "ab c"),
            ("  {% if true %}\nx\n  {% endif %}\ny\n", "x\ny"),
            ("{{ 'x' if messages[0].missing else 'y' }}", "y"),
        ] {
            assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn of_several_templates_the_default_is_taken() {
        let list =
            json!([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]);
        assert_eq!(named(&list).unwrap(), "d");
        assert_eq!(named(&json!("x")).unwrap(), "x");
        let message = named(&json!([{"name": "tool_use", "template": "t"}])).unwrap_err();
        assert!(message.contains("among \"tool_use\""), "{message}");
        assert!(named(&json!(3)).is_err());
    }
}
