use super::check;
use crate::layer::test_archive::{Item, device, dir, fifo, file, hard, symlink};
use crate::layer::test_layer::unpack_items;
use std::os::unix::fs::MetadataExt;

fn loop_of(count: usize) -> Vec<Item> {
    (0..count).map(|index| symlink(format!("l{index}"), format!("l{}", index + 1))).collect()
}

#[test]
fn symbolic_links_lead_inside_as_in_a_chroot() {
    check(vec![
        (
            "a parent that is an absolute link",
            vec![dir("real"), symlink("link", "/real"), file("link/x", "1")],
            Ok(vec!["l link -> /real", "d 755 real", "f 644 real/x = 1"]),
        ),
        (
            "a link up and out",
            vec![symlink("up", "../../.."), file("up/x", "1")],
            Ok(vec!["l up -> ../../..", "f 644 x = 1"]),
        ),
        (
            "a link to a directory that is not there",
            vec![symlink("var/run", "/run"), file("var/run/x", "1")],
            Ok(vec!["d 755 run", "f 644 run/x = 1", "d 755 var", "l var/run -> /run"]),
        ),
        (
            "several links, relative and absolute",
            vec![symlink("a", "b/c"), symlink("b", "/d"), file("a/x", "1")],
            Ok(vec!["l a -> b/c", "l b -> /d", "d 755 d", "d 755 d/c", "f 644 d/c/x = 1"]),
        ),
        (
            "up from behind a link",
            vec![dir("d/e"), symlink("l", "d/e"), symlink("m", "l/../f"), file("m/x", "1")],
            Ok(vec!["d 755 d", "d 755 d/e", "d 755 d/f", "f 644 d/f/x = 1", "l l -> d/e", "l m -> l/../f"]),
        ),
        ("a link to itself", vec![symlink("l", "l"), file("l/x", "1")], Err("too many links")),
        ("a link to below itself", vec![symlink("tmp", "/tmp/out"), file("tmp/x", "1")], Err("too many links")),
        ("a link to a file", vec![file("f", "1"), symlink("l", "f"), file("l/x", "1")], Err("is a file")),
        ("a link to a name too long", vec![symlink("l", "n".repeat(256)), file("l/x", "1")], Err("256 bytes")),
    ]);
    let chain = |count: usize| [loop_of(count), vec![dir(format!("l{count}")), file("l0/x", "1")]].concat();
    assert!(unpack_items(&chain(40)).is_ok());
    assert!(unpack_items(&chain(41)).is_err());
}

#[test]
fn links_into_the_host_are_text_only() {
    for target in ["/proc/self/fd/3", "/proc/self/root/etc", "/etc/passwd", "../../../../etc"] {
        let layer = unpack_items(&[symlink("l", target), hard("h", "l")]).expect(target);
        assert_eq!(layer.listing()[1..], [format!("l h -> {target}"), format!("l l -> {target}")]);
    }
    let layer = unpack_items(&[symlink("p", "/proc/self/root"), file("p/etc/x", "1")]).expect("through /proc");
    assert!(layer.root().join("proc/self/root/etc/x").is_file());
}

