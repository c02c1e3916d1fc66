//! Masked stores write the elements that their masks choose, and no others.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::recording::recording;

/// Each element's writes: how often, from the run's end.
fn writes(elements: impl Iterator<Item = usize>) -> Vec<usize> {
    let ask = |at| format!("modification list -c 100 gathered[{at}]");
    let questions = std::iter::once("rend".to_owned()).chain(elements.map(ask));
    let answers = Explorer::new(&recording("vector").trace).ask(&questions.collect::<Vec<_>>());
    let count = |answer: &Answer| answer.get("modifications").as_array().expect("rows").len();
    answers[1..].iter().map(count).collect()
}

#[test]
fn elements_that_a_mask_leaves_out_are_not_written() {
    if !is_x86_feature_detected!("avx2") {
        eprintln!("SKIPPED: this processor has no AVX2");
        return;
    }
    // Behind what the AVX-512 part writes: even elements are stored, odd ones are not.
    let expected: Vec<usize> = (16..64).map(|at| 1 - at % 2).collect();
    assert_eq!(writes(16..64), expected);
}

#[test]
fn compressed_elements_and_scattered_ones_are_written_where_they_go() {
    let wide = ["avx512f", "avx512bw", "avx512vl"];
    if !(is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl"))
    {
        eprintln!("SKIPPED: this processor lacks one of {wide:?}");
        return;
    }
    // Of each 16 numbers eight are odd, those at odd places: in each of four rounds they are
    // stored next to each other, then scattered to their places.
    let expected: Vec<usize> =
        (0..16).map(|at| 1 - at % 2 + if at < 8 { 4 } else { 0 } + at % 2 * 4).collect();
    assert_eq!(writes(0..16), expected);
}
