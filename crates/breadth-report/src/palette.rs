//! Colours, named by what they mean; told apart under the common colour-vision deficiencies.
//!
//! Data is blue, the checkpoint to take green with a star, the lowest loss vermilion with a ring.
//! The page uses the names as CSS variables, so that it can be dark; a file has the light colours
//! written in, because programs that place SVG in papers do not know variables.

use crate::svg::Element;

/// (name, light, dark)
const COLOURS: [(&str, &str, &str); 22] = [
    ("ink", "#1b2026", "#e8ecf1"),
    ("soft", "#59636e", "#9fabb8"),
    ("line", "#e6eaee", "#2c343d"),
    ("faint", "#bcc6d0", "#56616d"),
    ("paper", "#ffffff", "#161b21"),
    ("page", "#f5f7f9", "#0e1216"),
    ("chosen", "#00805f", "#2fd3a4"),
    ("loss", "#c9480a", "#ff9458"),
    ("heat", "#0b5394", "#6db6ff"),
    ("a", "#0067b1", "#6db6ff"),
    ("b", "#9a3a86", "#e691d3"),
    ("c", "#806200", "#e2bf4d"),
    ("d", "#59636e", "#9fabb8"),
    ("t0", "#bcd7ee", "#2f4b66"),
    ("t1", "#a3c8e6", "#385d80"),
    ("t2", "#88b6dc", "#437099"),
    ("t3", "#6ba3d2", "#5084b3"),
    ("t4", "#4f8fc6", "#6099cb"),
    ("t5", "#377ab6", "#77aedd"),
    ("t6", "#2364a2", "#93c2ea"),
    ("t7", "#134e8a", "#b2d6f4"),
    ("t8", "#083a6e", "#d4e9fb"),
];

const CHART_CSS: &str = include_str!("chart/chart.css");

/// Style for a file that stands alone: light, without variables.
pub(crate) fn standalone_css() -> String {
    let written_in = |css: String, (name, light, _): &(&str, &str, &str)| {
        css.replace(&format!("var(--{name})"), light)
    };
    COLOURS.iter().fold(CHART_CSS.to_string(), written_in)
}

/// A drawing as a file of its own.
pub(crate) fn standalone(drawing: &Element) -> String {
    let drawing = drawing.to_string();
    let style = format!("<style>{}</style>", standalone_css());
    // The style goes after the title, which SVG wants first.
    let at = drawing
        .find("</title>")
        .map_or(0, |at| at + "</title>".len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}{style}{}\n",
        &drawing[..at],
        &drawing[at..]
    )
}

/// Style for charts inside the page, with the variables for both colour schemes.
pub(crate) fn page_css() -> String {
    let light: String = COLOURS
        .iter()
        .map(|c| format!("--{}:{};", c.0, c.1))
        .collect();
    let dark: String = COLOURS
        .iter()
        .map(|c| format!("--{}:{};", c.0, c.2))
        .collect();
    format!(
        ":root{{color-scheme:light dark;{light}}}\n@media screen and \
         (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{CHART_CSS}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_need_no_variables_and_the_page_defines_every_one() {
        assert!(!standalone_css().contains("var("), "{}", standalone_css());
        let css = page_css();
        for used in css.split("var(--").skip(1) {
            let name = used.split(')').next().unwrap();
            assert!(css.contains(&format!("--{name}:")), "{name} has no colour");
        }
    }
}
