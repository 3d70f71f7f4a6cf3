//! The rows themselves: `rows.txt`, one a line, in groups.

/// Rows that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
}

/// One row. Its number is never given to another.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: u32,
    pub(super) what: &'static str,
    /// The part of the runtime with which it comes.
    pub(super) left: Option<&'static str>,
}

/// All rows, in order.
pub(super) fn groups() -> Vec<Group> {
    let blocks = include_str!("rows.txt").trim().split("\n\n");
    let group = |block: &'static str| {
        let (title, rows) = block.split_once('\n').unwrap();
        Group {
            title,
            rows: rows.lines().map(row).collect(),
        }
    };
    blocks.map(group).collect()
}

/// `S-07 what`, or `S-07 [part] what`.
fn row(line: &'static str) -> Row {
    let (id, rest) = line.strip_prefix("S-").unwrap().split_once(' ').unwrap();
    let marked = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    let (left, what) = marked.map_or((None, rest), |(left, what)| (Some(left), what));
    Row {
        id: id.parse().unwrap(),
        what,
        left,
    }
}
