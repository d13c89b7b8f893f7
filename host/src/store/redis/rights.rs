//! Who needs which rights in Redis: the one table of them. What a server is asked for at the start and what `lantern acl`
//! prints are both made of it, and a test compares it with the commands that the sources name.

use super::keys;

/// What a user of Redis is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Runs projections.
    Host,
    /// Deploys, watches and changes them.
    Operator,
    /// Reads views, and how fresh they are.
    Reader,
}

use Role::{Host, Operator, Reader};

const WORK: &[Role] = &[Host, Operator];

/// A command, what follows it (on a key: what follows the key) to ask for it, and who needs it.
pub(super) type Need = (&'static str, &'static [&'static str], &'static [Role]);

/// What begins and ends a transaction.
pub(super) const TRANSACTION: &[Need] = &[
    ("WATCH", &[keys::PROBE], &[Host]),
    ("MULTI", &[], WORK),
    ("EXEC", &[], WORK),
    ("MULTI", &[], WORK),
    ("DISCARD", &[], WORK),
];

/// The commands on a key. Those of the scripts are among them: a script may do what its caller may.
pub(super) const ON_A_KEY: &[Need] = &[
    ("DEL", &[], WORK),
    ("EXISTS", &[], WORK),
    ("GET", &[], WORK),
    ("HDEL", &["f"], WORK),
    ("HEXISTS", &["f"], WORK),
    ("HGET", &["f"], WORK),
    ("HGETALL", &[], WORK),
    ("HINCRBY", &["f", "1"], WORK),
    ("HKEYS", &[], WORK),
    ("HLEN", &[], &[Operator]),
    ("HMGET", &["f"], WORK),
    ("HSCAN", &["0"], WORK),
    ("HSET", &["f", "v"], WORK),
    ("HSETNX", &["f", "v"], &[Host]),
    ("LLEN", &[], &[Operator]),
    ("LPUSH", &["v"], &[Host]),
    ("LRANGE", &["0", "1"], WORK),
    ("LTRIM", &["0", "1"], &[Host]),
    ("MGET", &[], WORK),
    ("PEXPIRE", &["1"], &[Host]),
    ("RENAME", &[keys::PROBE], WORK),
    ("SADD", &["v"], WORK),
    ("SCARD", &[], WORK),
    ("SET", &["v"], WORK),
    ("SMEMBERS", &[], WORK),
    ("SMISMEMBER", &["v"], WORK),
    ("SMOVE", &[keys::PROBE, "v"], WORK),
    ("SRANDMEMBER", &["1"], WORK),
    ("SREM", &["v"], WORK),
    ("SSCAN", &["0"], WORK),
    ("SUNIONSTORE", &[keys::PROBE], WORK),
    ("TYPE", &[], &[Host]),
    ("UNLINK", &[], WORK),
    ("XADD", &["*", "f", "v"], WORK),
    ("XREVRANGE", &["+", "-"], &[Operator]),
    ("ZADD", &["1", "v"], &[Host]),
    ("ZCARD", &[], &[Operator]),
    ("ZINCRBY", &["1", "v"], &[Host]),
    ("ZMSCORE", &["v"], WORK),
    ("ZREM", &["v"], &[Host]),
    ("ZREVRANGE", &["0", "1"], &[Operator]),
    ("ZSCAN", &["0"], &[Host]),
];

/// The commands without a key that can be asked for in a transaction.
pub(super) const WITHOUT_A_KEY: &[Need] = &[
    ("EVAL", &["return 1", "0"], WORK),
    ("EVALSHA", &["da39a3ee5e6b4b0d3255bfef95601890afd80709", "0"], WORK),
    ("PUBLISH", &[keys::CHANGES, keys::PROBE], WORK),
    // By it a deployment sees that nothing stands where a keyed view would.
    ("SCAN", &["0"], &[Operator]),
    ("TIME", &[], WORK),
];

/// What does without, if it must: news come late, and the server is not known well.
const WELCOME: &[&str] = &["INFO", "SUBSCRIBE"];

/// Commands that read one structure, and tell nothing of keys that their user may not read.
const READING: &[&str] = &[
    "EXISTS",
    "GET",
    "GETRANGE",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HSCAN",
    "HSTRLEN",
    "HVALS",
    "LINDEX",
    "LLEN",
    "LRANGE",
    "MGET",
    "PTTL",
    "SCARD",
    "SISMEMBER",
    "SMEMBERS",
    "SMISMEMBER",
    "SRANDMEMBER",
    "SSCAN",
    "STRLEN",
    "TTL",
    "TYPE",
    "ZCARD",
    "ZCOUNT",
    "ZMSCORE",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREVRANGE",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
    // Reads of one moment.
    "DISCARD",
    "EXEC",
    "MULTI",
    "UNWATCH",
    "WATCH",
];

/// A projection, and what stands before the names of its views.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its name.
    pub projection: String,
    /// Its prefix.
    pub prefix: String,
}

