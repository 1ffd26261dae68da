//! Arguments of methods and filters as Python takes them, by place or by name.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};

type Result<T> = std::result::Result<T, Error>;

pub(super) fn invalid<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidOperation, message.into()))
}

/// Fuel for bytes that are about to be made: minijinja charges for what a method returns only when
/// it is there.
pub(super) fn charge(state: &State, bytes: usize) -> Result<()> {
    state.consume_fuel(bytes as u64 / 64)
}

/// Arguments by place or by name, at most as many as there are names.
pub(super) struct Arguments {
    names: &'static [&'static str],
    by_place: Vec<Value>,
    by_name: Option<Kwargs>,
}

impl Arguments {
    /// Of a method.
    pub fn new(args: &[Value], names: &'static [&'static str]) -> Result<Self> {
        let (by_place, by_name) = match args.split_last() {
            Some((last, before)) if last.is_kwargs() => {
                (before, Some(Kwargs::try_from(last.clone())?))
            }
            _ => (args, None),
        };
        Self::checked(by_place.to_vec(), by_name, names)
    }

    /// Of a filter, which takes them in fixed places.
    pub fn of_filter<const N: usize>(
        by_place: [Option<Value>; N],
        by_name: Kwargs,
        names: &'static [&'static str],
    ) -> Result<Self> {
        Self::checked(
            by_place.into_iter().flatten().collect(),
            Some(by_name),
            names,
        )
    }

    fn checked(
        by_place: Vec<Value>,
        by_name: Option<Kwargs>,
        names: &'static [&'static str],
    ) -> Result<Self> {
        if by_place.len() > names.len() {
            return Err(ErrorKind::TooManyArguments.into());
        }
        let new = Self {
            names,
            by_place,
            by_name,
        };
        match new.unknown() {
            Some(name) => invalid(format!("unexpected argument {name}")),
            None => Ok(new),
        }
    }

    fn unknown(&self) -> Option<String> {
        let mut given = self.by_name.iter().flat_map(|kwargs| kwargs.args());
        given
            .find(|name| !self.names.contains(name))
            .map(str::to_owned)
    }

    /// An argument, whatever it is.
    pub fn given(&self, name: &str) -> Option<Value> {
        let at = self.names.iter().position(|one| *one == name)?;
        match self.by_place.get(at) {
            Some(value) => Some(value.clone()),
            None => self.by_name.as_ref()?.get(name).ok(),
        }
    }

    /// An argument; `None` of Python is as good as none.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.given(name)
            .filter(|value| !value.is_none() && !value.is_undefined())
    }

    pub fn text(&self, name: &str) -> Result<Option<String>> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => invalid(format!("{name} must be a string, not {}", value.kind())),
            },
        }
    }

    pub fn needed(&self, name: &str) -> Result<String> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => invalid(format!("{name} must be a string")),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.is_true())
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>> {
        self.get(name).map(i64::try_from).transpose()
    }
}
