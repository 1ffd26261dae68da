//! Everything that is measured: the statements of the paper, its figures, and the studies beyond
//! it.

use crate::figure::FIGURES;
use crate::statement::{STATEMENTS, Statement};
use crate::study::STUDIES;

/// Every statement in the paper's order, then its figures, then every study.
pub fn all() -> impl Iterator<Item = &'static Statement> {
    STATEMENTS.iter().chain(FIGURES).chain(STUDIES)
}

/// The statement or study with this id.
pub fn find(id: &str) -> Option<&'static Statement> {
    all().find(|statement| statement.id == id)
}

/// Those with these ids, in the order given; all of them for no ids.
///
/// # Errors
///
/// The first id that none has.
pub fn choose(ids: &[String]) -> Result<Vec<&'static Statement>, &str> {
    if ids.is_empty() {
        return Ok(all().collect());
    }
    ids.iter().map(|id| find(id).ok_or(&id[..])).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_name_files_and_anchors() {
        let ids: Vec<&str> = all().map(|statement| statement.id).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(
            ids.iter()
                .all(|id| !id.is_empty() && id.chars().all(is_plain)),
            "{ids:?}"
        );
        assert!(all().all(|statement| statement.cost > 0.0 && !statement.claim.is_empty()));
    }

    #[test]
    fn the_documentation_has_a_row_for_everything() {
        let page = include_str!("../../../docs/lab.md");
        let is_missing = |id: &&str| !page.contains(&format!("\n| `{id}` | "));
        let missing: Vec<&str> = all().map(|one| one.id).filter(is_missing).collect();
        assert!(missing.is_empty(), "scripts/lab-docs adds {missing:?}");
        let corrected = all().filter(|one| one.correction.is_some());
        for id in corrected.map(|one| one.id) {
            assert!(
                page.contains(&format!("(`{id}`): ")),
                "no correction of {id}"
            );
        }
    }

    #[test]
    fn ids_choose_and_an_unknown_one_is_named() {
        let names = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let chosen = names(&["d4", "d1"]);
        let ids = choose(&chosen)
            .unwrap()
            .iter()
            .map(|s| s.id)
            .collect::<Vec<_>>();
        assert_eq!(ids, ["d4", "d1"]);
        assert_eq!(choose(&[]).unwrap().len(), all().count());
        assert_eq!(choose(&names(&["d1", "d99"])).unwrap_err(), "d99");
    }
}
