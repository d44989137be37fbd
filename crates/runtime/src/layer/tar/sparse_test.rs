//! Sparse files in every form there is, and maps that lie.

use super::*;

#[test]
fn sparse_files_are_read_in_every_form() {
    let v00 = file("f", "abcdef")
        .pax("GNU.sparse.size", "100")
        .pax("GNU.sparse.numblocks", "2")
        .pax("GNU.sparse.offset", "10")
        .pax("GNU.sparse.numbytes", "2")
        .pax("GNU.sparse.offset", "50")
        .pax("GNU.sparse.numbytes", "4");
    let v01 = file("GNUSparseFile.1/f", "abcdef")
        .pax("GNU.sparse.size", "100")
        .pax("GNU.sparse.numblocks", "2")
        .pax("GNU.sparse.map", "10,2,50,4")
        .pax("GNU.sparse.name", "f");
    let v10 = v10_item(b"2\n10\n2\n50\n4\n", "100");
    let segments: Vec<u8> = [10, 2, 50, 4].iter().flat_map(|value| made::number(*value, 12)).collect();
    let old = Item { kind: b'S', ..file("f", "abcdef") }
        .patch(257, "ustar  \0")
        .patch(386, segments)
        .patch(483, made::number(100, 12));
    for item in [v00, v01, v10, old] {
        let entries = read(&archive([&item, &file("after", "")])).expect("sparse");
        assert_eq!(entries, ["File f = abcdef [10+2 50+4]/100", "File after"]);
    }
}

pub(super) fn v10_item(list: &[u8], length: &str) -> Item {
    let data = [made::padded(list), b"abcdef".to_vec()].concat();
    file("GNUSparseFile.1/f", data)
        .pax("GNU.sparse.major", "1")
        .pax("GNU.sparse.minor", "0")
        .pax("GNU.sparse.name", "f")
        .pax("GNU.sparse.realsize", length)
}

#[test]
fn old_sparse_files_go_on_in_further_blocks() {
    let segment = |offset: u64| [made::number(offset, 12), made::number(1, 12)].concat();
    let first: Vec<u8> = (0..4).flat_map(|index| segment(index * 10)).collect();
    let mut block = vec![0; BLOCK];
    let more: Vec<u8> = (4..6).flat_map(|index| segment(index * 10)).collect();
    block[..more.len()].copy_from_slice(&more);
    let header = Item { kind: b'S', ..item(b'S', "f") }
        .patch(257, "ustar  \0")
        .patch(386, first)
        .patch(482, [1])
        .patch(483, made::number(60, 12))
        .size_field(made::number(6, 12));
    let bytes = [header.bytes(), block, made::padded(b"abcdef"), archive([&file("after", "")])].concat();
    assert_eq!(read(&bytes).expect("read"), ["File f = abcdef [0+1 10+1 20+1 30+1 40+1 50+1]/60", "File after"]);
}

#[test]
fn an_old_sparse_list_that_ended_does_not_go_on() {
    let item =
        Item { kind: b'S', ..file("f", "") }.patch(257, "ustar  \0").patch(482, [1]).patch(483, made::number(0, 12));
    let bytes = [item.bytes(), archive([&dir("swallowed")])].concat();
    assert!(read(&bytes).is_err_and(|text| text.contains("goes on after its end")));
}

#[test]
fn broken_sparse_maps_are_refused() {
    let cases: [(&str, &str); 12] = [
        ("2\n10\n2\n11\n4\n", "100"),
        ("2\n50\n4\n10\n2\n", "100"),
        ("2\n10\n2\n98\n4\n", "100"),
        ("2\n10\n2\n18446744073709551615\n4\n", "100"),
        ("2\n10\n2\n50\n5\n", "100"),
        ("1\n10\n2\n", "100"),
        ("2\n10\n2\n50\n-4\n", "100"),
        ("2\n10\n2\n50\n4", "100"),
        ("99999\n", "100"),
        ("\n", "100"),
        ("2\n10\n2\n50\n4\n", "9223372036854775808"),
        ("2\n10\n2\n50\n000000000000000000000004\n", "100"),
    ];
    for (list, length) in cases {
        let result = one(&v10_item(list.as_bytes(), length));
        assert!(result.is_err(), "{list:?}: {result:?}");
    }
    let map = |count: usize| (0..count).map(|index| format!("{},0", index * 2)).collect::<Vec<_>>().join(",");
    let mapped = |count: usize| one(&file("f", "").pax("GNU.sparse.map", map(count)).pax("GNU.sparse.size", "100000"));
    assert!(mapped(10_000).is_ok());
    assert!(mapped(10_001).is_err_and(|text| text.contains("10000")));
    assert!(one(&dir("d").pax("GNU.sparse.map", "0,0").pax("GNU.sparse.size", "0")).is_err());
}

#[test]
fn a_sparse_file_may_have_no_data_at_all() {
    let item = file("f", "").pax("GNU.sparse.map", "0,0").pax("GNU.sparse.size", "9223372036854775807");
    assert_eq!(one(&item).expect("read"), "File f [0+0]/9223372036854775807");
}
