//! Arrays.

use super::text::{TextStyle, quoted_bytes};
use super::{ELEMENTS, Formatter, REPEATS, Wide, missing, units};
use crate::symbols::Language;
use crate::values::Value;

impl Formatter<'_> {
    /// An array: text if it is one of characters.
    pub(super) fn array(&self, value: &Value, depth: u32) -> String {
        let Some((element, _)) = value.of.element() else { return "{...}".to_owned() };
        let length = value.length().unwrap_or(0);
        let rust = value.of.stripped().language() == Language::Rust;
        if element.is_character() && element.size() == Some(1) && self.format.shows_text() {
            return self.text(value);
        }
        if let Some(wide) = Wide::of(&element).filter(|_| self.format.shows_text()) {
            return self.wide_text(value, wide);
        }
        let shown = length.min(ELEMENTS as u64 * REPEATS as u64);
        let loaded = self.loaded(value);
        if let Some(why) = self.why_missing(&loaded) {
            return missing(&why);
        }
        let elements = (0..shown).filter_map(|index| loaded.element(i128::from(index)));
        let list = self.list(elements, length, depth);
        if rust { format!("[{list}]") } else { format!("{{{list}}}") }
    }

    /// Elements, equal ones in a row shown once; as many as are shown of `length`.
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
            let repeats = runs.last().is_some_and(|(last, _)| *last == text);
            if printed >= ELEMENTS && !repeats {
                break;
            }
            seen += 1;
            match runs.last_mut().filter(|_| repeats) {
                Some((_, count)) => *count += 1,
                None => runs.push((text, 1)),
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
        let length = usize::try_from(value.length().unwrap_or(0)).unwrap_or(usize::MAX);
        let bytes = value.bytes(self.target);
        let shown = bytes.slice(0, length.min(ELEMENTS + 1));
        match shown.all() {
            Ok(all) if length <= ELEMENTS => {
                quoted_bytes(all.strip_suffix(&[0]).unwrap_or(all), TextStyle::default())
            }
            Ok(all) => quoted_bytes(all, TextStyle::cut(true)),
            Err(why) => missing(&why),
        }
    }

    /// An array of wide characters, likewise.
    fn wide_text(&self, value: &Value, wide: Wide) -> String {
        let length = usize::try_from(value.length().unwrap_or(0)).unwrap_or(usize::MAX);
        let bytes = value.bytes(self.target).slice(0, length.min(ELEMENTS + 1) * wide.size);
        match bytes.all() {
            Ok(all) => {
                let all = units(all, wide.size);
                let whole = length <= ELEMENTS;
                let shown = all.strip_suffix(&[0]).filter(|_| whole).unwrap_or(&all);
                wide.quoted(shown, TextStyle::cut(!whole))
            }
            Err(why) => missing(&why),
        }
    }
}
