//! One list of columns for each table: its row, its file and its reader derive from it.

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, Float32Builder, Float64Builder, ListBuilder, StringBuilder, UInt32Builder,
};
use arrow_schema::{DataType, Field};

use crate::schema::{Column, ColumnType};

/// A row of a table, as [`columns!`] makes it.
pub(crate) trait Row {
    /// The builders of the columns, in the order of the file.
    type Builders: Default;
    const COLUMNS: &[Column];

    fn fields() -> Vec<Field>;
    fn append(&self, builders: &mut Self::Builders);
    /// The arrays in the order of [`fields`](Self::fields), which leaves the builders empty.
    fn take(builders: &mut Self::Builders) -> Vec<ArrayRef>;
}

/// A value of a row, and how a file holds it.
pub(crate) trait Stored {
    type Builder: ArrayBuilder + Default;
    const IS_NULLABLE: bool = true;

    fn data_type() -> DataType;
    fn append(&self, holds: ColumnType, builder: &mut Self::Builder);
}

impl Stored for String {
    type Builder = StringBuilder;
    const IS_NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn append(&self, _: ColumnType, builder: &mut StringBuilder) {
        builder.append_value(self);
    }
}

impl Stored for Option<String> {
    type Builder = StringBuilder;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn append(&self, _: ColumnType, builder: &mut StringBuilder) {
        builder.append_option(self.as_deref());
    }
}

impl Stored for f64 {
    type Builder = Float64Builder;
    const IS_NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::Float64
    }

    fn append(&self, holds: ColumnType, builder: &mut Float64Builder) {
        // A reward that nobody gave yet.
        let is_missing = holds == ColumnType::Flag && self.is_nan();
        Some(*self).filter(|_| !is_missing).append(holds, builder);
    }
}

impl Stored for Option<f64> {
    type Builder = Float64Builder;

    fn data_type() -> DataType {
        DataType::Float64
    }

    fn append(&self, holds: ColumnType, builder: &mut Float64Builder) {
        // Rounding of log-probabilities above 0 was let through.
        let is_log_prob = matches!(holds, ColumnType::LogProb | ColumnType::LogProbs);
        let stored = |value: f64| if is_log_prob { value.min(0.0) } else { value };
        builder.append_option(self.map(stored));
    }
}

impl Stored for Option<u32> {
    type Builder = UInt32Builder;

    fn data_type() -> DataType {
        DataType::UInt32
    }

    fn append(&self, _: ColumnType, builder: &mut UInt32Builder) {
        builder.append_option(*self);
    }
}

impl Stored for Option<Vec<f32>> {
    type Builder = ListBuilder<Float32Builder>;

    fn data_type() -> DataType {
        let item = Field::new_list_field(DataType::Float32, true);
        DataType::List(item.into())
    }

    fn append(&self, _: ColumnType, builder: &mut Self::Builder) {
        if let Some(list) = self {
            builder.values().append_slice(list);
        }
        builder.append(self.is_some());
    }
}

/// Makes of the columns of a table the struct of its rows, what writes them ([`Row`]), the list
/// `COLUMNS` that its reader looks for, and the position of each column in it.
///
/// `POSITION = name: type of its values in a row, what it holds, when it is read;` in the order of
/// the file, and behind `read only` the columns that only other programs write.
macro_rules! columns {
    (
        $(#[$of_row:meta])*
        pub struct $row:ident {
            $($(#[$about:meta])* $position:ident = $name:ident: $type:ty, $holds:ident, $asked:ident;)*
        }
        read only {
            $($only_position:ident = $only:ident, $only_holds:ident, $only_asked:ident;)*
        }
    ) => {
        $(#[$of_row])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $row {
            $($(#[$about])* pub $name: $type,)*
        }

        #[derive(Default)]
        pub(crate) struct Builders {
            $($name: <$type as $crate::write::Stored>::Builder,)*
        }

        // A column that is only written has a position that nobody asks for.
        #[allow(dead_code, non_camel_case_types, clippy::upper_case_acronyms)]
        enum Position {
            $($position,)*
            $($only_position,)*
        }

        $(#[allow(dead_code)] pub(super) const $position: usize = Position::$position as usize;)*
        $(pub(super) const $only_position: usize = Position::$only_position as usize;)*

        pub(super) const COLUMNS: &[$crate::schema::Column] = &[
            $($crate::schema::Column {
                name: stringify!($name),
                holds: $crate::schema::ColumnType::$holds,
                asked: $crate::schema::Asked::$asked,
            },)*
            $($crate::schema::Column {
                name: stringify!($only),
                holds: $crate::schema::ColumnType::$only_holds,
                asked: $crate::schema::Asked::$only_asked,
            },)*
        ];

        impl $crate::write::Row for $row {
            type Builders = Builders;
            const COLUMNS: &[$crate::schema::Column] = COLUMNS;

            fn fields() -> Vec<arrow_schema::Field> {
                vec![$(arrow_schema::Field::new(
                    stringify!($name),
                    <$type as $crate::write::Stored>::data_type(),
                    <$type as $crate::write::Stored>::IS_NULLABLE
                        || $crate::schema::ColumnType::$holds == $crate::schema::ColumnType::Flag,
                ),)*]
            }

            fn append(&self, builders: &mut Builders) {
                use $crate::write::Stored;
                $(self.$name.append($crate::schema::ColumnType::$holds, &mut builders.$name);)*
            }

            fn take(builders: &mut Builders) -> Vec<arrow_array::ArrayRef> {
                use arrow_array::builder::ArrayBuilder;
                vec![$(ArrayBuilder::finish(&mut builders.$name),)*]
            }
        }
    };
}

pub(crate) use columns;
