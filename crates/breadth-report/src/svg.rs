//! A tree of SVG elements, the one place where text is escaped and numbers are printed.
//!
//! Everything drawn goes through [`Element`], so a document is well-formed whatever a model is
//! called and whatever a statistic came to.

use std::fmt::{self, Display, Formatter};

/// One SVG element with its attributes and children, in order.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    tag: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub(crate) fn new(tag: &'static str) -> Self {
        Self {
            tag,
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Sets an attribute to a text.
    pub(crate) fn attr(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Sets an attribute to a length or coordinate, in hundredths of a pixel.
    pub(crate) fn num(self, name: &'static str, value: f64) -> Self {
        self.attr(name, number(value))
    }

    pub(crate) fn class(self, class: impl Display) -> Self {
        self.attr("class", class)
    }

    pub(crate) fn child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children
            .extend(children.into_iter().map(Node::Element));
        self
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// Adds the `<title>` that browsers show as a tip and screen readers speak.
    pub(crate) fn tip(self, text: impl Into<String>) -> Self {
        self.child(Element::new("title").text(text))
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.tag)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{}\"", escape(value))?;
        }
        if self.children.is_empty() {
            return f.write_str("/>");
        }
        f.write_str(">")?;
        for child in &self.children {
            match child {
                Node::Element(element) => element.fmt(f)?,
                Node::Text(text) => f.write_str(&escape(text))?,
            }
        }
        write!(f, "</{}>", self.tag)
    }
}

/// Prints a coordinate with at most two decimals. A chart never draws what is not finite
/// (scales have slots for zero and infinity), so such a value is a defect and lands at 0.
pub(crate) fn number(value: f64) -> String {
    debug_assert!(
        value.is_finite(),
        "a coordinate must be finite, not {value}"
    );
    if !value.is_finite() {
        return "0".into();
    }
    let rounded = (value * 100.0).round() / 100.0;
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// Escapes text for XML content and attributes; characters XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_negative_zero() {
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(1.0 / 3.0), "0.33");
        assert_eq!(number(460.0), "460");
    }

    #[test]
    fn hostile_text_stays_text() {
        let drawn = Element::new("text")
            .attr("x", "\"'>")
            .text("</svg><script>\u{0}")
            .to_string();
        assert_eq!(
            drawn,
            "<text x=\"&quot;&#39;&gt;\">&lt;/svg&gt;&lt;script&gt;\u{fffd}</text>"
        );
        assert!(roxmltree::Document::parse(&drawn).is_ok());
    }

    #[test]
    fn nesting_and_tips() {
        let drawn = Element::new("g").child(Element::new("circle").num("r", 4.0).tip("a & b"));
        assert_eq!(
            drawn.to_string(),
            "<g><circle r=\"4\"><title>a &amp; b</title></circle></g>"
        );
    }
}
