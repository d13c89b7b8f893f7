//! Whether the server lets us do what we have to: every command that is used is queued in a transaction, which is then
//! thrown away. Redis judges rights, room and role when a command is queued, so nothing is done and nothing left behind.

use redis::{Pipeline, RedisError};

use super::RedisRegistry;
use crate::control::Error;
use crate::store::redis::keys;
use crate::store::redis::rights::{Need, ON_A_KEY, Role, TRANSACTION, WITHOUT_A_KEY};
use crate::store::redis::said::Said;

impl RedisRegistry {
    /// Asks whether the server would let us do all that these roles have to, with our own keys and with views under these
    /// prefixes, and has room for it. If not, the error names what is not allowed.
    pub async fn try_all(&self, roles: &[Role], prefixes: &[String]) -> Result<(), Error> {
        let mut lacking = Vec::new();
        for role in roles {
            for right in self.lacking(*role, prefixes).await? {
                if !lacking.contains(&right) {
                    lacking.push(right);
                }
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        Err(self.unavailable(Said::new("NOPERM", format!("this user has no right to {}", lacking.join(", ")))))
    }

    /// The rights for a role that are lacking, by their names. An error if something else is in the way.
    pub async fn lacking(&self, role: Role, prefixes: &[String]) -> Result<Vec<String>, Error> {
        let needs = |table: &'static [Need]| table.iter().filter(move |(_, _, of)| of.contains(&role));
        let mut asked = Vec::new();
        let mut transaction = Pipeline::new();
        for (name, rest, _) in needs(TRANSACTION) {
            transaction.cmd(name).arg(*rest);
            asked.push((*name).to_owned());
        }
        // Asked for first: without them the others would be done, not queued.
        let refusals = self.refusals(&transaction, asked).await?;
        if !refusals.is_empty() {
            return self.rights_among(refusals);
        }
        let mut all = Pipeline::new();
        let mut asked = vec!["MULTI".to_owned()];
        all.cmd("MULTI");
        for (name, rest, _) in needs(WITHOUT_A_KEY) {
            all.cmd(name).arg(*rest);
            asked.push((*name).to_owned());
        }
        for (name, rest, _) in needs(ON_A_KEY) {
            all.cmd(name).arg(keys::PROBE).arg(*rest);
            asked.push((*name).to_owned());
        }
        for prefix in prefixes {
            all.cmd("EXISTS").arg(format!("{prefix}probe"));
            asked.push(format!("keys {prefix}*"));
        }
        all.cmd("DISCARD");
        asked.push("DISCARD".to_owned());
        let refusals = self.refusals(&all, asked).await?;
        self.rights_among(refusals)
    }

    /// Which of the commands are refused, and what the server says to each.
    async fn refusals(&self, pipeline: &Pipeline, asked: Vec<String>) -> Result<Vec<(String, RedisError)>, Error> {
        // On a connection of its own: on the common one others would queue with it.
        let mut connection = self.own_connection().await?;
        let replies = connection.send_packed_commands(pipeline, 0, asked.len()).await;
        let replies = replies.map_err(|e| self.unavailable(e))?;
        let refused = asked.into_iter().zip(replies);
        Ok(refused.filter_map(|(asked, reply)| Some((asked, reply.extract_error().err()?))).collect())
    }

    /// All rights that are lacking, by their names; or else the first of the refusals as an error.
    fn rights_among(&self, refusals: Vec<(String, RedisError)>) -> Result<Vec<String>, Error> {
        let mut lacking = Vec::new();
        for (asked, error) in refusals.iter().filter(|(_, error)| is_for_rights(error)) {
            let right = lacks(asked, error);
            if !lacking.contains(&right) {
                lacking.push(right);
            }
        }
        match refusals.into_iter().next() {
            Some((_, error)) if lacking.is_empty() => Err(self.unavailable(error)),
            _ => Ok(lacking),
        }
    }
}

/// Whether it is for lack of rights; EXEC says so in its own way.
fn is_for_rights(error: &RedisError) -> bool {
    error.code() == Some("NOPERM") || error.detail().is_some_and(|detail| detail.contains("because of: NOPERM"))
}

/// What a user lacks who was refused a command: the command, or its keys.
fn lacks(asked: &str, error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    match detail.contains("access") && detail.contains("key") && !asked.starts_with("keys ") {
        true => "keys lantern:*".to_owned(),
        false => asked.to_owned(),
    }
}
