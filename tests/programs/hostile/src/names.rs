//! Names that try to be more than names.

use proscenium_sdk::prelude::*;

use crate::expect_all_invalid;

/// What no cgroup may be called.
fn names() -> Vec<String> {
    let long = "n".repeat(10_000);
    let deep = "d/".repeat(100) + "d";
    [
        "",
        "/",
        "/sys/fs/cgroup",
        "..",
        "../x",
        "../../../../etc",
        "a/../b",
        "a/..",
        ".",
        "./a",
        ".hidden",
        "a/.hidden",
        "a//b",
        "a/",
        "a\0b",
        "a\nb",
        "a b",
        "a\\b",
        "a\u{1b}[31mb",
        "\u{202e}a",
        "ä",
        // Look like `a`, `..` and `a/b`.
        "\u{430}",
        "\u{ff0e}\u{ff0e}",
        "a\u{2215}b",
        "*",
        "cgroup.procs/\0",
        &long,
        &deep,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Gives each name to everything that makes a cgroup.
pub(crate) fn attack() -> Result<Outcome, Error> {
    let step = live::Step::begin("names")?;
    let step = &step;
    let mut answers = Vec::new();
    for name in names() {
        let what = |how: &str| format!("{how} {:?}", name.chars().take(20).collect::<String>());
        answers.push((what("create"), live::Cgroup::create(&name).map(drop)));
        answers.push((what("op"), step.apply([ops::add_cgroup(name.as_str())])));
        answers.push((
            what("definition"),
            step.setup([CgroupDef::new(name.as_str())]),
        ));
        answers.push((
            what("definition in an op"),
            step.apply([ops::add_cgroup_def(CgroupDef::new(name.as_str()))]),
        ));
    }
    for comm in ["", "sixteen-bytes-xx", "a\0b"] {
        let work = WorkSpec::default().comm(comm);
        answers.push((
            format!("comm {comm:?}"),
            step.apply([ops::spawn_beside_runner(work)]),
        ));
    }
    for mark in ["", &"m".repeat(65)] {
        answers.push((format!("mark {mark:?}"), stimulus::mark(mark, [])));
        answers.push((
            format!("field {mark:?}"),
            stimulus::mark("m", [(mark, 1.0)]),
        ));
    }
    let fields = vec![("f", 1.0); 33];
    answers.push(("33 fields".to_owned(), stimulus::mark("m", fields)));
    expect_all_invalid(answers)
}
