//! Tables: one row a line, whatever the terminal's width.

use super::page::escape_into;
use super::{Page, Style};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// Columns the last cell of a row keeps on the narrowest terminal.
const LEAST: usize = 8;

/// Columns that a cell keeps which is shortened for others.
const SHORTEST: usize = 14;

/// Headings of columns that are shortened when the page is too narrow: names of functions.
const FUNCTIONS: [&str; 2] = ["function", "by"];

/// Headings of columns that are shortened after these, and keep their ends: lines of files.
const PLACES: [&str; 2] = ["where", "caller"];

/// A table with one heading.
pub struct Table {
    heading: Cells,
    right: Vec<usize>,
    shrinking: Vec<usize>,
    /// Of columns that keep their ends, besides those of places.
    ending: Option<usize>,
    /// Two columns of which one wants to see how they differ.
    compared: Option<(usize, usize)>,
    /// How wide each column is, were the page wide enough; rows that went before count.
    natural: Vec<usize>,
    rows: Cells,
    /// Whether the heading stands on the page.
    headed: bool,
}

impl Table {
    /// An empty table.
    pub fn new(heading: &[&str]) -> Self {
        let mut row = Cells::default();
        // A column without anything is drawn as wide as one character.
        let natural = heading.iter().map(|cell| row.cell(cell).max(1)).collect();
        row.end_row();
        Self {
            natural,
            heading: row,
            right: Vec::new(),
            shrinking: Vec::new(),
            ending: None,
            compared: None,
            rows: Cells::default(),
            headed: false,
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

    /// A column that keeps its end where it is shortened, last of all: paths of files.
    pub fn ends(mut self, column: usize) -> Self {
        self.ending = Some(column);
        self
    }

    /// Two columns whose cells, where they are shortened, are shown from before where they differ.
    pub fn compares(mut self, first: usize, second: usize) -> Self {
        self.compared = Some((first, second));
        self
    }

    /// The columns that keep their ends.
    fn ending(&self) -> Vec<usize> {
        self.columns(&PLACES).chain(self.ending).collect()
    }

    /// How wide each column may be on a page.
    fn widths(&self, page: Option<usize>) -> Vec<usize> {
        let mut widths = self.natural.clone();
        // Two blanks stand between cells.
        let total = widths.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2);
        let mut over = page.map_or(0, |page| total.saturating_sub(page));
        let places = self.ending();
        let named = self.shrinking.iter().copied().chain(self.columns(&FUNCTIONS));
        let others: Vec<usize> = named.filter(|column| !places.contains(column)).collect();
        for (columns, shortest) in [(&others, SHORTEST), (&others, LEAST), (&places, SHORTEST)] {
            for column in columns {
                if let Some(width) = widths.get_mut(*column) {
                    let taken = over.min(width.saturating_sub(shortest));
                    (*width, over) = (*width - taken, over - taken);
                }
            }
        }
        widths
    }

    /// How many characters at the beginning of the cells compared are left out, so that where they
    /// differ is seen.
    fn alike(&self, rows: &Cells, row: &[Cell], widths: &[usize]) -> usize {
        let seen = |column: usize| Some((*row.get(column)?, *widths.get(column)?));
        let both = self.compared.and_then(|(a, b)| Some((seen(a)?, seen(b)?)));
        let fits = |(cell, width): (Cell, usize)| cell.columns <= width;
        let cut = both.filter(|(a, b)| !(fits(*a) && fits(*b)) && rows.text(a.0) != rows.text(b.0));
        let Some(((a, a_width), (b, b_width))) = cut else { return 0 };
        let (a, b) = (rows.text(a), rows.text(b));
        let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
        let width = a_width.min(b_width);
        if alike + 2 < width { 0 } else { alike.saturating_sub(width / 3) }
    }

    /// The columns that have some heading.
    fn columns<'t>(&'t self, headings: &'t [&str]) -> impl Iterator<Item = usize> + 't {
        let named = |(column, heading): (usize, &Cell)| {
            headings.contains(&self.heading.text(*heading)).then_some(column)
        };
        self.heading.row(0).iter().enumerate().filter_map(named)
    }

    /// Appends a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut natural = self.natural.iter_mut();
        for cell in cells {
            let columns = self.rows.cell(cell.as_ref());
            if let Some(width) = natural.next() {
                *width = (*width).max(columns);
            }
        }
        self.rows.end_row();
    }

