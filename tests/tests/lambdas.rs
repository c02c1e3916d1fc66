//! Call operators of lambdas, which linkage names alone tell from each other.

use rdb_tests::guest::Guest;

const SOURCE: &str = "\
struct F { int base; int operator()(int x) { return x + base; } };
template <class G> int apply(G g) { return g(5); }
int main() {
    int k = 3;
    auto first = [k](int x) { return x + k; };
    auto second = [k](int x) mutable { k += x; return k; };
    F f{5};
    int sum = first(1);
    sum += second(2);
    sum += f(3);
    sum += apply(second);
    return sum == 4 + 5 + 8 + 10 ? 0 : 1;
}
";

const OPERATORS: [&str; 3] =
    ["main::{lambda(int)#1}::operator()", "main::{lambda(int)#2}::operator()", "F::operator()"];

fn compiled() -> Guest {
    let compiler = ["g++", "-g", "-O0", "-static-libstdc++", "-static-libgcc"];
    Guest::compiled("lambdas.cpp", SOURCE, &compiler)
}

#[test]
fn a_name_of_several_call_operators_means_all() {
    let guest = compiled();
    let explorer = guest.recorded();
    let answers = explorer.ask(&["calls -w any 'operator()'", "executions lambdas.cpp:6"]);
    let calls = answers[0].get("calls").as_array().expect("calls");
    let of = |name: &str| calls.iter().filter(|call| call["function"] == name).count();
    assert_eq!(OPERATORS.map(of), [1, 2, 1], "{:?}", answers[0]);
    let stops = ["break operator()", "continue", "continue", "continue", "continue", "continue"];
    let reasons: Vec<String> =
        explorer.ask(&stops)[1..].iter().map(|answer| answer.reason().to_owned()).collect();
    assert_eq!(reasons[..4], ["breakpoint"; 4].map(str::to_owned));
    assert_ne!(reasons[4], "breakpoint");
}

#[test]
fn a_step_enters_each_behind_its_prologue() {
    let guest = compiled();
    let explorer = guest.recorded();
    for (line, function, x) in [(8, 0, "1"), (9, 1, "2"), (10, 2, "3")] {
        let at = format!("until lambdas.cpp:{line}");
        let answers = explorer.ask(&[at.as_str(), "step", "print x"]);
        assert_eq!(answers[1].function(), Some(OPERATORS[function]), "{:?}", answers[1]);
        assert_eq!(answers[2].get("value"), x, "{:?}", answers[1]);
    }
}
