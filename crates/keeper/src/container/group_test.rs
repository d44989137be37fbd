//! Groups in a stand-in for a delegated tree: plain files in the place of the kernel's.

use super::*;

fn tree() -> (tempfile::TempDir, String, String) {
    let base = tempfile::tempdir().expect("a directory");
    let parent = base.path().to_str().expect("UTF-8").to_owned();
    let place = format!("{parent}/group");
    (base, parent, place)
}

#[test]
fn the_limit_is_set_where_the_controller_is_at_hand() {
    let (_base, _, place) = tree();
    std::fs::create_dir(&place).expect("the group");
    std::fs::write(format!("{place}/pids.max"), "").expect("its limit");
    let group = Group::make(&place).expect("a group");
    assert_eq!(std::fs::read_to_string(format!("{place}/pids.max")).expect("limit"), "2048");
    assert_eq!(group.place, place);
}

#[test]
fn a_controller_that_was_not_handed_on_is_asked_for() {
    let (_base, parent, place) = tree();
    std::fs::write(format!("{parent}/cgroup.subtree_control"), "").expect("the parent's controllers");
    let group = Group::make(&place).expect("a group all the same");
    assert_eq!(std::fs::read_to_string(format!("{parent}/cgroup.subtree_control")).expect("asked"), "+pids");
    drop(group);
}

#[test]
fn what_a_container_made_below_goes_with_its_group() {
    let (_base, _, place) = tree();
    let group = Group::make(&place).expect("a group");
    std::fs::create_dir_all(format!("{place}/a/b/c")).expect("groups of its own");
    std::fs::create_dir_all(format!("{place}/d")).expect("groups of its own");
    drop(group);
    assert!(!std::path::Path::new(&place).exists());
}

#[test]
fn deeper_ones_than_anybody_makes_are_left() {
    let (_base, _, place) = tree();
    let group = Group::make(&place).expect("a group");
    std::fs::create_dir_all(format!("{place}/{}", "x/".repeat(MAX_DEPTH + 5))).expect("groups of its own");
    drop(group);
    assert!(std::path::Path::new(&place).exists());
}
