//! Which charts a report has, what each says, and the table behind it.

mod curves;
mod figure;
mod pass;
mod pass_curve;
mod profile;
mod reach;
mod tournament;
mod training;

use breadth_analysis::{ReachReport, Report};

pub(crate) use figure::{Figure, Table, is_many, names};

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

/// What a selection alone has charts for.
pub(crate) fn of_selection(report: &Report) -> Vec<Figure> {
    let mut figures = tournament::figures(report);
    figures.extend(training::pass(report));
    figures
}

/// The same of a coverage profile.
pub(crate) fn of_profile(report: &Report) -> Vec<Figure> {
    let coverage = training::coverage(report).filter(|_| report.checkpoints.len() > 1);
    coverage
        .into_iter()
        .chain(profile::figures(report))
        .collect()
}

/// The same of reach.
pub(crate) fn of_reach(report: &Report, reach: &ReachReport) -> Vec<Figure> {
    reach::figures(report, reach)
}

/// The same of Pass@k.
pub(crate) fn of_pass(report: &Report) -> Vec<Figure> {
    let by_checkpoint = training::pass(report).filter(|_| report.checkpoints.len() > 1);
    by_checkpoint
        .into_iter()
        .chain(pass_curve::figure(report))
        .collect()
}
