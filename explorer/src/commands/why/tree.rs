//! The text of where a value came from: a chain of links, branching where values come together.

use super::Row;
use super::repeats::{Repeat, repeats};
use crate::render::{Page, Style, brief, hex, thousands};
use std::collections::{HashMap, HashSet, VecDeque};

/// Where what led to a link is told.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub tracepoint: u64,
    /// Whether that is shown.
    pub shown: bool,
}

/// The links by who has its value from them.
pub(super) struct Tree<'a> {
    links: &'a [Row],
    readers: HashMap<Option<usize>, Vec<usize>>,
    /// Whether links that only carry a value, and rounds that repeat others, are shown one by
    /// one.
    all: bool,
    /// Rounds that repeat others, by their first links.
    repeats: HashMap<usize, Repeat>,
    /// Those that are shown.
    shown: HashSet<usize>,
    /// Those from which the way goes on to links that lie too deep.
    cut: HashSet<usize>,
    /// How many are not, for there are too many.
    left_out: usize,
}

impl<'a> Tree<'a> {
    /// The tree of an answer's links, of which at most `most` are shown: those nearest to what was
    /// asked about, at most `depth` one behind the other.
    pub fn new(links: &'a [Row], all: bool, (most, depth): (usize, usize)) -> Self {
        let mut readers: HashMap<_, Vec<usize>> = HashMap::new();
        for row in links {
            readers.entry(row.link.of).or_default().push(row.link.number);
        }
        let repeats = if all { HashMap::new() } else { repeats(links, &readers) };
        let (shown, cut, left_out) = (HashSet::new(), HashSet::new(), 0);
        let mut tree = Self { links, readers, all, repeats, shown, cut, left_out };
        tree.choose(most, depth);
        tree
    }

    /// Chooses what is shown.
    fn choose(&mut self, most: usize, depth: usize) {
        let mut open: VecDeque<(usize, usize)> =
            self.children(None).iter().map(|link| (*link, 1)).collect();
        while let Some((first, row)) = open.pop_front() {
            if row > depth {
                self.cut.extend(self.links.get(first).and_then(|link| link.link.of));
                continue;
            }
            let number = self.repeats.get(&first).map_or(first, |repeat| repeat.next);
            if self.shown.len() < most {
                self.shown.insert(number);
            } else {
                self.left_out += 1;
            }
            let (last, next) = self.behind(number, row);
            let children = self.children(Some(last)).iter().filter(|child| **child > last);
            open.extend(children.map(|child| (*child, next)));
        }
    }

    /// Of the row that begins with link `number`, `row` deep: its last link, and how deep what
    /// comes next lies. What only carries a value does not count.
    fn behind(&self, number: usize, row: usize) -> (usize, usize) {
        match self.carrying(number).last() {
            Some(last) => (*last, row),
            None => (number, row.saturating_add(1)),
        }
    }

    /// Whether there are links that lie too deep.
    pub fn is_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Whether more would be shown if more were known: the way goes on behind a row that lies less
    /// than `depth` deep.
    pub fn is_open(&self, depth: usize) -> bool {
        let mut open: Vec<(usize, usize)> =
            self.children(None).iter().map(|link| (*link, 1)).collect();
        while let Some((first, row)) = open.pop() {
            let number = self.repeats.get(&first).map_or(first, |repeat| repeat.next);
            let (last, next) = self.behind(number, row);
            if next <= depth && self.links.get(last).is_some_and(|link| link.link.more) {
                return true;
            }
            let children = self.children(Some(last)).iter().filter(|child| **child > last);
            open.extend(children.map(|child| (*child, next)).filter(|(_, row)| *row <= depth));
        }
        false
    }

    /// How many links are shown, and how many are not.
    pub fn counts(&self) -> (usize, usize) {
        (self.shown.len(), self.left_out)
    }

    fn is_shown(&self, first: usize) -> bool {
        self.shown.contains(&self.repeats.get(&first).map_or(first, |repeat| repeat.next))
    }

    /// All of it.
    pub fn render(&self, page: &mut Page) {
        self.branch(page, self.children(None), 0);
    }

    fn children(&self, of: Option<usize>) -> &[usize] {
        self.readers.get(&of).map(Vec::as_slice).unwrap_or_default()
    }