#[test]
fn what_is_at_a_path_is_replaced_and_never_followed() {
    check(vec![
        (
            "a file over a link",
            vec![file("target", "old"), symlink("l", "target"), file("l", "new")],
            Ok(vec!["f 644 l = new", "f 644 target = old"]),
        ),
        (
            "a directory over a link: the link's target keeps its mode",
            vec![dir("target").mode(0o700), symlink("l", "target"), dir("l").mode(0o777)],
            Ok(vec!["d 777 l", "d 700 target"]),
        ),
        (
            "a link over a directory with content",
            vec![dir("d"), file("d/x", "1"), symlink("d", "/etc"), file("y", "2")],
            Ok(vec!["l d -> /etc", "f 644 y = 2"]),
        ),
        (
            "below a link that replaced a directory",
            vec![file("d/x", "1"), symlink("d", "e"), file("d/y", "2")],
            Ok(vec!["l d -> e", "d 755 e", "f 644 e/y = 2"]),
        ),
        ("a file over a FIFO", vec![fifo("p"), file("p", "1")], Ok(vec!["f 644 p = 1"])),
        ("a FIFO over a file", vec![file("p", "1"), fifo("p").mode(0o600)], Ok(vec!["p 600 p"])),
        (
            "a parent that is a file",
            vec![file("f", "1"), file("f/x", "2")],
            Err(r#"entry "f/x": its parent "f" is a file"#),
        ),
        ("a parent that is a FIFO", vec![fifo("f"), file("f/x", "2")], Err("is a FIFO")),
        ("a parent that is a device", vec![device("f"), file("f/x", "2")], Err("is a device")),
        ("an empty target", vec![symlink("l", "")], Err("impossible target")),
        ("a target of 4096 bytes", vec![symlink("l", "t".repeat(4096))], Err("4096 bytes")),
    ]);
}

#[test]
fn replacing_back_and_forth_is_no_trouble() {
    let mut items = Vec::new();
    for _ in 0..500 {
        items.extend([dir("x"), file("x/y", "1"), file("x", "2"), symlink("x", "z"), fifo("x")]);
    }
    items.push(dir("x").mode(0o700));
    assert_eq!(unpack_items(&items).expect("unpack").listing()[1..], ["d 700 x"]);
}

#[test]
fn hard_links_share_what_is_there() {
    check(vec![
        (
            "three names",
            vec![file("a", "1"), hard("b", "a"), hard("d/c", "/b")],
            Ok(vec!["f 644 a = 1 x3", "f 644 b = 1 x3", "d 755 d", "f 644 d/c = 1 x3"]),
        ),
        (
            "through a link to a directory",
            vec![file("d/a", "1"), symlink("l", "d"), hard("b", "l/a")],
            Ok(vec!["f 644 b = 1 x2", "d 755 d", "f 644 d/a = 1 x2", "l l -> d"]),
        ),
        (
            "to a link: the link, not its target",
            vec![file("a", "1"), symlink("l", "a"), hard("b", "l")],
            Ok(vec!["f 644 a = 1", "l b -> a", "l l -> a"]),
        ),
        (
            "and then another file at its path: the first keeps its content",
            vec![file("a", "1"), hard("b", "a"), file("b", "2").mode(0o777)],
            Ok(vec!["f 644 a = 1", "f 777 b = 2"]),
        ),
        (
            "and then another file at its target",
            vec![file("a", "1"), hard("b", "a"), file("a", "2")],
            Ok(vec!["f 644 a = 2", "f 644 b = 1"]),
        ),
        ("to itself", vec![file("a", "1"), hard("a", "a")], Ok(vec!["f 644 a = 1"])),
        ("to a device", vec![device("c"), hard("b", "c")], Ok(vec![])),
        ("to a directory", vec![dir("d"), hard("b", "d")], Err("hard link to a directory")),
        ("to the root", vec![hard("b", "/")], Err("hard link to the root")),
        ("up and out", vec![file("a", "1"), hard("b", "../a")], Err("leads out")),
        ("to a whiteout", vec![hard("b", ".wh.a")], Err("whiteout")),
        ("a target of 5000 bytes", vec![hard("b", "x/".repeat(2500))], Err("5000 bytes is longer")),
        ("over its own target's directory", vec![file("d/a", "1"), hard("d", "d/a")], Ok(vec![])),
    ]);
}

#[test]
fn hard_links_change_nothing_of_what_they_point_to() {
    let target = file("a", "1").mode(0o600).time(1_000_000);
    let layer = unpack_items(&[target, hard("b", "a").mode(0o4777).time(2_000_000)]).expect("unpack");
    let status = std::fs::metadata(layer.root().join("b")).expect("stat");
    assert_eq!((status.mode() & 0o7777, status.mtime()), (0o600, 1_000_000));
    assert_eq!(layer.manifest_names(), ["i .", "f a", "h b a"]);
}

#[test]
fn hard_links_to_what_is_not_in_the_layer_wait() {
    let items = [hard("b", "./lower/a"), hard("c", "b"), file("lower/z", "1"), hard("d", "later"), file("later", "2")];
    let layer = unpack_items(&items).expect("unpack");
    assert_eq!(layer.listing()[1..], ["f 644 later = 2", "d 755 lower", "f 644 lower/z = 1"]);
    assert_eq!(layer.unpacked.pending_links, 3);
    let names = ["i .", "H b lower/a", "H c lower/a", "H d later", "f later", "i lower", "f lower/z"];
    assert_eq!(layer.manifest_names(), names);
}

#[test]
fn the_manifest_lists_a_file_first_under_its_first_name_in_order() {
    let items = [file("z", "1"), hard("a", "z"), hard("m", "a"), symlink("s", "t"), hard("b", "s")];
    let layer = unpack_items(&items).expect("unpack");
    assert_eq!(layer.manifest_names(), ["i .", "f a", "l b t", "h m a", "h s b", "h z a"]);
}
