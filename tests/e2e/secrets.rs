//! Passwords in every place that takes one, and none of them anywhere else: not in what is said, nor in what is logged,
//! nor in Redis.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{Host, Kafka, Operator, Source};
use redis::cmd;

use crate::story::BankStory;

/// What every password here ends with.
const SECRET: &str = "5ecret";

/// Properties that a plain broker does not mind, with all that librdkafka tells of how it is set up.
const PROPERTIES: &str = "sasl.username=user-5ecret&sasl.password=sasl-5ecret&ssl.key.password=key-5ecret\
    &ssl.keystore.password=store-5ecret&debug=conf,security";

/// Addresses that are wrong in some way, with a password in each.
const WRONG: [&[&str]; 12] = [
    &["--redis", "redis://u:p-5ecret@127.0.0.1:port"],
    &["--redis", "redis://u:p-5ecret@127.0.0.1:1/none"],
    &["--redis", "http://u:p-5ecret@127.0.0.1"],
    &["--redis", "p-5ecret"],
    &["redis://u:p-5ecret@127.0.0.1:1"],
    &["redis://u:p'p-5ecret@127.0.0.1:1"],
    &["--source", "kafka://u:p-5ecret@127.0.0.1:1"],
    &["--source", "kafka://127.0.0.1:1&sasl.password=p-5ecret"],
    &["--source", "kafka://127.0.0.1:1?sasl.password=and&p-5ecret"],
    &["--source", "kafka://127.0.0.1:1?sasl.password=and&p-5ecret=more"],
    &["--source", "kafka://127.0.0.1:1?sasl.pasword=p-5ecret"],
    &["--source", "kafka://127.0.0.1:1?security.protocol=p-5ecret"],
];

/// All that was said.
#[derive(Default)]
struct Heard(Vec<(String, String)>);

impl Heard {
    fn hear(&mut self, what: &[&str], host: &Host) {
        self.0.push((what.join(" "), host.stdout() + &host.stderr()));
    }

    /// Runs a command to its end, however it ends.
    fn command(&mut self, args: &[&str]) -> Option<i32> {
        let mut command = Host::cli(args.iter().copied());
        let code = command.exit_code(NET);
        self.hear(args, &command);
        code
    }
}

#[test]
fn no_password_is_told() {
    let bank = Bank { events: 300, partitions: 2, ..Bank::default() };
    let story = BankStory::told_by(Source::Kafka(Kafka::shared()), &bank);
    let rights = ["on", ">redis-5ecret", "~*", "&*", "+@all"];
    story.redis.query::<()>(cmd("ACL").arg("SETUSER").arg("lantern").arg(&rights)).unwrap();
    story.redis.set("rdbcompression", "no");
    let source = format!("{}?{PROPERTIES}", story.source.url());
    let redis = story.redis.url_of("lantern", "redis-5ecret");
    let mut heard = Heard::default();

    let mut host = Host::run_at(&source, &redis).log("debug,lantern=trace").start();
    let at = ["--redis", &redis, "--source", &source];
    let file = plugin("balances").to_str().unwrap().to_owned();
    heard.command(&[&["deploy", &file, "--topic", &story.topic, "--wait"], &at[..]].concat());
    story.expect_exact(&mut host);
    for command in [
        &["rebuild", "balances", "--wait"][..],
        &["list"],
        &["status"],
        &["status", "--json"],
        &["view", "balances", "accounts"],
        &["history", "--json"],
        &["wait", "balances", "--caught-up"],
        &["doctor"],
        &["doctor", "--json"],
        &["acl"],
    ] {
        assert_eq!(heard.command(&[command, &at].concat()), Some(0), "{:?}", heard.0.last());
    }
    assert!(heard.0.iter().any(|(_, said)| said.contains("kafka://")), "the doctor names the source");

    let wrong = story.redis.url_of("lantern", "wrong-5ecret");
    assert_eq!(heard.command(&["doctor", "--redis", &wrong, "--source", &source]), Some(1));
    let refused = source.clone() + "&security.protocol=sasl_plaintext&sasl.mechanism=PLAIN";
    assert_eq!(heard.command(&["doctor", "--redis", &redis, "--source", &refused]), Some(1));
    assert_eq!(heard.command(&["run", "--redis", &wrong, "--source", &source]), Some(1));
    for args in WRONG {
        assert_eq!(heard.command(&[&["doctor"], args].concat()), Some(2), "{args:?}");
    }
    assert_eq!(host.terminate(), Some(0));
    heard.hear(&["run"], &host);

    for (what, said) in &heard.0 {
        let line = said.lines().find(|line| line.contains(SECRET));
        assert_eq!(line, None, "a secret is told by lantern {what}");
    }
    let operator = Operator::of(&story.redis);
    assert!(operator.does(&["history"]).contains("deploy"), "there are records to look through");
    for key in story.redis.keys() {
        let bytes: Vec<u8> = story.redis.query(cmd("DUMP").arg(&key)).unwrap();
        let has = |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(!has(SECRET) && !key.contains(SECRET), "a secret is kept in {key}");
        assert!(key != "lantern:installation" || has("kafka://"), "the dump of {key} can be looked through");
    }
}
