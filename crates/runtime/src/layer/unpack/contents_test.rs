use super::check;
use crate::layer::test_archive::{Item, dir, fifo, file, symlink};
use crate::layer::test_layer::{digest, is_root, unpack_items, unpack_promised};
use crate::layer::{Limits, Owners};
use crate::spec::IdMapping;
use bunker_sys::xattr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use xxhash_rust::xxh3::xxh3_128;

#[test]
fn modes_and_owners_are_set_whatever_the_order() {
    if !is_root() {
        return;
    }
    check(vec![
        (
            "setuid, setgid, sticky",
            vec![file("u", "").mode(0o4755), file("g", "").mode(0o2755), dir("s").mode(0o1777)],
            { Ok(vec!["f 2755 g = ", "d 1777 s", "f 4755 u = "]) },
        ),
        ("setuid of another owner", vec![file("u", "x").mode(0o6711).owner(1, 2)], Ok(vec!["f 6711 u @1:2 = x"])),
        (
            "a set-group-id directory gives its children nothing",
            vec![dir("d").mode(0o2775).owner(5, 6), file("d/f", "1"), dir("d/e")],
            Ok(vec!["d 2775 d @5:6", "d 755 d/e", "f 644 d/f = 1"]),
        ),
        (
            "a directory closed before its children",
            vec![dir("d").mode(0), file("d/f", "1").mode(0)],
            Ok(vec!["d 0 d", "f 0 d/f = 1"]),
        ),
        (
            "described after its children",
            vec![file("d/f", "1"), dir("d").mode(0o711).owner(3, 4)],
            Ok(vec!["d 711 d @3:4", "f 644 d/f = 1"]),
        ),
        (
            "described twice",
            vec![dir("d").mode(0o700).owner(3, 4), file("d/f", "1"), dir("d").mode(0o750)],
            Ok(vec!["d 750 d", "f 644 d/f = 1"]),
        ),
        (
            "links and FIFOs",
            vec![symlink("l", "t").owner(7, 8), fifo("p").owner(9, 10).mode(0o622)],
            Ok(vec!["l l -> t @7:8", "p 622 p @9:10"]),
        ),
    ]);
}

fn unpack_as(items: &[Item], owners: &Owners) -> Result<crate::layer::test_layer::TestLayer, crate::Failure> {
    let plain = crate::layer::test_archive::archive(items);
    unpack_promised(&plain, (&digest(&plain), &digest(&plain)), Limits::default(), owners)
}

fn owners(size: u32) -> Owners {
    let map = vec![IdMapping { inside: 0, outside: 1000, size: 1 }, IdMapping { inside: 1, outside: 100_000, size }];
    let map = if size == 0 { map[..1].to_vec() } else { map };
    Owners { uids: map.clone(), gids: map }
}

