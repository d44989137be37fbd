//! A directory of an ordinary user's, and workers started in it.
#![allow(clippy::print_stderr)]

use bunker_sys::client::{channel, spawn};
use bunker_sys::file;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set for the test that runs as the user: where its directory is.
const DIRECTORY: &str = "BUNKER_WORKER_TEST_DIRECTORY";
const USER: &str = "BUNKER_TEST_USER";
const MUST_RUN: &str = "BUNKER_TEST_MUST_RUN";
const WORKER: &str = env!("CARGO_BIN_EXE_worker");
/// A blob grows by this much at a time.
const PIECE: usize = 50_000;

/// The user's own and subordinate ids.
#[derive(Clone)]
struct Ids {
    uid: u32,
    gid: u32,
    subuid: u32,
    subgid: u32,
    count: u32,
}

#[derive(Clone)]
pub struct Workshop {
    base: PathBuf,
    /// Layers are unpacked below this name.
    layer: String,
    ids: Ids,
    single: bool,
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The output of gzip or zstd; `None` where there is no such program.
pub fn compress(program: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(program).args(["-q", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.inspect_err(|_| eprintln!("skipped: there is no {program} here")).ok()?;
    let mut input = child.stdin.take()?;
    let plain = plain.to_vec();
    std::thread::spawn(move || input.write_all(&plain));
    child.wait_with_output().ok().map(|output| output.stdout)
}

/// The workshop, if this is the process that runs as the user. As root: runs the test again as one, and returns `None`.
pub fn as_user(test: &str) -> Option<Workshop> {
    as_user_between(test, |_| (), |_, ()| ())
}

/// As `as_user`; root does something with the directory before and after.
pub fn as_user_between<T>(
    test: &str,
    before: impl FnOnce(&Path) -> T,
    after: impl FnOnce(&Path, T),
) -> Option<Workshop> {
    if let Some(base) = std::env::var_os(DIRECTORY) {
        let base = PathBuf::from(base);
        fs::create_dir(base.join("runtime")).expect("runtime directory");
        return Some(Workshop { base, layer: "layer".to_owned(), ids: own_ids().expect("ids"), single: false });
    }
    let user = std::env::var(USER).ok().or_else(first_user).filter(|_| bunker_sys::credential::effective_user() == 0);
    let Some(user) = user else {
        let reason = format!("{test} needs root, and a user with subordinate ids in /etc/subuid");
        assert!(std::env::var_os(MUST_RUN).is_none(), "{reason}");
        eprintln!("skipped: {reason}");
        return None;
    };
    let base = tempfile::tempdir().expect("a temporary directory");
    let found = before(base.path());
    let given = Command::new("chown").args(["-R", &user]).arg(base.path()).status().expect("chown");
    assert!(given.success(), "chown to {user}");
    run_as(&user, test, base.path());
    after(base.path(), found);
    None
}

fn run_as(user: &str, test: &str, base: &Path) {
    let output = Command::new("setpriv")
        .args(["--reuid", user, "--regid", user, "--init-groups", "--reset-env", "env"])
        .arg(format!("{DIRECTORY}={}", base.display()))
        .arg(std::env::current_exe().expect("own path"))
        // On its only thread: some tests enter namespaces themselves.
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .current_dir("/")
        .output()
        .expect("setpriv");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "as {user}: {said}");
    said.lines().filter(|line| line.starts_with("skipped")).for_each(|line| eprintln!("{line}"));
}

fn first_user() -> Option<String> {
    let text = fs::read_to_string("/etc/subuid").ok()?;
    let is_known = |name: &&str| Command::new("id").arg(name).output().is_ok_and(|output| output.status.success());
    text.lines()
        .filter_map(|line| line.split(':').next())
        .filter(|name| *name != "root")
        .find(is_known)
        .map(str::to_owned)
}

fn ask_id(option: &str) -> Option<String> {
    let output = Command::new("id").arg(option).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn own_ids() -> Option<Ids> {
    let name = ask_id("-un")?;
    let range = |file: &str| -> Option<(u32, u32)> {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.split(':').next() == Some(&name))?;
        let mut fields = line.split(':').skip(1).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let ((subuid, count), (subgid, _)) = (range("/etc/subuid")?, range("/etc/subgid")?);
    let (uid, gid) = (ask_id("-u")?.parse().ok()?, ask_id("-g")?.parse().ok()?);
    Some(Ids { uid, gid, subuid, subgid, count: count.min(65535) })
}

impl Workshop {
    pub fn named(&self, layer: &str) -> Self {
        Self { layer: layer.to_owned(), ..self.clone() }
    }

    pub fn with_single_id(&self) -> Self {
        Self { single: true, ..self.clone() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    pub fn uid(&self) -> u32 {
        self.ids.uid
    }

    pub fn subuid(&self) -> u32 {
        self.ids.subuid
    }

    pub fn subgid(&self) -> u32 {
        self.ids.subgid
    }

    /// Owners of what lies in a directory.
    pub fn owners_below(&self, directory: &str) -> Vec<(u32, u32)> {
        let list = fs::read_dir(self.path(directory)).expect("list");
        list.map(|entry| entry.expect("entry").metadata().expect("stat"))
            .map(|status| (status.uid(), status.gid()))
            .collect()
    }

    /// U's maps as the engine tells them.
    pub fn namespace(&self) -> Value {
        let map = |own: u32, first: u32| {
            let mut lines = vec![json!({ "inside": 0, "outside": own, "size": 1 })];
            if !self.single {
                lines.push(json!({ "inside": 1, "outside": first, "size": self.ids.count }));
            }
            lines
        };
        let program = |name: &str| if self.single { Value::Null } else { json!(format!("/usr/bin/{name}")) };
        json!({
            "userUidMap": map(self.ids.uid, self.ids.subuid),
            "userGidMap": map(self.ids.gid, self.ids.subgid),
            "newuidmap": program("newuidmap"),
            "newgidmap": program("newgidmap"),
            "containerUidMap": [],
            "containerGidMap": [],
        })
    }

    /// Starts a worker and gives it a request.
    fn start(&self, request: &Value, fds: &[&OwnedFd]) -> (OwnedFd, i32) {
        let (ours, theirs) = channel::pair().expect("socket pair");
        let executable = File::open(WORKER).expect("keeper");
        let passed = [theirs.as_raw_fd()];
        let argv = ["keeper", "worker"];
        let spawned = spawn::Spawn { executable: executable.as_fd(), argv: &argv, fds: &passed, open_files: None };
        let pid = spawn::spawn_detached(&spawned).expect("spawn");
        let mut message = json!({
            "version": 1,
            "userNamespace": self.namespace(),
            "userRuntimeDir": self.text("runtime"),
        });
        let given = request.as_object().expect("an object").clone();
        message.as_object_mut().expect("an object").extend(given);
        let fds: Vec<i32> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        channel::send(ours.as_raw_fd(), &message.to_string(), &fds).expect("send");
        (ours, pid)
    }

    /// One request, its answer.
    pub fn ask(&self, request: Value, fds: &[&OwnedFd]) -> Value {
        let (channel, _) = self.start(&request, fds);
        answer_on(&channel).expect("an answer")
    }

    /// An unpack request for a blob, `overrides` laid over it, and the empty layer for it.
    fn request(&self, blob: &[u8], overrides: Value) -> Value {
        let _ = fs::remove_dir_all(self.path(&self.layer));
        fs::create_dir_all(self.path(&format!("{}/root", self.layer))).expect("staging");
        let mut request = json!({
            "op": "unpack",
            "digest": digest(blob),
            "size": blob.len(),
            "compression": "none",
            "diffId": digest(blob),
            "target": self.text(&format!("{}/root", self.layer)),
            "manifest": self.text(&format!("{}/manifest", self.layer)),
            "parents": [],
        });
        let overrides = overrides.as_object().expect("an object").clone();
        request.as_object_mut().expect("an object").extend(overrides);
        request
    }

    pub fn unpack(&self, blob: &[u8], overrides: Value) -> Value {
        let request = self.request(blob, overrides);
        let path = self.path(&format!("{}/blob", self.layer));
        fs::write(&path, blob).expect("blob");
        let (counter, _announce) = file::pipe().expect("counter");
        self.ask(request, &[&File::open(path).expect("blob").into(), &counter])
    }

    /// Lets the blob grow to `length` while it is unpacked. If that is not all of it, goes away, and waits until the worker
    /// has ended: `None`.
    pub fn unpack_growing(&self, blob: &[u8], length: usize) -> Option<Value> {
        let request = self.request(blob, json!({}));
        let path = self.path(&format!("{}/blob", self.layer));
        let mut writer = File::create(&path).expect("blob");
        // A pipe is as good as an event counter: readable when something was added.
        let (counter, announce) = file::pipe().expect("counter");
        let (channel, pid) = self.start(&request, &[&File::open(&path).expect("blob").into(), &counter]);
        for piece in blob[..length].chunks(PIECE) {
            writer.write_all(piece).expect("append");
            file::write_all(announce.as_fd(), &1_u64.to_ne_bytes()).expect("announce");
            std::thread::sleep(Duration::from_millis(5));
        }
        if length == blob.len() {
            return answer_on(&channel);
        }
        assert!(is_running(pid), "the worker ended early");
        drop(channel);
        let start = Instant::now();
        while is_running(pid) {
            assert!(start.elapsed() < Duration::from_secs(10), "the worker goes on without its client");
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

fn is_running(pid: i32) -> bool {
    bunker_sys::process::start_time(pid).is_some()
}

fn answer_on(channel: &OwnedFd) -> Option<Value> {
    let frame = channel::receive(channel.as_raw_fd()).expect("receive")?;
    Some(serde_json::from_str(&frame.text).expect("JSON"))
}