    /// Appends the table to `page`. What is too long for the page is cut.
    pub fn render(&self, page: &mut Page) {
        self.lines(page);
    }

    /// Appends the rows there are to `page`, and drops them: of a long list, further ones come.
    pub fn part(&mut self, page: &mut Page) {
        self.lines(page);
        self.headed = true;
        self.rows.clear();
    }

    fn lines(&self, page: &mut Page) {
        let columns = self.drawn_columns(page.width());
        let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
        let mut line = String::new();
        let heading = (!self.headed).then_some((Style::Heading, &self.heading, 0));
        let rows = (0..self.rows.len()).map(|number| (Style::Plain, &self.rows, number));
        for (style, rows, number) in heading.into_iter().chain(rows) {
            line.clear();
            let row = rows.row(number);
            let skipped = self.alike(rows, row, &widths);
            for (at, column) in columns.iter().enumerate() {
                let cell = row.get(at).copied().unwrap_or_default();
                column.draw(&mut line, (rows.text(cell), cell.columns), skipped);
            }
            let line = line.trim_end();
            match page.width() {
                None => page.escaped(style, line),
                Some(width) => page.escaped(style, &cut(line, Some(width.max(LEAST)))),
            }
        }
    }

    /// How the columns are drawn on a page.
    fn drawn_columns(&self, page: Option<usize>) -> Vec<Column> {
        let places = self.ending();
        let column = |(number, width)| Column {
            width,
            right: self.right.contains(&number),
            ends: places.contains(&number),
            compared: self.compared.is_some_and(|(a, b)| number == a || number == b),
        };
        self.widths(page).into_iter().enumerate().map(column).collect()
    }
}

/// How a column is drawn.
struct Column {
    width: usize,
    /// Whether it is aligned to the right.
    right: bool,
    /// Whether it keeps its end where it is shortened.
    ends: bool,
    /// Whether it is one of those compared.
    compared: bool,
}

impl Column {
    /// Appends a cell, which takes so many columns, and the blanks around it; without its first
    /// `skipped` characters if it is compared.
    fn draw(&self, line: &mut String, (text, columns): (&str, usize), skipped: usize) {
        let (text, taken) = match if self.compared { skipped } else { 0 } {
            0 if columns <= self.width => (Cow::Borrowed(text), columns),
            skipped => fitted(&without(text, skipped), self.width, self.ends),
        };
        let blanks = self.width.saturating_sub(taken);
        let (before, behind) = if self.right { (blanks, 0) } else { (0, blanks) };
        pad(line, before);
        line.push_str(&text);
        pad(line, behind + 2);
    }
}

/// Where a cell is in the text of rows, and the columns of a terminal that it takes.
#[derive(Clone, Copy, Default)]
struct Cell {
    start: usize,
    end: usize,
    columns: usize,
}

/// The cells of rows, one behind the other: a long list has millions.
#[derive(Default)]
struct Cells {
    text: String,
    cells: Vec<Cell>,
    /// How many cells there are up to the end of each row.
    rows: Vec<usize>,
}

impl Cells {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.rows.clear();
    }

    /// Appends a cell to the last row; the columns it takes.
    fn cell(&mut self, cell: &str) -> usize {
        let start = self.text.len();
        let columns = match escape_into(&mut self.text, cell) {
            true => cell.len(),
            false => columns(self.text.get(start..).unwrap_or_default()),
        };
        self.cells.push(Cell { start, end: self.text.len(), columns });
        columns
    }

    /// What follows is in the next row.
    fn end_row(&mut self) {
        self.rows.push(self.cells.len());
    }

    /// The cells of a row.
    fn row(&self, number: usize) -> &[Cell] {
        let before = number.checked_sub(1).and_then(|before| self.rows.get(before));
        let end = self.rows.get(number).copied().unwrap_or_default();
        self.cells.get(before.copied().unwrap_or(0)..end).unwrap_or_default()
    }

    /// A cell as it is shown.
    fn text(&self, cell: Cell) -> &str {
        self.text.get(cell.start..cell.end).unwrap_or_default()
    }
}

