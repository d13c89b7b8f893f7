//! Times as RFC 3339 writes them: `2018-04-05T17:31:00.5+01:00`.

/// A time in milliseconds since 1970-01-01T00:00:00Z. `None` if it is not a valid one.
///
/// A leap second counts as the one that follows it.
pub(super) fn millis(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let (year, month, day) = (rest.number(4)?, rest.after(b"-")?.number(2)?, rest.after(b"-")?.number(2)?);
    let (hour, minute) = (rest.after(b"Tt")?.number(2)?, rest.after(b":")?.number(2)?);
    let second = rest.after(b":")?.number(2)?;
    let fraction = if rest.after(b".").is_some() { rest.fraction()? } else { 0 };
    let offset_minutes = rest.offset()?;

    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !(is_date && hour < 24 && minute < 60 && second <= 60 && rest.0.is_empty()) {
        return None;
    }
    let utc_minutes = days_before(year, month, day) * 1440 + hour * 60 + minute - offset_minutes;
    // A leap second ends a day of UTC.
    if second == 60 && utc_minutes.rem_euclid(1440) != 1439 {
        return None;
    }
    Some((utc_minutes * 60 + second) * 1000 + fraction)
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Passes over one of these bytes.
    fn after(&mut self, one_of: &[u8]) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        self.0 = one_of.contains(first).then_some(rest)?;
        Some(self)
    }

    /// A number of just so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    }

    /// At least one digit behind the point, in milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let digit = |at: usize| fraction.get(at).map_or(0, |byte| i64::from(byte - b'0'));
        (digits > 0).then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    /// `Z`, or how far the clock is before UTC, in minutes.
    fn offset(&mut self) -> Option<i64> {
        if self.after(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.after(b"-").is_some() { -1 } else { self.after(b"+").map(|_| 1)? };
        let (hours, minutes) = (self.number(2)?, self.after(b":")?.number(2)?);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to a date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let years = year - 1;
    let to_year = years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) - 719_162;
    to_year + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}
