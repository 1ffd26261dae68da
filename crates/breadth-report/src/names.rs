//! Names of models where there is little room: without what all of them begin with.

use crate::chart::shorten;

/// Where a name may be parted.
const SEPARATORS: [char; 4] = ['/', '-', '_', '.'];

/// What all names begin with, as much of it as has to go for each of them to fit into `longest`
/// characters; nothing where they fit as they are, or differ from the beginning.
///
/// It ends where a word does, and before the last one if that is enough: `checkpoint-10` says more
/// than `10`.
///
/// # Examples
///
/// ```
/// use breadth_report::common_start;
/// let names = ["runs/ft/checkpoint-500", "runs/ft/checkpoint-1000"];
/// assert_eq!(common_start(&names, 30), "");
/// assert_eq!(common_start(&names, 20), "runs/ft/");
/// assert_eq!(common_start(&names, 10), "runs/ft/checkpoint-");
/// ```
pub fn common_start<'a>(names: &[&'a str], longest: usize) -> &'a str {
    let Some((first, others)) = names.split_first() else {
        return "";
    };
    let fits = |end: usize| {
        let is_short = |name: &&str| name[end..].chars().count() <= longest;
        names.iter().all(is_short)
    };
    if fits(0) || others.iter().all(|name| name == first) {
        return "";
    }
    let is_common = |&end: &usize| {
        let is_begun = |name: &&str| name.len() > end && name.starts_with(&first[..end]);
        names.iter().all(is_begun)
    };
    let ends = first.match_indices(SEPARATORS).map(|(at, _)| at + 1);
    let ends: Vec<usize> = ends.filter(is_common).collect();
    let is_word = |end: &&usize| {
        let is_letter = |name: &&str| name[**end..].starts_with(char::is_alphabetic);
        names.iter().all(is_letter)
    };
    let word = ends.iter().rev().find(is_word);
    let end = word.filter(|end| fits(**end)).or(ends.last());
    &first[..end.copied().unwrap_or(0)]
}

/// The names without what they begin with, and then cut, so that each has at most `longest`
/// characters.
pub(crate) fn shortened(names: &[&str], longest: usize) -> Vec<String> {
    let start = common_start(names, longest).len();
    let short = |name: &&str| shorten(&name[start..], longest);
    names.iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_names_apart_stays() {
        let long = [500, 1000].map(|step| format!("Qwen2.5-7B-sft-r64-checkpoint-{step}"));
        let long = long.each_ref().map(String::as_str);
        assert_eq!(shortened(&long, 15), ["checkpoint-500", "checkpoint-1000"]);
        assert_eq!(shortened(&long, 14), ["500", "1000"]);
        assert_eq!(shortened(&long, 60), long);
        // Nothing in common, one within the other, the same, none.
        assert_eq!(shortened(&["a-long-name", "other"], 6), ["…-name", "other"]);
        assert_eq!(shortened(&["run/é/x", "run/é"], 6), ["é/x", "é"]);
        assert_eq!(shortened(&["a-long-name"; 2], 6), ["…-name"; 2]);
        assert_eq!(common_start(&[], 3), "");
    }
}
