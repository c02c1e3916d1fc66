//! Tables: one row a line, whatever the terminal's width.

use super::{Page, Style, escape};
use comfy_table::{CellAlignment, ContentArrangement, presets};

/// Columns the last cell of a row keeps on the narrowest terminal.
const LEAST: usize = 8;

/// A table with one heading.
pub struct Table {
    heading: Vec<String>,
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(heading: &[&str]) -> Self {
        Self {
            heading: heading.iter().map(|cell| escape(cell)).collect(),
            right: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Columns of numbers, aligned to the right.
    pub fn numbers(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Appends a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| escape(cell)).collect());
    }

    /// Appends the table to `page`. What is too long for the page is cut.
    pub fn render(&self, page: &mut Page) {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.heading);
        for row in &self.rows {
            table.add_row(row);
        }
        for column in &self.right {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (index, line) in table.lines().enumerate() {
            let style = if index == 0 { Style::Heading } else { Style::Plain };
            // Every cell is padded; the first needs no room to its left.
            let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
            page.put(style, cut(line, page.width())).end();
        }
    }
}

/// The first `width` characters of `line`, with an ellipsis if that is not all.
pub fn cut(line: &str, width: Option<usize>) -> String {
    let Some(width) = width.map(|width| width.max(LEAST)) else { return line.to_owned() };
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_cut_and_never_wrapped() {
        let mut table = Table::new(&["n", "text"]).numbers(&[0]);
        table.row(vec!["1".into(), "x".repeat(100)]);
        let mut page = Page::new(Some(20), false);
        table.render(&mut page);
        let text = page.finish();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.chars().count() <= 20), "{text}");
        assert!(text.ends_with("…\n"));
    }
}
