//! What an author declares of a topic's event types: where name and version stand, how old versions
//! become new ones, and what is ignored.

use serde_json::{Map, Value};

use crate::{Error, Result};

/// Makes of an event's fields those of the next version.
pub type Upcast = fn(&mut Map<String, Value>) -> Result<()>;

/// What is declared of a topic's event types, beside the enum that they become: where the type's
/// name stands and where its version, the steps from old versions to new ones, and what is ignored.
/// For [`Event::json_by`](crate::Event::json_by).
///
/// What it does not say is refused: an event of a type that the enum does not have, or of a version
/// that nothing leads from, is an error that says so. So a producer's new event is noticed, and set
/// aside or waited for as the operator's policy says, instead of being missing in the view.
///
/// Make it a `const`: then steps with a gap, or that contradict one another, do not compile.
///
/// ```
/// use lantern_sdk::prelude::*;
/// use serde_json::{Map, Value};
///
/// #[derive(Deserialize)]
/// enum ShopEvent {
///     OrderPlaced { order: String, total_cents: i64, currency: String },
///     OrderShipped { order: String },
/// }
///
/// const TYPES: EventTypes = EventTypes::in_field("type")
///     .versions_in_field("version")
///     .upcast(&[("OrderPlaced", 1, total_in_cents), ("OrderPlaced", 2, with_currency)])
///     .ignore(&["OrderPraised"]);
///
/// /// Version 1 said `"total": 12`, in whole units.
/// fn total_in_cents(event: &mut Map<String, Value>) -> Result<()> {
///     let total = event.remove("total").and_then(|total| total.as_i64());
///     let total = total.ok_or_else(|| Error::msg("it has no `total`"))?;
///     event.insert("total_cents".into(), (total * 100).into());
///     Ok(())
/// }
///
/// /// Version 2 knew one currency only.
/// fn with_currency(event: &mut Map<String, Value>) -> Result<()> {
///     event.insert("currency".into(), "EUR".into());
///     Ok(())
/// }
///
/// fn apply(totals: &mut Counters, event: &Event<'_>) -> Result<()> {
///     match event.json_by(&TYPES)? {
///         Some(ShopEvent::OrderPlaced { currency, total_cents, .. }) => totals.add(currency, total_cents),
///         Some(ShopEvent::OrderShipped { .. }) => totals.add("shipped", 1),
///         None => {} // Praise, and nothing else.
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventTypes {
    pub(super) named_by: NamedBy,
    pub(super) versions: Versions,
    pub(super) steps: &'static [(&'static str, u32, Upcast)],
    /// Of a type: the first and the last version that are decoded as they are.
    pub(super) as_is: &'static [(&'static str, u32, u32)],
    ignored: &'static [&'static str],
    pub(super) ignores_others: bool,
    ignores_tombstones: bool,
}

