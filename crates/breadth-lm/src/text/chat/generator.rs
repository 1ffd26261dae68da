//! Generators of Python, which filters such as `select` and `map` hand on: always true, gone through
//! once, and without a length.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, filters};

use super::arguments::invalid;

type Result<T> = std::result::Result<T, Error>;

/// What is left of a generator.
#[derive(Debug)]
pub(super) struct Generator(Mutex<VecDeque<Value>>);

impl Generator {
    fn of(items: impl Iterator<Item = Value>) -> Value {
        Value::from_object(Self(Mutex::new(items.collect())))
    }

    /// What is left, which stays where it is.
    pub(super) fn left(&self) -> Vec<Value> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().cloned().collect()
    }
}

impl Object for Generator {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    /// Neither items by their place nor attributes.
    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::UNDEFINED)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(Left(Arc::clone(self))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        None
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// Takes from a generator.
struct Left(Arc<Generator>);

impl Iterator for Left {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let mut items = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.pop_front()
    }
}

pub(super) fn is_one(value: &Value) -> bool {
    value.downcast_object_ref::<Generator>().is_some()
}

/// The filters that hand on a generator in Jinja2.
pub(super) fn add_to(environment: &mut Environment) {
    environment.add_filter("batch_listed", filters::batch);
    environment.add_filter("items_listed", filters::items);
    environment.add_filter("map_listed", filters::map);
    environment.add_filter("reject_listed", filters::reject);
    environment.add_filter("rejectattr_listed", filters::rejectattr);
    environment.add_filter("reverse_listed", filters::reverse);
    environment.add_filter("select_listed", filters::select);
    environment.add_filter("selectattr_listed", filters::selectattr);
    environment.add_filter("slice_listed", filters::slice);
    environment.add_filter("unique_listed", filters::unique);
    environment.add_filter("last_listed", filters::last);
    for name in [
        "batch",
        "items",
        "map",
        "reject",
        "rejectattr",
        "select",
        "selectattr",
        "slice",
        "unique",
    ] {
        let of = format!("{name}_listed");
        environment.add_filter(
            name,
            move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<Value> {
                let list = state.apply_filter(&of, &args.into_values())?;
                Ok(Generator::of(list.try_iter()?))
            },
        );
    }
    environment.add_filter("reverse", reversed);
    environment.add_filter("last", last);
}

/// Python's `reversed`, or a list where it does not take the value; a text is turned around.
fn reversed(state: &mut State, value: Value) -> Result<Value> {
    let list = state.apply_filter("reverse_listed", std::slice::from_ref(&value))?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Map => Ok(Generator::of(list.try_iter()?)),
        ValueKind::Iterable if !is_one(&value) => Ok(Generator::of(list.try_iter()?)),
        _ => Ok(list),
    }
}

fn last(state: &mut State, value: Value) -> Result<Value> {
    if is_one(&value) {
        return invalid("last: a generator cannot be reversed; make it a list first");
    }
    state.apply_filter("last_listed", &[value])
}
