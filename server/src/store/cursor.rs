//! Paging: opaque cursors, and the pages made with them.
//!
//! A list is read from the newest backwards. A cursor is the sort key of the last item of a page, so what is inserted meanwhile
//! stands above it: no item comes twice, and none that was there from the start is missed. Lists sort by `seq` (the row number, which
//! only grows) or by another number and then `seq`.
//!
//! A cursor gives no right: every query takes the tenant and the user from the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Items of a page where the caller says nothing.
pub const DEFAULT_LIMIT: usize = 50;
/// The most items of a page.
pub const MAX_LIMIT: usize = 200;
/// Longer texts are no cursor.
const MAX_TEXT_BYTES: usize = 256;

/// Which page of a list is wanted. `N` is the count of numbers that the list sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<const N: usize> {
    /// The list's name: a cursor of another list is refused.
    pub list: &'static str,
    /// Only what sorts below this.
    pub before: Option<[i64; N]>,
    /// At most so many; 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// The cursor of the next page (`before`); `None` at the end.
    pub next: Option<String>,
}

impl<const N: usize> PageRequest<N> {
    /// The first page.
    pub fn first(list: &'static str) -> Self {
        Self { list, before: None, limit: DEFAULT_LIMIT }
    }

    /// What the query compares with: `(a, seq) < (?, ?)`; above everything for the first page.
    pub fn below(&self) -> [i64; N] {
        self.before.unwrap_or([i64::MAX; N])
    }

    /// What the query's `LIMIT` is: one more than a page has, which tells whether there is another page.
    pub fn sql_limit(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }

    /// Makes a page of the rows that the query gave, each with its sort key.
    pub fn page<T>(&self, mut rows: Vec<([i64; N], T)>) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| write(self.list, key));
        Page { items: rows.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// The cursor of that sort key.
fn write<const N: usize>(list: &str, key: &[i64; N]) -> String {
    let numbers: Vec<String> = key.iter().map(i64::to_string).collect();
    URL_SAFE_NO_PAD.encode(format!("{list}:{}", numbers.join(":")))
}

/// The sort key in a cursor of that list, or `None` where it is none.
pub fn read<const N: usize>(list: &str, cursor: &str) -> Option<[i64; N]> {
    if cursor.len() > MAX_TEXT_BYTES {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let numbers = text.strip_prefix(list)?.strip_prefix(':')?;
    let numbers: Vec<i64> = numbers.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_gives_back_its_key_in_its_own_list_alone(key: [i64; 2]) {
            let cursor = write("alerts", &key);
            prop_assert_eq!(read("alerts", &cursor), Some(key));
            prop_assert_eq!(read::<2>("notifications", &cursor), None);
            prop_assert_eq!(read::<1>("alerts", &cursor), None);
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text: String) {
            let _ = read::<1>("alerts", &text);
        }
    }

    #[test]
    fn a_page_that_is_just_full_has_a_next_one_only_where_there_is_more() {
        let request = PageRequest::<1> { limit: 2, ..PageRequest::first("x") };
        assert_eq!(request.page(vec![([3], 'c'), ([2], 'b')]), Page { items: vec!['c', 'b'], next: None });
        let page = request.page(vec![([3], 'c'), ([2], 'b'), ([1], 'a')]);
        assert_eq!(page.items, ['c', 'b']);
        assert_eq!(read("x", &page.next.unwrap()), Some([2]));
    }
}
