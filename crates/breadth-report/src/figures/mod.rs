//! Which charts a report has, what each says, and the table behind it.

mod figure;
mod pass;
mod pass_curve;
mod profile;
mod tournament;
mod training;

use breadth_analysis::Report;

pub(crate) use figure::{Figure, Table, is_many};

/// A part of the page.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) figures: Vec<Figure>,
}

/// All sections that the report has numbers for, in the order of the argument.
pub(crate) fn sections(report: &Report) -> Vec<Section> {
    let over = match figure::over(report) {
        "over training" => "Over training",
        _ => "By checkpoint",
    };
    let all = [
        (over, training::figures(report)),
        ("What predicts Pass@k", pass::headline(report)),
        (
            "Coverage and the tournament",
            coverage_and_tournament(report),
        ),
        ("The same at other k", pass::others(report)),
    ];
    let sections = all
        .into_iter()
        .map(|(heading, figures)| Section { heading, figures });
    sections
        .filter(|section| !section.figures.is_empty())
        .collect()
}

fn coverage_and_tournament(report: &Report) -> Vec<Figure> {
    let mut figures = profile::figures(report);
    figures.extend(tournament::figures(report));
    figures
}
