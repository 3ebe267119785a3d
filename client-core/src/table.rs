//! A small map from text to values: a sorted list.
//!
//! Why not `HashMap` or `BTreeMap`: each of them costs kilobytes of wasm per value type, and a page holds tens of channels
//! and at most some thousand devices, where a binary search over one list is as fast. Inserting moves the tail: a table is
//! not for hundreds of thousands of keys, and every user of it bounds its size.

/// Values by name, in the order of the names.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<V> {
    entries: Vec<(String, V)>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<V> Table<V> {
    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(name, _)| name.as_str().cmp(key))
    }
    /// The value of that name.
    pub fn at(&self, key: &str) -> Option<&V> {
        let index = self.find(key).ok()?;
        self.entries.get(index).map(|(_, value)| value)
    }
    /// The value of that name, to change it.
    pub(crate) fn at_mut(&mut self, key: &str) -> Option<&mut V> {
        let index = self.find(key).ok()?;
        self.entries.get_mut(index).map(|(_, value)| value)
    }
    /// The value of that name, made where it is not there.
    pub(crate) fn at_or_insert_with(&mut self, key: &str, make: impl FnOnce() -> V) -> Option<&mut V> {
        let index = match self.find(key) {
            Ok(index) => index,
            Err(index) => {
                self.entries.insert(index, (key.to_owned(), make()));
                index
            }
        };
        self.entries.get_mut(index).map(|(_, value)| value)
    }
    /// Removes the value of that name.
    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let index = self.find(key).ok()?;
        Some(self.entries.remove(index).1)
    }
    /// Keeps the entries for which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &mut V) -> bool) {
        self.entries.retain_mut(|(name, value)| keep(name, value));
    }
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
    /// Every entry, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&str, &mut V)> {
        self.entries.iter_mut().map(|(name, value)| (name.as_str(), value))
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        table.retain(|name, _| name == "c");
        assert_eq!(table.len(), 1);
    }
}
