//! `kafka://HOST:PORT,…` or `log:DIR`, and `redis://…`: the addresses of the two ends. What is wrong with one is said without
//! any part of it, for a password may stand anywhere in it.

use std::path::PathBuf;

use crate::app::AnySource;
use crate::lane::chain;
use crate::source::embedded::EmbeddedLog;
use crate::source::kafka::Kafka;
use crate::store::redis::Redis;

pub(super) fn parse_source(text: &str) -> Result<AnySource, String> {
    if let Some(rest) = text.strip_prefix("kafka://") {
        return kafka(rest).map(AnySource::Kafka);
    }
    match text.strip_prefix("log:") {
        Some("") => Err("it names no directory; write log:DIR".to_owned()),
        Some(directory) => Ok(AnySource::Log(EmbeddedLog::new(PathBuf::from(directory)))),
        None => Err("it is no source; write kafka://HOST:PORT or log:DIR".to_owned()),
    }
}

fn kafka(rest: &str) -> Result<Kafka, String> {
    let (brokers, properties) = kafka_parts(rest)?;
    Kafka::new(brokers, properties).map_err(|e| chain(&e))
}

/// Properties of librdkafka: name and value.
type Properties = Vec<(String, String)>;

/// `HOST:PORT,…[?PROPERTY=VALUE&…]`: brokers, and librdkafka's properties.
pub(super) fn kafka_parts(rest: &str) -> Result<(&str, Properties), String> {
    let (brokers, query) = rest.split_once('?').unwrap_or((rest, ""));
    let brokers = brokers.trim_end_matches('/');
    if brokers.contains('@') {
        return Err(
            "brokers take no user; write ?sasl.username=USER&sasl.password=PASSWORD behind them".to_owned()
        );
    }
    for broker in brokers.split(',') {
        let port =
            broker.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(_))) {
            return Err("a broker is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT".to_owned());
        }
    }
    let property = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("a property has no `=`; write ?NAME=VALUE&NAME=VALUE".to_owned()),
    };
    let properties = query.split('&').filter(|pair| !pair.is_empty()).map(property).collect::<Result<_, _>>()?;
    Ok((brokers, properties))
}

pub(super) fn parse_redis(text: &str) -> Result<Redis, String> {
    Redis::new(text).map_err(|e| format!("{}; write redis://HOST:PORT or redis://HOST:PORT/DB, with USER:PASSWORD@ before the host if it takes them", chain(&e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_source() {
        let fault = |text: &str| parse_source(text).err().unwrap_or_default();
        assert_eq!(fault("localhost:9092"), "it is no source; write kafka://HOST:PORT or log:DIR");
        assert_eq!(fault("kafka://localhost"), "a broker is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT");
        assert_eq!(fault("log:"), "it names no directory; write log:DIR");
        assert!(fault("kafka://h:1?no.such.thing=1").contains("no.such.thing"));
        assert!(fault("kafka://h:1?security.protocol=xy").contains("`security.protocol` does not take its value"));
        assert_eq!(fault("kafka://h:1,i:2?security.protocol=plaintext"), "");
    }

    #[test]
    fn no_part_of_an_address_is_said() {
        for text in [
            "s3cret",
            "kafka://user:s3cret",
            "kafka://user:s3cret@h:1",
            "kafka://h:1&sasl.password=s3cret",
            "kafka://h:1?sasl.password=a&s3cret",
            "kafka://h:1?sasl.pasword=s3cret",
            "kafka://h:1?security.protocol=s3cret",
            "kafka://h:1?ssl.key.pem=s3cret&security.protocol=ssl",
        ] {
            let fault = parse_source(text).err().unwrap_or_default();
            assert!(!fault.is_empty() && !fault.contains("s3cret"), "{text}: {fault}");
        }
        for text in
            ["s3cret", "redis://u:s3cret", "redis://u:s3cret@h:1/x", "ftp://u:s3cret@h", "redis://u:p@h:s3cret"]
        {
            let fault = parse_redis(text).err().unwrap_or_default();
            assert!(!fault.is_empty() && !fault.contains("s3cret"), "{text}: {fault}");
        }
    }
}
