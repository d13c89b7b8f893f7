//! Medians and spreads.

/// The middle of some numbers, and between which they lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Half of the numbers are at most this.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Summary {
    /// Sums up; none if there is nothing.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Summary> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        };
        Some(Summary { median, min, max })
    }
}
