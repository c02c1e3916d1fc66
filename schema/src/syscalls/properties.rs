//! Whatever a call's numbers and memory hold, the answers stay bounded.

use proptest::prelude::*;

use super::*;

/// Memory that answers every read with a pattern drawn from a seed.
fn noise(seed: u64, readable: bool) -> impl Fn(u64, &mut [u8]) -> bool {
    move |address, buffer| {
        for (index, byte) in buffer.iter_mut().enumerate() {
            let at = address.wrapping_add(index as u64) / 8;
            // Small words, so that counts and lengths are often plausible.
            let word = at.wrapping_mul(seed | 1).rotate_left(17) >> (at % 8 * 7);
            *byte = (word >> (index % 8 * 8)) as u8;
        }
        readable
    }
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..480u64, any::<u64>()]
}

fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..64u64,
        0..0x10_0000u64,
        any::<u64>(),
        Just(u64::MAX),
        Just(1 << 63),
        (0x5400..0x5500u64),
        (0x4200..0x4220u64),
    ]
}

fn result() -> impl Strategy<Value = i64> {
    prop_oneof![-530..64i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn outputs_stay_bounded(
        number in number(),
        args in proptest::array::uniform6(argument()),
        result in result(),
        seed in any::<u64>(),
        readable in any::<bool>(),
    ) {
        let call = Call { number, args, result };
        let outputs = outputs(&call, &noise(seed, readable));
        prop_assert!(outputs.ranges.len() <= 1 << 18);
        prop_assert!(outputs.ranges.iter().all(|range| range.length > 0 && range.address > 0));
        prop_assert!(outputs.ranges.windows(2).all(|pair| pair[0].end() < pair[1].address));
    }

    #[test]
    fn descriptions_stay_bounded(
        number in number(),
        args in proptest::array::uniform6(argument()),
        result in result(),
        seed in any::<u64>(),
        readable in any::<bool>(),
        limit in prop_oneof![0..100usize, Just(usize::MAX)],
    ) {
        let call = Call { number, args, result };
        let memory = noise(seed, readable);
        let description = describe_limited(&call, &memory, &memory, limit);
        let size: usize = description.arguments.iter().map(|argument| argument.text.len()).sum();
        let most = if limit < 100 { 4 << 20 } else { 32 << 20 };
        prop_assert!(size < most, "{size} bytes");
    }
}
