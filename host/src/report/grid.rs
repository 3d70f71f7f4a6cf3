//! Rows of words, fitted into a terminal's width.
//!
//! Owns what gives way when they are too wide: first the names that say what a
//! row is about, in their middle, since their ends tell them apart; then columns
//! go to a second block, which begins with the same names. Nothing is wrapped,
//! and no figure is left out. Never knows what the words mean.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use console::{measure_text_width, truncate_str};

/// Columns between two columns of the table.
const GAP: usize = 2;
/// Longest name, in columns, however much room there is.
const LONGEST: usize = 28;
/// A name is not made shorter than this for the sake of figures.
const SHORTEST: usize = 12;

/// See the module.
pub(super) struct Grid<'a> {
    header: Vec<&'a str>,
    /// How many columns, from the first, say what a row is about.
    names: usize,
    /// From which column on there are figures, which are aligned to the right.
    figures: usize,
    rows: Vec<Vec<String>>,
}

impl<'a> Grid<'a> {
    /// With no row yet.
    pub(super) fn new(header: Vec<&'a str>, names: usize, figures: usize) -> Self {
        Self {
            header,
            names,
            figures,
            rows: Vec::new(),
        }
    }

    /// Adds a row, which has as many cells as the header.
    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Lines of at most `width` columns, and whether a name was shortened.
    pub(super) fn fitted(self, width: usize) -> (Vec<String>, bool) {
        let all: Vec<usize> = (0..self.header.len()).collect();
        let mut widths: Vec<usize> = all.iter().map(|at| self.natural(*at)).collect();
        let (names, figures) = all.split_at(self.names);
        for at in names {
            widths[*at] = widths[*at].min(LONGEST);
        }
        let blocks = if narrow(&mut widths, names, &all, width) {
            vec![all.clone()]
        } else {
            narrow(&mut widths, names, names, width / 2);
            packed(&widths, names, figures, width)
        };
        let shortened = names.iter().any(|at| widths[*at] < self.natural(*at));
        let mut lines = Vec::new();
        for (place, block) in blocks.iter().enumerate() {
            if place > 0 {
                lines.push(String::new());
            }
            lines.extend(self.block(block, &widths));
        }
        (lines, shortened)
    }

    /// The width of a column's longest word.
    fn natural(&self, at: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(at));
        let lines = cells.flat_map(|cell| cell.lines());
        let words = lines.chain(self.header.get(at).copied());
        words.map(measure_text_width).max().unwrap_or(0)
    }

    /// The lines of these columns.
    fn block(&self, columns: &[usize], widths: &[usize]) -> Vec<String> {
        let align = |at: usize| {
            if at < self.figures {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            }
        };
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(
                columns
                    .iter()
                    .map(|at| Cell::new(self.header[*at]).set_alignment(align(*at))),
            );
        for (column, at) in table.column_iter_mut().zip(columns) {
            column.set_cell_alignment(align(*at));
        }
        for row in &self.rows {
            table.add_row(columns.iter().map(|at| {
                if *at < self.names {
                    middle_cut(&row[*at], widths[*at])
                } else {
                    row[*at].clone()
                }
            }));
        }
        let lines = table.lines();
        lines.map(|line| format!(" {}", line.trim_end())).collect()
    }
}

/// Columns that a table of these columns takes, with the blank before it.
fn total(widths: &[usize], columns: &[usize]) -> usize {
    columns.iter().map(|at| widths[*at] + GAP).sum::<usize>()
}

/// Shortens the longest of `names` until `columns` fit. Says whether they do.
fn narrow(widths: &mut [usize], names: &[usize], columns: &[usize], width: usize) -> bool {
    while total(widths, columns) > width {
        let longest = names.iter().copied().max_by_key(|at| widths[*at]);
        match longest.filter(|at| widths[*at] > SHORTEST) {
            Some(at) => widths[at] -= 1,
            None => return false,
        }
    }
    true
}

/// Blocks of all figures, each with the names before it.
fn packed(widths: &[usize], names: &[usize], figures: &[usize], width: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    for at in figures {
        match blocks.last_mut() {
            Some(block) if total(widths, block) + widths[*at] + GAP <= width => block.push(*at),
            _ => blocks.push([names, &[*at]].concat()),
        }
    }
    blocks
}

/// The beginning and the end of a text, so that it is at most `width` columns.
fn middle_cut(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = truncate_str(text, room.div_ceil(2), "");
    let mut tail = text.len();
    for (at, _) in text.char_indices().rev() {
        if measure_text_width(&text[at..]) > room / 2 {
            break;
        }
        tail = at;
    }
    format!("{head}…{}", &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(name: &str, figures: usize) -> Grid<'static> {
        let header = ["cgroup", "step"]
            .into_iter()
            .chain((0..figures).map(|_| "a figure"));
        let mut grid = Grid::new(header.collect(), 2, 2);
        let figure = "1,234,567".to_owned();
        let row = [name.to_owned(), "Step[0]".to_owned()];
        grid.add(
            row.into_iter()
                .chain((0..figures).map(|_| figure.clone()))
                .collect(),
        );
        grid
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let (lines, shortened) = grid("short", 2).fitted(60);
        assert_eq!(
            lines,
            [
                "  cgroup  step      a figure   a figure",
                "  short   Step[0]  1,234,567  1,234,567",
            ]
        );
        assert!(!shortened);
    }

    #[test]
    fn names_give_way_in_their_middle_and_then_columns_go_to_another_block() {
        let name = "tenant-a/frontend/worker-pool-0001";
        for (figures, blocks) in [(1, 1), (3, 1), (9, 3)] {
            let (lines, shortened) = grid(name, figures).fitted(60);
            assert!(shortened);
            assert!(
                lines.iter().all(|line| measure_text_width(line) <= 60),
                "{lines:#?}"
            );
            let named = lines.iter().filter(|line| line.contains('…'));
            assert_eq!(named.count(), blocks, "{lines:#?}");
            let shown: usize = lines
                .iter()
                .map(|line| line.matches("1,234,567").count())
                .sum();
            assert_eq!(shown, figures);
            assert!(
                lines.iter().any(|line| line.contains("001  Step[0]")),
                "{lines:#?}"
            );
        }
    }

    #[test]
    fn a_cut_is_in_the_middle_whatever_the_characters() {
        assert_eq!(middle_cut("abcdefghij", 10), "abcdefghij");
        assert_eq!(middle_cut("abcdefghij", 5), "ab…ij");
        assert_eq!(middle_cut("abcdefghij", 6), "abc…ij");
        let wide = middle_cut("漢字漢字漢字漢字", 8);
        assert!(measure_text_width(&wide) <= 8, "{wide}");
        assert_eq!(middle_cut("äöüäöüäöü", 5), "äö…öü");
    }
}
