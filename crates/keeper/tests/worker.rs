//! The real keeper in worker mode, started as an ordinary user with subordinate ids, over a socket pair as the engine does.
//!
//! As root each test runs itself again as such a user (the first in /etc/subuid, or `BUNKER_TEST_USER`) with a directory of
//! its own; where that cannot be done it is skipped, and says so.

#[path = "worker/fixture.rs"]
mod fixture;
#[path = "../../runtime/src/layer/test_archive.rs"]
mod test_archive;

use fixture::{as_user, digest};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use test_archive::{archive, dir, fifo, file, hard};

fn sample() -> Vec<u8> {
    archive(&[
        dir("./").mode(0o750),
        dir("bin"),
        file("bin/su", "program").mode(0o4755),
        file("home/user/file", "content").owner(1000, 100).mode(0o640),
        file("etc/.wh.gone", ""),
        file("opt/.wh..wh..opq", ""),
        fifo("run/pipe").owner(1, 2),
        file("cap", "x").mode(0o755).pax("SCHILY.xattr.security.capability", [&[1, 0, 0, 2][..], &[0; 16]].concat()),
        test_archive::device("dev/null"),
    ])
}

#[test]
fn a_layer_is_unpacked_with_the_users_ids() {
    let Some(shop) = as_user("a_layer_is_unpacked_with_the_users_ids") else { return };
    let answer = shop.unpack(&sample(), json!({}));
    assert_eq!(answer["ok"], json!(true), "{answer}");
    let told = &answer["result"];
    let numbers = [
        ("entries", 9),
        ("skippedDevices", 1),
        ("impliedDirectories", 6),
        ("pendingLinks", 0),
        ("setuid", 2),
        ("squashedOwners", 0),
    ];
    for (key, value) in numbers {
        assert_eq!(told[key], json!(value), "{key} in {told}");
    }
    assert_eq!(told["diffId"], json!(digest(&sample())));
    let root = shop.path("layer/root");
    let status = |path: &str| fs::symlink_metadata(root.join(path)).expect(path);
    assert_eq!((status("bin/su").uid(), status("bin/su").permissions().mode() & 0o7777), (shop.uid(), 0o4755));
    let owner = (shop.subuid() + 999, shop.subgid() + 99);
    assert_eq!(shop.owners_below("layer/root/home/user"), [owner]);
    assert!(status("etc/gone").file_type().is_char_device() && status("etc/gone").rdev() == 0);
    assert!(status("run/pipe").file_type().is_fifo());
    assert_eq!(root.metadata().expect("root").permissions().mode() & 0o7777, 0o750);
    let manifest = fs::read_to_string(shop.path("layer/manifest")).expect("manifest");
    assert!(manifest.starts_with("d 750 0 0 0 1000000000.000000000 - .\n"), "{manifest}");
    assert_eq!(manifest.lines().count(), 14, "{manifest}");
}

#[test]
fn what_breaks_a_rule_is_told_by_layer_and_entry() {
    let Some(shop) = as_user("what_breaks_a_rule_is_told_by_layer_and_entry") else { return };
    let cases = [
        (vec![file("../x", "")], "bad-archive", "path leads out"),
        (vec![file("f", "").owner(70_000, 0)], "bad-archive", "uid 70000 is not mapped"),
        (vec![file("f", "1"), file("f/x", "")], "bad-archive", "is a file"),
    ];
    for (items, code, reason) in cases {
        let answer = shop.unpack(&archive(&items), json!({}));
        assert_eq!(answer["failure"]["code"], json!(code), "{answer}");
        let message = answer["failure"]["message"].as_str().expect("message");
        assert!(message.contains(reason) && message.contains("entry \""), "{message}");
    }
    let answer = shop.unpack(&sample(), json!({ "digest": digest(b"other") }));
    assert_eq!(answer["failure"]["code"], json!("digest-mismatch"), "{answer}");
    let answer = shop.unpack(&sample(), json!({ "limits": { "entries": 8, "bytes": 1 << 30, "ratio": 1000 } }));
    assert!(answer["failure"]["message"].as_str().expect("message").contains("more than 8 entries"), "{answer}");
    let answer = shop.ask(json!({ "op": "fly" }), &[]);
    assert_eq!(answer["failure"]["code"], json!("bad-request"), "{answer}");
    let answer = shop.ask(json!({ "op": "measure", "paths": [], "version": 99 }), &[]);
    assert!(answer["failure"]["message"].as_str().expect("message").contains("newer"), "{answer}");
}

#[test]
fn with_one_id_everything_belongs_to_the_user() {
    let Some(shop) = as_user("with_one_id_everything_belongs_to_the_user") else { return };
    let shop = shop.with_single_id();
    let answer = shop.unpack(&sample(), json!({}));
    assert_eq!(answer["ok"], json!(true), "{answer}");
    assert_eq!(answer["result"]["squashedOwners"], json!(2));
    let file = fs::metadata(shop.path("layer/root/home/user/file")).expect("file");
    assert_eq!(file.uid(), shop.uid());
}

