//! The attributes of a CloudEvent as they are read one by one, and the rules for each.

use std::borrow::Cow;

use super::attribute::{Attribute, check_name, check_text};
use super::media_type::MediaType;
use super::{time, uri};
use crate::error::quoted;
use crate::{Error, Result};

/// The version of the specification that is understood.
const SPEC_VERSION: &str = "1.0";

/// What a CloudEvent says of itself. Valid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attributes<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) source: Cow<'a, str>,
    pub(super) event_type: Cow<'a, str>,
    pub(super) subject: Option<Cow<'a, str>>,
    /// As it is written, and in milliseconds since 1970.
    pub(super) time: Option<(Cow<'a, str>, i64)>,
    pub(super) data_content_type: Option<Cow<'a, str>>,
    pub(super) data_schema: Option<Cow<'a, str>>,
    pub(super) extensions: Vec<(Cow<'a, str>, Attribute<'a>)>,
}

/// The attributes that were read so far.
#[derive(Default)]
pub(super) struct Reading<'a> {
    specversion: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    event_type: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    time: Option<(Cow<'a, str>, i64)>,
    data_content_type: Option<Cow<'a, str>>,
    data_schema: Option<Cow<'a, str>>,
    extensions: Vec<(Cow<'a, str>, Attribute<'a>)>,
}

impl<'a> Reading<'a> {
    /// Takes one attribute in.
    pub(super) fn set(&mut self, name: Cow<'a, str>, value: Attribute<'a>) -> Result<()> {
        match &*name {
            "specversion" => {
                let version = once(&mut self.specversion, "specversion", value)?;
                if version != SPEC_VERSION {
                    let version = quoted(version.as_bytes());
                    return Err(Error::msg(format_args!(
                        "specversion is {version}, and only `1.0` is understood"
                    )));
                }
            }
            "id" => _ = once(&mut self.id, "id", value)?,
            "source" => uri::check_reference("source", once(&mut self.source, "source", value)?)?,
            "type" => _ = once(&mut self.event_type, "type", value)?,
            "subject" => _ = once(&mut self.subject, "subject", value)?,
            "time" => {
                let mut time = self.time.take().map(|(text, _)| text);
                let text = once(&mut time, "time", value)?;
                let millis = time::millis(text).ok_or_else(|| {
                    let text = quoted(text.as_bytes());
                    Error::msg(format_args!("`time` is not a time of RFC 3339: {text}"))
                })?;
                self.time = time.map(|text| (text, millis));
            }
            "datacontenttype" => {
                MediaType::check("datacontenttype", once(&mut self.data_content_type, "datacontenttype", value)?)?;
            }
            "dataschema" => uri::check_absolute("dataschema", once(&mut self.data_schema, "dataschema", value)?)?,
            _ => return self.set_extension(name, value),
        }
        Ok(())
    }

    fn set_extension(&mut self, name: Cow<'a, str>, value: Attribute<'a>) -> Result<()> {
        check_name(&name)?;
        if let Attribute::Text(text) = &value {
            check_text(&name, text)?;
        }
        if self.extensions.iter().any(|(found, _)| *found == name) {
            return Err(twice(&name));
        }
        self.extensions.push((name, value));
        Ok(())
    }

    pub(super) fn data_content_type(&self) -> Option<&str> {
        self.data_content_type.as_deref()
    }

    /// Data without a media type are of that one.
    pub(super) fn imply_data_content_type(&mut self, media_type: &'static str) {
        self.data_content_type.get_or_insert(Cow::Borrowed(media_type));
    }

    /// All of them.
    pub(super) fn finish(self) -> Result<Attributes<'a>> {
        required("specversion", self.specversion)?;
        Ok(Attributes {
            id: required("id", self.id)?,
            source: required("source", self.source)?,
            event_type: required("type", self.event_type)?,
            subject: self.subject,
            time: self.time,
            data_content_type: self.data_content_type,
            data_schema: self.data_schema,
            extensions: self.extensions,
        })
    }
}

/// The text of an attribute that stands once and is not empty.
fn once<'t, 'a>(slot: &'t mut Option<Cow<'a, str>>, name: &str, value: Attribute<'a>) -> Result<&'t str> {
    if slot.is_some() {
        return Err(twice(name));
    }
    let Attribute::Text(text) = value else {
        return Err(Error::msg(format_args!("`{name}` must be text and is {value}")));
    };
    if text.is_empty() {
        return Err(Error::msg(format_args!("`{name}` is empty")));
    }
    check_text(name, &text)?;
    Ok(slot.insert(text))
}

fn required<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::msg(format_args!("the required attribute `{name}` is missing")))
}

fn twice(name: &str) -> Error {
    Error::msg(format_args!("the attribute `{name}` stands there twice"))
}
