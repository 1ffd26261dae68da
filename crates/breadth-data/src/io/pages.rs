//! The pages of a Parquet column, looked at before a decoder makes room for what they say.
//!
//! The footer may understate what a page holds, and a page's head what its bytes unpack to. Heads
//! are structs of Thrift (parquet-format, `parquet.thrift`: `PageHeader`).

use std::io::Read;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use parquet::basic::{Compression, Type};
use parquet::column::reader::{get_column_reader, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, SerializedPageReader};

use super::thrift::{Fields, Kind, Shape};
use crate::limit;

/// Why a column is not decoded.
pub(crate) enum Refusal {
    /// It holds more than it is long.
    TooMuch(String),
    /// It contradicts itself.
    Damaged(String),
}

/// What the pages of a column are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pages {
    /// Whether all values are codes of a dictionary.
    pub(crate) is_coded: bool,
    /// Whether some values are written as what is new after the one before.
    is_incremental: bool,
}

/// Pages may be this many times as long as they are packed.
pub(super) const TIMES: u64 = 100;

/// Looks at a column of some rows, whose bytes are at hand, as far as it takes to know how much
/// room its values need.
pub(crate) fn check<R: ChunkReader + 'static>(
    reader: &Arc<R>,
    column: &ColumnChunkMetaData,
    rows: usize,
) -> Result<Pages, Refusal> {
    let (start, length) = column.byte_range();
    let bytes = reader
        .get_bytes(start, length as usize)
        .map_err(|error| Refusal::Damaged(error.to_string()))?;
    let pages = walk(column, &bytes)?;
    if pages.is_incremental && column.column_type() == Type::BYTE_ARRAY {
        measure(reader, column, rows)?;
    }
    Ok(pages)
}

/// Goes from head to head.
fn walk(column: &ColumnChunkMetaData, bytes: &[u8]) -> Result<Pages, Refusal> {
    let mut pages = Pages {
        is_coded: true,
        is_incremental: false,
    };
    let (mut rest, mut unpacked, mut values, mut is_first) = (bytes, 0u64, 0u64, true);
    let most = limit::most(bytes.len() as u64, TIMES);
    let is_plain = column.compression() == Compression::UNCOMPRESSED;
    while !rest.is_empty() {
        let head = Head::take(&mut rest).ok_or_else(|| damaged("a page's head is not readable"))?;
        let page = rest.get(..head.packed);
        let page = page.ok_or_else(|| damaged("a page lies outside of its column"))?;
        rest = &rest[head.packed..];
        unpacked += head.unpacked;
        if unpacked > most {
            return Err(too_much(column, unpacked, bytes.len()));
        }
        if matches!(column.compression(), Compression::GZIP(_)) && head.is_packed {
            let levels = head.levels.min(page.len());
            check_gzip(&page[levels..], head.unpacked.saturating_sub(levels as u64))?;
        }
        match head.content {
            Content::Nothing => {}
            Content::Dictionary(entries) => {
                let room = if is_plain {
                    page.len() as u64
                } else {
                    head.unpacked
                };
                if !is_first || entries.saturating_mul(least_bytes(column)) > room {
                    return Err(damaged(
                        "a dictionary is smaller than it says, or not the first page",
                    ));
                }
            }
            Content::Values { count, encoding } => {
                values += count;
                pages.is_coded &= [PLAIN_DICTIONARY, RLE_DICTIONARY].contains(&encoding);
                pages.is_incremental |= encoding == DELTA_BYTE_ARRAY;
            }
        }
        is_first = false;
    }
    if values == column.num_values() as u64 {
        Ok(pages)
    } else {
        Err(damaged("a column has not as many values as its pages"))
    }
}

/// What a value in a dictionary takes at least.
fn least_bytes(column: &ColumnChunkMetaData) -> u64 {
    match column.column_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => column.column_descr().type_length().max(1) as u64,
    }
}

fn damaged(what: &str) -> Refusal {
    Refusal::Damaged(what.into())
}

fn too_much(column: &ColumnChunkMetaData, bytes: u64, packed: usize) -> Refusal {
    let name = column.column_path().string();
    Refusal::TooMuch(format!(
        "{bytes} bytes or more of column `{name}` out of {packed} compressed ones"
    ))
}

/// Other decompressors stop where the head says the page ends; that of gzip goes on.
fn check_gzip(page: &[u8], most: u64) -> Result<(), Refusal> {
    // A page of nulls alone has no bytes.
    if most == 0 {
        return Ok(());
    }
    let text = MultiGzDecoder::new(page).take(most + 1);
    match std::io::copy(&mut { text }, &mut std::io::sink()) {
        Ok(read) if read <= most => Ok(()),
        Ok(_) => Err(damaged("a page unpacks to more than its head says")),
        Err(error) => Err(Refusal::Damaged(error.to_string())),
    }
}

