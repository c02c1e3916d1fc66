//! Names close to one that is not there.

/// `; did you mean A, B?` to append to what is wrong; nothing without such names.
pub fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", near.join(", "))
}

/// Most edits between a name and one that may have been meant: a third of its length.
pub(super) fn most_edits(name: &str) -> usize {
    name.chars().count().min(64) / 3
}

/// Up to `count` of `names` close to `name`, the nearest first.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>, count: usize) -> Vec<String> {
    let last = super::names::key(name);
    let most = most_edits(last);
    let mut near: Vec<_> = names
        .filter_map(|known| {
            let near = distance(super::names::key(known), last, most)?;
            Some((near, known))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(count).map(|(_, known)| known.to_owned()).collect()
}

/// Edits between two short names, neighbours that changed places being one (optimal string
/// alignment distance); `None` beyond `most`.
pub(super) fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    // The rows of the character before, and of none.
    let mut before: Option<(char, Vec<usize>)> = None;
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, (y, around)) in b.iter().zip(row.windows(2)).enumerate() {
            let [diagonal, above] = around else { continue };
            let left = next.last().copied().unwrap_or(usize::MAX - 1);
            let cost = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            let swapped = before.as_ref().and_then(|(last, rows)| {
                let other = b.get(j.checked_sub(1)?)?;
                (last == y && other == x).then(|| rows.get(j - 1).map(|cost| cost + 1))?
            });
            next.push(swapped.map_or(cost, |swapped| cost.min(swapped)));
        }
        before = Some((*x, std::mem::replace(&mut row, next)));
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn what_is_far_from_a_name_is_not_offered() {
        let names = ["depth", "deepest", "alarms", "qu"];
        let near = |name: &str| nearest(name, names.into_iter(), 3);
        assert_eq!(near("dpeth"), ["depth"]);
        assert_eq!(near("ns::dept"), ["depth"]);
        assert!(near("dxxpth").contains(&"depth".to_owned()), "2 of 6");
        assert!(near("dxxth").is_empty(), "2 of 5");
        assert!(near("q").is_empty() && near("al").is_empty());
    }

    #[test]
    fn edit_distances() {
        assert_eq!(distance("main", "main", 2), Some(0));
        assert_eq!(distance("mian", "main", 2), Some(1));
        assert_eq!(distance("abcd", "badc", 2), Some(2));
        assert_eq!(distance("ca", "abc", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("a", "abcdef", 2), None);
    }
}
