//! Answers as text, one way for each.

use super::shape::Shape;

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Words(text) | Self::Literal(text) => f.write_str(text),
            Self::Value(value, _) => write!(f, "{value}"),
            Self::Bracket(open, items, close) | Self::Range(open, items, close) => {
                let brackets = |sign: &char| {
                    if "{}".contains(*sign) {
                        format!("\\{sign}")
                    } else {
                        sign.to_string()
                    }
                };
                write!(
                    f,
                    "{}{}{}",
                    brackets(open),
                    texts(items).join(", "),
                    brackets(close)
                )
            }
            Self::Set(items) => {
                let mut items = sorted(items);
                items.dedup();
                write!(f, "\\{{{}\\}}", items.join(", "))
            }
            Self::List(items) => f.write_str(&sorted(items).join(", ")),
            Self::Either(items) => f.write_str(&sorted(items).join(" or ")),
            Self::Union(items) => f.write_str(&sorted(items).join("\\cup ")),
            Self::Without(all, less) => write!(f, "{all}\\setminus {less}"),
            Self::Named(_, inner) => write!(f, "{inner}"),
            Self::Relation(kind, gap) => write!(f, "{gap}{}0", kind.sign()),
            Self::Matrix(kind, rows) => {
                let rows: Vec<String> = rows.iter().map(|row| texts(row).join("&")).collect();
                write!(f, "\\begin{{{kind}}}{}\\end{{{kind}}}", rows.join("\\\\"))
            }
            Self::Proportion(items) => f.write_str(&texts(items).join(":")),
            Self::Choice(letter) => write!(f, "{letter}"),
        }
    }
}

fn texts(items: &[Shape]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn sorted(items: &[Shape]) -> Vec<String> {
    let mut texts = texts(items);
    texts.sort();
    texts
}
