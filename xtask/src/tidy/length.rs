//! Files stay short enough to be read in one sitting: 400 lines of code, or a reason in the first lines.
//!
//! Blank lines, comments and `#[cfg(test)]` modules do not count: explaining and testing shall never be what is cut.

use super::scan::{mask, without_tests};
use super::{File, Problem, problem};

const LONGEST: usize = 400;
/// Where a longer file gives its reason, such as `//! Longer than 400 lines because it is one table.`
const REASON: &str = "longer than 400 lines because";
const REASON_WITHIN: usize = 20;

pub(super) fn check(files: &[File]) -> Vec<Problem> {
    files
        .iter()
        .filter(|file| file.is_code())
        .filter_map(|file| {
            let lines = code_lines(file);
            let reasoned = file.text.lines().take(REASON_WITHIN).any(|line| line.to_lowercase().contains(REASON));
            (lines > LONGEST && !reasoned).then(|| {
                problem(
                    file,
                    0,
                    format!("{lines} lines of code: split it by idea, or say in its first lines \"Longer than 400 lines because …\""),
                )
            })
        })
        .collect()
}

fn code_lines(file: &File) -> usize {
    let rust = file.extension() == "rs";
    let masked = mask(&file.text, rust);
    let counted = if rust { without_tests(&masked) } else { masked };
    counted.lines().filter(|line| !line.trim().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    #[test]
    fn only_lines_of_code_count() {
        let text = format!(
            "//! Doc.\n\n{}// note\n/* a\n b */\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn a() {}\n".repeat(400),
            "fn t() {}\n".repeat(90)
        );
        assert_eq!(code_lines(&file("a.rs", &text)), 400);
        assert_eq!(check(&[file("a.rs", &text)]), []);
    }

    #[test]
    fn a_long_file_needs_a_reason_in_its_first_lines() {
        let body = "fn a() {}\n".repeat(401);
        let bare = file("a.rs", &format!("//! Doc.\n{body}"));
        assert!(told(&check(&[bare]))[0].starts_with("a.rs: 401 lines of code"));
        let reasoned = file("a.rs", &format!("//! Doc.\n//! Longer than 400 lines because it is one table.\n{body}"));
        assert_eq!(check(&[reasoned]), []);
        let late = file("a.rs", &format!("//! Doc.\n{body}// longer than 400 lines because of nothing\n"));
        assert_eq!(check(&[late]).len(), 1);
    }

    #[test]
    fn data_is_not_code() {
        assert_eq!(check(&[file("vectors/a.json", &"1\n".repeat(900))]), []);
    }
}
