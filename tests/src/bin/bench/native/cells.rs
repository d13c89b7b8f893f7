//! Values by id, and which of them have changed since they were last written.

use hashbrown::HashMap;

/// The values. One that was removed keeps its place.
pub struct Cells<V> {
    index: HashMap<Box<str>, usize>,
    cells: Vec<Cell<V>>,
    changed: Vec<usize>,
    /// Increases whenever the changes are taken.
    batch: u64,
}

struct Cell<V> {
    id: Box<str>,
    value: Option<V>,
    /// The batch that changed it last.
    touched: u64,
}

impl<V> Cells<V> {
    /// Whether there is anything under an id, if only that it was removed.
    pub fn knows(&self, id: &str) -> bool {
        self.index.contains_key(id)
    }

    /// What is under an id, to look at.
    pub fn get(&self, id: &str) -> Option<&V> {
        self.index.get(id).and_then(|cell| self.cells[*cell].value.as_ref())
    }

    /// What is under an id, to be changed. It counts as changed even if it isn't.
    pub fn change(&mut self, id: &str) -> &mut Option<V> {
        let number = self.place(id);
        let cell = &mut self.cells[number];
        if std::mem::replace(&mut cell.touched, self.batch) != self.batch {
            self.changed.push(number);
        }
        &mut cell.value
    }

    /// Puts a value under an id as it is stored: that is no change.
    pub fn restore(&mut self, id: &str, value: Option<V>) {
        let cell = self.place(id);
        self.cells[cell].value = value;
    }

    /// Everything that has changed since `settle`, in the order in which it first did.
    pub fn changed(&self) -> impl Iterator<Item = (&str, Option<&V>)> {
        self.changed.iter().map(|cell| (&*self.cells[*cell].id, self.cells[*cell].value.as_ref()))
    }

    /// Nothing counts as changed from now on.
    pub fn settle(&mut self) {
        self.changed.clear();
        self.batch += 1;
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        *self = Cells::default();
    }

    fn place(&mut self, id: &str) -> usize {
        if let Some(cell) = self.index.get(id) {
            return *cell;
        }
        let cell = self.cells.len();
        self.cells.push(Cell { id: id.into(), value: None, touched: 0 });
        self.index.insert(id.into(), cell);
        cell
    }
}

impl<V> Default for Cells<V> {
    fn default() -> Self {
        Cells { index: HashMap::new(), cells: Vec::new(), changed: Vec::new(), batch: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_as_changed_once_a_batch() {
        let mut cells = Cells::default();
        cells.restore("b", Some(5));
        for id in ["a", "b", "a"] {
            *cells.change(id).get_or_insert_default() += 1;
        }
        assert_eq!(cells.changed().collect::<Vec<_>>(), [("a", Some(&2)), ("b", Some(&6))]);
        cells.settle();
        *cells.change("b") = None;
        assert_eq!(cells.changed().collect::<Vec<_>>(), [("b", None)]);
        assert!(cells.knows("b") && cells.get("b").is_none());
    }
}
