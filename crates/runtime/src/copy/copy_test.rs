use super::{
    Destination, Extract, Extracted, Pack, Placing, Sent, Source, extract, find_destination, find_source, pack,
};
use crate::failure::{Failure, FailureCode};
use crate::layer::Owners;
use bunker_sys::file;
use bunker_sys::path::{O_DIRECTORY, O_PATH};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A directory that goes with the test.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("it works"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.at(name).parent().expect("it works")).expect("it works");
        fs::write(self.at(name), content).expect("it works");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).expect("it works")
    }

    fn root(&self) -> OwnedFd {
        file::open(self.path().to_str().expect("it works"), O_PATH | O_DIRECTORY).expect("it works")
    }
}

fn source(root: &Scratch, path: &str) -> Source {
    find_source(root.root().as_fd(), path.as_bytes(), false).expect("it works").expect("it works")
}

fn packed(source: &Source, name: &str) -> Vec<u8> {
    let (reading, writing) = file::pipe().expect("it works");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut fs::File::from(reading), &mut bytes).map(|_| bytes).expect("it works")
    });
    let job = Pack { source, name: name.as_bytes(), as_root: true, ids: None, output: Sent::new(writing) };
    let counted = pack(job).expect("it works");
    let bytes = reader.join().expect("it works");
    assert_eq!(counted.bytes, bytes.len() as u64);
    bytes
}

fn extracted(
    (root, path): (&Scratch, &str),
    archive: &[u8],
    placing: Placing<'_>,
    follow: bool,
) -> Result<Extracted, Failure> {
    let (reading, writing) = file::pipe().expect("it works");
    let bytes = archive.to_vec();
    // Nobody may read to the end.
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut fs::File::from(writing), &bytes);
    });
    let open = root.root();
    let result = extract(Extract {
        input: reading,
        destination: find_destination(open.as_fd(), path.as_bytes())?,
        placing,
        root: follow.then_some((open.as_fd(), path.as_bytes())),
        keep_owners: false,
        overwrite: false,
        owners: &Owners::all(),
        translate: false,
    });
    writer.join().expect("it works");
    result
}

