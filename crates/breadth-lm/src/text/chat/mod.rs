//! Chat templates: conversations to text, as the model's author wrote it down in Jinja.
//!
//! The template is that of `chat_template.jinja`, or else `chat_template` of
//! `tokenizer_config.json`: one text, or a list of named ones of which `default` is taken. It is
//! rendered as `apply_chat_template` of transformers renders it: Jinja2 with `trim_blocks`,
//! `lstrip_blocks` and loop controls, methods and printing of Python, `tojson` without HTML
//! escapes, `raise_exception`, `{% generation %}`, every `*_token` of the tokenizer's
//! configuration, `tools` and `chat_template_kwargs` of the line; fields of a message that are null
//! are left out, and reasoning stands under each of its names. Where a line has tools, a template
//! named `tool_use` is taken, if there is one. `scripts/conformance templates` compares.
//!
//! `strftime_now` always tells one day, 26 July 2024 at midnight: a score must not depend on when
//! it was computed. It is the day that Llama 3 templates take where there is no clock.
//!
//! A template is a program from a stranger. It runs only for conversations, sees nothing but them,
//! and has a number of steps that grows with the conversation; every 64 bytes that it makes are a
//! step, so that its memory is bounded too. What minijinja does not count in steps is stopped by
//! the limits of time and memory in `bounds`.
//!
//! Refused here though Jinja2 has it: `%` between a string and values, more arguments than a macro
//! names, the filters that are for HTML pages, and `{% do %}`, `{% trans %}` and the like, which
//! transformers has not either. Not told apart: `safe` text and other text where they are added.

mod arguments;
mod bound;
mod conversation;
mod filters;
mod generator;
mod macros;
mod methods;
mod printing;
mod scan;
mod source;
mod time;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::value::Value as JinjaValue;
use minijinja::{
    Environment, Error as JinjaError, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig,
};
use serde_json::Value;

use super::bounds::{Stopped, bounded};
use super::json::Json;
use super::special::Special;
use crate::error::{Error, Result};
use crate::files;
use crate::model::file_in;
pub(super) use conversation::Conversation;

/// Name of the template for conversations with tools, among several.
const WITH_TOOLS: &str = "tool_use";

/// Name of the one template in its environment.
const NAME: &str = "chat";

/// The longest template, in bytes; the longest published one has some 30 kB.
const LONGEST: usize = 1 << 17;

/// Stack for the first try and for all else, in bytes: libraries recurse as deep as a template
/// nests things.
const STACK: usize = 64 << 20;
const LARGE_STACK: usize = 512 << 20;

/// Steps of the first try: enough for nearly every conversation, and 16 MB at most.
const FEW_STEPS: u64 = 250_000;

/// Steps for any conversation, 128 MB at most, ..
const STEPS: u64 = 2_000_000;

/// .. and more for each message, since templates look back over all messages at each.
const STEPS_PER_MESSAGE: u64 = 10_000;

/// A template and the special tokens it may write.
///
/// ```
/// use breadth_lm::text::ChatTemplate;
///
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}{{ eos_token }}";
/// let template = ChatTemplate::new(source, [("eos_token".into(), "</s>".into())], "chat_template.jinja");
/// let text = template.render_json(r#"[{"role": "user", "content": " hi "}]"#, true).unwrap();
/// assert_eq!(text, "<user>hi</s>");
/// ```
#[derive(Debug)]
pub struct ChatTemplate {
    source: String,
    tokens: BTreeMap<String, String>,
    /// Compiled when a conversation first needs it.
    compiled: OnceLock<std::result::Result<Arc<Environment<'static>>, String>>,
    /// Why it is not run any more: a conversation went beyond the limits, and the next one is
    /// likely to.
    stopped: OnceLock<String>,
    /// The one that is taken instead where there are tools.
    with_tools: Option<Box<ChatTemplate>>,
    /// The file it comes from.
    place: String,
}

impl ChatTemplate {
    /// A template, the special tokens by their names (`bos_token`, ..), and the file that it comes
    /// from, for messages. Nothing runs yet.
    pub fn new(
        source: impl Into<String>,
        tokens: impl IntoIterator<Item = (String, String)>,
        place: impl Into<String>,
    ) -> Self {
        Self {
            source: source.into(),
            tokens: tokens.into_iter().collect(),
            compiled: OnceLock::new(),
            stopped: OnceLock::new(),
            with_tools: None,
            place: place.into(),
        }
    }

