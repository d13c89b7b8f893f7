//! The binary content mode: attributes in headers `ce_…`, the data are the payload.

use std::borrow::Cow;
use std::str;

use super::CloudEvent;
use super::attribute::Attribute;
use super::attributes::Reading;
use crate::error::quoted;
use crate::{Error, Event, Result};

/// The header of the media type. Producers differ in its case.
pub(super) fn is_content_type(header: &[u8]) -> bool {
    header.eq_ignore_ascii_case(b"content-type")
}

/// The value of the header of the media type.
pub(super) fn content_type<'a>(event: &Event<'a>) -> Result<Option<&'a str>> {
    let mut values = event.headers().filter(|(name, _)| is_content_type(name)).filter_map(|(_, value)| value);
    let value = values.next().map(|value| text("content-type", value)).transpose()?;
    if values.next().is_some() {
        return Err(Error::msg("the header `content-type` stands there twice"));
    }
    Ok(value)
}

/// An event in binary mode.
pub(super) fn read<'a>(event: &Event<'a>) -> Result<CloudEvent<'a>> {
    let mut attributes = Reading::default();
    if let Some(media_type) = content_type(event)? {
        attributes.set("datacontenttype".into(), Attribute::Text(media_type.into()))?;
    }
    for (header, value) in event.headers() {
        // A header without a value sets nothing.
        if let (Some(name), Some(value)) = (header.strip_prefix(b"ce_"), value) {
            let name = str::from_utf8(name).map_err(|_| {
                let header = quoted(header);
                Error::msg(format_args!("the name of the header {header} is not UTF-8"))
            })?;
            let value = text(name, value)?;
            attributes.set(name.into(), Attribute::Text(value.into()))?;
        }
    }
    Ok(CloudEvent { attributes: attributes.finish()?, data: event.payload().map(Cow::Borrowed) })
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str> {
    str::from_utf8(value).map_err(|_| Error::msg(format_args!("`{name}` is not UTF-8")))
}
