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
/// Rows that are looked at at a time, and in all, for one page of a list that is filtered.
const SCANNED_AT_ONCE: usize = 64;
/// See [`PageRequest::filtered`].
const MAX_SCANNED: usize = 5_000;
/// The most that the items of one page have together, as JSON: an answer must fit into a connection's queue beside what is live.
const MAX_PAGE_BYTES: usize = 256 * 1024;
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

    /// A page of those rows that `allowed` lets through, where SQL cannot tell which these are (a caller's patterns of channels).
    /// `fetch` gives the rows below a key, at most so many. After [`MAX_SCANNED`] rows the page is given as it is, with a cursor to go on
    /// from: it may be short, or empty.
    pub fn filtered<T: Serialize, E>(
        &self,
        mut fetch: impl FnMut([i64; N], i64) -> Result<Vec<([i64; N], T)>, E>,
        allowed: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, E> {
        let chunk = self.limit.saturating_add(1).max(SCANNED_AT_ONCE);
        let (mut below, mut found, mut scanned) = (self.below(), Vec::new(), 0);
        loop {
            let rows = fetch(below, i64::try_from(chunk).unwrap_or(i64::MAX))?;
            let (count, last) = (rows.len(), rows.last().map(|(key, _)| *key));
            found.extend(rows.into_iter().filter(|(_, item)| allowed(item)));
            let Some(last) = last.filter(|_| count >= chunk && found.len() <= self.limit) else { return Ok(self.page(found)) };
            below = last;
            scanned += count;
            if scanned >= MAX_SCANNED {
                let page = self.page(found);
                return Ok(Page { next: page.next.or_else(|| Some(write(self.list, &below))), ..page });
            }
        }
    }

    /// Makes a page of the rows that the query gave, each with its sort key: at most `limit`, and [`MAX_PAGE_BYTES`] as JSON, but one
    /// at least.
    pub fn page<T: Serialize>(&self, mut rows: Vec<([i64; N], T)>) -> Page<T> {
        let mut bytes = 0_usize;
        let fitting = rows.iter().take(self.limit).take_while(|(_, item)| {
            bytes = bytes.saturating_add(serde_json::to_vec(item).map_or(0, |json| json.len()));
            bytes <= MAX_PAGE_BYTES
        });
        let kept = fitting.count().max(1);
        let more = rows.len() > kept;
        rows.truncate(kept);
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
        fn pages_of_a_filtered_list_hold_each_allowed_row_once(
            allowed in proptest::collection::vec(any::<bool>(), 0..300),
            limit in 1..=MAX_LIMIT,
        ) {
            let count = allowed.len() as i64;
            let fetch = |[below]: [i64; 1], limit: i64| -> Result<Vec<([i64; 1], i64)>, ()> {
                let from = below.min(count);
                Ok((0..from).rev().take(limit as usize).map(|seq| ([seq], seq)).collect())
            };
            let wanted: Vec<i64> = (0..count).rev().filter(|seq| allowed[*seq as usize]).collect();
            let (mut request, mut found) = (PageRequest::<1> { limit, ..PageRequest::first("x") }, Vec::new());
            loop {
                let page = request.filtered(fetch, |seq| allowed[*seq as usize]).unwrap();
                prop_assert!(page.items.len() <= limit);
                found.extend(page.items);
                let Some(next) = page.next else { break };
                request.before = read("x", &next);
            }
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text: String) {
            let _ = read::<1>("alerts", &text);
        }
    }

    #[test]
    fn a_page_of_long_items_ends_early_and_goes_on_behind_them() {
        let request = PageRequest::<1> { limit: 10, ..PageRequest::first("x") };
        let long = |seq: i64| ([seq], "x".repeat(MAX_PAGE_BYTES / 2 - 10));
        let page = request.page(vec![long(3), long(2), long(1)]);
        assert_eq!((page.items.len(), read("x", &page.next.unwrap())), (2, Some([2])));
        // One that is too long by itself is a page of its own: it is not passed over.
        let page = request.page(vec![([2], "x".repeat(MAX_PAGE_BYTES + 1)), ([1], String::new())]);
        assert_eq!((page.items.len(), read("x", &page.next.unwrap())), (1, Some([2])));
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