    /// The template of a folder, if it has one.
    ///
    /// # Errors
    /// If its file cannot be read or is far too long, or there are several and none is `default`.
    pub(super) fn of_folder(folder: &Path, special: &Special) -> Result<Option<Self>> {
        let file = file_in(folder, "chat_template.jinja")?;
        let new = |source: String, file: &Path| {
            Self::new(source, special.tokens.clone(), file.display().to_string())
        };
        if let Some(source) = read(&file)? {
            let others = folder.join("additional_chat_templates");
            let file_with_tools = file_in(&others, &format!("{WITH_TOOLS}.jinja"))?;
            let with_tools = read(&file_with_tools)?;
            return Ok(Some(Self {
                with_tools: with_tools.map(|source| Box::new(new(source, &file_with_tools))),
                ..new(source, &file)
            }));
        }
        let file = folder.join("tokenizer_config.json");
        let Some(value) = &special.template else {
            return Ok(None);
        };
        let place = format!("{}: chat_template", file.display());
        let source = default_of(value).map_err(|why| Error::data(place, why))?;
        Ok(Some(Self {
            with_tools: named(value, WITH_TOOLS).map(|source| Box::new(new(source, &file))),
            ..new(source, &file)
        }))
    }

    /// Whether another has the same text, and the same special tokens where it names them.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let named = |template: &Self| -> BTreeMap<String, String> {
            let tokens = template.tokens.clone().into_iter();
            tokens
                .filter(|(name, _)| template.source.contains(name.as_str()))
                .collect()
        };
        let same_with_tools = match (&self.with_tools, &other.with_tools) {
            (Some(own), Some(other)) => own.is_same(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        self.source == other.source && named(self) == named(other) && same_with_tools
    }

    /// The template for a conversation.
    fn of(&self, conversation: &Conversation) -> &Self {
        match &self.with_tools {
            Some(with_tools) if conversation.tools.is_some() => with_tools,
            _ => self,
        }
    }

    /// The file that the template for a conversation comes from.
    pub(super) fn place(&self, conversation: &Conversation) -> &str {
        &self.of(conversation).place
    }

    /// The text of a conversation, a JSON list of messages; with `add_generation_prompt`, what
    /// opens the assistant's turn follows.
    ///
    /// # Errors
    /// If it is no such list, the template is not Jinja, or it raises, fails or does not end; in
    /// its words, naming its file.
    pub fn render_json(&self, messages: &str, add_generation_prompt: bool) -> Result<String> {
        let wrong = |why: &str| Error::data("messages", format!("must be a list of messages{why}"));
        let messages = match Json::parse(messages) {
            Ok(Json::List(messages)) => messages,
            Ok(_) => return Err(wrong("")),
            Err(e) => return Err(wrong(&format!(": {e}"))),
        };
        self.render(&Conversation::of(messages), add_generation_prompt)
            .map_err(|why| Error::data(format!("chat template {}", self.place), why))
    }

    /// The text of a conversation.
    ///
    /// # Errors
    /// What the template raises, or cannot do, in its words.
    pub(super) fn render(
        &self,
        conversation: &Conversation,
        add_generation_prompt: bool,
    ) -> std::result::Result<String, String> {
        let template = self.of(conversation);
        template.render_own(conversation, add_generation_prompt)
    }

    /// The text of a conversation by this template, whether there are tools or not.
    fn render_own(
        &self,
        conversation: &Conversation,
        add_generation_prompt: bool,
    ) -> std::result::Result<String, String> {
        if let Some(why) = self.stopped.get() {
            return Err(why.clone());
        }
        let environment = self.compiled()?;
        let context = conversation.context(&self.tokens, add_generation_prompt);
        match run(&environment, &context, FEW_STEPS, STACK) {
            Err(Failure::OutOfSteps(_)) => {
                // One at a time, so that many threads do not need many times the memory.
                static ALONE: Mutex<()> = Mutex::new(());
                let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
                let steps = STEPS + STEPS_PER_MESSAGE * conversation.messages.len() as u64;
                run(&environment, &context, steps, LARGE_STACK).map_err(|why| self.failed(why))
            }
            done => done.map_err(|why| self.failed(why)),
        }
    }

    /// The words of a failure; what goes beyond a limit is not tried with the next conversation.
    fn failed(&self, why: Failure) -> String {
        match why {
            Failure::Raised(words) => words,
            Failure::OutOfSteps(words) => self.stopped.get_or_init(|| words).clone(),
            Failure::Stopped(stopped @ Stopped::Panicked(_)) => {
                format!("the template library failed: {stopped}")
            }
            Failure::Stopped(stopped) => self.stopped.get_or_init(|| stopped.to_string()).clone(),
        }
    }

    fn compiled(&self) -> std::result::Result<Arc<Environment<'static>>, String> {
        let compile = || {
            length(self.source.len() as u64)?;
            let source = self.source.clone();
            let compiled = bounded(LARGE_STACK, move || compile(&source));
            match compiled.map_err(|stopped| stopped.to_string())? {
                Ok(environment) => Ok(Arc::new(environment)),
                Err(error) => Err(reason(&error)),
            }
        };
        let compiled = self.compiled.get_or_init(compile);
        let words = |why: &String| format!("is not Jinja: {why}");
        compiled.as_ref().map(Arc::clone).map_err(words)
    }

    /// What the template writes after a message of the assistant, in a conversation of two
    /// messages.
    pub(super) fn after_response(&self) -> Option<String> {
        let content = "breadth 3141592653 breadth";
        let messages = [("user", "?"), ("assistant", content)]
            .map(|(role, content)| Json::object([("role", role), ("content", content)]));
        let text = self
            .render(&Conversation::of(messages.into()), false)
            .ok()?;
        text.rsplit_once(content).map(|(_, after)| after.to_owned())
    }
}

