use super::*;

#[test]
fn only_what_is_the_files_own_is_kept() {
    let cases = [
        ("user.comment", true),
        ("user.overlay.opaque", false),
        ("user.overlay.redirect", false),
        ("user.overlayfs", true),
        ("trusted.overlay.opaque", false),
        ("trusted.anything", false),
        ("security.selinux", false),
        ("security.ima", false),
        ("security.capability.x", false),
        ("system.posix_acl_access", false),
        ("comment", false),
    ];
    for (name, expected) in cases {
        assert_eq!(kept(name.as_bytes(), b"value").is_some(), expected, "{name}");
    }
}

#[test]
fn file_capabilities_become_those_of_our_own_root() {
    let version_2 = [&0x0200_0001_u32.to_le_bytes()[..], &[1; 16]].concat();
    let version_3 = |root: u32| [&0x0300_0001_u32.to_le_bytes()[..], &[1; 16], &root.to_le_bytes()].concat();
    assert_eq!(kept(CAPABILITY, &version_2).as_deref(), Some(&version_2[..]));
    assert_eq!(kept(CAPABILITY, &version_3(0)).as_deref(), Some(&version_2[..]));
    for value in [version_3(1000), version_2[..19].to_vec(), Vec::new(), vec![0xff; 20], version_3(0)[..23].to_vec()] {
        assert_eq!(kept(CAPABILITY, &value), None, "{value:?}");
    }
}
