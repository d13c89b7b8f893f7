//! A view with one structure for each key.

/// A view with one structure for each key, in Redis `<projection>:<name>:<key>`.
/// `self.timelines.key(user).push(entry)` pushes to the list of one user.
pub struct Keyed<V> {
    pub(super) view: V,
}

/// A view that may be keyed.
pub(crate) trait View {
    /// Select the structure under a key.
    fn select(&mut self, key: &[u8]);

    /// Remove the selected structure with all that is in it.
    fn remove_selected(&mut self);
}

#[expect(private_bounds, reason = "only the views of this crate can be keyed")]
impl<V: View> Keyed<V> {
    pub(crate) fn new(view: V) -> Self {
        Self { view }
    }

    /// The structure under a key.
    pub fn key(&mut self, key: impl AsRef<[u8]>) -> &mut V {
        self.view.select(key.as_ref());
        &mut self.view
    }

    /// Remove the structure under a key with all that is in it. Takes a walk through what the
    /// handle remembers.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) {
        self.view.select(key.as_ref());
        self.view.remove_selected();
    }
}
