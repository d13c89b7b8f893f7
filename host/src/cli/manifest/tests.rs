//! What a manifest says, and what is wrong with one.

use super::*;

const WHOLE: &str = r#"
[projections.balances]
module = "plugins/balances.wasm"
topics = ["account-events"]
prefix = "bank:"
on-error = "skip"
from = "latest"
keep-old = "1h"
config = { currency = "EUR", limit = 5, ratio = 0.5, strict = true }

[projections.orders]
module = "/lib/orders.wasm"
"#;

#[test]
fn a_manifest_is_all_there_is_to_say() {
    let manifest = Manifest::parse(WHOLE).unwrap();
    let requests = manifest.requests(Path::new("infra"), &ForAll::default());
    let balances = &requests["balances"];
    assert_eq!(balances.name.as_deref(), Some("balances"));
    assert_eq!(balances.file, Path::new("infra/plugins/balances.wasm"));
    assert!(matches!(&balances.topics, Topics::These(topics) if topics == &["account-events"]));
    assert_eq!(balances.prefix.as_deref(), Some("bank:"));
    assert_eq!((balances.on_error, balances.from), (Some(OnError::Skip), Beginning::Latest));
    assert_eq!(balances.keep_old_seconds, Some(3600));
    let Setting::All(config) = &balances.config else { panic!("the configuration is the whole one") };
    let config: Vec<_> = config.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(config, ["currency=EUR", "limit=5", "ratio=0.5", "strict=true"]);
}

#[test]
fn what_is_not_said_is_as_at_first() {
    let manifest = Manifest::parse(WHOLE).unwrap();
    let requests = manifest.requests(Path::new("infra"), &ForAll::default());
    let orders = &requests["orders"];
    assert_eq!(orders.file, Path::new("/lib/orders.wasm"));
    assert!(matches!(orders.topics, Topics::Declared));
    assert_eq!(orders.prefix.as_deref(), Some("orders:"));
    assert_eq!((orders.on_error, orders.from), (Some(OnError::Stop), Beginning::Earliest));
    assert_eq!(orders.keep_old_seconds, Some(KEEP_OLD_SECONDS));
    assert!(matches!(&orders.config, Setting::All(config) if config.is_empty()));
}

#[test]
fn a_fault_is_named_with_its_line() {
    let fault = |text: &str| {
        let (line, fault) = Manifest::parse(text).expect_err("it is faulty");
        format!("{line}: {fault}")
    };
    let with = |line: &str| fault(&format!("[projections.a]\nmodule = \"a.wasm\"\n{line}\n"));
    let expected = [
        (fault("\n[projection.a]\n"), "2: unknown field `projection`, expected `projections`"),
        (fault("[projections.a]\n\n[projections.b]\nmodule = \"b\""), "1: missing field `module`"),
        (
            fault("[projections.B-1]\nmodule = \"b\""),
            "1: the name `B-1` may only have lower-case letters, digits, `-` and `_`",
        ),
        (
            with("on_error = \"stop\""),
            "3: unknown field `on_error`, expected one of `module`, `topics`, `prefix`, `from`, `on-error`, `max-parked`, `keep-old`, `config`",
        ),
        (with("on-error = \"drop\""), "3: unknown variant `drop`, expected one of `stop`, `skip`, `park`"),
        (with("max-parked = 0"), "3: 0 is not in 1 to 1000000"),
        (with("keep-old = \"soon\""), "3: `soon` is no time such as 24h: expected number at 0"),
        (with("config = { a = [1] }"), "3: invalid type: sequence, expected a text, a number or a boolean"),
        (with("config = { \"\" = 1 }"), "3: a key is empty"),
        (with("topics = \"t\""), "3: invalid type: string \"t\", expected a sequence"),
    ];
    for (said, expected) in expected {
        assert_eq!(said, expected);
    }
}
