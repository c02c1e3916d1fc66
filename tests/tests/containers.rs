//! Values of C++ and Rust: classes, enums with data, and the containers of their libraries.

use rdb_tests::compile::Flavour;
use rdb_tests::guest::Guest;
use rdb_tests::values::{assert_same, assert_values};

const CONTAINERS: [&str; 31] = [
    "print cat",
    "print diamond",
    "print fixed",
    "print holder.size",
    "print animal",
    "print *animal",
    "print alias",
    "print name",
    "print longer",
    "print none",
    "print view",
    "print numbers",
    "print nothing",
    "print names",
    "print nested",
    "print by_number",
    "print by_name",
    "print set",
    "print list",
    "print deque",
    "print hashed",
    "print owner",
    "print unowned",
    "print shared",
    "print some",
    "print nope",
    "print array",
    "print first",
    "print zoo::level",
    "print zoo::Animal::count",
    "print zoo::Large",
];

#[test]
fn cpp_values_are_shown_by_content_as_in_gdb() {
    assert_same("containers", &[Flavour::O0], ("print", 1), &CONTAINERS);
    let more = [
        "print cat.legs",
        "print cat.name",
        "print diamond.shared",
        "print diamond.left",
        "print fixed.items[1]",
        "print &cat",
        "print &alias == &cat",
        "print alias.lives + 1",
        "print numbers[1]",
        "print names[0]",
        "print *owner",
        "print owner->lives",
        "print *shared + 1",
        "print cat.diet",
        "print (zoo::Diet) 0",
        "print sizeof(zoo::Cat)",
        "print *(zoo::Animal *) &cat",
        "print (zoo::Cat *) animal",
        "print ((zoo::Cat *) animal)->lives",
        "print static_cast<zoo::Animal *>(&cat)",
        "whatis cat",
        "whatis alias",
        "whatis animal",
        "whatis fixed",
        "whatis name",
        "whatis zoo::level",
        "whatis cat.diet",
        "whatis &cat",
        "whatis pair",
        "ptype zoo::Base",
    ];
    assert_same("containers", &[Flavour::O0], ("print", 1), &more);
}

#[test]
fn types_in_units_of_their_own_are_found() {
    let flavours = [Flavour::TypeUnits4, Flavour::TypeUnits5];
    assert_same("containers", &flavours, ("print", 1), &CONTAINERS);
}

#[test]
fn cpp_adaptors_are_shown_by_content_as_in_gdb() {
    let commands = [
        "print pair",
        "print bits",
        "print no_bits",
        "print no_tuple",
        "print forward",
        "print no_forward",
        "print whole",
        "print fraction",
        "print stack",
        "print queue",
        "print heap",
        "print weak",
        "print no_weak",
        "print multimap",
        "print multiset",
        "print bitset",
        "print no_bitset",
        "print atomic",
        "print wide16",
        "print wide",
        "print at_vector",
        "print at_deque",
        "print at_map",
    ];
    assert_same("containers", &[Flavour::O0], ("print", 1), &commands);
    let own =
        [("tuple", "std::tuple containing = {[1] = 1, [2] = {<No data fields>}, [3] = \"s\"}")];
    assert_values("containers", "print", &own);
}

#[test]
fn random_access_iterators_are_moved_as_in_gdb() {
    // gdb calls the program's operators, where it has them; rdb's own have to do the same.
    let own = [
        ("*(at_vector + 1)", "2"),
        ("*(2 + at_vector)", "3"),
        ("at_vector + 2", "3"),
        ("at_vector[1]", "2"),
        ("*(at_vector + 2 - 1)", "2"),
        ("at_vector + 2 - at_vector", "2"),
        ("at_vector + 1 == at_vector", "false"),
        ("at_vector + 1 > at_vector", "true"),
        ("*(at_deque + 1)", "1"),
        ("at_deque[3]", "3"),
        ("at_deque + 3 - at_deque", "3"),
        ("*(at_deque + 4 - 2)", "2"),
        ("at_deque + 1 != at_deque + 1", "false"),
    ];
    assert_values("containers", "print", &own);
}

#[test]
fn cpp_members_are_reached_through_this() {
    let commands = [
        "print lives",
        "print legs",
        "print name",
        "print *this",
        "print this",
        "print diet",
        "print loud",
        "print this->lives",
        "info args",
        "up",
        "info args",
        "print numbers",
        "print &numbers",
        "print text",
        "print cat",
        "print sum",
    ];
    assert_same("containers", &[Flavour::O0], ("noise", 1), &commands);
}