    /// Links that have one reader: each with what it comes from.
    fn branch(&self, page: &mut Page, links: &[usize], indent: usize) {
        let mut links = links;
        while !links.is_empty() {
            let alone = links.len() == 1;
            let mut next: &[usize] = &[];
            for number in links.iter().filter(|number| self.is_shown(**number)) {
                let indent = if alone { indent } else { indent + 1 };
                let last = self.one(page, *number, indent);
                let children = self.children(Some(last));
                if alone {
                    next = children;
                } else {
                    self.branch(page, children, indent);
                }
            }
            links = next;
        }
    }

    /// One link, or those that only carry its value on from it: the last of them.
    fn one(&self, page: &mut Page, number: usize, indent: usize) -> usize {
        let repeat = self.repeats.get(&number);
        let (first, number) = (number, repeat.map_or(number, |repeat| repeat.next));
        let carrying = self.carrying(number);
        let rows: Vec<&Row> = carrying.iter().filter_map(|at| self.links.get(*at)).collect();
        // However deep, half of a page is left.
        let most = page.width().map_or(usize::MAX, |width| width / 2);
        let pad = " ".repeat(indent.saturating_mul(2).min(most));
        if let Some(repeat) = repeat {
            self.repeated(page, first, *repeat, &pad);
        }
        if let (Some(last), false) = (carrying.last(), rows.is_empty()) {
            carried(page, &rows, &pad);
            return *last;
        }
        if let Some(row) = self.links.get(number) {
            let same = row.link.same_as.and_then(|known| self.told_of(known));
            row.render(page, &pad, same);
            if row.link.more || self.cut.contains(&number) {
                page.plain(&pad).put(Style::Dim, "\t…").end();
            }
        }
        number
    }

    /// `the same, 5 times, from #1 to #2`.
    fn repeated(&self, page: &mut Page, first: usize, repeat: Repeat, pad: &str) {
        let at = |link: usize| self.links.get(link).and_then(|row| row.link.tracepoint);
        let range = at(repeat.last).zip(at(first)).map_or_else(String::new, |(first, last)| {
            format!(", from #{} to #{}", thousands(first), thousands(last))
        });
        let text = format!("the same, {} times{range}", repeat.rounds);
        page.wrap(pad.len() + 4).plain(pad).put(Style::Dim, text).end();
    }

    /// Where a link is told of: its tracepoint, and whether it is shown.
    fn told_of(&self, number: usize) -> Option<Told> {
        let row = self.shown_of(number)?;
        let tracepoint = row.link.tracepoint?;
        Some(Told { tracepoint, shown: self.shown.contains(&row.link.number) })
    }

    /// The row that tells of a link: its own, or of those that are folded the one that they
    /// carry the value from.
    fn shown_of(&self, number: usize) -> Option<&'a Row> {
        let mut at = number;
        while let Some(next) = self.folded(at) {
            at = next;
        }
        self.links.get(at)
    }

    /// What a link carries its value from, if it is not shown by itself.
    fn folded(&self, number: usize) -> Option<usize> {
        let row = self.links.get(number).filter(|row| row.link.carried && !self.all)?;
        let [next] = self.children(Some(number)) else { return None };
        // What is made of another comes behind it.
        (!row.link.more && row.link.same_as.is_none() && *next > number).then_some(*next)
    }

    /// The links from `first` on that only carry one value, each from the next.
    fn carrying(&self, first: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = first;
        while let Some(next) = self.folded(at) {
            found.push(at);
            at = next;
        }
        found
    }
}

/// Functions that are named of those that a value was carried through.
const NAMED: usize = 3;

/// `moved 8 times through _dl_fixup, from #1 to #2`.
fn carried(page: &mut Page, rows: &[&Row], pad: &str) {
    let mut names: Vec<String> = Vec::new();
    for place in rows.iter().filter_map(|row| row.link.place.as_ref()) {
        let name = place.function.as_deref().map_or_else(|| hex(place.pc), brief);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let times = |row: Option<&&Row>| row.and_then(|row| row.link.tracepoint).map(thousands);
    let (first, last) = (times(rows.last()), times(rows.first()));
    let count = if rows.len() == 1 { "once".to_owned() } else { format!("{} times", rows.len()) };
    page.wrap(pad.len() + 4)
        .plain(pad)
        .put(Style::Dim, format!("moved {count} through {}", names.join(", ")));
    if more > 0 {
        page.put(Style::Dim, format!(" and {more} more"));
    }
    match (first, last) {
        (Some(first), Some(last)) if first != last => {
            page.put(Style::Dim, format!(", from #{first} to #{last}"));
        }
        (Some(only), _) => {
            page.put(Style::Dim, format!(", at #{only}"));
        }
        _ => {}
    }
    page.end();
}
