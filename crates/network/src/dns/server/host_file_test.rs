use super::*;

#[test]
fn changes_are_seen_after_a_second_and_an_absence_changes_nothing() {
    let folder = std::env::temp_dir().join(format!("bunker-resolv-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (path, other, link) = (folder.join("real"), folder.join("new"), folder.join("resolv.conf"));
    fs::write(&path, "nameserver 192.0.2.1").expect("writes");
    std::os::unix::fs::symlink("real", &link).expect("links");
    let start = Instant::now();
    let mut file = HostFile::new(link.clone());
    let mut at = |milliseconds| {
        let upstreams = file.upstreams(start + Duration::from_millis(milliseconds));
        upstreams.servers.iter().map(|server| server.ip().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(at(0), "192.0.2.1");
    // As network managers do: a new file in its place, of the same length.
    fs::write(&other, "nameserver 192.0.2.2").expect("writes");
    fs::rename(&other, &path).expect("renames");
    assert_eq!(at(999), "192.0.2.1");
    assert_eq!(at(1000), "192.0.2.2");
    fs::remove_file(&path).expect("removes");
    assert_eq!(at(3000), "192.0.2.2");
    fs::write(&path, "").expect("writes");
    assert_eq!(at(5000), "");
    fs::remove_dir_all(&folder).expect("removes");
}