#[test]
fn rust_values_are_as_in_gdb() {
    let commands = [
        "print dot",
        "print circle",
        "print line",
        "print direction",
        "print north",
        "print point",
        "print wrapper",
        "print unit",
        "print tuple",
        "print empty",
        "print array",
        "print text",
        "print some",
        "print none",
        "print reference",
        "print absent",
        "print fine",
        "print truth",
        "print byte",
        "print total",
        "print array[1]",
        "print point.x",
        "print wrapper.0",
        "print tuple.2",
        "print *boxed",
        "print boxed.y",
        "print some",
        "print wrapper.1.y",
    ];
    assert_same("collections", &[Flavour::O0], ("print", 1), &commands);
}

/// What gdb shows only with printers that Rust's distribution brings.
#[test]
fn rust_collections_are_shown_by_content() {
    let expected = [
        ("owned", "\"owned text\""),
        ("list", "Vec(size=3) = [1, 2, 3]"),
        ("strings", "Vec(size=2) = [\"a\", \"b\"]"),
        ("nothing", "Vec(size=0) = []"),
        ("slice", "&[i32](size=2) = [20, 30]"),
        ("named", "collections::Shape::Named(\"square\")"),
        ("failed", "core::result::Result<u8, alloc::string::String>::Err(\"bad\")"),
        ("shared", "Rc(strong=2, weak=0) = 9"),
        ("map", "HashMap(size=1) = {[1] = \"one\"}"),
        ("letter", "233 'é'"),
        ("ring", "VecDeque(size=4) = [-1, 0, 1, 2]"),
        ("no_ring", "VecDeque(size=0) = []"),
        ("unsorted", "BTreeMap(size=0) = {}"),
        ("words", "BTreeMap(size=2) = {[\"a\"] = true, [\"b\"] = false}"),
        ("members", "BTreeSet(size=3) = {1, 2, 3}"),
        ("hashed", "HashSet(size=1) = {7}"),
        ("heap", "BinaryHeap: Vec(size=3) = [5, 1, 2]"),
        ("chain", "LinkedList(size=2) = [1, 2]"),
        ("boxed_text", "\"boxed\""),
        ("boxed_list", "Box(size=2) = [1, 2]"),
        ("counted_text", "Arc(strong=1, weak=0) = \"counted\""),
        ("counted_list", "Rc(strong=1, weak=0) = [8, 9]"),
        ("cell", "Cell(5)"),
        ("guarded", "RefCell(borrow=0) = 6"),
        ("path", "\"/a/b\""),
        ("system", "\"os\""),
        ("boxed", "Box(collections::Point {x: 5, y: 6})"),
        ("list[2]", "3"),
        ("strings[1]", "\"b\""),
        ("slice[0]", "20"),
        ("circle.radius", "4"),
        ("line.1", "9"),
        ("wrapper.1.x", "3"),
        ("GREETING", "\"hello\""),
        ("*shared", "9"),
        ("*shared + 1", "10"),
        ("map[1]", "\"one\""),
        ("words[\"b\"]", "false"),
        ("sorted[117]", "39"),
        ("owned[0]", "111"),
        ("text[1] == 'o'", "true"),
    ];
    assert_values("collections", "print", &expected);
    let pairs: Vec<String> = (0..40).map(|key| format!("[{}] = {key}", key * 3)).collect();
    let all = format!("BTreeMap(size=40) = {{{}}}", pairs.join(", "));
    assert_values("collections", "print", &[("sorted", &all)]);
}

#[test]
fn an_index_behind_a_container_is_told_its_length() {
    let fixture = rdb_tests::fixture::Fixture::load("containers");
    let explorer = rdb_tests::recording::recording("containers").explore();
    let go = format!("until {}", fixture.place("print"));
    let asked = [
        "print numbers[3]",
        "print numbers[-1]",
        "print set[0]",
        "print no_bits[0]",
        "print none[0]",
        "print array[3]",
        "print name[100]",
        "print by_number[7]",
        "print by_number[\"a\"]",
        "print by_name[\"c\"]",
        "print deque[4]",
        "print numbers[\"a\"]",
    ];
    let (_, answers) = explorer.attempt(&[&[&*go], &asked[..]].concat());
    let errors: Vec<_> = answers[1..].iter().filter_map(|one| one.error.as_deref()).collect();
    let said = [
        "the length of std::vector<int",
        "the length of",
        "cannot be indexed",
        "no element 0: std::vector<bool, std::allocator<bool> > is empty",
        "no element 0: std::string is empty",
        "the length of std::array<short int, 3> is 3",
        "the length of std::string is 12",
        "no element 7: std::map<int",
        "keys of type const int",
        "has no such key",
        "the length of std::deque<int, std::allocator<int> > is 4",
        "an index has to be an integer",
    ];
    assert_eq!(errors.len(), said.len(), "{answers:?}");
    for (error, said) in errors.iter().zip(said) {
        assert!(error.contains(said), "{error}");
    }
    assert!(errors[0].contains("is 3") && errors[1].contains("no element -1"), "{errors:?}");
}

