//! Lists of levels on the command line: `1,2,4`, `1,2,4,..` and `1,2,4,..,256`.

use std::str::FromStr;

/// More terms than anybody reads: a list this long is a slip of the pen.
const MOST_TERMS: usize = 1000;

/// How a progression goes on where its terms leave it open (two terms fit both).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// `1,2,..` is 1, 2, 4, 8: natural for N and k.
    Geometric,
    /// `0,5,..` is 0, 5, 10, 15: natural for log N.
    Arithmetic,
}

/// The numbers that a flag lists, with the `..` still to be continued.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    listed: Vec<f64>,
    open: Option<Open>,
}

/// What `..` stands for: on to `end`, or to where the command says.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    end: Option<f64>,
}

impl FromStr for Sequence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let (terms, open) = match parts.iter().position(|&part| part == "..") {
            None => (&parts[..], None),
            Some(at) => match &parts[at + 1..] {
                [] => (&parts[..at], Some(Open { end: None })),
                [end] => (
                    &parts[..at],
                    Some(Open {
                        end: Some(number(end)?),
                    }),
                ),
                _ => {
                    return Err(
                        "`..` takes at most one number after it, the end: 1,2,4,..,256".to_owned(),
                    );
                }
            },
        };
        let listed = terms
            .iter()
            .map(|term| number(term))
            .collect::<Result<Vec<f64>, String>>()?;
        if open.is_some() && listed.len() < 2 {
            return Err(
                "`..` continues a progression: give at least two numbers before it, as in 1,2,4,.."
                    .to_owned(),
            );
        }
        Ok(Sequence { listed, open })
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number; write a list such as 1,2,4 or 1,2,4,.."))
}

impl Sequence {
    /// `1,2,4,..`, what flags mean when nobody says.
    pub fn powers_of_two() -> Self {
        Sequence {
            listed: vec![1.0, 2.0, 4.0],
            open: Some(Open { end: None }),
        }
    }

    /// The numbers listed, continued to the sequence's own end or else to `default_end`, which is
    /// included where the progression meets it: from the smallest on, each once.
    pub fn terms(&self, growth: Growth, default_end: f64) -> Result<Vec<f64>, String> {
        let mut terms = self.continued(growth, default_end)?;
        terms.sort_by(f64::total_cmp);
        terms.dedup();
        if terms.len() > MOST_TERMS {
            return Err(format!(
                "{} different numbers; at most {MOST_TERMS} are taken at once",
                terms.len()
            ));
        }
        Ok(terms)
    }

    fn continued(&self, growth: Growth, default_end: f64) -> Result<Vec<f64>, String> {
        let mut terms = self.listed.clone();
        let Some(open) = &self.open else {
            return Ok(terms);
        };
        let end = open.end.unwrap_or(default_end);
        let step = self.step(growth)?;
        // The tolerance lets 0,0.1,..,1 arrive at 1.
        let last = end + 1e-9 * end.abs().max(1.0);
        loop {
            let next = step.after(terms[terms.len() - 1]);
            if next > last || next.is_nan() {
                return Ok(terms);
            }
            if terms.len() >= MOST_TERMS {
                return Err(format!(
                    "{self} has more than {MOST_TERMS} terms; take larger steps"
                ));
            }
            terms.push(next);
        }
    }

    fn step(&self, growth: Growth) -> Result<Step, String> {
        let ratio = Step::Times(self.listed[1] / self.listed[0]);
        let difference = Step::Plus(self.listed[1] - self.listed[0]);
        let candidates = match growth {
            Growth::Geometric => [ratio, difference],
            Growth::Arithmetic => [difference, ratio],
        };
        let fits = |step: &Step| {
            step.grows()
                && self
                    .listed
                    .windows(2)
                    .all(|pair| step.leads(pair[0], pair[1]))
        };
        candidates.into_iter().find(fits).ok_or_else(|| {
            format!("{self} does not say how to go on: the numbers before `..` must grow by one factor or one step")
        })
    }
}

