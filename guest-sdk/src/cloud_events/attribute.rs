//! The value of an attribute, and what names and texts may be.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::error::quoted;
use crate::{Error, Result};

/// The value of an attribute of a CloudEvent.
///
/// A structured event tells numbers and booleans from text, a binary one has all as text; so ask for
/// what it should be, by [`Attribute::as_i32`] and the like, which read both. Two values are equal
/// if their text is.
#[derive(Clone, Debug)]
pub enum Attribute<'a> {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of 32 bits with a sign, as the specification has it.
    Integer(i32),
    /// Text; also a URI, a time, or bytes in base64.
    Text(Cow<'a, str>),
}

impl Attribute<'_> {
    /// As text. `None` if it is a number or a boolean; `to_string` has these as well.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As a whole number, if it is one.
    pub fn as_i32(&self) -> Option<i32> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.parse().ok().filter(|number: &i32| number.to_string() == **text),
            Self::Boolean(_) => None,
        }
    }

    /// As a boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            Self::Integer(_) => None,
        }
    }
}

/// Its text: `true` or `false`, the decimal number, or the text itself.
impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl PartialEq for Attribute<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => self.to_string() == other.to_string(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Attribute<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a boolean or a whole number of 32 bits")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Attribute<'de>, E> {
        Ok(Attribute::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Attribute<'de>, E> {
        let integer =
            i32::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))?;
        Ok(Attribute::Integer(integer))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Attribute<'de>, E> {
        let integer =
            i32::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))?;
        Ok(Attribute::Integer(integer))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Attribute<'de>, E> {
        Ok(Attribute::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Attribute<'de>, E> {
        Ok(Attribute::Text(text.to_owned().into()))
    }
}

/// Passes for a name that an attribute may have.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.is_empty() || !name.bytes().all(is_valid) {
        let name = quoted(name.as_bytes());
        return Err(Error::msg(format_args!("an attribute can't be called {name}: only a-z and 0-9 are allowed")));
    }
    if name == "data" {
        return Err(Error::msg("an attribute can't be called `data`"));
    }
    Ok(())
}

/// Passes for text without the characters that no attribute may have: controls and noncharacters.
pub(super) fn check_text(name: &str, text: &str) -> Result<()> {
    let is_nonchar = |c: char| matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    match text.chars().find(|&c| c.is_control() || is_nonchar(c)) {
        None => Ok(()),
        Some(c) => Err(Error::msg(format_args!("`{name}` has a character that is not allowed: {c:?}"))),
    }
}
