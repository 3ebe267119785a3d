//! A small map from text to values: a sorted list.
//!
//! Why not `HashMap` or `BTreeMap`: each of them costs kilobytes of wasm per value type, and a page holds tens of channels
//! and at most some thousand devices, where a binary search over one list is as fast. Inserting moves the tail: a table is
//! not for hundreds of thousands of keys, and every user of it bounds its size.

/// Values by name, in the order of the names. Names and values stand apart, so that one search serves every type of value.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<V> {
    names: Names,
    values: Vec<V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { names: Names::default(), values: Vec::new() }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Names(Vec<String>);

impl Names {
    #[inline(never)]
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|known| known.as_str().cmp(name))
    }
}

impl<V> Table<V> {
    /// The value of that name.
    pub fn at(&self, name: &str) -> Option<&V> {
        self.values.get(self.names.find(name).ok()?)
    }
    /// The value of that name, to change it.
    pub(crate) fn at_mut(&mut self, name: &str) -> Option<&mut V> {
        self.values.get_mut(self.names.find(name).ok()?)
    }
    /// The value of that name, made where it is not there.
    pub(crate) fn at_or_insert_with(&mut self, name: &str, make: impl FnOnce() -> V) -> Option<&mut V> {
        let index = match self.names.find(name) {
            Ok(index) => index,
            Err(index) => {
                self.names.0.insert(index, name.to_owned());
                self.values.insert(index, make());
                index
            }
        };
        self.values.get_mut(index)
    }
    /// Removes the value of that name.
    pub(crate) fn remove(&mut self, name: &str) -> Option<V> {
        let index = self.names.find(name).ok()?;
        self.names.0.remove(index);
        Some(self.values.remove(index))
    }
    /// Keeps the values that `keep` says so of.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let mut kept = self.values.iter().map(&keep);
        self.names.0.retain(|_| kept.next().unwrap_or(false));
        self.values.retain(|value| keep(value));
    }
    pub(crate) fn clear(&mut self) {
        self.names.0.clear();
        self.values.clear();
    }
    /// Every entry, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.names.0.iter().map(String::as_str).zip(&self.values)
    }
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&str, &mut V)> {
        self.names.0.iter().map(String::as_str).zip(&mut self.values)
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_behaves_like_a_map_that_is_sorted_by_name() {
        let mut table = Table::default();
        for key in ["b", "a", "c", "b"] {
            *table.at_or_insert_with(key, || 0).unwrap() += 1;
        }
        assert_eq!(table.iter().collect::<Vec<_>>(), [("a", &1), ("b", &2), ("c", &1)]);
        assert_eq!(table.remove("b"), Some(2));
        assert_eq!(table.at("b"), None);
        assert_eq!(table.len(), 2);
    }
}
