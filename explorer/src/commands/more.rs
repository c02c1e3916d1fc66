//! Lists that are cut: where, and what is said of it.

use super::argument::MOST_ROWS;
use crate::render::{Page, Style, thousands};
use crate::session::Window;

/// A window that shows whether there is more than in `window`.
pub(super) fn wider(window: Window) -> Window {
    let one_more = |count: usize| if count == 0 { 0 } else { count.saturating_add(1) };
    Window { past: one_more(window.past), future: one_more(window.future) }
}

/// Cuts rows around the cursor, of which those before it come first, to what `window` asks for;
/// whether there were more.
pub(super) fn cut<T>(rows: &mut Vec<T>, window: Window, is_past: impl Fn(&T) -> bool) -> bool {
    let past = rows.iter().take_while(|row| is_past(row)).count();
    let before = past.saturating_sub(window.past);
    let kept = (past - before).saturating_add(window.future);
    let more = before > 0 || rows.len() - before > kept;
    rows.drain(..before);
    rows.truncate(kept);
    more
}

/// The line below a list that may be cut.
pub(super) fn say(page: &mut Page, more: bool) {
    if more {
        let text = "There are more: -c N shows as many as N, -c 0 counts them.";
        page.put(Style::Dim, text).end();
    }
}

/// The same of a list of so many `rows`, which has at most [`MOST_ROWS`].
pub(super) fn say_held(page: &mut Page, more: bool, rows: usize) {
    if (rows as u64) < MOST_ROWS {
        return say(page, more);
    }
    if more {
        let most = thousands(MOST_ROWS);
        page.put(Style::Dim, format!("There are more; a list of these has at most {most}.")).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_on_both_sides_of_the_cursor() {
        let cut = |rows: &[u32], past, future| {
            let mut rows = rows.to_vec();
            let more = cut(&mut rows, Window { past, future }, |row| *row < 50);
            (rows, more)
        };
        assert_eq!(cut(&[1, 2, 50, 51], 2, 2), (vec![1, 2, 50, 51], false));
        assert_eq!(cut(&[1, 2, 50, 51], 1, 2), (vec![2, 50, 51], true));
        assert_eq!(cut(&[1, 2, 50, 51], 2, 1), (vec![1, 2, 50], true));
        assert_eq!(cut(&[50], usize::MAX, usize::MAX), (vec![50], false));
        assert_eq!(cut(&[], 0, 0), (vec![], false));
    }
}
