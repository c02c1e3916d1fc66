//! Names close to one that is not there.

/// `; did you mean A, B?` to append to what is wrong; nothing without such names.
pub fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", near.join(", "))
}

/// Up to `count` of `names` close to `name`, the nearest first.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>, count: usize) -> Vec<String> {
    let most = name.chars().count().min(64) / 3 + 1;
    let last = super::names::key(name);
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

/// Edits between two short names (Levenshtein); `None` beyond `most`.
pub(super) fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let cost = diagonal + usize::from(x != y);
            diagonal = *above;
            left = cost.min(*above + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn edit_distances() {
        assert_eq!(distance("main", "main", 2), Some(0));
        assert_eq!(distance("mian", "main", 2), Some(2));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("a", "abcdef", 2), None);
    }
}
