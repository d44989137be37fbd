//! Both ways to give a kernel its layers make the same tree. They are tried in namespaces of the test's own, which a process with
//! one thread must make: the test starts itself again under unshare(1).

use std::fs;
use std::process::Command;

use bunker_sys::path::{O_DIRECTORY, O_PATH};

use super::*;

/// Set for the part that runs inside.
const INSIDE: &str = "BUNKER_TEST_INSIDE";

#[test]
fn layers_are_the_same_by_descriptor_and_by_name() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let program = std::env::current_exe().expect("a test directory");
    let name = "sandbox::inside::root::tests::layers_are_the_same_by_descriptor_and_by_name";
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(program)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("a test directory");
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
}

fn inside() {
    for by in [by_descriptor_at, by_name] {
        let home = tempfile::tempdir().expect("a test directory");
        // A comma, a colon and a backslash are what options made of names must not trip over.
        let place = home.path().join("a,b:c\\d");
        for folder in ["top", "bottom", "upper", "work", "root"] {
            fs::create_dir_all(place.join(folder)).expect("a test directory");
        }
        fs::write(place.join("bottom/both"), "bottom").expect("a test directory");
        fs::write(place.join("bottom/below"), "bottom").expect("a test directory");
        fs::write(place.join("top/both"), "top").expect("a test directory");
        let open = |folder: &str| {
            descriptor::open(place.join(folder).to_str().expect("a test directory"), O_PATH | O_DIRECTORY)
                .expect("a test directory")
        };
        let opened = Opened {
            lower: vec![open("top"), open("bottom")],
            changes: Some(OpenedChanges { upper: open("upper"), work: open("work"), volatile: false }),
        };
        let root = open("root");
        let mounted = by(&opened, root.as_fd()).expect("a test directory");
        let merged = descriptor::path_of(mounted.as_fd());
        let read = |name: &str| fs::read_to_string(format!("{merged}/{name}")).expect("a test directory");
        assert_eq!((read("both"), read("below")), ("top".to_owned(), "bottom".to_owned()));
        fs::write(format!("{merged}/new"), "upper").expect("a test directory");
        assert_eq!(fs::read_to_string(place.join("upper/new")).expect("a test directory"), "upper");
        // Else the directory could not be removed.
        drop(mounted);
        let gone = Command::new("umount").arg(place.join("root")).status().expect("umount");
        assert!(gone.success());
    }
}

fn by_descriptor_at(opened: &Opened, place: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    let mounted = by_descriptor(opened)?;
    mount::attach(mounted.as_fd(), place)?;
    Ok(mounted)
}