/// The rules of a user with these roles, as `ACL SETUSER` takes them, for the projections that stand there: no password
/// among them, and none taken away. The user can do nothing in another database than this one.
pub fn rules(roles: &[Role], places: &[Place], database: i64) -> Vec<String> {
    let mut rules: Vec<String> = ["resetkeys", "resetchannels", "-@all"].map(str::to_owned).into();
    if roles.contains(&Reader) {
        // What clients of any language say when they connect; but by tracking one hears the names of others' keys.
        rules.extend(["+@connection", "-@admin", "-@dangerous", "-select", "-client|tracking"].map(str::to_owned));
    }
    let mut commands: Vec<&str> = Vec::new();
    for role in roles {
        match role {
            Reader => commands.extend(READING),
            role => {
                let needs = [TRANSACTION, ON_A_KEY, WITHOUT_A_KEY].into_iter().flatten();
                commands.extend(needs.filter(|(_, _, of)| of.contains(role)).map(|(name, ..)| *name));
                commands.extend(WELCOME);
            }
        }
    }
    commands.sort_unstable();
    commands.dedup();
    rules.extend(commands.iter().map(|name| format!("+{}", name.to_lowercase())));
    if database != 0 {
        rules.push(format!("+select|{database}"));
    }
    let works = roles.iter().any(|role| WORK.contains(role));
    if works {
        rules.push(format!("~{}*", keys::OURS));
    }
    for Place { projection, prefix } in places {
        rules.push(format!("~{}*", pattern(prefix)));
        if !works {
            rules.push(format!("~{}", keys::checkpoints(projection)));
        }
    }
    if works {
        rules.push(format!("&{}", keys::CHANGES));
    }
    rules
}

/// A text as the pattern that fits it, in a rule: where a space would end the rule, any letter fits.
fn pattern(text: &str) -> String {
    let escaped = text.chars().flat_map(|letter| {
        let is_special = matches!(letter, '*' | '?' | '[' | ']' | '^' | '\\');
        let ends_it = letter.is_ascii_whitespace() || letter.is_ascii_control() || matches!(letter, '"' | '\'');
        is_special.then_some('\\').into_iter().chain([if ends_it { '?' } else { letter }])
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: Role, database: i64) -> String {
        let place = Place { projection: "p".into(), prefix: "a b*:".into() };
        rules(&[role], &[place], database).join(" ")
    }

    #[test]
    fn rules_are_as_few_as_can_be() {
        let (host, operator, reader) = (of(Host, 0), of(Operator, 0), of(Reader, 0));
        assert!(host.ends_with(r"~lantern:* ~a?b\*:* &lantern:changes"), "{host}");
        assert!(operator.ends_with(r"~lantern:* ~a?b\*:* &lantern:changes"), "{operator}");
        assert!(reader.ends_with(r"~a?b\*:* ~lantern:checkpoints:p"), "{reader}");
        assert!(host.contains("+zadd") && !host.contains("+scan "));
        assert!(operator.contains("+scan ") && !operator.contains("+zadd"));
        let writes = ON_A_KEY.iter().map(|(name, ..)| *name).filter(|name| !READING.contains(name));
        for name in writes {
            assert!(!reader.contains(&format!("+{} ", name.to_lowercase())), "a reader may not {name}");
        }
    }

    #[test]
    fn only_one_database_is_open() {
        assert!(!of(Host, 0).contains("+select"));
        assert!(of(Reader, 3).contains("-select ") && of(Reader, 3).contains("+select|3 "));
    }
}
