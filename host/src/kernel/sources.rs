//! Where this machine gets its Debian packages from.
//!
//! Reads apt's sources in both of their forms and keeps the archives that may
//! carry Debian suites, with the keys that the machine trusts for them. Owns no
//! host name: the mirror is the machine's own. Never runs apt.

use std::fs;
use std::path::Path;

/// An archive with the keys that sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Its address as the machine's sources write it.
    pub uri: String,
    /// Value of `Signed-By`, a path or an inline key with its line breaks; the
    /// machine's default keys where it is absent.
    pub signed_by: Option<String>,
}

/// Archives below `etc_apt` (normally `/etc/apt`) that may carry Debian suites,
/// likeliest first, each address once. Files that cannot be read count as absent.
#[must_use]
pub fn debian_archives(etc_apt: &Path) -> Vec<Archive> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc_apt.join("sources.list.d")) {
        let mut parts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    let mut found: Vec<Archive> = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let archives = match file.extension().and_then(|e| e.to_str()) {
            Some("list") => one_line(&text),
            Some("sources") => deb822(&text),
            _ => Vec::new(),
        };
        for archive in archives {
            if !found.iter().any(|known| known.uri == archive.uri) {
                found.push(archive);
            }
        }
    }
    found.sort_by_key(|archive| !is_debian(archive));
    found
}

/// By convention the address of the Debian archive ends in its name.
fn is_debian(archive: &Archive) -> bool {
    archive.uri.trim_end_matches('/').ends_with("/debian")
}

/// Security, updates and backports are other archives or lack the base suites.
fn carries_base_suites(suites: &[&str], components: &[&str]) -> bool {
    components.contains(&"main") && suites.iter().any(|suite| !suite.contains(['-', '/']))
}

fn one_line(text: &str) -> Vec<Archive> {
    let line = |line: &str| -> Option<Archive> {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => ("", rest),
        };
        let rest = rest.split('#').next()?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (uri, rest) = words.split_first()?;
        let (suite, components) = rest.split_first()?;
        if !carries_base_suites(&[suite], components) {
            return None;
        }
        let signed_by = options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="));
        Some(Archive {
            uri: (*uri).to_owned(),
            signed_by: signed_by.map(ToOwned::to_owned),
        })
    };
    text.lines().filter_map(line).collect()
}

fn deb822(text: &str) -> Vec<Archive> {
    let mut found = Vec::new();
    let without_comments: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in without_comments.split(|line| line.trim().is_empty()) {
        let field = |name: &str| field(stanza, name);
        let words = |name: &str| field(name).unwrap_or_default();
        let (types, suites) = (words("Types"), words("Suites"));
        let (components, uris) = (words("Components"), words("URIs"));
        let enabled = field("Enabled").is_none_or(|value| value.trim() != "no");
        let suites: Vec<&str> = suites.split_whitespace().collect();
        let components: Vec<&str> = components.split_whitespace().collect();
        let binary = types.split_whitespace().any(|kind| kind == "deb");
        if enabled && binary && carries_base_suites(&suites, &components) {
            found.extend(uris.split_whitespace().map(|uri| Archive {
                uri: uri.to_owned(),
                signed_by: field("Signed-By"),
            }));
        }
    }
    found
}

/// A field's value with its continuation lines as they are.
fn field(stanza: &[&str], name: &str) -> Option<String> {
    let is_field = |line: &&str| -> bool {
        line.split_once(':')
            .is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let at = stanza.iter().position(is_field)?;
    let mut value = stanza[at].split_once(':')?.1.trim().to_owned();
    for line in stanza[at + 1..]
        .iter()
        .take_while(|line| line.starts_with([' ', '\t']))
    {
        value.push('\n');
        value.push_str(line);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archives(files: &[(&str, &str)]) -> Vec<Archive> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        debian_archives(dir.path())
    }

    #[test]
    fn deb822_sources_give_the_archive_and_its_keys() {
        let text = "# comment\nTypes: deb\nURIs: http://mirror.invalid/debian\nSuites: bookworm bookworm-updates\n# another\nComponents: main\nSigned-By: /keys/a.gpg\n\nTypes: deb\nURIs: http://mirror.invalid/debian-security\nSuites: bookworm-security\nComponents: main\n";
        let found = archives(&[("sources.list.d/debian.sources", text)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].uri, "http://mirror.invalid/debian");
        assert_eq!(found[0].signed_by.as_deref(), Some("/keys/a.gpg"));
    }

    #[test]
    fn an_inline_key_keeps_its_lines() {
        let text = "Types: deb\nURIs: http://m.invalid/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n";
        let found = archives(&[("sources.list.d/a.sources", text)]);
        assert_eq!(
            found[0].signed_by.as_deref(),
            Some("\n -----BEGIN\n .\n abc")
        );
    }

    #[test]
    fn one_line_sources_are_read_with_their_options_and_debian_comes_first() {
        let text = "deb https://other.invalid/apt stable main\n# deb http://off.invalid/debian sid main\ndeb-src http://src.invalid/debian sid main\ndeb [arch=amd64 signed-by=/k.gpg] http://m.invalid/debian/ bookworm main # x\n";
        let found = archives(&[("sources.list", text)]);
        let uris: Vec<&str> = found.iter().map(|archive| archive.uri.as_str()).collect();
        assert_eq!(
            uris,
            ["http://m.invalid/debian/", "https://other.invalid/apt"]
        );
        assert_eq!(found[0].signed_by.as_deref(), Some("/k.gpg"));
    }

    #[test]
    fn disabled_stanzas_and_other_files_are_left_out() {
        let text = "Enabled: no\nTypes: deb\nURIs: http://m.invalid/debian\nSuites: sid\nComponents: main\n";
        let found = archives(&[
            ("sources.list.d/a.sources", text),
            (
                "sources.list.d/b.list.save",
                "deb http://m.invalid/debian sid main\n",
            ),
        ]);
        assert_eq!(found, []);
    }
}