/// A template's file, if it is there.
fn read(file: &Path) -> Result<Option<String>> {
    match std::fs::metadata(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(file, e)),
        Ok(data) => {
            length(data.len()).map_err(|why| Error::data(file.display().to_string(), why))?
        }
    }
    let source = files::text(file, LONGEST as u64).map_err(|e| Error::io(file, e))?;
    Ok(Some(source))
}

fn length(bytes: u64) -> std::result::Result<(), String> {
    if bytes <= LONGEST as u64 {
        Ok(())
    } else {
        Err(format!(
            "has {bytes} bytes; a chat template has at most {LONGEST}"
        ))
    }
}

/// One template, or the one named `default` among several.
fn default_of(value: &Value) -> std::result::Result<String, String> {
    let list = match value {
        Value::String(source) => return Ok(source.clone()),
        Value::Array(list) => list,
        _ => return Err("must be text, or a list of {\"name\": .., \"template\": ..}".into()),
    };
    named(value, "default").ok_or_else(|| {
        let names: Vec<String> = list.iter().map(|one| one["name"].to_string()).collect();
        format!(
            "none is named \"default\" among {}; write the one to take to chat_template.jinja",
            names.join(", ")
        )
    })
}

/// The template of this name among several.
fn named(value: &Value, name: &str) -> Option<String> {
    let one = value.as_array()?.iter().find(|one| one["name"] == name)?;
    one["template"].as_str().map(str::to_owned)
}

fn compile(source: &str) -> std::result::Result<Environment<'static>, JinjaError> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("white space control alone is valid"));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(bound::call);
    filters::add_to(&mut environment);
    generator::add_to(&mut environment);
    macros::add_to(&mut environment);
    environment.add_function("raise_exception", raise);
    environment.add_function("strftime_now", |format: &str| time::strftime_now(format));
    environment.add_template_owned(NAME, source::prepared(source))?;
    Ok(environment)
}

/// Why there is no text.
enum Failure {
    /// The template raised or failed, in its words.
    Raised(String),
    /// The steps were used up.
    OutOfSteps(String),
    Stopped(Stopped),
}

fn run(
    environment: &Arc<Environment<'static>>,
    context: &JinjaValue,
    steps: u64,
    stack: usize,
) -> std::result::Result<String, Failure> {
    let mut environment = Environment::clone(environment);
    environment.set_fuel(Some(steps));
    let context = context.clone();
    let render = move || environment.get_template(NAME)?.render(context);
    match bounded(stack, render).map_err(Failure::Stopped)? {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::OutOfFuel => {
            Err(Failure::OutOfSteps(reason(&error)))
        }
        Err(error) => Err(Failure::Raised(reason(&error))),
    }
}

