//! Structs of Thrift's compact protocol (thrift, `doc/specs/thrift-compact-protocol.md`), as far as
//! heads of Parquet pages need them.

/// A struct of which each field that is known must be of its type: readers that believe their own
/// schema and those that believe the bytes then see the same.
pub(super) struct Shape {
    pub(super) fields: &'static [(i16, Kind)],
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    I32,
    I64,
    Bytes,
    Struct(&'static Shape),
}

/// The numbers and truth values among a struct's fields, and the structs in it.
#[derive(Default)]
pub(super) struct Fields {
    numbers: Vec<(i16, i32)>,
    truths: Vec<(i16, bool)>,
    structs: Vec<(i16, Fields)>,
}

impl Fields {
    pub(super) fn number(&self, id: i16) -> Option<i32> {
        let found = self.numbers.iter().find(|(known, _)| *known == id);
        found.map(|(_, number)| *number)
    }

    pub(super) fn truth(&self, id: i16) -> Option<bool> {
        let found = self.truths.iter().find(|(known, _)| *known == id);
        found.map(|(_, truth)| *truth)
    }

    pub(super) fn fields(&self, id: i16) -> Option<&Fields> {
        let found = self.structs.iter().find(|(known, _)| *known == id);
        found.map(|(_, fields)| fields)
    }

    /// Takes a struct off the front of some bytes; nothing if they are none of this shape.
    pub(super) fn take(rest: &mut &[u8], shape: &Shape) -> Option<Self> {
        let mut fields = Self::default();
        let mut last = 0;
        loop {
            let byte = take_byte(rest)?;
            if byte == 0 {
                return Some(fields);
            }
            let (step, code) = (i16::from(byte >> 4), byte & 15);
            let id = match step {
                0 => i16::try_from(zigzag(rest)?).ok()?,
                step => last + step,
            };
            // A field twice would have two meanings.
            if id <= last {
                return None;
            }
            last = id;
            match shape.fields.iter().find(|(known, _)| *known == id) {
                None => skip(rest, code, 0)?,
                Some((_, kind)) => fields.add(rest, id, code, *kind)?,
            }
        }
    }

    fn add(&mut self, rest: &mut &[u8], id: i16, code: u8, kind: Kind) -> Option<()> {
        match (kind, code) {
            (Kind::Bool, TRUE | FALSE) => {
                self.truths.push((id, code == TRUE));
                Some(())
            }
            (Kind::I32, I32) => {
                let number = i32::try_from(zigzag(rest)?).ok()?;
                self.numbers.push((id, number));
                Some(())
            }
            (Kind::I64, I64) | (Kind::Bytes, BYTES) => skip(rest, code, 0),
            (Kind::Struct(shape), STRUCT) => {
                let fields = Fields::take(rest, shape)?;
                self.structs.push((id, fields));
                Some(())
            }
            _ => None,
        }
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I8: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BYTES: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// Structs deeper than this are none of Parquet's.
const DEEPEST: usize = 8;

fn skip(rest: &mut &[u8], code: u8, depth: usize) -> Option<()> {
    if depth == DEEPEST {
        return None;
    }
    match code {
        TRUE | FALSE => Some(()),
        I8 => take_byte(rest).map(drop),
        I16 | I32 | I64 => varint(rest).map(drop),
        DOUBLE => take_bytes(rest, 8),
        BYTES => {
            let length = varint(rest)?;
            take_bytes(rest, length)
        }
        LIST | SET => {
            let head = take_byte(rest)?;
            let (mut items, code) = (u64::from(head >> 4), head & 15);
            if items == 15 {
                items = varint(rest)?;
            }
            // Truth values in lists take a byte each, and every other item at least one.
            let code = if matches!(code, TRUE | FALSE) {
                I8
            } else {
                code
            };
            (0..items).try_for_each(|_| skip(rest, code, depth + 1))
        }
        STRUCT => loop {
            let byte = take_byte(rest)?;
            if byte == 0 {
                return Some(());
            }
            if byte >> 4 == 0 {
                varint(rest)?;
            }
            skip(rest, byte & 15, depth + 1)?;
        },
        _ => None,
    }
}

fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

fn take_bytes(rest: &mut &[u8], bytes: u64) -> Option<()> {
    *rest = rest.get(usize::try_from(bytes).ok()?..)?;
    Some(())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(rest)?;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    let value = varint(rest)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::{Fields, Kind, Shape};

    static INNER: Shape = Shape {
        fields: &[(1, Kind::I32)],
    };
    static OUTER: Shape = Shape {
        fields: &[(1, Kind::I32), (3, Kind::Struct(&INNER)), (4, Kind::Bool)],
    };

    /// `{1: -3, 2: "ab", 3: {1: 300}, 4: true, 5: [1, 2] of bytes}` and one byte more.
    const BYTES: &[u8] = &[
        0x15, 5, 0x18, 2, b'a', b'b', 0x1c, 0x15, 0xd8, 0x04, 0, 0x11, 0x19, 0x23, 1, 2, 0, 99,
    ];

    #[test]
    fn a_struct_and_what_follows() {
        let mut rest = BYTES;
        let fields = Fields::take(&mut rest, &OUTER).unwrap();
        assert_eq!(fields.number(1), Some(-3));
        assert_eq!(fields.fields(3).unwrap().number(1), Some(300));
        assert_eq!(
            (fields.truth(4), fields.number(2), rest),
            (Some(true), None, &[99][..])
        );
        for end in 0..BYTES.len() - 1 {
            assert!(Fields::take(&mut &BYTES[..end], &OUTER).is_none(), "{end}");
        }
    }

    #[test]
    fn what_two_readers_would_see_in_two_ways() {
        let none = |bytes: &[u8]| Fields::take(&mut &*bytes, &OUTER).is_none();
        assert!(none(&[0x15, 2, 0x05, 2, 4, 0]), "field 1 twice");
        assert!(none(&[0x16, 2, 0]), "field 1 as i64");
        assert!(none(&[0x15, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), "beyond i32");
    }
}
