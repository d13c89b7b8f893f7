//! The crate that is to become a plugin, as cargo knows it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::toolchain;
use crate::cli::UserError;
use crate::cli::kit;

/// Members of a workspace that are named to be built.
const MEMBERS_SHOWN: usize = 3;

/// A crate that makes a plugin.
pub(super) struct Package {
    pub(super) name: String,
    /// Where its Cargo.toml stands.
    pub(super) folder: PathBuf,
    /// What its module is called, without the ending.
    pub(super) library: String,
    pub(super) target_dir: PathBuf,
    /// Whether its workspace says itself how plugins are built.
    pub(super) has_profile: bool,
}

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Listed>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

impl Package {
    /// The crate of a project's folder.
    pub(super) fn of(project: &Path) -> Result<Self, UserError> {
        let manifest = manifest(project)?;
        let asked = Command::new(toolchain::cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(project)
            .output()
            .map_err(|error| toolchain::no_cargo(&error))?;
        if !asked.status.success() {
            let said = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
            let message = format!("cargo can't read {}:\n{said}", manifest.display());
            return Err(UserError::failure(message, "mend what cargo says there"));
        }
        let metadata = serde_json::from_slice(&asked.stdout).map_err(|error| {
            let message = format!("what `cargo metadata` says is not understood: {error}");
            UserError::failure(message, "use a cargo of Rust 1.95 or later: rustup update")
        })?;
        choose(metadata, &fs::canonicalize(&manifest).unwrap_or(manifest))
    }
}

/// The name of a project's crate, without asking cargo.
pub(in crate::cli) fn name_of(project: &Path) -> Result<String, UserError> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Option<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let file = manifest(project)?;
    let hint = "mend it, or name another directory";
    let text = fs::read_to_string(&file)
        .map_err(|error| UserError::failure(format!("cannot read {}: {error}", file.display()), hint))?;
    let read: Manifest = toml::from_str(&text)
        .map_err(|error| UserError::failure(format!("{} is wrong: {}", file.display(), error.message()), hint))?;
    let name = read.package.map(|package| package.name);
    name.ok_or_else(|| {
        UserError::failure(format!("{} has no package", file.display()), "name the folder of a member")
    })
}

fn manifest(project: &Path) -> Result<PathBuf, UserError> {
    let manifest = project.join("Cargo.toml");
    if manifest.is_file() {
        return Ok(manifest);
    }
    Err(UserError::usage(
        format!("there is no Cargo.toml in {}", project.display()),
        "begin a project with `lantern new NAME`, or name the directory of one",
    ))
}

/// The package whose manifest this is, if a plugin can be made of it.
fn choose(metadata: Metadata, manifest: &Path) -> Result<Package, UserError> {
    let Metadata { packages, target_directory, workspace_root } = metadata;
    let is_plugin = |target: &&Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    let folder = manifest.parent().unwrap_or(manifest).to_owned();
    let Some(package) = packages.iter().find(|package| package.manifest_path == manifest) else {
        let plugins = packages.iter().filter(|package| package.targets.iter().any(|target| is_plugin(&target)));
        let folders: Vec<_> = plugins.filter_map(|plugin| plugin.manifest_path.parent()).collect();
        let shown = |path: &&Path| path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        let mut folders: Vec<_> = folders.iter().map(shown).collect();
        folders.sort();
        let more = if folders.len() > MEMBERS_SHOWN { ", …" } else { "" };
        folders.truncate(MEMBERS_SHOWN);
        let hint = match folders.as_slice() {
            [] => "begin a project with `lantern new NAME`".to_owned(),
            some => format!("build one of its members: lantern build {}{more}", some.join(", ")),
        };
        return Err(UserError::usage(
            format!("{} is a workspace without a crate of its own", folder.display()),
            hint,
        ));
    };
    let Some(library) = package.targets.iter().find(is_plugin) else {
        return Err(UserError::failure(
            format!("crate `{}` is no plugin: it has no library of type cdylib", package.name),
            "write into its Cargo.toml, below [lib]: crate-type = [\"cdylib\", \"rlib\"]",
        ));
    };
    Ok(Package {
        name: package.name.clone(),
        folder,
        library: library.name.replace('-', "_"),
        target_dir: target_directory,
        has_profile: has_profile(&fs::read_to_string(workspace_root.join("Cargo.toml")).unwrap_or_default()),
    })
}

/// Whether a manifest says how plugins are built.
fn has_profile(manifest: &str) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    manifest.get("profile").and_then(|profiles| profiles.get(kit::PROFILE)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let target =
            |name: &str, kind: &str| Target { name: name.into(), crate_types: vec![kind.into(), "rlib".into()] };
        let package = |name: &str, kind| Listed {
            name: name.into(),
            manifest_path: format!("/w/{name}/Cargo.toml").into(),
            targets: vec![target(name, kind)],
        };
        Metadata {
            packages: vec![package("page-visits", "cdylib"), package("tool", "lib")],
            target_directory: "/w/target".into(),
            workspace_root: "/w".into(),
        }
    }

    fn chosen(manifest: &str) -> Result<Package, String> {
        choose(metadata(), Path::new(manifest)).map_err(|error| format!("{error} (hint: {})", error.hint()))
    }

    #[test]
    fn a_member_of_a_workspace_is_built_in_the_workspaces_folder() {
        let package = chosen("/w/page-visits/Cargo.toml").ok().unwrap();
        assert_eq!((package.name.as_str(), package.library.as_str()), ("page-visits", "page_visits"));
        assert_eq!((package.folder, package.target_dir), ("/w/page-visits".into(), "/w/target".into()));
    }

    #[test]
    fn says_why_something_is_no_plugin() {
        assert_eq!(
            chosen("/w/Cargo.toml").err().unwrap(),
            "/w is a workspace without a crate of its own (hint: build one of its members: lantern build page-visits)"
        );
        assert_eq!(
            chosen("/w/tool/Cargo.toml").err().unwrap(),
            "crate `tool` is no plugin: it has no library of type cdylib (hint: write into its Cargo.toml, below [lib]: \
             crate-type = [\"cdylib\", \"rlib\"])"
        );
    }

    #[test]
    fn looks_for_the_profile() {
        assert!(has_profile("[profile.plugin]\ninherits = \"release\"\n"));
        assert!(!has_profile("[profile.release]\nlto = true\n"));
        assert!(!has_profile("no toml"));
    }
}
