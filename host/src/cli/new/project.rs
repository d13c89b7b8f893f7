//! The files of a new project. A pure function of its name, its topic and where its SDK stands.

use std::path::Path;

use super::name::as_type;
use crate::cli::kit;

const MANIFEST: &str = include_str!("template/manifest.toml");
const LIB: &str = include_str!("template/lib.rs");
const TESTS: &str = include_str!("template/tests.rs");
const README: &str = include_str!("template/readme.md");
const EVENTS: &str = include_str!("template/events.jsonl");
const IGNORED: &str = include_str!("template/gitignore");

/// Where the files of Lantern's own go.
const VENDOR: &str = "vendor";

/// A project that is to be made.
pub(super) struct Project<'a> {
    pub(super) name: &'a str,
    pub(super) topic: &'a str,
    /// Where the SDK stands, absolute, if it is not to come with the project.
    pub(super) sdk: Option<&'a Path>,
}

impl Project<'_> {
    /// All files: path and content.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let own = [
            ("Cargo.toml".to_owned(), self.filled(MANIFEST)),
            ("Cargo.lock".to_owned(), kit::lock(self.name)),
            ("src/lib.rs".to_owned(), self.filled(LIB)),
            ("src/tests.rs".to_owned(), self.filled(TESTS)),
            (format!("events/{}.jsonl", self.topic), EVENTS.to_owned()),
            ("README.md".to_owned(), self.filled(README)),
            (".gitignore".to_owned(), IGNORED.to_owned()),
        ];
        let vendored = if self.sdk.is_some() { Vec::new() } else { kit::files() };
        let vendored = vendored.into_iter().map(|(path, content)| (format!("{VENDOR}/{path}"), content));
        own.into_iter().chain(vendored).collect()
    }

    fn filled(&self, template: &str) -> String {
        let sdk = match self.sdk {
            Some(folder) => toml_text(&folder.display().to_string()),
            None => format!("{VENDOR}/{}", kit::SDK_FOLDER),
        };
        let vendor_row = match self.sdk {
            Some(_) => String::new(),
            None => {
                format!("| `{VENDOR}/` | the SDK of Lantern {}, and the contract |\n", env!("CARGO_PKG_VERSION"))
            }
        };
        [
            ("{{name}}", self.name),
            ("{{topic}}", self.topic),
            ("{{Type}}", &as_type(self.name)),
            ("{{sdk}}", &sdk),
            ("{{vendor-row}}", &vendor_row),
            ("{{profile}}", kit::profile_section()),
            ("{{edition}}", "2024"),
            ("{{rust-version}}", env!("CARGO_PKG_RUST_VERSION")),
        ]
        .iter()
        .fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
    }
}

/// A text as it stands between the quotes of TOML.
fn toml_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::embedded::Decoded;

    fn files() -> Vec<(String, String)> {
        Project { name: "page-visits", topic: "page-events", sdk: None }.files()
    }

    fn content(path: &str) -> String {
        files().into_iter().find(|(at, _)| at == path).unwrap_or_else(|| panic!("{path} is missing")).1
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for (path, content) in files().iter().filter(|(path, _)| !path.starts_with(VENDOR)) {
            assert!(!content.contains("{{") || path == "src/tests.rs", "{path}:\n{content}");
        }
        assert!(
            content("src/lib.rs")
                .contains("impl Projection for PageVisits {\n    const NAME: &'static str = \"page-visits\";")
        );
    }

    #[test]
    fn the_manifest_has_the_profile_and_a_workspace_of_its_own() {
        let manifest: toml::Table = content("Cargo.toml").parse().unwrap();
        assert_eq!(manifest["profile"][kit::PROFILE]["panic"].as_str(), Some("abort"));
        assert_eq!(manifest["dependencies"]["lantern-sdk"]["path"].as_str(), Some("vendor/lantern-sdk"));
        assert!(manifest["workspace"].is_table());
        let direct: Vec<_> = manifest["dependencies"].as_table().unwrap().keys().collect();
        assert_eq!(direct, ["lantern-sdk", "serde"]);
    }

    #[test]
    fn the_sample_events_are_lines_of_the_log() {
        let mut decoded = Decoded::default();
        for line in content("events/page-events.jsonl").lines() {
            decoded.decode(line.as_bytes()).unwrap();
        }
    }
}