#[test]
fn a_blob_may_grow_while_it_is_unpacked() {
    let Some(shop) = as_user("a_blob_may_grow_while_it_is_unpacked") else { return };
    let plain = archive(&[file("f", vec![b'x'; 3_000_000]), file("g", "end")]);
    let answer = shop.unpack_growing(&plain, plain.len()).expect("an answer");
    assert_eq!(answer["result"]["entries"], json!(2), "{answer}");
    assert_eq!(fs::read(shop.path("layer/root/g")).expect("g"), b"end");
}

#[test]
fn a_worker_ends_when_its_client_does() {
    let Some(shop) = as_user("a_worker_ends_when_its_client_does") else { return };
    let plain = archive(&[file("f", vec![b'x'; 3_000_000])]);
    // It gets half of the blob, then nobody is there: the fixture waits for the process to end.
    assert_eq!(shop.unpack_growing(&plain, plain.len() / 2), None);
}

#[test]
fn links_fixes_sizes_and_removal_work_on_what_was_unpacked() {
    let Some(shop) = as_user("links_fixes_sizes_and_removal_work_on_what_was_unpacked") else { return };
    let bottom = [dir("tmp").mode(0o1777), dir("d").owner(5, 6).mode(0o700), file("d/a", "content").owner(3, 4)];
    let answer = shop.named("lower").unpack(&archive(&bottom), json!({}));
    assert_eq!(answer["ok"], json!(true), "{answer}");
    let answer =
        shop.named("upper").unpack(&archive(&[hard("b", "d/a"), file("tmp/x", "1"), file("d/y", "2")]), json!({}));
    assert_eq!(answer["result"]["pendingLinks"], json!(1), "{answer}");

    let paths = |name: &str| (shop.text(&format!("{name}/root")), shop.text(&format!("{name}/manifest")));
    let ((lower_root, lower_manifest), (upper_root, upper_manifest)) = (paths("lower"), paths("upper"));
    let request = json!({ "op": "link", "target": upper_root, "manifest": upper_manifest, "parents": [lower_root] });
    let answer = shop.ask(request, &[]);
    assert_eq!(answer["result"], json!({ "links": 1, "bytes": 7 }), "{answer}");
    let copy = fs::metadata(shop.path("upper/root/b")).expect("copy");
    assert_eq!((copy.uid(), copy.gid()), (shop.subuid() + 2, shop.subgid() + 3));

    fs::create_dir(shop.path("fix")).expect("fix");
    let layers =
        json!([{ "root": lower_root, "manifest": lower_manifest }, { "root": upper_root, "manifest": upper_manifest }]);
    let answer = shop.ask(json!({ "op": "fix", "layers": layers, "target": shop.text("fix") }), &[]);
    assert_eq!(answer["result"], json!({ "fixes": [1] }), "{answer}");
    let mode = |path: &str| fs::metadata(shop.path(path)).expect("stat").permissions().mode() & 0o7777;
    assert_eq!((mode("fix/1/root/tmp"), mode("fix/1/root/d")), (0o1777, 0o700));

    let answer = shop.ask(json!({ "op": "measure", "paths": [lower_root, shop.text("nothing"), lower_manifest] }), &[]);
    let sizes = &answer["result"]["sizes"];
    assert_eq!((&sizes[0]["bytes"], &sizes[0]["files"]), (&json!(7), &json!(1)), "{answer}");
    assert_eq!((&sizes[1], &sizes[2]["files"]), (&Value::Null, &json!(1)));

    symlink("/", shop.path("link")).expect("link");
    let names = json!(["lower", "upper", "fix", "link", "never"]);
    let answer = shop.ask(json!({ "op": "remove", "directory": shop.text(""), "names": names }), &[]);
    assert_eq!(answer["ok"], json!(true), "{answer}");
    for name in ["lower", "upper", "fix", "link"] {
        assert!(fs::symlink_metadata(shop.path(name)).is_err(), "{name}");
    }
    for name in ["../x", "a/b", "..", ""] {
        let answer = shop.ask(json!({ "op": "remove", "directory": shop.text(""), "names": [name] }), &[]);
        assert_eq!(answer["failure"]["code"], json!("bad-request"), "{name}");
    }
}

#[test]
fn compressed_layers_are_unpacked() {
    let Some(shop) = as_user("compressed_layers_are_unpacked") else { return };
    let plain = archive(&[file("f", vec![b'x'; 3_000_000]), file("g", "end")]);
    for program in ["gzip", "zstd"] {
        let Some(blob) = fixture::compress(program, &plain) else { continue };
        let shop = shop.named(program);
        let answer = shop.unpack(&blob, json!({ "diffId": digest(&plain), "compression": program }));
        assert_eq!(answer["result"]["size"], json!(plain.len()), "{program}: {answer}");
    }
}