/// All paths below a directory, links as they are.
fn listing(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut ahead = vec![directory.to_path_buf()];
    while let Some(path) = ahead.pop() {
        for entry in fs::read_dir(&path).expect("it works") {
            let path = entry.expect("it works").path();
            found.push(path.strip_prefix(directory).expect("it works").to_str().expect("it works").to_owned());
            if fs::symlink_metadata(&path).expect("it works").is_dir() {
                ahead.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_tree_comes_out_as_it_went_in() {
    let (from, to) = (Scratch::new(), Scratch::new());
    from.write("t/a", "content");
    from.write("t/d/e/f", &"x".repeat(300_000));
    fs::hard_link(from.at("t/a"), from.at("t/z")).expect("it works");
    symlink("../../etc", from.at("t/l")).expect("it works");
    fs::set_permissions(from.at("t/d"), fs::Permissions::from_mode(0o555)).expect("it works");
    let archive = packed(&source(&from, "t"), "");
    extracted((&to, "/"), &archive, Placing::Named(b"named"), false).expect("it works");
    assert_eq!(listing(&to.at("named")), listing(&from.at("t")));
    assert_eq!(to.read("named/d/e/f"), from.read("t/d/e/f"));
    let (first, second) =
        (fs::metadata(to.at("named/a")).expect("it works"), fs::metadata(to.at("named/z")).expect("it works"));
    assert_eq!(first.ino(), second.ino());
    assert_eq!(fs::metadata(to.at("named/d")).expect("it works").mode() & 0o777, 0o555);
    assert_eq!(
        fs::metadata(to.at("named/d")).expect("it works").mtime(),
        fs::metadata(from.at("t/d")).expect("it works").mtime()
    );
    // Once more over itself: the same.
    extracted((&to, "/"), &archive, Placing::Named(b"named"), false).expect("it works");
    assert_eq!(listing(&to.at("named")), listing(&from.at("t")));
}

#[test]
fn no_link_in_an_entrys_name_is_followed_unless_in_a_root() {
    let (outside, root) = (Scratch::new(), Scratch::new());
    let from = Scratch::new();
    from.write("t/link/planted", "x");
    let archive = packed(&source(&from, "t/link/planted"), "link/planted");
    for target in [outside.path().to_str().expect("it works"), "../../../../../..", "elsewhere"] {
        let _ = fs::remove_file(root.at("link"));
        symlink(target, root.at("link")).expect("it works");
        let refused = extracted((&root, "/"), &archive, Placing::Contents, false).expect_err("it is refused");
        assert_eq!(refused.code, FailureCode::System, "{target}");
        extracted((&root, "/"), &archive, Placing::Contents, true).expect("it works");
    }
    assert_eq!(listing(outside.path()), Vec::<String>::new());
    // Absolute, up and away, beside: each inside.
    let same_place = root.at(outside.path().to_str().expect("it works").trim_start_matches('/'));
    assert!(same_place.join("planted").is_file());
    assert!(root.at("planted").is_file());
    assert!(root.at("elsewhere/planted").is_file());
}

#[test]
fn an_archive_that_plants_a_link_does_not_write_through_it() {
    let (outside, to, from) = (Scratch::new(), Scratch::new(), Scratch::new());
    symlink(outside.path(), from.at("a")).expect("it works");
    let mut archive = packed(&source(&from, "a"), "a");
    // Without its end, so that the next one goes on.
    archive.truncate(archive.len() - 1024);
    from.write("f", "written");
    archive.extend(packed(&source(&from, "f"), "a/f"));
    let refused = extracted((&to, "/"), &archive, Placing::Contents, false).expect_err("it is refused");
    assert!(refused.message.contains("a/f"), "{}", refused.message);
    assert_eq!(listing(outside.path()), Vec::<String>::new());
    assert_eq!(listing(to.path()), ["a"]);
}

#[test]
fn files_and_directories_do_not_change_places() {
    let (from, to) = (Scratch::new(), Scratch::new());
    from.write("file", "f");
    from.write("directory/x", "x");
    to.write("d/kept", "k");
    to.write("f", "old");
    let file = packed(&source(&from, "file"), "");
    let directory = packed(&source(&from, "directory"), "");
    for (archive, name) in [(&file, b"d".as_slice()), (&directory, b"f")] {
        let refused = extracted((&to, "/"), archive, Placing::Named(name), false).expect_err("it is refused");
        assert_eq!(refused.code, FailureCode::BadPath);
    }
    assert_eq!(listing(to.path()), ["d", "d/kept", "f"]);
    assert_eq!(to.read("f"), "old");
    extracted((&to, "/f"), &file, Placing::Replace, false).expect("it works");
    assert_eq!(to.read("f"), "f");
}

#[test]
fn a_destination_is_where_links_lead_in_the_root() {
    let root = Scratch::new();
    root.write("d/f", "x");
    symlink("/d", root.at("to-directory")).expect("it works");
    symlink("to-directory/f", root.at("to-file")).expect("it works");
    symlink("/d/new", root.at("to-nothing")).expect("it works");
    symlink("../../../../d", root.at("d/up")).expect("it works");
    symlink("loop", root.at("loop")).expect("it works");
    let describe = |path: &str| match find_destination(root.root().as_fd(), path.as_bytes()) {
        Ok(Destination::Directory(_)) => "directory".to_owned(),
        Ok(Destination::Entry { name, exists, .. }) => {
            format!("{} {exists}", String::from_utf8(name).expect("it works"))
        }
        Ok(Destination::NoParent) => "no parent".to_owned(),
        Err(failure) => format!("{:?}", failure.code),
    };
    for (path, expected) in [
        ("/", "directory"),
        ("/d", "directory"),
        ("/to-directory", "directory"),
        ("/d/up", "directory"),
        ("/d/up/f", "f true"),
        ("/to-file", "f true"),
        ("/to-nothing", "new false"),
        ("/d/none", "none false"),
        ("/none/x", "no parent"),
        ("/d/f/x", "no parent"),
        ("/loop", "BadPath"),
    ] {
        assert_eq!(describe(path), expected, "{path}");
    }
}