#[test]
fn ids_without_a_place_are_told_or_in_single_mode_taken_over() {
    if !is_root() {
        return;
    }
    assert!(unpack_as(&[file("f", "").owner(65535, 65535)], &owners(65535)).is_ok());
    for (item, reason) in [
        (file("f", "").owner(65536, 0), "uid 65536 is not mapped"),
        (symlink("f", "t").owner(0, 70_000), "gid 70000 is not mapped"),
        (dir("f").owner(70_000, 0), "uid 70000"),
    ] {
        let failure = unpack_as(&[item], &owners(65535)).err().expect(reason);
        assert!(failure.message.contains(reason) && failure.message.contains(r#"entry "f""#), "{failure}");
        assert!(failure.message.contains("/etc/sub"), "{failure}");
    }
    let layer =
        unpack_as(&[file("f", "").owner(1, 2), dir("d").owner(70_000, 0), file("g", "")], &owners(0)).expect("single");
    assert_eq!(layer.listing()[1..], ["d 755 d", "f 644 f = ", "f 644 g = "]);
    assert_eq!(layer.unpacked.squashed_owners, 2);
}

#[test]
fn times_are_kept_and_directories_get_theirs_at_the_end() {
    let items = [
        dir("d").time(1_000_000),
        file("d/f", "1").pax("mtime", "1500000000.123456789"),
        symlink("d/l", "t").time(3_000_000),
        fifo("d/p").time(4_000_000),
        dir("d/e").pax("mtime", "-1.5"),
        file("d/e/g", "1").time(6_000_000),
        file("i/x", "1").time(7_000_000),
    ];
    let layer = unpack_items(&items).expect("unpack");
    let time = |path: &str| {
        let status = std::fs::symlink_metadata(layer.root().join(path)).expect("stat");
        (status.mtime(), status.mtime_nsec())
    };
    let expected = [
        ("d", (1_000_000, 0)),
        ("d/f", (1_500_000_000, 123_456_789)),
        ("d/l", (3_000_000, 0)),
        ("d/p", (4_000_000, 0)),
        ("d/e", (-2, 500_000_000)),
        ("d/e/g", (6_000_000, 0)),
        ("i", (7_000_000, 0)),
        (".", (1_000_000, 0)),
    ];
    for (path, wanted) in expected {
        assert_eq!(time(path), wanted, "{path}");
    }
}

#[test]
fn attributes_are_set_on_files_and_directories() {
    if !is_root() {
        return;
    }
    let capability = [&0x0200_0000_u32.to_le_bytes()[..], &0x0000_2000_u32.to_le_bytes(), &[0; 12]].concat();
    let items = [
        file("f", "1")
            .pax("SCHILY.xattr.user.a", "1\0\n")
            .pax("SCHILY.xattr.trusted.b", "2")
            .pax("SCHILY.xattr.security.selinux", "x"),
        dir("d").pax("LIBARCHIVE.xattr.user.c", "Mw"),
        symlink("l", "t").pax("SCHILY.xattr.user.d", "4"),
        file("ping", "1").mode(0o755).pax("SCHILY.xattr.security.capability", &capability),
    ];
    let layer = unpack_items(&items).expect("unpack");
    let names = |path: &str| xattr::list(File::open(layer.root().join(path)).expect("open").as_fd()).expect("list");
    assert_eq!(names("f"), [b"user.a"]);
    assert_eq!(names("d"), [b"user.c"]);
    let file = File::open(layer.root().join("f")).expect("open");
    assert_eq!(xattr::get(file.as_fd(), b"user.a").expect("get").as_deref(), Some(&b"1\0\n"[..]));
    assert_eq!(names("ping"), [b"security.capability"]);
    assert_eq!(layer.unpacked.setuid, 1);
}

#[test]
fn executables_that_change_ids_are_counted_once() {
    let items = [
        file("a", "").mode(0o4755),
        file("b", "").mode(0o2711),
        file("c", "").mode(0o4644),
        crate::layer::test_archive::hard("d", "a"),
        file("e", "").mode(0o4755),
        file("e", "").mode(0o755),
    ];
    assert_eq!(unpack_items(&items).expect("unpack").unpacked.setuid, 2);
}

#[test]
fn checksums_are_those_of_the_content() {
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let layer = unpack_items(&[file("empty", ""), file("large", &large), file("small", "abc")]).expect("unpack");
    assert_eq!(std::fs::read(layer.root().join("large")).expect("read"), large);
    let sums: Vec<String> =
        layer.manifest().lines().skip(1).filter_map(|line| line.split(' ').nth(6).map(str::to_owned)).collect();
    assert_eq!(sums, [&b""[..], &large, b"abc"].map(|content| format!("{:032x}", xxh3_128(content))));
    assert_eq!(layer.unpacked.unpacked_bytes, large.len() as u64 + 3);
}

#[test]
fn sparse_files_stay_sparse() {
    let size: u64 = 64 * 1024 * 1024;
    let map = format!("1048576,3,{},3", size - 3);
    let sparse = |name: &str| file(name, "abcdef").pax("GNU.sparse.map", &map).pax("GNU.sparse.size", size.to_string());
    let hollow = file("hollow", "").pax("GNU.sparse.map", "0,0").pax("GNU.sparse.size", size.to_string());
    let layer = unpack_items(&[sparse("s"), hollow, file("after", "1")]).expect("unpack");
    let mut expected = vec![0; size as usize];
    expected[1_048_576..1_048_579].copy_from_slice(b"abc");
    expected[size as usize - 3..].copy_from_slice(b"def");
    assert_eq!(std::fs::read(layer.root().join("s")).expect("read"), expected);
    for name in ["s", "hollow"] {
        let status = std::fs::metadata(layer.root().join(name)).expect("stat");
        assert_eq!(status.len(), size);
        assert!(status.blocks() * 512 < 1024 * 1024, "{name}: {} blocks", status.blocks());
    }
    assert!(layer.manifest().contains(&format!("{:032x} s", xxh3_128(&expected))));
    assert_eq!(layer.unpacked.unpacked_bytes, 2 * size + 1);
}

#[test]
fn the_last_of_many_entries_of_one_name_wins() {
    let mut items: Vec<Item> = (0..10_000).map(|index| file("same", index.to_string())).collect();
    items.push(file("same", "last"));
    let layer = unpack_items(&items).expect("unpack");
    assert_eq!(layer.listing()[1..], ["f 644 same = last"]);
    assert_eq!(layer.unpacked.entries, 10_001);
    assert_eq!(layer.unpacked.unpacked_bytes, 4);
}

#[test]
fn a_set_group_id_directory_around_the_layer_hands_nothing_on() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("a temporary directory");
    let root = base.path().join("root");
    std::fs::create_dir(&root).expect("root");
    let directory = File::open(&root).expect("root");
    bunker_sys::path::change_owner(directory.as_fd(), (0, 7)).expect("chown");
    bunker_sys::path::change_mode(directory.as_fd(), 0o2755).expect("chmod");
    let plain = crate::layer::test_archive::archive(&[dir("d"), file("d/f", "1")]);
    std::fs::write(base.path().join("blob"), &plain).expect("blob");
    let unpacked = crate::layer::unpack(crate::layer::Unpack {
        blob: File::open(base.path().join("blob")).expect("blob").into(),
        counter: None,
        size: plain.len() as u64,
        digest: &digest(&plain),
        diff_id: None,
        root: directory.as_fd(),
        manifest: File::create(base.path().join("manifest")).expect("manifest").into(),
        owners: &Owners::all(),
        limits: Limits::default(),
    });
    assert!(unpacked.is_ok());
    let lines = crate::layer::test_layer::listing(&root);
    assert_eq!(lines, ["d 755 .", "d 755 d", "f 644 d/f = 1"]);
}
