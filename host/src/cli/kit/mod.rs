//! What the binary carries for authors of plugins: the SDK's sources and the contract, as this very version was built with
//! them. So a project needs no clone of Lantern, and its SDK always fits.

mod lock;
mod manifest;

pub(super) use lock::{lock, needs};
pub(super) use manifest::{PROFILE, profile, profile_section};

/// Files of the SDK below its folder, the manifest left out.
macro_rules! sdk_files {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../../../guest-sdk/", $path)))),*]
    };
}

const SDK: &[(&str, &str)] = sdk_files![
    "src/batch.rs"
    "src/cloud_events/attribute.rs"
    "src/cloud_events/attributes.rs"
    "src/cloud_events/binary.rs"
    "src/cloud_events/media_type.rs"
    "src/cloud_events/mod.rs"
    "src/cloud_events/structured.rs"
    "src/cloud_events/time.rs"
    "src/cloud_events/uri.rs"
    "src/config.rs"
    "src/debezium/envelope.rs"
    "src/debezium/mod.rs"
    "src/error.rs"
    "src/event.rs"
    "src/guest.rs"
    "src/host.rs"
    "src/json/content.rs"
    "src/json/decode.rs"
    "src/json/mod.rs"
    "src/json/peek.rs"
    "src/json/tagged.rs"
    "src/json/types.rs"
    "src/json/upcast.rs"
    "src/lib.rs"
    "src/log.rs"
    "src/projection.rs"
    "src/runner.rs"
    "src/testing/boundary.rs"
    "src/testing/event.rs"
    "src/testing/harness.rs"
    "src/testing/memory.rs"
    "src/testing/mod.rs"
    "src/views/address.rs"
    "src/views/cache.rs"
    "src/views/counters.rs"
    "src/views/document.rs"
    "src/views/handle.rs"
    "src/views/keyed.rs"
    "src/views/list.rs"
    "src/views/mod.rs"
    "src/views/name.rs"
    "src/views/outbox.rs"
    "src/views/ranking.rs"
    "src/views/set.rs"
    "src/views/table.rs"
    "src/views/value.rs"
];

/// The contract, which the SDK looks for beside its folder.
const WIT: (&str, &str) = ("wit/projection.wit", include_str!("../../../../wit/projection.wit"));

/// The licence of all of it.
const LICENSE: (&str, &str) = ("LICENSE", include_str!("../../../../LICENSE"));

/// The SDK's folder among [`files`].
pub(super) const SDK_FOLDER: &str = "lantern-sdk";

/// Everything that a project needs of Lantern, as files below a folder of their own: path and content.
pub(super) fn files() -> Vec<(String, String)> {
    let of_sdk = |(path, content): &(&str, &str)| (format!("{SDK_FOLDER}/{path}"), (*content).to_owned());
    let beside = [WIT, LICENSE].map(|(path, content)| (path.to_owned(), content.to_owned()));
    let manifest = (format!("{SDK_FOLDER}/Cargo.toml"), manifest::of_sdk());
    SDK.iter().map(of_sdk).chain(beside).chain([manifest]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every file below a folder, by its path from `root`.
    fn below(root: &Path, folder: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap()) {
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                below(root, &path, found);
            } else {
                found.insert(path, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }

    #[test]
    fn no_file_of_the_sdk_is_missing_or_stale() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut there = BTreeMap::new();
        below(&root.join("guest-sdk"), "src", &mut there);
        assert_eq!(SDK.iter().map(|(path, _)| path).collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
        let is_stale = |(path, content): &&(&str, &str)| there[*path] != *content;
        assert_eq!(SDK.iter().find(is_stale).map(|(path, _)| path), None, "the binary is older than the SDK");
        let mut contract = BTreeMap::new();
        below(&root, "wit", &mut contract);
        contract.retain(|path, _| path.ends_with(".wit"));
        assert_eq!(contract.into_iter().collect::<Vec<_>>(), [(WIT.0.to_owned(), WIT.1.to_owned())]);
    }
}
