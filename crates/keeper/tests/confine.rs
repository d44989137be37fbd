//! What a network keeper can do and, should somebody take it over, cannot. Its own main, because the test harness has threads; each
//! attempt is made by a process of its own, which the worst of them end.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../src/network/confine.rs"]
mod confine;
#[path = "worker/fixture.rs"]
#[allow(dead_code)]
mod fixture;

use bunker_runtime::spec::UserNamespace;
use bunker_runtime::userns;
use bunker_sys::path::{O_PATH, O_RDONLY, O_WRONLY};
use bunker_sys::process::{self, Ended};
use bunker_sys::{SysResult, credential, datagram, file, lock, mount, namespace, socket, tun};
use confine::{Places, confine};
use fixture::{Workshop, as_user_between};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;

const TEST: &str = "a_network_keeper_can_do_its_work_and_nothing_else";
const SIGSYS: i32 = 31;
const DONE: i32 = 0;
const REFUSED: i32 = 1;
/// What is neither.
const BROKEN: i32 = 2;

/// What is tried, and how: true if it came off.
type Attempt<'a> = (&'a str, Box<dyn Fn() -> bool + 'a>);

/// Speaks cargo's language, as far as those who count tests read it.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = wanted.is_empty() || wanted.iter().any(|part| TEST.contains(part.as_str()));
    if is_wanted {
        try_all();
        println!("test {TEST} ... ok");
    }
    let passed = usize::from(is_wanted);
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; {} filtered out", 1 - passed);
}

fn plant(base: &Path) {
    for directory in ["etc", "lib", "elsewhere"] {
        fs::create_dir(base.join(directory)).expect("directory");
    }
    fs::write(base.join("lib/resolv.conf"), "nameserver 127.0.0.1").expect("resolv.conf");
    fs::write(base.join("elsewhere/secret"), "secret").expect("secret");
    symlink("../lib/resolv.conf", base.join("etc/resolv.conf")).expect("link");
}

fn try_all() {
    let Some(shop) = as_user_between(TEST, plant, |_, ()| ()) else { return };
    let namespace: UserNamespace = serde_json::from_value(shop.namespace()).expect("namespace");
    std::mem::forget(userns::enter(&namespace, &shop.text("runtime")).expect("U"));
    fs::create_dir(shop.path("runtime/network")).expect("its directory");
    fs::write(shop.path("runtime/network/ctl"), "").expect("its socket");
    for (what, attempt) in crimes() {
        assert_eq!(outcome(&shop, true, &attempt), Ended::Signal(SIGSYS), "{what}");
        assert_ne!(outcome(&shop, false, &attempt), Ended::Signal(SIGSYS), "{what}, unconfined");
    }
    for (what, attempt) in files_of_others(&shop) {
        assert_eq!(outcome(&shop, true, &attempt), Ended::Code(REFUSED), "{what}");
        assert_eq!(outcome(&shop, false, &attempt), Ended::Code(DONE), "{what}, unconfined");
    }
    for (what, attempt) in work(&shop) {
        assert_eq!(outcome(&shop, true, &attempt), Ended::Code(DONE), "{what}");
    }
}

/// How a process ends that tries it in a network of its own.
fn outcome(shop: &Workshop, is_confined: bool, attempt: &dyn Fn() -> bool) -> Ended {
    let pid = process::fork().expect("forks");
    if pid > 0 {
        return process::wait_child(pid, true).expect("waits").expect("has ended");
    }
    let [user_runtime_dir, directory, resolv_conf] =
        ["runtime", "runtime/network", "etc/resolv.conf"].map(|name| shop.text(name));
    let places = Places { user_runtime_dir: &user_runtime_dir, directory: &directory, resolv_conf: &resolv_conf };
    let is_ready = namespace::unshare(namespace::NETWORK).is_ok();
    let confined = is_confined.then(|| confine(&places).inspect_err(|failure| eprintln!("{failure:?}")));
    if !is_ready || matches!(confined, Some(Err(_))) {
        process::exit(BROKEN);
    }
    process::exit(if attempt() { DONE } else { REFUSED })
}