#[test]
fn containers_are_indexed_by_number_and_by_key() {
    let expected = [
        ("array[2]", "6"),
        ("bits[1]", "false"),
        ("bits[2]", "true"),
        ("deque[0]", "0"),
        ("deque[3]", "3"),
        ("name[0]", "97 'a'"),
        ("view[2]", "115 's'"),
        ("wide[2]", "119 L'w'"),
        ("hashed[1]", "10"),
        ("by_number[2]", "\"two\""),
        ("by_name[\"b\"]", "2"),
        ("by_name[\"a\"] + numbers[0]", "2"),
    ];
    assert_values("containers", "print", &expected);
}

#[test]
fn template_arguments_are_spaced_in_any_way() {
    let fixture = rdb_tests::fixture::Fixture::load("containers");
    let explorer = rdb_tests::recording::recording("containers").explore();
    let go = format!("until {}", fixture.place("print"));
    for of in ["zoo::Fixed<double, 3>", "zoo::Fixed<double,3>", "zoo::Fixed< double ,3 >"] {
        let size = explorer.last(&[&*go, &*format!("print sizeof({of})")]);
        assert_eq!(size.get("value"), "24", "{of}");
        let first = explorer.last(&[&*go, &*format!("print (({of} *)&fixed)->items[0]")]);
        assert_eq!(first.get("value"), "1.5", "{of}");
    }
}

#[test]
fn iterators_are_shown_by_what_they_point_to() {
    let commands = [
        "print at_vector",
        "print at_map",
        "print at_list",
        "print at_deque",
        "print at_set",
        "print at_const",
        "print at_forward",
    ];
    assert_same("containers", &[Flavour::O0], ("print", 1), &commands);
    let led_to = [
        ("*at_vector", "1"),
        ("*at_list + 1", "8"),
        ("*at_set", "3"),
        ("*at_const", "7"),
        ("at_map->second", "\"one\""),
        ("at_map->first", "1"),
        ("at_hashed", "{first = 1, second = 10}"),
        ("at_hashed->second", "10"),
        ("&*at_vector == &numbers[0]", "true"),
    ];
    assert_values("containers", "print", &led_to);
}

#[test]
fn default_template_arguments_need_not_be_written() {
    let shown = [
        ("sizeof(std::vector<int>)", "24"),
        ("sizeof(std::map<int, std::string>) == sizeof(by_number)", "true"),
        ("((std::vector<int> *)&numbers)->_M_impl._M_start == &numbers[0]", "true"),
        ("*(std::vector<int> *)&numbers", "std::vector of length 3, capacity 3 = {1, 2, 3}"),
        (
            "*(std::vector<std::string>*)&names",
            "std::vector of length 2, capacity 2 = {\"one\", \"two\"}",
        ),
        ("sizeof(std::vector<std::vector<int>>)", "24"),
        ("sizeof(std::vector<int>::value_type)", "4"),
    ];
    assert_values("containers", "print", &shown);
    let go = format!("until {}", rdb_tests::fixture::Fixture::load("containers").place("print"));
    let asked = [&*go, "whatis (std::vector<int> *)0", "print sizeof(std::vector<char>)"];
    let (_, answers) = rdb_tests::recording::recording("containers").explore().attempt(&asked);
    assert_eq!(answers[1].get("type"), "std::vector<int, std::allocator<int> > *");
    let error = answers[2].error.as_deref().unwrap_or_default();
    assert!(error.contains("no symbol \"std::vector<char>\""), "{error}");
}

/// Moved from another: in optimised code, nobody keeps where its room ends.
const MOVED: &str = "\
#include <cstdio>
#include <vector>
__attribute__((noinline)) void mark(long n) { std::printf(\"%ld\\n\", n); }
int main(int count, char **)
{
    std::vector<long> first;
    for (long i = 0; i < count + 3; i++)
        first.push_back(i);
    std::vector<long> all = std::move(first);
    for (long one : all)
        mark(one);
}
";

#[test]
fn a_vector_is_shown_without_the_end_of_its_room() {
    let options = ["g++", "-g", "-O1", "-fno-sized-deallocation"];
    let guest = Guest::compiled("moved.cc", MOVED, &options);
    let explorer = guest.recorded();
    let answer = explorer.last(&["break mark", "continue", "up", "print all"]);
    let value = answer.get("value").as_str().expect("a value");
    let content = value.strip_prefix("std::vector of length 4, capacity ");
    assert!(content.is_some_and(|content| content.ends_with(" = {0, 1, 2, 3}")), "{value}");
}
