//! Arrays.

use super::text::{TextStyle, quoted_bytes};
use super::{ELEMENTS, Formatter, REPEATS, Wide, units};
use crate::symbols::Language;
use crate::symbols::location::Missing;
use crate::values::Value;

impl Formatter<'_> {
    /// An array: text if it is one of characters.
    pub(super) fn array(&self, value: &Value, depth: u32) -> String {
        let Some((element, _)) = value.of.element() else { return "{...}".to_owned() };
        // One that is nowhere has no length either, where the program computes that.
        let nowhere = value.length().is_none() && value.address().is_none();
        if let Some(why) = nowhere.then(|| value.wholly_missing(self.target)).flatten() {
            return self.missing(&why);
        }
        let length = value.length().unwrap_or(0);
        let rust = value.of.stripped().language() == Language::Rust;
        let as_text = self.format.shows_text() && !self.is_partly_kept(value);
        if element.is_character() && element.size() == Some(1) && as_text {
            return self.text(value);
        }
        if let Some(wide) = Wide::of(&element).filter(|_| as_text) {
            return self.wide_text(value, wide);
        }
        let shown = length.min(ELEMENTS as u64 * REPEATS as u64);
        let loaded = self.loaded(value);
        if let Some(why) = self.why_missing(&loaded, depth) {
            return self.missing(&why);
        }
        let elements = (0..shown).filter_map(|index| loaded.element(i128::from(index)));
        let list = self.list(elements, length, depth);
        if rust { format!("[{list}]") } else { format!("{{{list}}}") }
    }

    /// Whether the program does not keep all of a value: it stands in no memory.
    fn is_partly_kept(&self, value: &Value) -> bool {
        value.address().is_none() && value.bytes(self.target).all().is_err()
    }

    /// Whether a value is in memory of which nothing is known.
    fn is_unmapped(&self, value: &Value) -> bool {
        let why = self.loaded(value).bytes(self.target).wholly_missing().cloned();
        matches!(why, Some(Missing::Memory(_)))
    }

    /// Elements, equal ones in a row shown once; as many as are shown of `length`, and none
    /// behind one in memory that is not known, where more of them would say no more.
    pub(super) fn list(
        &self,
        elements: impl Iterator<Item = Value>,
        length: u64,
        depth: u32,
    ) -> String {
        let mut runs: Vec<(String, usize)> = Vec::new();
        let (mut seen, mut printed) = (0u64, 0);
        for element in elements {
            let text = self.show(&element, depth + 1);
            let unmapped = text.starts_with('<') && self.is_unmapped(&element);
            let repeats = runs.last().is_some_and(|(last, _)| *last == text);
            if printed >= ELEMENTS && !repeats {
                break;
            }
            seen += 1;
            match runs.last_mut().filter(|_| repeats) {
                Some((_, count)) => *count += 1,
                None => runs.push((text, 1)),
            }
            if unmapped {
                break;
            }
            printed = runs.iter().map(|(_, n)| if *n >= REPEATS { REPEATS } else { *n }).sum();
        }
        let mut parts = Vec::new();
        for (text, count) in runs {
            match count >= REPEATS {
                true => parts.push(format!("{text} <repeats {count} times>")),
                false => parts.extend(std::iter::repeat_n(text, count)),
            }
        }
        let cut = if seen < length { "..." } else { "" };
        parts.join(", ") + cut
    }

    /// An array of characters. As in gdb, its last byte is not shown if it is zero.
    fn text(&self, value: &Value) -> String {
        match self.units(value, 1) {
            Ok((all, style)) => {
                let all: Vec<u8> = all.into_iter().map(|unit| unit as u8).collect();
                quoted_bytes(&all, style)
            }
            Err(why) => why,
        }
    }

    /// An array of wide characters, likewise.
    fn wide_text(&self, value: &Value, wide: Wide) -> String {
        match self.units(value, wide.size) {
            Ok((all, style)) => wide.quoted(&all, style),
            Err(why) => why,
        }
    }

    /// The characters of `size` bytes that are shown of an array, and how; why not, in words,
    /// if they are not known.
    fn units(&self, value: &Value, size: usize) -> Result<(Vec<u32>, TextStyle), String> {
        let length = usize::try_from(value.length().unwrap_or(0)).unwrap_or(usize::MAX);
        let bytes = value.bytes(self.target);
        // A longer part may lie where nothing is known.
        let far = bytes.slice(0, length.min(LOOKED_AT) * size);
        let near = bytes.slice(0, length.min(ELEMENTS + 1) * size);
        let known = far.all().or_else(|_| near.all()).map_err(|why| self.missing(&why))?;
        let mut all = units(known, size);
        let whole = all.len() == length;
        if whole && all.last() == Some(&0) {
            all.pop();
        }
        let shown = shown(&all);
        let cut = !whole || shown < all.len();
        all.truncate(shown);
        Ok((all, TextStyle { cut, limit: shown }))
    }
}

/// Most characters of an array that are looked at for the end of a run.
const LOOKED_AT: usize = 1 << 16;

/// How many characters are shown: [`ELEMENTS`], and what goes on with the same one (gdb's
/// `generic_printstr` looks at its limit between runs).
fn shown(units: &[u32]) -> usize {
    let Some((first, rest)) = units.split_at_checked(ELEMENTS) else { return units.len() };
    let last = first.last();
    ELEMENTS + rest.iter().take_while(|unit| Some(*unit) == last).count()
}
