//! The first records of a view, read as any client reads them. For showing, not for computing.

use redis::{FromRedisValue, cmd};

use super::Redis;
use crate::projection::{Kind, Projection};
use crate::store::Error;

impl Redis {
    /// Up to `count` records of an unkeyed view, as text: of a ranking the highest, of a list the newest, of a hash
    /// or set any. Each is a name and a value; a member of a set and an entry of a list have no name.
    pub async fn first_records(
        &self,
        projection: &Projection,
        view: u32,
        count: usize,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut connection = self.connect().await?;
        let key = projection.key(view, b"");
        let last = count.saturating_sub(1);
        let kind = projection.views[view as usize].kind;
        let command = match kind {
            Kind::Table | Kind::Counters => cmd("HSCAN").arg(key).arg(0).arg("COUNT").arg(count).to_owned(),
            Kind::Ranking => cmd("ZREVRANGE").arg(key).arg(0).arg(last).arg("WITHSCORES").to_owned(),
            Kind::Set => cmd("SSCAN").arg(key).arg(0).arg("COUNT").arg(count).to_owned(),
            Kind::List | Kind::Value => cmd("LRANGE").arg(key).arg(0).arg(last).to_owned(),
        };
        let reply = connection.send_packed_command(&command).await.map_err(|e| self.unavailable(e))?;
        let texts = match kind {
            Kind::Table | Kind::Counters | Kind::Set => {
                parse::<(u64, Vec<Vec<u8>>)>(reply).map(|(_, texts)| texts)
            }
            Kind::Ranking | Kind::List | Kind::Value => parse(reply),
        };
        let texts = texts.map_err(|e| self.unavailable(e))?;
        let mut texts = texts.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let mut records = Vec::new();
        while let Some(text) = texts.next().filter(|_| records.len() < count) {
            records.push(match kind {
                Kind::Set | Kind::List | Kind::Value => (String::new(), text),
                Kind::Table | Kind::Counters | Kind::Ranking => (text, texts.next().unwrap_or_default()),
            });
        }
        Ok(records)
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let pong = connection.send_packed_command(&cmd("PING")).await.and_then(redis::Value::extract_error);
        pong.map(drop).map_err(|e| self.unavailable(e))
    }
}

fn parse<T: FromRedisValue>(reply: redis::Value) -> Result<T, redis::RedisError> {
    Ok(redis::from_redis_value(reply.extract_error()?)?)
}
