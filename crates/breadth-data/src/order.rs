//! The order of names: numbers by their value, models by their training step.

use std::path::Path;

/// A key that sorts names as people do: text by its letters, numbers by value.
///
/// ```
/// use breadth_data::NaturalKey;
/// let mut names = ["step-100", "step-20", "final"];
/// names.sort_by_cached_key(|name| NaturalKey::of(name));
/// assert_eq!(names, ["final", "step-20", "step-100"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NaturalKey {
    /// Text and the number behind it, in turn; a number past u64 counts as the largest.
    parts: Vec<(String, u64)>,
    /// Tells names apart that differ in leading zeros alone.
    name: String,
}

impl NaturalKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut parts: Vec<(String, u64)> = Vec::new();
        let mut rest = name;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| c.is_ascii_digit());
            let (text, tail) = rest.split_at(digits.unwrap_or(rest.len()));
            let end = tail.find(|c: char| !c.is_ascii_digit());
            let (number, tail) = tail.split_at(end.unwrap_or(tail.len()));
            parts.push((text.to_owned(), number.parse().unwrap_or(u64::MAX)));
            rest = tail;
        }
        Self {
            parts,
            name: name.to_owned(),
        }
    }

    /// The keys of a path's parts: folders first, then what is in them.
    pub(crate) fn of_path(path: &Path) -> Vec<Self> {
        let parts = path.components();
        parts
            .map(|part| Self::of(&part.as_os_str().to_string_lossy()))
            .collect()
    }
}

/// The training step in the name of a model: the number that ends it, alone or after one of
/// `checkpoint`, `ckpt`, `step`, `steps`, `iter`, `iteration` and `epoch`. Other numbers are
/// versions or sizes.
///
/// ```
/// use breadth_data::checkpoint_step;
/// assert_eq!(checkpoint_step("runs/a/checkpoint-500"), Some(500));
/// assert_eq!(checkpoint_step("EleutherAI/pythia-160m@step3000"), Some(3000));
/// assert_eq!(checkpoint_step("step-000090"), Some(90));
/// assert_eq!(checkpoint_step("epoch-3"), Some(3));
/// assert_eq!(checkpoint_step("500"), Some(500));
/// assert_eq!(checkpoint_step("Llama-3"), None);
/// ```
#[must_use]
pub fn checkpoint_step(name: &str) -> Option<u64> {
    const WORDS: [&str; 7] = [
        "checkpoint",
        "ckpt",
        "step",
        "steps",
        "iter",
        "iteration",
        "epoch",
    ];
    let (stem, number) = split_number(name);
    let is_bare = stem.is_empty() || stem.ends_with('/');
    let is_step = is_bare || WORDS.contains(&last_word(stem).to_ascii_lowercase().as_str());
    number.parse().ok().filter(|_| is_step)
}

/// Whether the number that ends a name counts epochs and not steps.
pub(crate) fn counts_epochs(name: &str) -> bool {
    last_word(split_number(name).0).eq_ignore_ascii_case("epoch")
}

/// A name without the digits that end it, and these.
fn split_number(name: &str) -> (&str, &str) {
    let name = name.trim_end_matches('/');
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.split_at(stem.len())
}

/// The word before the number that ends a name.
fn last_word(stem: &str) -> &str {
    let word = stem.trim_end_matches(['-', '_', ' ', '=']);
    let start = word.rfind(|c: char| !c.is_ascii_alphabetic());
    start.map_or(word, |at| {
        word[at..].trim_start_matches(|c: char| !c.is_ascii_alphabetic())
    })
}

/// The order of models in a table, as positions: those of one run by their steps, in the places
/// that they took together; all others stay where they are. `None` where nothing moves.
pub(crate) fn by_step(models: &[String]) -> Option<Vec<usize>> {
    let stem = |name: &str| split_number(name).0.to_owned();
    let first = |at: usize| {
        let own = stem(&models[at]);
        models.iter().position(|other| stem(other) == own)
    };
    let steps: Vec<Option<u64>> = models.iter().map(|name| checkpoint_step(name)).collect();
    let slots: Vec<usize> = (0..models.len())
        .filter(|&at| steps[at].is_some())
        .collect();
    let mut sorted = slots.clone();
    sorted.sort_by_cached_key(|&at| (first(at), steps[at]));
    if sorted == slots {
        return None;
    }
    let mut order: Vec<usize> = (0..models.len()).collect();
    for (slot, at) in slots.into_iter().zip(sorted) {
        order[slot] = at;
    }
    Some(order)
}

/// Puts values in an order of positions.
pub(crate) fn permute<T: Default>(values: &mut Vec<T>, order: &[usize]) {
    if values.len() == order.len() {
        *values = order
            .iter()
            .map(|&at| std::mem::take(&mut values[at]))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::{NaturalKey, by_step, permute};
    use std::path::Path;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = [
            "checkpoint-1600",
            "checkpoint-400",
            "checkpoint-400-merged",
            "a",
            "step-000090",
            "step-90",
            "checkpoint-99999999999999999999999",
            "10",
            "9",
        ];
        names.sort_by_cached_key(|name| NaturalKey::of(name));
        assert_eq!(
            names,
            [
                "9",
                "10",
                "a",
                "checkpoint-400",
                "checkpoint-400-merged",
                "checkpoint-1600",
                "checkpoint-99999999999999999999999",
                "step-000090",
                "step-90",
            ]
        );
    }

    #[test]
    fn paths_sort_folder_by_folder() {
        let mut paths = ["run/step-100/b", "run/step-20/c", "run/step-20/a"].map(Path::new);
        paths.sort_by_cached_key(|path| NaturalKey::of_path(path));
        assert_eq!(
            paths,
            ["run/step-20/a", "run/step-20/c", "run/step-100/b"].map(Path::new)
        );
    }

    #[test]
    fn models_of_one_run_stand_by_step() {
        let sorted = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            if let Some(order) = by_step(&names) {
                permute(&mut names, &order);
            }
            names
        };
        assert_eq!(
            sorted(&["step-100", "teacher", "step-20"]),
            ["step-20", "teacher", "step-100"]
        );
        assert_eq!(sorted(&["500", "60", "epoch-3"]), ["60", "500", "epoch-3"]);
        assert_eq!(
            sorted(&["b/step-9", "a/step-10", "b/step-8", "a/step-2"]),
            ["b/step-8", "b/step-9", "a/step-2", "a/step-10"]
        );
        assert_eq!(
            sorted(&["llama-3", "llama-2"]),
            ["llama-3", "llama-2"],
            "versions are no steps"
        );
    }
}
