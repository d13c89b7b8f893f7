//! Reading the records, and keeping modules and notes beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use redis::{Value, cmd, pipe};

use super::RedisRegistry;
use crate::control::{Deployment, Error, FaultAt, Installation, Recorded, Snapshot};
use crate::store::Checkpoint;
use crate::store::redis::keys;
use crate::store::redis::lane::LaneHash;

impl RedisRegistry {
    pub(super) async fn read_records(&self) -> Result<Snapshot, Error> {
        let mut first = pipe();
        first.cmd("TIME").cmd("HGETALL").arg(keys::INSTALLATION);
        first.cmd("SMEMBERS").arg(keys::DEPLOYMENTS).cmd("HGETALL").arg(keys::FAULTS);
        let replies: Vec<Value> = self.ask_all(&first).await?;
        let [time, installation, names, faults] =
            <[Value; 4]>::try_from(replies).map_err(|_| self.unavailable("an unexpected number of replies"))?;
        let parse_error = |e: redis::ParsingError| self.unavailable(e);
        let (seconds, micros): (i64, i64) = redis::from_redis_value(time).map_err(parse_error)?;
        let installation: BTreeMap<String, String> = redis::from_redis_value(installation).map_err(parse_error)?;
        let names: BTreeSet<String> = redis::from_redis_value(names).map_err(parse_error)?;
        let faults: BTreeMap<String, String> = redis::from_redis_value(faults).map_err(parse_error)?;
        let deployments = self.read_deployments(names).await?;
        // If all was lost meanwhile, this says so: what was left to be read must not be taken for what is deployed.
        let again: BTreeMap<String, String> = self.ask(cmd("HGETALL").arg(keys::INSTALLATION)).await?;
        let changes = change_count(&installation).min(change_count(&again));
        let again = again.get(keys::ID);
        let installation = parse_installation(&installation).filter(|found| again == Some(&found.id));
        Ok(Snapshot {
            installation,
            deployments,
            changes,
            faults: faults.into_iter().filter_map(|(at, why)| Some((keys::parse_fault(&at)?, why))).collect(),
            now: seconds * 1000 + micros / 1000,
        })
    }

    async fn read_deployments(&self, names: BTreeSet<String>) -> Result<BTreeMap<String, Arc<Recorded>>, Error> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut get = cmd("MGET");
        names.iter().for_each(|name| _ = get.arg(keys::deployment(name)));
        let texts: Vec<Option<String>> = self.ask(&get).await?;
        let mut deployments = BTreeMap::new();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, text) in names.into_iter().zip(texts) {
            let Some(text) = text else { continue };
            let recorded = match last.remove(&name).filter(|last| last.text == text) {
                Some(last) => last,
                None => {
                    let deployment = Deployment::read(&text)
                        .map_err(|reason| Error::Format { key: keys::deployment(&name), reason })?;
                    Arc::new(Recorded { deployment, text })
                }
            };
            deployments.insert(name, recorded);
        }
        last.clone_from(&deployments);
        Ok(deployments)
    }

    pub(super) async fn write_installation(&self, installation: &Installation) -> Result<Installation, Error> {
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.cmd("HSETNX").arg(keys::INSTALLATION).arg(keys::ID).arg(&installation.id).ignore();
        pipeline.cmd("HSET").arg(keys::INSTALLATION).arg(keys::SOURCE).arg(&installation.source).ignore();
        pipeline.cmd("HGETALL").arg(keys::INSTALLATION);
        let found: Vec<BTreeMap<String, String>> = self.ask_all(&pipeline).await?;
        let found = found.first().and_then(parse_installation);
        found.ok_or_else(|| self.unavailable("an unexpected reply to what was just written"))
    }

    pub(super) async fn read_module(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        self.ask(cmd("GET").arg(keys::module(digest))).await
    }

    pub(super) async fn write_module(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.cmd("SET").arg(keys::module(digest)).arg(bytes).arg("NX").ignore();
        pipeline.cmd("SADD").arg(keys::MODULES).arg(digest).ignore();
        self.ask_all::<()>(&pipeline).await.map(drop)
    }

    pub(super) async fn read_lanes(
        &self,
        projection: &str,
        generation: u64,
    ) -> Result<BTreeMap<String, Checkpoint>, Error> {
        let shares: Vec<String> = self.ask(cmd("SMEMBERS").arg(keys::lanes(projection, generation))).await?;
        let key = |share: &String| keys::lane_prefix(projection, generation) + share;
        let mut pipeline = pipe();
        shares.iter().for_each(|share| _ = pipeline.cmd("HGETALL").arg(key(share)));
        let hashes: Vec<Value> = self.ask_all(&pipeline).await?;
        let mut lanes = BTreeMap::new();
        for (share, hash) in shares.into_iter().zip(hashes) {
            let reason = || "a field of it is in another form".to_owned();
            let hash =
                LaneHash::parse(hash).ok_or_else(|| Error::Format { key: key(&share), reason: reason() })?;
            lanes.insert(share, hash.checkpoint);
        }
        Ok(lanes)
    }

    pub(super) async fn write_fault(&self, at: &FaultAt, fault: Option<&str>) -> Result<(), Error> {
        let field = keys::fault(at);
        let command = match fault {
            Some(fault) => cmd("HSET").arg(keys::FAULTS).arg(field).arg(fault).to_owned(),
            None => cmd("HDEL").arg(keys::FAULTS).arg(field).to_owned(),
        };
        let mut pipeline = pipe();
        pipeline.add_command(command).ignore();
        pipeline.cmd("PUBLISH").arg(keys::CHANGES).arg(&at.projection).ignore();
        self.ask_all::<()>(&pipeline).await.map(drop)
    }
}

fn change_count(installation: &BTreeMap<String, String>) -> u64 {
    installation.get(keys::CHANGE_COUNT).and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn parse_installation(fields: &BTreeMap<String, String>) -> Option<Installation> {
    let source = fields.get(keys::SOURCE).cloned().unwrap_or_default();
    Some(Installation { id: fields.get(keys::ID)?.clone(), source })
}