fn raise(message: String) -> std::result::Result<String, JinjaError> {
    Err(JinjaError::new(ErrorKind::InvalidOperation, message))
}

/// What went wrong, without the internal names of the template.
fn reason(error: &JinjaError) -> String {
    let detail = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "needs more steps than any conversation should; it does not end, or makes ever longer texts".into(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    match error.line() {
        Some(line) => format!("{detail} (line {line} of the template)"),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(source, [], "t.jinja")
    }

    fn rendered(source: &str) -> std::result::Result<String, String> {
        let messages = [Json::object([("role", "user"), ("content", "a <b> & 'é'")])];
        template(source).render(&Conversation::of(messages.into()), true)
    }

    #[test]
    fn templates_that_raise_say_so_in_their_own_words() {
        let message =
            rendered("{% if true %}\n{{ raise_exception('Roles must alternate') }}{% endif %}");
        assert_eq!(
            message.unwrap_err(),
            "Roles must alternate (line 2 of the template)"
        );
        let message = rendered("{% if %}").unwrap_err();
        assert!(message.starts_with("is not Jinja: "), "{message}");
        let message = template("{% if %}").render_json("[]", true).unwrap_err();
        let message = message.to_string();
        assert!(message.starts_with("chat template t.jinja: "), "{message}");
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
                "{% set ns = namespace(n=0) %}{% for m in [1, 2] %}{% set ns.n = ns.n + m %}{% \
                 endfor %}{{ ns.n }}",
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

    /// Jinja2 asks the condition of a loop before each turn.
    #[test]
    fn the_condition_of_a_loop_reads_what_the_loop_has_written() {
        let set = "{% set ns = namespace(n=0) %}";
        for (source, expected) in [
            (
                "{% for i in range(9) if ns.n < 2 -%}\n {% set ns.n = ns.n + i %}{{ i }}{% endfor %}.",
                Ok("012."),
            ),
            (
                "{% for i in range(9) if ns.n < 2 %}{% for j in 'ab' %}{{ loop.index }}{% else %}{% endfor %}{% if i %}{% else %}z{% endif %}{% set ns.n = ns.n + 1 %}\n  {% endfor %}.",
                Ok("12z12."),
            ),
            (
                "{% for i in range(3) if ns.n == 0 %}{{ loop.index }}{{ loop.last }}{% endfor %}{% set ns.n = 1 %}",
                Ok("1False2False3True"),
            ),
            (
                "{% for i in range(3) if ns.n == 0 %}{{ loop.index }}{% set ns.n = 1 %}{% endfor %}",
                Err("counts its turns"),
            ),
            (
                "{% for i in [] if ns.n == 0 %}{% set ns.n = 1 %}{% else %}x{% endfor %}",
                Err("has an else"),
            ),
        ] {
            let text = rendered(&format!("{set}{source}"));
            match expected {
                Ok(expected) => assert_eq!(text.as_deref(), Ok(expected), "{source}"),
                Err(part) => assert!(text.clone().unwrap_err().contains(part), "{text:?}"),
            }
        }
    }

    #[test]
    fn generators_are_true_and_are_gone_through_once() {
        for (source, expected) in [
            (
                "{% if messages|selectattr('role', 'equalto', 'system') %}yes{% endif %}",
                Ok("yes"),
            ),
            (
                "{% set u = messages|map(attribute='role') %}{{ u|join }}|{{ u|join }}|{{ u is \
                 sequence }}{{ u is iterable }}{{ u[0] is defined }}",
                Ok("user||FalseTrueFalse"),
            ),
            (
                "{% set u = [1, 2, 3]|reverse %}{{ u|first }}{% for i in u %}{{ i }}{{ loop.last }}{% endfor %}{{ u|list }}",
                Ok("32False1True[]"),
            ),
            (
                "{% set ns = namespace(u=[3, 3]|unique) %}{% set ns.u = ns.u|select %}{{ ns.u|list }}",
                Ok("[3]"),
            ),
            (
                "{{ 'abc'|reverse }}{{ messages|map('length')|sum }}",
                Ok("cba2"),
            ),
            ("{{ [1, 2]|reverse|reverse|length }}", Ok("2")),
            ("{{ messages|map(attribute='role')|length }}", Err("length")),
            (
                "{{ [1]|select|last }}",
                Err("a generator cannot be reversed"),
            ),
            (
                "{{ [1]|select }}",
                Err("a generator or a method is written out"),
            ),
            ("{{ [1]|select|tojson }}", Err("a generator or a method")),
        ] {
            let text = rendered(source);
            match expected {
                Ok(expected) => assert_eq!(text.as_deref(), Ok(expected), "{source}"),
                Err(part) => assert!(text.clone().unwrap_err().contains(part), "{text:?}"),
            }
        }
    }

    /// As gpt-oss asks for `param_spec['items']`.
    #[test]
    fn a_method_that_is_named_is_true_where_there_is_no_such_key() {
        let set = "{% set d = {'a': 1} %}{% set k = {'items': {'type': 's'}, 'count': 0} %}{% set ns = namespace(count=2) %}";
        for (source, expected) in [
            (
                "{{ 'y' if d['items'] }}{{ 'y' if d.items is defined }}{{ d.items.type is defined }}",
                "yyFalse",
            ),
            (
                "{{ k['items']['type'] }}{{ k.items.type }}{{ k.count }}{{ k[ \"values\" ] is none }}",
                "s0False",
            ),
            (
                "{{ d.items()|list }}{{ d.items ()|list|length }}{{ d['keys']()|list }}",
                "[('a', 1)]1['a']",
            ),
            (
                "{{ 'a'.strip is defined }}{{ 'a'.items is defined }}{{ [1].index is defined }}{{ [1].append is defined }}",
                "TrueFalseTrueFalse",
            ),
            (
                "{{ d.pop is defined }}{{ d.update is defined }}{{ ns.items is defined }}{{ ns.count }}",
                "FalseFalseFalse2",
            ),
            (
                "{% set ns.count = ns.count + 1 %}{{ ns.count }}{% for i in 'a' if 'x' not in ['items'] %}{{ loop.index }}{% endfor %}",
                "31",
            ),
            (
                "{{ 'items' in d }}{{ messages[0].title is defined }}{{ (d).items is defined }}{{ '.items' }}",
                "FalseFalseTrue.items",
            ),
        ] {
            let text = rendered(&format!("{set}{source}"));
            assert_eq!(text.as_deref(), Ok(expected), "{source}");
        }
        assert!(rendered("{{ messages[0].items }}").is_err());
    }

    /// Jinja2 gives a default to what was not given, and to nothing else.
    #[test]
    fn a_macro_takes_an_undefined_argument_as_it_is() {
        let set = "{% macro m(x, d='D', e='E') -%}\n {{ x }}{{ d }}{{ e }}{{ d is defined }}{% endmacro %}";
        for (source, expected) in [
            ("{{ m(1) }}", "1DETrue"),
            ("{{ m(1, nope) }}{{ m(1, none) }}", "1EFalse1NoneETrue"),
            ("{{ m(x=2, d=messages[0].nope) }}", "2EFalse"),
            ("{{ m(m(1, nope), e='(,') }}", "1EFalseD(,True"),
            (
                "{{ m(nope) }}{% if m(1, nope) == '1EFalse' %}y{% endif %}",
                "DETruey",
            ),
            (
                "{% set ns = namespace(t='') %}{% set ns.t = m(1, nope) %}{% set u = m (1, [2, 3]) %}{{ ns.t }}{{ u }}",
                "1EFalse1[2, 3]ETrue",
            ),
            (
                "{% macro n(x) %}{{ x is defined }}{% endmacro %}{{ n() }}{{ n(nope) }}{{ 'm(1)' }}",
                "FalseFalsem(1)",
            ),
        ] {
            let text = rendered(&format!("{set}{source}"));
            assert_eq!(text.as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn programs_that_would_not_end_or_fill_the_memory_are_stopped() {
        let list = "{% set x = [1] %}".to_owned() + &"{% set x = [x, x] %}".repeat(60);
        for (source, words) in [
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
                "more steps",
            ),
            (
                "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s \
                 %}{% endfor %}",
                "more steps",
            ),
            (
                "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = \
                 ns.s.replace('a', 'aaa') %}{% endfor %}",
                "more steps",
            ),
            (&format!("{list}{{{{ x }}}}"), "more steps"),
            (&format!("{list}{{{{ x | tojson }}}}"), "more steps"),
            ("{{ [[1]] | tojson(indent=10000000000) }}", "too wide"),
            ("{{ '{:1000000000}'.format('x') }}", "too wide"),
            ("{{ 'a' * 10000000000 }}", "more steps"),
            ("{{ 'a'.ljust(10000000000) }}", "more steps"),
            ("{{ 'a' | indent(10000000000) }}", "more steps"),
            ("{{ range(10000000000) }}", "too many"),
            (
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "recursion limit",
            ),
            (
                &format!("{{{{ {}1 }}}}", "(".repeat(10_000)),
                "is not Jinja",
            ),
            (
                &"{{ 1 }}".repeat(30_000),
                "bytes; a chat template has at most",
            ),
        ] {
            let message = rendered(source).unwrap_err();
            assert!(message.contains(words), "{source:.80}\n{message}");
        }
    }

    #[test]
    fn what_is_nested_deeply_does_not_overflow_the_stack() {
        for item in ["[ns.x]", "[ns.x, ns.x]", "{'a': ns.x}"] {
            let source = format!(
                "{{% set ns = namespace(x=[]) %}}{{% for i in range(40000) %}}{{% set ns.x = \
                 {item} %}}{{% endfor %}}"
            );
            let message = rendered(&source).unwrap_err();
            assert!(message.contains("nested too deeply"), "{message}");
        }
        let sets = "{% set x = [x] %}".repeat(7_000);
        assert_eq!(
            rendered(&format!("{sets}{{{{ x == x }}}}")),
            Ok("True".into())
        );
        let message = rendered(&format!("{sets}{{{{ x }}}}")).unwrap_err();
        assert!(message.contains("nested too deeply"), "{message}");
        assert_eq!(
            rendered(&format!("{{{{ {}1 }}}}", "-".repeat(60_000))),
            Ok("1".into())
        );
    }

    #[test]
    fn a_template_that_went_beyond_the_limits_is_not_run_again() {
        let loops = "{% if messages[0].content == 'loop' %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif %}ok";
        let template = template(loops);
        let render = |content| {
            let message = Json::object([("role", "user"), ("content", content)]);
            template.render(&Conversation::of(vec![message]), true)
        };
        assert_eq!(render("x"), Ok("ok".into()));
        assert!(render("loop").is_err());
        assert_eq!(render("x"), render("loop"));
    }

    #[test]
    fn long_conversations_have_the_steps_they_need() {
        let source = "{% for m in messages %}{% for n in messages %}{% if n.role == 'x' %}{% endif %}{% endfor %}{{ m.content | trim }}{% endfor %}";
        let message = Json::object([("role", "user"), ("content", "a")]);
        let text = template(source).render(&Conversation::of(vec![message; 600]), true);
        assert_eq!(text, Ok("a".repeat(600)));
    }

    #[test]
    fn reasoning_stands_under_each_of_its_names_and_null_fields_are_left_out() {
        let shown = |message: &str| {
            template("{{ messages[0] | tojson }}")
                .render_json(&format!("[{message}]"), true)
                .unwrap()
        };
        for (given, seen) in [
            (
                r#"{"role": "a", "content": "b", "thinking": "c"}"#,
                r#"{"thinking": "c", "role": "a", "content": "b", "reasoning_content": "c"}"#,
            ),
            (
                r#"{"role": "a", "reasoning": "c", "x": null}"#,
                r#"{"thinking": "c", "role": "a", "reasoning": "c", "reasoning_content": "c"}"#,
            ),
            (
                r#"{"reasoning_content": "c", "thinking": "d"}"#,
                r#"{"thinking": "d", "reasoning_content": "c"}"#,
            ),
            (r#"{"content": null, "reasoning_content": null}"#, "{}"),
            (r#"{"b": 1, "a": 1}"#, r#"{"b": 1, "a": 1}"#),
        ] {
            assert_eq!(shown(given), seen, "{given}");
        }
    }

    #[test]
    fn of_several_templates_the_default_is_taken() {
        let list =
            json!([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]);
        assert_eq!(default_of(&list).unwrap(), "d");
        assert_eq!(default_of(&json!("x")).unwrap(), "x");
        let message = default_of(&json!([{"name": "tool_use", "template": "t"}])).unwrap_err();
        assert!(message.contains("among \"tool_use\""), "{message}");
        assert!(default_of(&json!(3)).is_err());
        assert_eq!(named(&list, WITH_TOOLS).as_deref(), Some("t"));
    }
}