/// The filter ends who tries these.
fn crimes() -> Vec<Attempt<'static>> {
    fn of<T: 'static>(what: &'static str, attempt: fn() -> SysResult<T>) -> Attempt<'static> {
        (what, Box::new(move || attempt().is_ok()))
    }
    vec![
        of("a program", || Err::<(), _>(process::execute(c"/bin/true", &[], &[]))),
        of("a process", process::fork),
        of("a mount namespace", || namespace::unshare(namespace::MOUNT)),
        of("a user namespace", || namespace::unshare(namespace::USER)),
        of("somebody's user namespace", || {
            let own = file::open("/proc/self/ns/user", O_RDONLY);
            namespace::join(own.or_else(|_| file::open("/etc", O_PATH))?.as_fd(), namespace::USER)
        }),
        of("a mount", || mount::FilesystemContext::open("tmpfs")),
        of("a packet of unix sockets", socket::packet_pair),
        ("a unix socket", Box::new(|| UnixDatagram::unbound().is_ok())),
        of("a place for code", || file::memory_file(c"code")),
        of("somebody's pidfd", || process::open_pidfd(1)),
        of("a signal", || process::kill_number(process::own_pid(), 0)),
        of("a keyring", || credential::join_empty_keyring(c"bunker")),
        of("another user", || credential::set_user(1)),
        of("being hidden", || process::set_dumpable(false)),
        of("another limit", || credential::set_limit(0, 1, 1)),
        of("another filter", || credential::install_filter(&[])),
        of("another directory", || file::change_directory(file::open("/etc", O_PATH)?.as_fd())),
        ("a directory", Box::new(|| fs::create_dir("/tmp/x").is_ok())),
        ("another mode", Box::new(|| fs::set_permissions("/nowhere", fs::Permissions::from_mode(0o700)).is_ok())),
    ]
}

/// Landlock refuses these.
fn files_of_others(shop: &Workshop) -> Vec<Attempt<'_>> {
    let opens =
        |what, name: String, flags| -> Attempt<'_> { (what, Box::new(move || file::open(&name, flags).is_ok())) };
    vec![
        opens("reading a file of the user's", shop.text("elsewhere/secret"), O_RDONLY),
        opens("writing to one", shop.text("elsewhere/secret"), O_WRONLY),
        opens("writing to resolv.conf", shop.text("etc/resolv.conf"), O_WRONLY),
        opens("a directory of the user's", shop.text("elsewhere"), O_RDONLY),
        opens("a process's memory", "/proc/self/mem".to_owned(), O_RDONLY),
        opens("a process's root", "/proc/self/root".to_owned(), O_RDONLY),
        opens("another device", "/dev/null".to_owned(), O_WRONLY),
        ("a new file", Box::new(|| fs::write(shop.path("elsewhere/new"), "x").is_ok())),
    ]
}

/// What it is there for.
fn work(shop: &Workshop) -> Vec<Attempt<'_>> {
    vec![
        (
            "sockets of the internet",
            Box::new(|| UdpSocket::bind("0.0.0.0:53").is_ok() && TcpListener::bind("[::]:53").is_ok()),
        ),
        (
            "threads",
            Box::new(|| thread::Builder::new().name("x".to_owned()).spawn(|| 7).is_ok_and(|run| run.join().is_ok())),
        ),
        ("another network", Box::new(|| bunker_network::namespace::Sockets::open().is_ok())),
        ("a tun", Box::new(|| tun::make("tun7").is_ok())),
        ("numbers of interfaces", Box::new(|| datagram::interface_index("lo") == Some(1))),
        ("sysctls of networks", Box::new(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1").is_ok())),
        ("what resolv.conf leads to", Box::new(|| fs::read(shop.path("etc/resolv.conf")).is_ok())),
        (
            "more open files",
            Box::new(|| credential::limit(7).and_then(|(_, hard)| credential::set_limit(7, hard, hard)).is_ok()),
        ),
        (
            "leaving nothing behind",
            Box::new(|| {
                let directory = shop.text("runtime/network");
                let lock = format!("{directory}/start.lock");
                let held = lock::acquire(&lock);
                let removed = [format!("{directory}/ctl"), lock].map(|name| file::remove(&name).is_ok());
                held.is_ok_and(|held| held.is_some()) && removed == [true; 2] && fs::remove_dir(directory).is_ok()
            }),
        ),
    ]
}