/// Adds up texts that are written as what is new after the one before: a few bytes may stand for
/// any length.
fn measure<R: ChunkReader + 'static>(
    reader: &Arc<R>,
    column: &ColumnChunkMetaData,
    rows: usize,
) -> Result<(), Refusal> {
    let fail = |error: ParquetError| Refusal::Damaged(error.to_string());
    let packed = column.compressed_size() as u64;
    let most = limit::most(packed, TIMES);
    let name = column.column_path().string();
    let described = column.column_descr_ptr();
    if described.max_rep_level() > 0 {
        return Err(Refusal::Damaged(format!(
            "lists of texts in DELTA_BYTE_ARRAY in column `{name}`, which are not read: write them \
             in another encoding"
        )));
    }
    let pages = SerializedPageReader::new(reader.clone(), column, rows, None).map_err(fail)?;
    let column_reader = get_column_reader(described, Box::new(pages));
    let mut column_reader = get_typed_column_reader::<ByteArrayType>(column_reader);
    let (mut total, mut texts, mut levels) = (0, Vec::<ByteArray>::new(), Vec::new());
    loop {
        texts.clear();
        levels.clear();
        let read = column_reader.read_records(1, Some(&mut levels), None, &mut texts);
        if read.map_err(fail)?.0 == 0 {
            return Ok(());
        }
        total += texts.iter().map(|text| text.len() as u64).sum::<u64>();
        if total > most {
            return Err(too_much(column, total, packed as usize));
        }
    }
}

/// A page's head.
struct Head {
    content: Content,
    /// Bytes of the page, and those that they unpack to.
    packed: usize,
    unpacked: u64,
    /// Bytes at the front that are not packed.
    levels: usize,
    is_packed: bool,
}

enum Content {
    Nothing,
    /// Its entries.
    Dictionary(u64),
    Values {
        count: u64,
        encoding: i32,
    },
}

const PLAIN_DICTIONARY: i32 = 2;
const DELTA_BYTE_ARRAY: i32 = 7;
const RLE_DICTIONARY: i32 = 8;

/// `Statistics`.
static STATISTICS: Shape = Shape {
    fields: &[
        (1, Kind::Bytes),
        (2, Kind::Bytes),
        (3, Kind::I64),
        (4, Kind::I64),
        (5, Kind::Bytes),
        (6, Kind::Bytes),
        (7, Kind::Bool),
        (8, Kind::Bool),
    ],
};

/// `DataPageHeader`: number of values, encoding, ...
static DATA: Shape = Shape {
    fields: &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::I32),
        (5, Kind::Struct(&STATISTICS)),
    ],
};

/// `IndexPageHeader`.
static INDEX: Shape = Shape { fields: &[] };

/// `DictionaryPageHeader`: number of values, ...
static DICTIONARY: Shape = Shape {
    fields: &[(1, Kind::I32), (2, Kind::I32), (3, Kind::Bool)],
};

/// `DataPageHeaderV2`: numbers of values, nulls and rows, encoding, bytes of both kinds of levels,
/// whether the rest is compressed, ...
static DATA_V2: Shape = Shape {
    fields: &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::I32),
        (5, Kind::I32),
        (6, Kind::I32),
        (7, Kind::Bool),
        (8, Kind::Struct(&STATISTICS)),
    ],
};

/// `PageHeader`: kind, bytes unpacked and packed, a checksum, and one of the heads above.
static PAGE: Shape = Shape {
    fields: &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::I32),
        (5, Kind::Struct(&DATA)),
        (6, Kind::Struct(&INDEX)),
        (7, Kind::Struct(&DICTIONARY)),
        (8, Kind::Struct(&DATA_V2)),
    ],
};

impl Head {
    /// Takes a head off the front of some bytes.
    fn take(rest: &mut &[u8]) -> Option<Self> {
        let fields = Fields::take(rest, &PAGE)?;
        let size = |of: &Fields, id| usize::try_from(of.number(id)?).ok();
        let (mut levels, mut is_packed) = (0, true);
        let content = match fields.number(1)? {
            0 => {
                let data = fields.fields(5)?;
                Content::Values {
                    count: size(data, 1)? as u64,
                    encoding: data.number(2)?,
                }
            }
            1 => Content::Nothing,
            2 => Content::Dictionary(size(fields.fields(7)?, 1)? as u64),
            3 => {
                let data = fields.fields(8)?;
                levels = size(data, 5)? + size(data, 6)?;
                is_packed = data.truth(7).unwrap_or(true);
                Content::Values {
                    count: size(data, 1)? as u64,
                    encoding: data.number(4)?,
                }
            }
            _ => return None,
        };
        Some(Self {
            content,
            packed: size(&fields, 3)?,
            unpacked: size(&fields, 2)? as u64,
            levels,
            is_packed,
        })
    }
}
