//! Grants through the real program: what is refused before anything is
//! prepared, and what allows it.

use std::fs;

use crate::support::{Place, example};

/// Every way of running a scenario.
const WAYS: [&[&str]; 3] = [&["check"], &["run"], &["run", "--local"]];

#[test]
fn a_request_beyond_the_grant_is_refused_everywhere_with_the_lines_that_allow_it() {
    let place = Place::new();
    let steady = example("steady");
    let file = place.file(
        "grant.toml",
        "capabilities = [\"stage\"]\ncontrollers = [\"cpu\"]\nlimits.workers = 8\n",
    );
    for way in WAYS {
        let said = place.run(&[way, &[&steady, "--grant", &file]].concat());
        assert_eq!(said.code, 3, "{way:?}: {said:?}");
        for words in [
            "steady asks for more than is granted",
            "capabilities: checks not granted",
            "limits.workers: 1024 asked for, 8 granted",
            "[plugin.steady]",
            "capabilities = [\"stage\", \"checks\"]",
            "limits.workers = 1024",
        ] {
            assert!(said.err.contains(words), "{way:?} {words}: {}", said.err);
        }
        assert_eq!(said.out, "", "{way:?}");
    }
    assert!(!place.path().join("state").exists(), "nothing was prepared");

    // The lines as they were printed, appended to the file.
    let said = place.run(&["check", &steady, "--grant", &file]);
    let lines = said.err.split_once("have in ").unwrap().1;
    let lines: Vec<&str> = lines.lines().skip(1).map(str::trim).collect();
    let more = format!(
        "{}{}\n",
        fs::read_to_string(&file).unwrap(),
        lines.join("\n")
    );
    fs::write(&file, more).unwrap();
    let said = place.run(&["check", &steady, "--grant", &file]);
    // What goes without saying shrinks to what is granted, and is denied there.
    assert_eq!(said.code, 1, "{said:?}");
    let line = "controllers = [\"cpu\", \"cpuset\"]";
    assert!(said.out.contains(line), "{said:?}");
}

#[test]
fn a_profile_can_be_named_and_without_any_grant_its_limits_are_told() {
    let place = Place::new();
    let steady = example("steady");
    let said = place.run(&["check", &steady]);
    assert_eq!(said.code, 0, "{said:?}");
    let told = "granted by the profile load: 16 cgroups, 1024 workers, 10s of computing";
    assert!(said.err.contains(told), "{}", said.err);
    assert!(said.err.contains("no privileges"), "{}", said.err);

    let said = place.run(&["check", &steady, "--profile", "scheduler-control"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.err.contains("granted by"), "{}", said.err);

    let said = place.run(&["check", &steady, "--profile", "cgroup-only"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err
            .contains("limits.workers: 1024 asked for, 0 granted"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("profile = \"cgroup-only\""),
        "{}",
        said.err
    );

    let said = place.run(&["check", &steady, "--duration", "2h"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("limits.duration = \"2h\""),
        "{}",
        said.err
    );
}

#[test]
fn a_grant_file_that_is_wrong_grants_nothing_and_its_line_is_named() {
    let place = Place::new();
    let steady = example("steady");
    for (text, says) in [
        (
            "profile = \"load\"\ncolour = 1\n",
            "line 2, column 1, `colour = 1`: unknown field",
        ),
        (
            "profile = \"load\"\n[plugin.other]\nreal-time = 100\n",
            "line 3, column 13",
        ),
        ("profile = \"loud\"\n", "there is no such profile"),
    ] {
        let file = place.file("grant.toml", text);
        let said = place.run(&["check", &steady, "--grant", &file]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains(says), "{}", said.err);
        assert!(said.err.contains(&file), "{}", said.err);
    }
    let said = place.run(&["check", &steady, "--grant", "/nowhere/grant.toml"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("/nowhere/grant.toml"), "{}", said.err);
}

#[test]
fn a_suggestion_is_a_grant_that_suffices_and_overwrites_nothing() {
    let place = Place::new();
    for name in ["steady", "cpuset-shrink", "own-load", "watch-and-react"] {
        let plugin = example(name);
        let output = place.path().join(format!("{name}.toml"));
        let output = output.to_str().unwrap();
        let said = place.run(&["grant", "suggest", &plugin, "--output", output]);
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
        let written = fs::read_to_string(output).unwrap();
        assert!(written.contains(&format!("[plugin.{name}]")), "{written}");
        assert!(written.contains("sha256:"), "{written}");

        let said = place.run(&["check", &plugin, "--grant", output]);
        assert_eq!(said.code, 0, "{written}{said:?}");
        // It is that plugin's alone.
        let other = place.run(&["check", &example("payload-neighbour"), "--grant", output]);
        assert_eq!(other.code, 3, "{other:?}");

        fs::write(output, "# read and trusted\n").unwrap();
        let said = place.run(&["grant", "suggest", &plugin, "--output", output]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains("the file exists"), "{}", said.err);
        assert_eq!(fs::read_to_string(output).unwrap(), "# read and trusted\n");

        let said = place.run(&["grant", "suggest", &plugin]);
        assert_eq!((said.code, said.out), (0, written));
    }
}

#[test]
fn profiles_are_shown_as_grant_files_with_their_comments() {
    let place = Place::new();
    let said = place.run(&["grant", "show"]);
    assert_eq!(said.out.lines().count(), 3, "{}", said.out);
    for name in ["cgroup-only", "load", "scheduler-control"] {
        assert!(
            said.out.lines().any(|line| line.starts_with(name)),
            "{}",
            said.out
        );
        let shown = place.run(&["grant", "show", name]);
        assert_eq!(shown.code, 0);
        assert!(
            shown.out.starts_with(&format!("# {name}: ")),
            "{}",
            shown.out
        );
        let file = place.file("grant.toml", &shown.out);
        let by_file = place.run(&["check", &example("cpuset-shrink"), "--grant", &file]);
        let by_name = place.run(&["check", &example("cpuset-shrink"), "--profile", name]);
        assert_eq!(by_file.code, by_name.code, "{name}");
    }
    let said = place.run(&["grant", "show", "loud"]);
    assert_eq!(said.code, 3);
    assert!(
        said.err.contains("cgroup-only, load, scheduler-control"),
        "{}",
        said.err
    );
}

#[test]
fn inspect_says_what_a_plugin_asks_for() {
    let place = Place::new();
    let said = place.run(&["inspect", &example("steady")]);
    for line in [
        "  capabilities = [",
        "  controllers = [\"cpu\", \"cpuset\"]",
        "  limits.workers = 1024",
        "  limits.cgroups = 16",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    let said = place.run(&["inspect", &example("steady"), "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let request = report["request"].as_array().unwrap();
    assert!(
        request.contains(&"limits.workers = 1024".into()),
        "{request:?}"
    );
}
