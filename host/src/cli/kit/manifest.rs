//! Manifests for who builds outside Lantern's workspace: what its members inherit is written out. The settings stand in the
//! workspace's own manifest, and nowhere else.

const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const SDK: &str = include_str!("../../../../guest-sdk/Cargo.toml");

/// The profile that plugins are built with.
pub(in crate::cli) const PROFILE: &str = "plugin";

/// What a manifest's line has that takes its value from the workspace.
const INHERITED: &str = ".workspace = true";

/// The SDK's manifest, which inherits nothing.
pub(super) fn of_sdk() -> String {
    let mut manifest = String::new();
    let mut section = "";
    for line in SDK.lines() {
        if line.starts_with('[') {
            section = line;
        }
        // Lints are for those who change the SDK.
        if section == "[lints]" {
            continue;
        }
        let written_out = line.strip_suffix(INHERITED).map(|key| match section {
            "[package]" => setting("workspace.package", key),
            _ => setting("workspace.dependencies", key),
        });
        manifest.push_str(written_out.unwrap_or(line));
        manifest.push('\n');
    }
    manifest.trim_end().to_owned() + "\n"
}

/// The settings of [`PROFILE`]: names and values, as TOML has them.
pub(in crate::cli) fn profile() -> impl Iterator<Item = (&'static str, &'static str)> {
    profile_section().lines().filter_map(|line| line.split_once(" = "))
}

/// The same as it stands in the manifest, comments included.
pub(in crate::cli) fn profile_section() -> &'static str {
    section(WORKSPACE, &format!("[profile.{PROFILE}]"))
}

/// What follows a heading, up to the next one.
fn section<'a>(manifest: &'a str, heading: &str) -> &'a str {
    let rest = manifest.split_once(&format!("{heading}\n")).map_or("", |(_, rest)| rest);
    rest.split("\n[").next().unwrap_or(rest).trim_end()
}

/// The line of the workspace's manifest that a member inherits.
fn setting(heading: &str, key: &str) -> &'static str {
    let lines = section(WORKSPACE, &format!("[{heading}]")).lines();
    let is_named = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
    lines.into_iter().find(is_named).expect("cargo has read these very manifests, and found it")
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;

    #[test]
    fn the_sdk_inherits_nothing_any_more() {
        let manifest: Table = of_sdk().parse().unwrap();
        assert!(!of_sdk().contains("workspace"), "{}", of_sdk());
        assert_eq!(manifest["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
        let workspace: Table = WORKSPACE.parse().unwrap();
        let versions = &workspace["workspace"]["dependencies"];
        assert_eq!(manifest["dependencies"]["serde"], versions["serde"]);
        let only_in_wasm = &manifest["target"]["cfg(target_arch = \"wasm32\")"]["dependencies"];
        assert_eq!(only_in_wasm["wit-bindgen"], versions["wit-bindgen"]);
    }

    #[test]
    fn the_profile_is_the_workspaces() {
        let workspace: Table = WORKSPACE.parse().unwrap();
        let profile: Table =
            profile().map(|(key, value)| format!("{key} = {value}\n")).collect::<String>().parse().unwrap();
        assert_eq!(Some(&profile), workspace["profile"][PROFILE].as_table());
        assert_eq!(profile["lto"].as_str(), Some("fat"));
    }
}
