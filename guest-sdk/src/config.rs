//! What the operator has set for the projection. Only asks: the host has it in Wasm, the harness in native tests.

/// The value that the operator has set under this name (`lantern deploy … --set NAME=VALUE`), if one was set.
///
/// It is the same during the whole life of an instance, so [`Projection::new`](crate::Projection::new) is the place to
/// read it. It may be read in `apply` too, at the price of a call to the host each time.
///
/// A changed value holds for the events that are applied from then on; what is in the views already stays as it is.
/// So a value that decides what a view means must be followed by a rebuild, just like a new
/// [`REVISION`](crate::Projection::REVISION).
///
/// ```
/// use lantern_sdk::prelude::*;
///
/// struct Prices {
///     prices: Table<String>,
///     currency: String,
/// }
///
/// impl Projection for Prices {
///     const NAME: &'static str = "prices";
///     const TOPICS: &'static [&'static str] = &["price-events"];
///
///     fn new(views: &mut Views) -> Self {
///         let currency = lantern_sdk::config("currency").unwrap_or_else(|| "EUR".to_string());
///         Self { prices: views.table("prices"), currency }
///     }
///
///     fn apply(&mut self, event: &Event<'_>) -> Result<()> {
///         let price: u64 = event.json()?;
///         self.prices.set(event.key_str()?, format!("{price} {}", self.currency));
///         Ok(())
///     }
/// }
///
/// // In a test the harness is the operator.
/// # fn main() {
/// use lantern_sdk::testing::{self, Harness};
///
/// let mut harness = Harness::<Prices>::with_config([("currency", "CHF")]);
/// harness.apply(testing::event("tea", "4")).unwrap();
/// assert_eq!(harness.table("prices")["tea"], "4 CHF");
/// # }
/// ```
pub fn config(name: &str) -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::guest::config(name);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::config(name);
}
