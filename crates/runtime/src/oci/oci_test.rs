use super::*;
use crate::spec::Join;

fn spec(change: impl Fn(&mut Value)) -> SandboxSpec {
    let mut text = json!({
        "version": 1, "id": "a", "generation": 1, "containerDir": "/c", "runtimeDir": "/r", "userRuntimeDir": "/u",
        "userNamespace": {
            "userUidMap": [], "userGidMap": [], "newuidmap": null, "newgidmap": null,
            "containerUidMap": [{"inside": 0, "outside": 0, "size": 1000}],
            "containerGidMap": [{"inside": 0, "outside": 0, "size": 1000}],
        },
        "root": {"kind": "directory", "path": "/x", "readonly": false},
        "mounts": [], "files": [],
        "process": {
            "args": ["sh", "-c", "true"], "env": ["PATH=/bin"], "cwd": "/w", "user": "", "groupAdd": [], "keepGroups": false,
            "terminal": false, "rows": 0, "columns": 0, "openStdin": false, "stdinOnce": false,
            "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"], "nonRoot": ["CAP_KILL"]},
            "noNewPrivileges": false, "seccomp": {"kind": "unconfined"},
            "rlimits": [{"name": "NOFILE", "soft": 10, "hard": -1}], "umask": 18, "oomScoreAdj": null, "init": false,
        },
        "namespaces": {"pid": true, "ipc": true, "uts": true, "cgroup": true, "time": false},
        "network": {"kind": "none"}, "hostname": "box", "domainname": null,
        "sysctls": {"net.a": "1", "net.b": "2"}, "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
        "procOptions": [], "shmSize": 64, "log": {"kind": "none"}, "cgroup": null, "autoRemove": false, "timeout": null,
        "account": null, "hostUsers": [],
    });
    change(&mut text);
    serde_json::from_value(text).expect("a spec")
}

fn identity(uid: u32) -> Identity {
    Identity { uid, gid: 7, groups: vec![7, 8], home: b"/home".to_vec() }
}

fn translated(spec: &SandboxSpec, uid: u32, binds: &[Bind]) -> Value {
    let identity = identity(uid);
    let facts = Facts { root: "/root", identity: &identity, init: None, binds, has_cgroup: true };
    translate(spec, &facts).expect("a configuration")
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn places(config: &Value) -> Vec<String> {
    let mounts = config["mounts"].as_array().expect("mounts");
    mounts.iter().map(|mount| format!("{} {}", text_of(mount, "type"), text_of(mount, "destination"))).collect()
}

#[test]
fn a_usual_container_is_told_whole() {
    let config = translated(&spec(|_| ()), 0, &[]);
    assert_eq!(config["root"], json!({"path": "/root", "readonly": false}));
    assert_eq!(config["hostname"], "box");
    assert_eq!(config["process"]["args"], json!(["sh", "-c", "true"]));
    assert_eq!(config["process"]["env"], json!(["PATH=/bin", "HOME=/home"]));
    assert_eq!(config["process"]["user"], json!({"uid": 0, "gid": 7, "umask": 18, "additionalGids": [7, 8]}));
    assert_eq!(config["process"]["rlimits"], json!([{"type": "RLIMIT_NOFILE", "soft": 10, "hard": u64::MAX}]));
    assert_eq!(config["linux"]["seccomp"], Value::Null);
    assert_eq!(config["linux"]["sysctl"], json!({"net.a": "1", "net.b": "2"}));
    let kinds: Vec<_> =
        config["linux"]["namespaces"].as_array().expect("namespaces").iter().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["mount", "pid", "ipc", "uts", "cgroup", "network"]);
    let usual = [
        "proc /proc",
        "tmpfs /dev",
        "devpts /dev/pts",
        "sysfs /sys",
        "cgroup /sys/fs/cgroup",
        "mqueue /dev/mqueue",
        "tmpfs /dev/shm",
    ];
    assert_eq!(places(&config), usual);
}

#[test]
fn root_hands_no_capabilities_on_and_others_hand_on_what_was_named() {
    let of = |uid| translated(&spec(|_| ()), uid, &[])["process"]["capabilities"].clone();
    let both = json!(["CAP_CHOWN", "CAP_KILL"]);
    assert_eq!(
        of(0),
        json!({"bounding": both, "permitted": both, "effective": both, "inheritable": [], "ambient": []})
    );
    let named = json!(["CAP_KILL"]);
    let expected = json!({
        "bounding": both, "permitted": named, "effective": named, "inheritable": named, "ambient": named,
    });
    assert_eq!(of(5), expected);
}

#[test]
fn what_is_the_hosts_is_bound() {
    let host = spec(|text| {
        text["network"] = json!({"kind": "host"});
        text["namespaces"] = json!({"pid": false, "ipc": false, "uts": false, "cgroup": false, "time": false});
    });
    let shared = shared_places(&host);
    assert_eq!(shared, ["/proc", "/sys", "/dev/shm", "/dev/mqueue"]);
    let bind = |target: &str| Bind { target: target.to_owned(), source: format!("/m{target}"), options: vec!["ro"] };
    let binds: Vec<_> = ["/proc", "/sys", "/dev/shm", "/dev/kvm"].map(bind).into();
    let config = translated(&host, 0, &binds);
    let expected = ["bind /proc", "tmpfs /dev", "devpts /dev/pts", "bind /sys", "bind /dev/shm", "bind /dev/kvm"];
    assert_eq!(places(&config), expected);
    assert_eq!(config["mounts"][0]["options"], json!(["rbind", "ro"]));
    assert_eq!(config["hostname"], Value::Null);
    assert_eq!(config["linux"]["namespaces"], json!([{"type": "mount"}]));
}

#[test]
fn what_is_there_for_some_only() {
    let nested = spec(|text| text["dispensable"] = json!(["net.b"]));
    assert_eq!(translated(&nested, 0, &[])["linux"]["sysctl"], json!({"net.a": "1"}));
    let kept = translated(&spec(|text| text["process"]["keepGroups"] = true.into()), 0, &[]);
    assert_eq!(kept["annotations"], json!({"run.oci.keep_original_groups": "1"}));
    assert_eq!(kept["process"]["user"].get("additionalGids"), None);
    let terminal = spec(|text| {
        text["process"]["terminal"] = true.into();
        text["process"]["rows"] = 24.into();
        text["process"]["columns"] = 80.into();
    });
    assert_eq!(translated(&terminal, 0, &[])["process"]["consoleSize"], json!({"height": 24, "width": 80}));
    let empty = spec(|text| text["shmSize"] = 0.into());
    assert!(!places(&translated(&empty, 0, &[])).contains(&"tmpfs /dev/shm".to_owned()));
}

#[test]
fn init_comes_before_the_command() {
    let identity = identity(0);
    let facts = Facts { root: "/", identity: &identity, init: Some(("/dev/init", 5)), binds: &[], has_cgroup: false };
    let config = translate(&spec(|_| ()), &facts).expect("a configuration");
    assert_eq!(config["process"]["args"], json!(["/dev/init", "init", "5", "sh", "-c", "true"]));
    assert!(!places(&config).contains(&"cgroup /sys/fs/cgroup".to_owned()));
}

#[test]
fn another_pid_namespace_is_refused() {
    let joined = SandboxSpec { joins: vec![Join { kind: JoinKind::Pid, pid: 1, start_time: 1 }], ..spec(|_| ()) };
    let identity = identity(0);
    let facts = Facts { root: "/", identity: &identity, init: None, binds: &[], has_cgroup: false };
    assert!(translate(&joined, &facts).is_err());
}
