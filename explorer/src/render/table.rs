//! Tables: one row a line, whatever the terminal's width.

use super::{Page, Style, escape};
use comfy_table::{CellAlignment, ContentArrangement, presets};

/// Columns the last cell of a row keeps on the narrowest terminal.
const LEAST: usize = 8;

/// Columns that a cell keeps which is shortened for others.
const SHORTEST: usize = 14;

/// A table with one heading.
pub struct Table {
    heading: Vec<String>,
    right: Vec<usize>,
    shrinking: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(heading: &[&str]) -> Self {
        Self {
            heading: heading.iter().map(|cell| escape(cell)).collect(),
            right: Vec::new(),
            shrinking: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Columns of numbers, aligned to the right.
    pub fn numbers(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Columns that are shortened, the first first, so that the others fit on the page.
    pub fn shrinks(mut self, columns: &[usize]) -> Self {
        self.shrinking = columns.to_vec();
        self
    }

    /// How wide each column may be on a page.
    fn widths(&self, page: Option<usize>) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let all = cells.chain(self.heading.get(column));
            all.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.heading.len()).map(width).collect();
        // Every cell is padded; the first needs no room to its left, the last none to its right.
        let total = widths.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2);
        let mut over = page.map_or(0, |page| total.saturating_sub(page));
        for column in &self.shrinking {
            if let Some(width) = widths.get_mut(*column) {
                let taken = over.min(width.saturating_sub(SHORTEST));
                (*width, over) = (*width - taken, over - taken);
            }
        }
        widths
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
        let widths = self.widths(page.width());
        let fitted = |row: &[String]| -> Vec<String> {
            row.iter().zip(&widths).map(|(cell, width)| cut(cell, Some(*width))).collect()
        };
        table.set_header(fitted(&self.heading));
        for row in &self.rows {
            table.add_row(fitted(row));
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
            page.put(style, cut(line, page.width().map(|width| width.max(LEAST)))).end();
        }
    }
}

/// The first `width` characters of `line`, with an ellipsis if that is not all.
pub fn cut(line: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return line.to_owned() };
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
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

    #[test]
    fn a_column_is_shortened_so_that_others_fit() {
        let mut table = Table::new(&["n", "text", "where"]).numbers(&[0]).shrinks(&[1]);
        table.row(vec!["1".into(), "x".repeat(100), "main at a.c:3".into()]);
        let mut page = Page::new(Some(40), false);
        table.render(&mut page);
        let text = page.finish();
        let row = text.lines().nth(1).unwrap_or_default();
        assert!(row.ends_with("main at a.c:3") && row.chars().count() == 40, "{text}");
        assert!(row.contains("xx… "), "{text}");
    }
}