/// Appends so many blanks.
fn pad(line: &mut String, blanks: usize) {
    const BLANKS: &str = "                                ";
    let mut left = blanks;
    while left > 0 {
        let part = left.min(BLANKS.len());
        line.push_str(BLANKS.get(..part).unwrap_or_default());
        left -= part;
    }
}

/// The columns of a terminal that a cell takes, and no fewer than it has characters.
fn columns(cell: &str) -> usize {
    if cell.is_ascii() { cell.len() } else { cell.width().max(cell.chars().count()) }
}

/// A cell without its first characters, for which an ellipsis stands.
fn without(cell: &str, skipped: usize) -> Cow<'_, str> {
    match skipped {
        0 => Cow::Borrowed(cell),
        _ => Cow::Owned(['…'].into_iter().chain(cell.chars().skip(skipped)).collect()),
    }
}

/// A cell in at most so many columns, and how many it takes; of those that keep their ends, the
/// end.
fn fitted(cell: &str, width: usize, ends: bool) -> (Cow<'static, str>, usize) {
    let cell = match columns(cell) <= width {
        true => cell.to_owned(),
        false if ends => cut_front(cell, width),
        false => cut(cell, Some(width)),
    };
    let taken = columns(&cell);
    (Cow::Owned(cell), taken)
}

/// The first `width` characters of `line`, with an ellipsis if that is not all.
pub fn cut(line: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return line.to_owned() };
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The last `width` characters of `cell`, behind an ellipsis if that is not all.
fn cut_front(cell: &str, width: usize) -> String {
    let length = cell.chars().count();
    if length <= width {
        return cell.to_owned();
    }
    let kept = cell.chars().skip(length - width.saturating_sub(1));
    ['…'].into_iter().chain(kept).collect()
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

    #[test]
    fn of_places_the_line_stays() {
        let mut table = Table::new(&["n", "by", "where"]).numbers(&[0]);
        table.row(vec!["1".into(), "f".repeat(60), "some_long_file_name.c:123:7".into()]);
        let row = |width| {
            let mut page = Page::new(Some(width), false);
            table.render(&mut page);
            page.finish().lines().nth(1).unwrap_or_default().to_owned()
        };
        assert!(row(50).ends_with("f…  some_long_file_name.c:123:7"), "{}", row(50));
        assert!(row(36).ends_with("f…  …long_file_name.c:123:7"), "{}", row(36));
        assert_eq!((row(50).chars().count(), row(36).chars().count()), (50, 36));
    }

    #[test]
    fn what_is_compared_is_shown_where_it_differs() {
        let mut table = Table::new(&["n", "old", "new"]).shrinks(&[1, 2]).compares(1, 2);
        let text = |last: &str| format!("{}{last}{}", "same ".repeat(20), " and more".repeat(9));
        table.row(vec!["1".into(), text("ONE"), text("TWO")]);
        table.row(vec!["2".into(), text("ONE"), "other".into()]);
        let mut page = Page::new(Some(60), false);
        table.render(&mut page);
        let shown = page.finish();
        let row = |at| shown.lines().nth(at).unwrap_or_default();
        assert!(row(1).contains("ONE") && row(1).contains("TWO"), "{shown}");
        assert!(row(2).contains("same same") && row(2).contains("other"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
    }

    #[test]
    fn a_column_without_anything_takes_room() {
        let mut table = Table::new(&["", "n", "value", "caller"]).shrinks(&[2]);
        table.row(vec!["".into(), "1".into(), "v".repeat(50), "main at heap.c:38".into()]);
        let mut page = Page::new(Some(44), false);
        table.render(&mut page);
        let text = page.finish();
        let row = text.lines().nth(1).unwrap_or_default();
        assert!(row.ends_with("v…  main at heap.c:38") && row.chars().count() <= 44, "{text}");
    }
}