/// Where the name of an event's type stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum NamedBy {
    Field(&'static str),
    Header(&'static str),
    /// The attribute `type` of a CloudEvent.
    CloudEvent,
}

/// Where an event's version stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Versions {
    /// There are none.
    Nowhere,
    Field(&'static str),
    Header(&'static str),
    /// Behind the type's name and this separator.
    Suffix(&'static str),
    /// An extension attribute of a CloudEvent.
    Attribute(&'static str),
}

impl EventTypes {
    /// The type's name stands in that field of the payload.
    pub const fn in_field(field: &'static str) -> Self {
        Self::new(NamedBy::Field(field))
    }

    /// The type's name is the value of that header. Of a header that is repeated the last counts.
    pub const fn in_header(header: &'static str) -> Self {
        Self::new(NamedBy::Header(header))
    }

    /// The events are CloudEvents, and the type's name is their attribute `type`. What is decoded is
    /// their data. See [`Event::cloud_event`](crate::Event::cloud_event).
    pub const fn of_cloud_events() -> Self {
        Self::new(NamedBy::CloudEvent)
    }

    const fn new(named_by: NamedBy) -> Self {
        Self {
            named_by,
            versions: Versions::Nowhere,
            steps: &[],
            as_is: &[],
            ignored: &[],
            ignores_others: false,
            ignores_tombstones: false,
        }
    }

    /// Versions are whole numbers in that field of the payload (of a CloudEvent: of its data). An
    /// event without one is of version 1.
    pub const fn versions_in_field(self, field: &'static str) -> Self {
        Self { versions: Versions::Field(field), ..self }
    }

    /// Versions are decimal numbers in that header. An event without one is of version 1.
    pub const fn versions_in_header(self, header: &'static str) -> Self {
        Self { versions: Versions::Header(header), ..self }
    }

    /// Versions stand at the end of the type's name, behind that separator: with `.v` the type
    /// `order.placed.v2` is version 2 of `order.placed`, by which it is called everywhere else. A
    /// name without one is of version 1.
    pub const fn versions_in_type(self, separator: &'static str) -> Self {
        Self { versions: Versions::Suffix(separator), ..self }
    }

    /// Versions are whole numbers in that extension attribute of CloudEvents, in either content mode.
    /// An event without one is of version 1.
    pub const fn versions_in_attribute(self, attribute: &'static str) -> Self {
        Self { versions: Versions::Attribute(attribute), ..self }
    }

    /// The steps that lead from one version of a type to the next: the type, the version that the
    /// step starts from, and what it does. The enum has the fields of the version behind a type's
    /// last step, and only that version is decoded straight from the payload. A type without steps
    /// has version 1 only, unless [`EventTypes::as_is`] says more.
    ///
    /// A step sees all fields of the payload. If versions stand in a field, it finds there the
    /// version that it starts from.
    ///
    /// ```compile_fail
    /// # use lantern_sdk::prelude::*;
    /// # use serde_json::{Map, Value};
    /// # fn step(_: &mut Map<String, Value>) -> Result<()> {
    /// #     Ok(())
    /// # }
    /// // Nothing leads from version 2 to version 3.
    /// const TYPES: EventTypes =
    ///     EventTypes::in_field("type").versions_in_field("version").upcast(&[("A", 1, step), ("A", 3, step)]);
    /// ```
    ///
    /// # Panics
    ///
    /// (At compile time, in a `const`.) When it was not said where versions stand, or the steps of a
    /// type have a gap or two of the same start.
    pub const fn upcast(self, steps: &'static [(&'static str, u32, Upcast)]) -> Self {
        Self { steps, ..self }.consistent()
    }

    /// The versions of a type, from the first to the last, that the enum reads as they are, because
    /// they differ only in what serde takes either way, such as a field more. If the type has steps,
    /// the first is the version behind its last step.
    ///
    /// # Panics
    ///
    /// (At compile time, in a `const`.) When it was not said where versions stand, or the versions do
    /// not follow the type's steps.
    pub const fn as_is(self, versions: &'static [(&'static str, u32, u32)]) -> Self {
        Self { as_is: versions, ..self }.consistent()
    }

    /// Events of these types are ignored, in all versions.
    ///
    /// # Panics
    ///
    /// (At compile time, in a `const`.) When one of them has a step.
    pub const fn ignore(self, types: &'static [&'static str]) -> Self {
        Self { ignored: types, ..self }.consistent()
    }

    /// Events of all types that the enum does not have are ignored: also of one that a producer
    /// begins to send tomorrow, and of one that is misspelt in the enum.
    pub const fn ignore_others(self) -> Self {
        Self { ignores_others: true, ..self }
    }

    /// Tombstones are ignored.
    pub const fn ignore_tombstones(self) -> Self {
        Self { ignores_tombstones: true, ..self }
    }

    /// Passes if tombstones are ignored.
    pub(super) fn tombstone(&self) -> Result<()> {
        if self.ignores_tombstones {
            return Ok(());
        }
        Err(Error::msg(
            "the event is a tombstone, which has no type: look at `is_tombstone` first, or declare that they are \
             ignored (`EventTypes::ignore_tombstones`)",
        ))
    }

    pub(super) fn is_ignored(&self, event_type: &[u8]) -> bool {
        self.ignored.iter().any(|ignored| ignored.as_bytes() == event_type)
    }

    pub(super) fn version_header(&self) -> Option<&'static str> {
        match self.versions {
            Versions::Header(header) => Some(header),
            _ => None,
        }
    }

    pub(crate) fn version_attribute(&self) -> Option<&'static str> {
        match self.versions {
            Versions::Attribute(attribute) => Some(attribute),
            _ => None,
        }
    }

    /// The same, if its parts fit together.
    const fn consistent(self) -> Self {
        if !(self.steps.is_empty() && self.as_is.is_empty()) {
            assert!(
                !matches!(self.versions, Versions::Nowhere),
                "say where versions stand, by `versions_in_…`, before `upcast` and `as_is`"
            );
        }
        let mut i = 0;
        while i < self.steps.len() {
            let (of, from, _) = self.steps[i];
            assert!(from > 0, "versions begin with 1");
            assert!(self.count_steps(of, from) == 1, "two steps start from the same version of a type");
            assert!(
                from + 1 >= self.last_step(of) || self.count_steps(of, from + 1) == 1,
                "the steps of a type have a gap"
            );
            assert!(!self.ignores(of), "a type that is ignored needs no steps");
            i += 1;
        }
        i = 0;
        while i < self.as_is.len() {
            let (of, first, last) = self.as_is[i];
            assert!(0 < first && first <= last, "versions begin with 1, and the first is not above the last");
            let steps = self.last_step(of);
            assert!(steps == 0 || first == steps + 1, "the first version as it is stands behind the last step");
            i += 1;
        }
        self
    }

    const fn count_steps(&self, event_type: &str, version: u32) -> usize {
        let (mut count, mut i) = (0, 0);
        while i < self.steps.len() {
            let (of, from, _) = self.steps[i];
            if from == version && same(of, event_type) {
                count += 1;
            }
            i += 1;
        }
        count
    }

    /// The version from which a type's last step starts; 0 if it has none.
    const fn last_step(&self, event_type: &str) -> u32 {
        let (mut last, mut i) = (0, 0);
        while i < self.steps.len() {
            let (of, from, _) = self.steps[i];
            if from > last && same(of, event_type) {
                last = from;
            }
            i += 1;
        }
        last
    }

    const fn ignores(&self, event_type: &str) -> bool {
        let mut i = 0;
        while i < self.ignored.len() {
            if same(self.ignored[i], event_type) {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// `==` at compile time.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut i = 0;
    while i < one.len() && i < other.len() {
        if one[i] != other[i] {
            return false;
        }
        i += 1;
    }
    one.len() == other.len()
}
