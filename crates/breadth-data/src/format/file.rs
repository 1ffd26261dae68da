//! What a format of tables is.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::io::chunk::Chunk;
use crate::io::open::Reader;
use crate::provenance::KnownModel;
use crate::schema::Layout;

/// A format of tables.
pub(crate) struct TableFormat {
    /// The endings of its files, which are looked for in folders.
    pub(crate) extensions: &'static [&'static str],
    pub(crate) access: Access,
}

/// What tells a format, and how it is read.
pub(crate) enum Access {
    /// A file by its first bytes, read wherever its parts lie in it.
    File {
        magic: &'static [u8],
        open: fn(Arc<Path>, &Layout) -> Opened,
        column_names: fn(&Path) -> Result<Vec<String>>,
    },
    /// A text by its first character that is no blank, if there is one, read front to back.
    Text {
        begins: fn(Option<u8>) -> bool,
        open: fn(Arc<Path>, Reader, &Layout) -> Opened,
        /// Of the first line that is not blank.
        column_names: fn(&[u8]) -> Vec<String>,
    },
}

/// A file that was opened, or why not.
pub(crate) type Opened = Result<Box<dyn TableFile>>;

/// A table being read: pieces that are cheap to make and expensive to decode.
pub(crate) trait TableFile {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> Result<Option<Box<dyn Piece>>>;

    /// Names of models that the file knows to be one and the same.
    fn equal_models(&self) -> &[Vec<String>] {
        &[]
    }

    /// The models whose content the file knows.
    fn known_models(&self) -> &[KnownModel] {
        &[]
    }
}

/// A row of more bytes than this counts as several.
pub(super) const LONG_ROW: usize = 256;

/// A piece of a table that can be decoded by itself.
pub(crate) trait Piece: Send {
    /// The rows, or more where it takes the memory of more.
    fn rows(&self) -> usize;

    fn decode(self: Box<Self>, layout: &Layout) -> Result<Chunk>;
}
