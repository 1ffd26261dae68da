//! Methods that are named and not called: `param["items"]` of a dictionary that has no such key is
//! the method of that name in Python, which is true and defined.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, State};

use super::{generator, methods};

type Result<T> = std::result::Result<T, Error>;

/// The method for which `value.name` and `value["name"]` stand in a template's source, where a type
/// of Python has a method of this name.
pub(super) const ATTRIBUTE: &str = "attribute_of_python";

/// What the sandbox of transformers shows; it hides methods that change what they are of.
const OF_STRING: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
const OF_DICT: &[&str] = &["copy", "fromkeys", "get", "items", "keys", "values"];
const OF_LIST: &[&str] = &["copy", "count", "index"];

/// Whether some type has a method of this name.
pub(super) fn is_name(name: &str) -> bool {
    [OF_STRING, OF_DICT, OF_LIST]
        .iter()
        .any(|names| names.contains(&name))
}

/// A method and what it is of.
#[derive(Debug)]
pub(super) struct Bound {
    value: Value,
    name: String,
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State, args: &[Value]) -> Result<Value> {
        methods::call(state, &self.value, &self.name, args)
    }
}

pub(super) fn is_one(value: &Value) -> bool {
    value.downcast_object_ref::<Bound>().is_some()
}

/// What stands for a method of Python in a template, called or only named.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value> {
    match method {
        ATTRIBUTE => attribute(value, args),
        _ => methods::call(state, value, method, args),
    }
}

/// An item, else the method of its name; the other way round where `value.name` is written.
fn attribute(value: &Value, args: &[Value]) -> Result<Value> {
    let (name, by_dot): (&str, bool) = from_args(args)?;
    let item = match value.as_str() {
        Some(_) => Value::UNDEFINED,
        None => value.get_attr(name)?,
    };
    let is_of = |names: &[&str]| names.contains(&name);
    let has_it = match value.kind() {
        ValueKind::String => is_of(OF_STRING),
        ValueKind::Map => is_of(OF_DICT) && is_dict(value),
        ValueKind::Seq if value.is_tuple() => is_of(OF_LIST) && name != "copy",
        ValueKind::Seq => is_of(OF_LIST),
        // Slices and sums of lists are lazy here, and lists in Python.
        ValueKind::Iterable => is_of(OF_LIST) && !generator::is_one(value),
        _ => false,
    };
    if has_it && (by_dot || item.is_undefined()) {
        let (value, name) = (value.clone(), name.to_owned());
        Ok(Value::from_object(Bound { value, name }))
    } else {
        Ok(item)
    }
}

/// Whether this is a dictionary, and not a namespace or the like, which the library counts among
/// them.
fn is_dict(value: &Value) -> bool {
    let object = value.as_object();
    !object.is_some_and(|object| {
        ["Namespace", "Loop"]
            .iter()
            .any(|name| object.type_name().ends_with(name))
    })
}
