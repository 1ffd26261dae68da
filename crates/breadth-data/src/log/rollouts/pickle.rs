//! The part of Python's pickle format that plain data take: numbers, texts, lists, tuples and
//! objects of them, and NumPy's scalars.
//!
//! Nothing is ever called or imported: of an object of another class (a tensor, say) nothing but
//! the name of its class is kept, see [`class_of`]. Opcodes after CPython's `Lib/pickletools.py`,
//! protocols 2 to 5.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Number, Value};

use crate::limit::VALUES;

/// What stands on the stack. Lists and objects stand in [`Machine`] by their number: they are
/// shared, are filled after they are first named, and may hold themselves.
#[derive(Clone)]
enum Item {
    Mark,
    Null,
    Truth(bool),
    Whole(i64),
    Real(f64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    /// A type of NumPy, by its number: its byte order comes after it.
    Type(usize),
    /// A class or a function, `module name`.
    Global(Rc<str>),
    /// An object of a class.
    Other(Rc<str>),
    List(usize),
    Object(usize),
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Item>,
    memo: HashMap<u64, Item>,
    lists: Vec<Vec<Item>>,
    objects: Vec<Vec<(Item, Item)>>,
    types: Vec<Type>,
    /// Items that may still be made.
    left: u64,
}

/// A type of NumPy's numbers: `f8`, `i4`, `b1`, ..
struct Type {
    code: Rc<str>,
    is_big_endian: bool,
}

/// The only member of what stands for an object of a class.
const CLASS: &str = "\0class";

/// The class of an object whose content was not read.
pub(super) fn class_of(value: &Value) -> Option<&str> {
    value.get(CLASS)?.as_str()
}

fn of_class(name: &str) -> Value {
    Value::Object(Map::from_iter([(CLASS.to_owned(), Value::from(name))]))
}

/// Reads what a pickle of at most so many items holds.
///
/// # Errors
/// What is wrong with it: it ends too soon, has an opcode that plain data do not have, or more
/// items (the message begins as [`VALUES`]).
pub(super) fn read(text: &[u8], items: u64) -> Result<Value, String> {
    let mut machine = Machine {
        rest: text,
        stack: Vec::new(),
        memo: HashMap::new(),
        lists: Vec::new(),
        objects: Vec::new(),
        types: Vec::new(),
        left: items,
    };
    while machine.step()? {}
    let item = machine.pop()?;
    let mut left = items;
    let value = machine.value(&item, 0, &mut left);
    value.map_err(|problem| problem.unwrap_or_else(|| too_many(items)))
}

fn too_many(items: u64) -> String {
    format!("{VALUES} {} bytes", 64 * items)
}

/// Deeper data than this lead in circles.
const DEEPEST: usize = 64;

impl Machine<'_> {
    /// An item with all that is in it; no message where that is more than `left` items.
    fn value(&self, item: &Item, depth: usize, left: &mut u64) -> Result<Value, Option<String>> {
        // Shared items are written out where they are named, so they count again.
        let text = match item {
            Item::Text(text) | Item::Global(text) | Item::Other(text) => text.len() as u64 / 64,
            Item::Bytes(bytes) => bytes.len() as u64 / 64,
            _ => 0,
        };
        let after = left.checked_sub(1 + text).filter(|_| depth < DEEPEST);
        *left = after.ok_or(None)?;
        Ok(match item {
            Item::Mark => return Err(Some("a mark where a value belongs".into())),
            Item::Null => Value::Null,
            Item::Truth(truth) => Value::Bool(*truth),
            Item::Whole(number) => Value::from(*number),
            Item::Real(number) if number.is_nan() => Value::Null,
            Item::Real(number) => {
                let finite = Number::from_f64(*number).map(Value::Number);
                finite.unwrap_or_else(|| Value::from(number.to_string()))
            }
            Item::Text(text) => Value::from(&**text),
            Item::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes)),
            Item::Type(_) => of_class("numpy.dtype"),
            Item::Global(name) | Item::Other(name) => of_class(name),
            Item::List(at) => {
                let items = self.lists[*at].iter();
                let items = items.map(|item| self.value(item, depth + 1, left));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Item::Object(at) => {
                let mut object = Map::new();
                for (name, member) in &self.objects[*at] {
                    let value = self.value(member, depth + 1, left)?;
                    // Python keeps the last of members of one name, too.
                    object.insert(name_of(name)?, value);
                }
                Value::Object(object)
            }
        })
    }

    fn take(&mut self, bytes: usize) -> Result<&[u8], String> {
        if self.rest.len() < bytes {
            return Err("it ends too soon".into());
        }
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64, String> {
        let taken = self.take(bytes)?;
        Ok(taken
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u64::from(byte)))
    }

    fn text(&mut self, bytes: usize) -> Result<bool, String> {
        let length = self.number(bytes)?;
        let length = usize::try_from(length).map_err(|_| "it ends too soon")?;
        let text = String::from_utf8_lossy(self.take(length)?).into();
        self.push(Item::Text(text))
    }

    fn bytes(&mut self, bytes: usize) -> Result<bool, String> {
        let length = self.number(bytes)?;
        let length = usize::try_from(length).map_err(|_| "it ends too soon")?;
        let bytes = self.take(length)?.into();
        self.push(Item::Bytes(bytes))
    }

    fn line(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or("it ends too soon")?;
        let line = String::from_utf8_lossy(&self.rest[..end]).into();
        self.rest = &self.rest[end + 1..];
        Ok(line)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<bool, String> {
        self.push(Item::Global(format!("{module}.{name}").into()))
    }

    fn pop(&mut self) -> Result<Item, String> {
        self.stack.pop().ok_or_else(|| "its stack is empty".into())
    }

    /// Notes that something takes the memory of an item.
    fn charge(&mut self) -> Result<(), String> {
        let left = self.left.checked_sub(1);
        self.left = left.ok_or_else(|| format!("{VALUES} is read at once"))?;
        Ok(())
    }

    fn push(&mut self, item: Item) -> Result<bool, String> {
        self.charge()?;
        self.stack.push(item);
        Ok(true)
    }

    fn push_list(&mut self, items: Vec<Item>) -> Result<bool, String> {
        self.lists.push(items);
        self.push(Item::List(self.lists.len() - 1))
    }

    /// What stands above the last mark, which goes with it.
    fn pop_to_mark(&mut self) -> Result<Vec<Item>, String> {
        let mark = self
            .stack
            .iter()
            .rposition(|item| matches!(item, Item::Mark));
        let items = self.stack.split_off(mark.ok_or("a mark is missing")?);
        Ok(items.into_iter().skip(1).collect())
    }

    fn tuple(&mut self, items: usize) -> Result<bool, String> {
        let from = self.stack.len().checked_sub(items);
        let items = self.stack.split_off(from.ok_or("its stack is empty")?);
        self.push_list(items)
    }

    fn append(&mut self, items: Vec<Item>) -> Result<bool, String> {
        match self.stack.last() {
            Some(Item::List(at)) => self.lists[*at].extend(items),
            Some(Item::Other(_)) => {}
            _ => return Err("items without a list".into()),
        }
        Ok(true)
    }

    fn set(&mut self, items: Vec<Item>) -> Result<bool, String> {
        let pairs = items
            .chunks_exact(2)
            .map(|two| (two[0].clone(), two[1].clone()));
        match self.stack.last() {
            Some(Item::Object(at)) => self.objects[*at].extend(pairs),
            Some(Item::Other(_)) => {}
            _ => return Err("members without an object".into()),
        }
        Ok(true)
    }

    /// An object of a class, which is not made, in place of its class and what it is made of.
    fn opaque(&mut self, items: usize) -> Result<bool, String> {
        let from = self.stack.len().checked_sub(items);
        let items = self.stack.split_off(from.ok_or("its stack is empty")?);
        let class: Rc<str> = match items.first() {
            Some(Item::Global(name) | Item::Other(name)) => name.clone(),
            _ => "object".into(),
        };
        self.push(Item::Other(class))
    }

    /// What a function makes of arguments: NumPy's types and scalars, and bytes as protocol 2 has
    /// them; an object of another class otherwise.
    fn reduce(&mut self) -> Result<bool, String> {
        let found = match &self.stack[..] {
            [.., Item::Global(function), Item::List(at)] => {
                self.made_by(function, &self.lists[*at])
            }
            _ => None,
        };
        let Some(mut made) = found else {
            return self.opaque(2);
        };
        if let Made::Type(code) = made {
            self.types.push(Type {
                code,
                is_big_endian: false,
            });
            made = Made::Item(Item::Type(self.types.len() - 1));
        }
        let (_, _) = (self.pop()?, self.pop()?);
        match made {
            Made::Item(item) => self.push(item),
            Made::Type(_) => unreachable!("types became items"),
        }
    }

    fn made_by(&self, function: &str, arguments: &[Item]) -> Option<Made> {
        match (function, arguments) {
            ("numpy.dtype", [Item::Text(code), ..]) => Some(Made::Type(code.clone())),
            (
                "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar",
                [Item::Type(at), Item::Bytes(bytes)],
            ) => scalar(self.types.get(*at)?, bytes).map(Made::Item),
            ("_codecs.encode", [Item::Text(text), Item::Text(codec)]) if &**codec == "latin1" => {
                let bytes: Result<Rc<[u8]>, _> = text.chars().map(u8::try_from).collect();
                Some(Made::Item(Item::Bytes(bytes.ok()?)))
            }
            _ => None,
        }
    }

    /// The state of an object, of which the byte order of a type of NumPy counts alone.
    fn build(&mut self) -> Result<bool, String> {
        let state = self.pop()?;
        match (self.stack.last(), state) {
            (Some(Item::Type(at)), Item::List(state)) => {
                let order = self.lists[state].get(1);
                self.types[*at].is_big_endian =
                    matches!(order, Some(Item::Text(order)) if &**order == ">");
                Ok(true)
            }
            (Some(_), _) => self.opaque(1),
            (None, _) => Err("its stack is empty".into()),
        }
    }

    fn memoize(&mut self, at: u64) -> Result<bool, String> {
        self.charge()?;
        let top = self.stack.last().ok_or("its stack is empty")?;
        self.memo.insert(at, top.clone());
        Ok(true)
    }

    fn recall(&mut self, at: u64) -> Result<bool, String> {
        let item = self.memo.get(&at).cloned();
        self.push(item.ok_or("it names what it never had")?)
    }

    /// Takes one opcode; whether there are more.
    fn step(&mut self) -> Result<bool, String> {
        let code = self.take(1)?[0];
        match code {
            b'.' => Ok(false),
            0x80 => self.take(1).map(|_| true),
            0x95 => self.take(8).map(|_| true),
            b'(' => self.push(Item::Mark),
            b'0' => self.pop().map(|_| true),
            b'1' => self.pop_to_mark().map(|_| true),
            b'N' => self.push(Item::Null),
            0x88 => self.push(Item::Truth(true)),
            0x89 => self.push(Item::Truth(false)),
            b'K' => self
                .number(1)
                .and_then(|n| self.push(Item::Whole(n as i64))),
            b'M' => self
                .number(2)
                .and_then(|n| self.push(Item::Whole(n as i64))),
            b'J' => {
                let number = self.number(4)? as u32 as i32;
                self.push(Item::Whole(number.into()))
            }
            0x8a => self.long(),
            b'G' => self.float(),
            b'X' | b'T' => self.text(4),
            0x8c | b'U' => self.text(1),
            0x8d => self.text(8),
            b'B' => self.bytes(4),
            b'C' => self.bytes(1),
            0x8e => self.bytes(8),
            b']' | b')' => self.push_list(Vec::new()),
            b'}' => {
                self.objects.push(Vec::new());
                self.push(Item::Object(self.objects.len() - 1))
            }
            b't' | b'l' => {
                let items = self.pop_to_mark()?;
                self.push_list(items)
            }
            0x85..=0x87 => self.tuple(usize::from(code - 0x84)),
            b'a' => self.pop().and_then(|item| self.append(vec![item])),
            b'e' => self.pop_to_mark().and_then(|items| self.append(items)),
            b's' => {
                let (value, name) = (self.pop()?, self.pop()?);
                self.set(vec![name, value])
            }
            b'u' => self.pop_to_mark().and_then(|items| self.set(items)),
            b'q' => self.number(1).and_then(|at| self.memoize(at)),
            b'r' => self.number(4).and_then(|at| self.memoize(at)),
            0x94 => self.memoize(self.memo.len() as u64),
            b'h' => self.number(1).and_then(|at| self.recall(at)),
            b'j' => self.number(4).and_then(|at| self.recall(at)),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(&module, &name)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Item::Text(name), Item::Text(module)) => self.global(&module, &name),
                _ => Err("a class with a name that is no text".into()),
            },
            b'R' => self.reduce(),
            b'b' => self.build(),
            0x81 => self.opaque(2),
            0x92 => self.opaque(3),
            b'Q' => self.opaque(1),
            other => Err(format!("opcode {other:#04x}, which plain data do not have")),
        }
    }

    fn long(&mut self) -> Result<bool, String> {
        let bytes = self.number(1)? as usize;
        if bytes > 8 {
            self.take(bytes)?;
            return self.push(Item::Other(format!("int of {bytes} bytes").into()));
        }
        let unsigned = self.number(bytes)?;
        let shift = 64 - 8 * bytes as u32;
        let signed = if bytes == 0 {
            0
        } else {
            (unsigned << shift) as i64 >> shift
        };
        self.push(Item::Whole(signed))
    }

    fn float(&mut self) -> Result<bool, String> {
        let bytes: [u8; 8] = self.take(8)?.try_into().map_err(|_| "it ends too soon")?;
        self.push(Item::Real(f64::from_be_bytes(bytes)))
    }
}

