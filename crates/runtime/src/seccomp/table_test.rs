//! The tables of both architectures: order, doubles, and the numbers that all architectures share.

use super::*;

#[test]
fn the_table_is_sorted_and_without_doubles() {
    assert!(SYSCALLS.windows(2).all(|pair| pair[0].1 < pair[1].1));
    let mut names: Vec<_> = SYSCALLS.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

/// Both architectures' tables are in the source; the one that is not compiled here is looked at as text.
#[test]
fn both_tables_agree_where_the_kernel_numbers_alike() {
    let (x86, arm) =
        include_str!("table.rs").split_once("target_arch = \"aarch64\")]\n#[rustfmt::skip]").expect("two tables");
    let entries = |text: &str| -> Vec<(String, u32)> {
        let pairs = text.split("(\"").skip(1).filter_map(|rest| rest.split_once("\", "));
        pairs.filter_map(|(name, rest)| Some((name.to_owned(), rest.split_once(')')?.0.parse().ok()?))).collect()
    };
    let (x86, arm) = (entries(x86), entries(arm));
    assert!(x86.len() > 350 && arm.len() > 300, "{} and {}", x86.len(), arm.len());
    assert!(arm.windows(2).all(|pair| pair[0].1 < pair[1].1));
    // From 424 on every architecture has the same numbers; arm64's others are those of asm-generic/unistd.h.
    let shared = |table: &[(String, u32)]| -> Vec<(String, u32)> {
        table.iter().filter(|(name, number)| *number >= 424 && name != "map_shadow_stack").cloned().collect()
    };
    assert_eq!(shared(&x86), shared(&arm));
    for (name, number) in
        [("openat", 56), ("execve", 221), ("clone", 220), ("mount", 40), ("socket", 198), ("ioctl", 29)]
    {
        assert!(arm.contains(&(name.to_owned(), number)), "{name}");
    }
}