impl std::fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed: Vec<String> = self.listed.iter().map(f64::to_string).collect();
        formatter.write_str(&listed.join(","))?;
        match &self.open {
            None => Ok(()),
            Some(Open { end: None }) => formatter.write_str(",.."),
            Some(Open { end: Some(end) }) => write!(formatter, ",..,{end}"),
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Times(f64),
    Plus(f64),
}

impl Step {
    fn after(self, term: f64) -> f64 {
        match self {
            Step::Times(ratio) => term * ratio,
            Step::Plus(difference) => term + difference,
        }
    }

    fn grows(self) -> bool {
        match self {
            Step::Times(ratio) => ratio > 1.0 && ratio.is_finite(),
            Step::Plus(difference) => difference > 0.0 && difference.is_finite(),
        }
    }

    fn leads(self, from: f64, to: f64) -> bool {
        (self.after(from) - to).abs() <= 1e-9 * to.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str, growth: Growth, end: f64) -> Result<Vec<f64>, String> {
        text.parse::<Sequence>()?.terms(growth, end)
    }

    #[test]
    fn a_list_is_taken_from_the_smallest_on_and_each_once() {
        assert_eq!(terms("4", Growth::Geometric, 8.0).unwrap(), [4.0]);
        assert_eq!(
            terms("8, 2.5,100,8", Growth::Geometric, 8.0).unwrap(),
            [2.5, 8.0, 100.0]
        );
        let same = vec!["5"; 20_000].join(",");
        assert_eq!(terms(&same, Growth::Geometric, 8.0).unwrap(), [5.0]);
        let many: Vec<String> = (1..=MOST_TERMS + 1).map(|k| k.to_string()).collect();
        assert_eq!(
            terms(&many[1..].join(","), Growth::Geometric, 8.0)
                .unwrap()
                .len(),
            MOST_TERMS
        );
        let error = terms(&many.join(","), Growth::Geometric, 8.0).unwrap_err();
        assert_eq!(
            error,
            "1001 different numbers; at most 1000 are taken at once"
        );
    }

    #[test]
    fn two_dots_continue_by_the_factor_or_the_step() {
        assert_eq!(
            terms("1,2,4,..", Growth::Geometric, 20.0).unwrap(),
            [1.0, 2.0, 4.0, 8.0, 16.0]
        );
        assert_eq!(
            terms("1,2,..", Growth::Geometric, 16.0).unwrap(),
            [1.0, 2.0, 4.0, 8.0, 16.0]
        );
        assert_eq!(
            terms("1,2,3,..", Growth::Geometric, 5.0).unwrap(),
            [1.0, 2.0, 3.0, 4.0, 5.0]
        );
        assert_eq!(
            terms("0,10,..", Growth::Arithmetic, 30.0).unwrap(),
            [0.0, 10.0, 20.0, 30.0]
        );
        assert_eq!(
            terms("1,3,9,..,81", Growth::Geometric, 5.0).unwrap(),
            [1.0, 3.0, 9.0, 27.0, 81.0]
        );
        assert_eq!(
            terms("0,0.1,..,1", Growth::Arithmetic, 0.0).unwrap().len(),
            11
        );
    }

    #[test]
    fn an_end_already_passed_adds_nothing() {
        assert_eq!(
            terms("64,128,..", Growth::Geometric, 100.0).unwrap(),
            [64.0, 128.0]
        );
    }

    #[test]
    fn what_cannot_be_continued_says_why() {
        for (text, why) in [
            ("1,,2", "`` is not a number"),
            ("one", "`one` is not a number"),
            ("4,..", "at least two numbers"),
            ("1,2,..,8,16", "at most one number"),
            ("1,2,5,..", "does not say how to go on"),
            ("4,2,1,..", "does not say how to go on"),
            ("1,1.0001,..", "more than 1000 terms"),
            ("inf,inf,..", "does not say how to go on"),
            ("nan,nan,..", "does not say how to go on"),
        ] {
            let error = terms(text, Growth::Geometric, 1024.0).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