/// What [`Machine::reduce`] makes.
enum Made {
    Item(Item),
    Type(Rc<str>),
}

/// The number of a scalar of NumPy; nothing of a type without a plain one.
fn scalar(kind: &Type, bytes: &[u8]) -> Option<Item> {
    let mut little = bytes.to_vec();
    if kind.is_big_endian {
        little.reverse();
    }
    let (letter, size) = kind.code.split_at_checked(1)?;
    if size.parse() != Ok(little.len()) || little.len() > 8 {
        return None;
    }
    let unsigned = little
        .iter()
        .rev()
        .fold(0, |all: u64, &byte| all << 8 | u64::from(byte));
    let unused = 64 - 8 * little.len() as u32;
    match (letter, little.len()) {
        ("f", 8) => Some(Item::Real(f64::from_bits(unsigned))),
        ("f", 4) => Some(Item::Real(f32::from_bits(unsigned as u32).into())),
        ("b", 1) => Some(Item::Truth(unsigned != 0)),
        ("i", 1..) => Some(Item::Whole((unsigned << unused) as i64 >> unused)),
        ("u", 1..) => i64::try_from(unsigned).ok().map(Item::Whole),
        _ => None,
    }
}

/// A member's name, as JSON writes it where it is no text.
fn name_of(name: &Item) -> Result<String, Option<String>> {
    match name {
        Item::Text(name) => Ok(name.to_string()),
        Item::Null => Ok("null".into()),
        Item::Truth(truth) => Ok(truth.to_string()),
        Item::Whole(number) => Ok(number.to_string()),
        Item::Real(number) => Ok(number.to_string()),
        Item::Bytes(name) => Ok(String::from_utf8_lossy(name).into()),
        Item::Global(name) | Item::Other(name) => Ok(name.to_string()),
        Item::Type(_) | Item::Mark | Item::List(_) | Item::Object(_) => {
            Err(Some("an object with a name that is no text".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{class_of, read};
    use serde_json::json;

    /// `pickle.dumps({"a": [1, -2, 2.5, None, True, "é"], "b": (1, 2), "c": {}}, protocol=2)`, and
    /// the same of 4.
    #[test]
    fn plain_data() {
        let two = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88X\x02\x00\x00\x00\xc3\xa9q\x03eX\x01\x00\x00\x00bq\x04K\x01K\x02\x86q\x05X\x01\x00\x00\x00cq\x06}q\x07u.";
        let expected = json!({"a": [1, -2, 2.5, null, true, "é"], "b": [1, 2], "c": {}});
        assert_eq!(read(two, 100).unwrap(), expected);
        assert!(read(two, 5).unwrap_err().starts_with(super::VALUES));
        for end in 0..two.len() {
            assert!(read(&two[..end], 100).is_err(), "{end}");
        }
    }

    /// A text that is named a million times, and lists in lists in lists: neither takes more than
    /// its items.
    #[test]
    fn what_is_shared_and_what_is_deep() {
        let mut text = b"\x80\x02(X".to_vec();
        text.extend(100_000u32.to_le_bytes());
        text.extend([b'a'; 100_000]);
        text.extend(b"q\x00");
        text.extend(b"h\x00".repeat(1_000_000));
        text.extend(b"l.");
        assert!(read(&text, 1 << 22).unwrap_err().starts_with(super::VALUES));
        let depth = 1_000_000;
        let mut text = b"\x80\x02".to_vec();
        text.extend([b']'].repeat(depth));
        text.extend([b'a'].repeat(depth - 1));
        text.push(b'.');
        assert!(read(&text, 1 << 22).unwrap_err().starts_with(super::VALUES));
        assert!(
            read(b"\x80\x02N\x94\x94\x94\x94.", 3).is_err(),
            "memos take room, too"
        );
    }

    /// `a = []; a.append(a)` leads in a circle, `os.system` is not called.
    #[test]
    fn what_plain_data_do_not_do() {
        assert!(read(b"\x80\x02]q\x00h\x00a.", 1000).is_err());
        let called = read(b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R.", 100).unwrap();
        assert_eq!(class_of(&called), Some("os.system"));
        assert_eq!(class_of(&json!({"a": 1})), None);
        assert!(
            read(b"\x80\x02P1\n.", 100)
                .unwrap_err()
                .contains("opcode 0x50")
        );
    }

    /// `pickle.dumps(np.float64(0.75), protocol=2)` without its memo, and the like: 0.75 is
    /// `3fe8..`, -2.5 is `c0200000`.
    #[test]
    fn scalars_of_numpy() {
        let of = |code: &[u8], order: &str, value: &str| {
            let mut text = b"cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0".to_vec();
            text.extend(code);
            text.extend(b"\x89\x88\x87Rq\x07(K\x03X\x01\0\0\0");
            text.extend(order.as_bytes());
            text.extend(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbc_codecs\nencode\nX");
            text.extend((value.len() as u32).to_le_bytes());
            text.extend(value.as_bytes());
            text.extend(b"X\x06\0\0\0latin1\x86R\x86R.");
            read(&text, 100).unwrap()
        };
        assert_eq!(of(b"f8", "<", "\0\0\0\0\0\0\u{e8}?"), json!(0.75));
        assert_eq!(of(b"f8", ">", "?\u{e8}\0\0\0\0\0\0"), json!(0.75));
        assert_eq!(of(b"f4", "<", "\0\0 \u{c0}"), json!(-2.5));
        assert_eq!(of(b"i2", "<", "\u{fd}\u{ff}"), json!(-3));
        assert_eq!(of(b"u1", "|", "\u{c8}"), json!(200));
        assert_eq!(of(b"b1", "|", "\u{1}"), json!(true));
        assert_eq!(of(b"f8", "<", "\0\0\0\0\0\0\u{f0}\x7f"), json!("inf"));
        assert_eq!(of(b"f8", "<", "\0\0\0\0\0\0\u{f8}\x7f"), json!(null));
        for (code, value) in [(b"f2", "\0<"), (b"f8", "\0<"), (b"V2", "\0<")] {
            let found = of(code, "<", value);
            assert_eq!(class_of(&found), Some("numpy._core.multiarray.scalar"));
        }
    }
}
