//! Calls whose *arguments* decide: socket families, namespace flags, terminal injection, and the ways around a filter that
//! compares too much or too little of them.

use libc::{c_int, c_long};
use serde_json::{Map, Value, json};

use crate::attempt::{Outcome, attempt, in_child};

/// linux/socket.h, AF_MAX of Linux 6.18.
const LAST_FAMILY: c_long = 46;
const AF_ALG: c_long = 38;
const AF_VSOCK: c_long = 40;
/// Above the 32 bits that the kernel looks at in an `int`.
const HIGH_BIT: c_long = 1 << 32;

/// Family → the socket types that open, or the answer to the plainest of them.
pub fn sockets() -> Value {
    (0..=LAST_FAMILY).map(|family| (family.to_string(), types_of(family).into())).collect::<Map<_, _>>().into()
}

fn types_of(family: c_long) -> String {
    let types = [
        ("stream", libc::SOCK_STREAM),
        ("dgram", libc::SOCK_DGRAM),
        ("raw", libc::SOCK_RAW),
        ("seqpacket", libc::SOCK_SEQPACKET),
    ];
    let answers = types.map(|(name, kind)| (name, open_socket(family, c_long::from(kind))));
    let open: Vec<&str> =
        answers.iter().filter(|(_, answer)| *answer == Outcome::Returned).map(|(name, _)| *name).collect();
    match answers {
        [(_, first), ..] if open.is_empty() => first.word(),
        _ => open.join(" "),
    }
}

fn open_socket(family: c_long, kind: c_long) -> Outcome {
    attempt(libc::SYS_socket, [family, kind, 0, 0, 0, 0])
}

/// What prctl(2) and its like say of this process.
pub fn process() -> Value {
    let ask = |option: c_int| {
        // SAFETY: these options only return a number.
        unsafe { libc::prctl(option, 0, 0, 0, 0) }
    };
    // SAFETY: cannot fail.
    let (pid, parent, session) = unsafe { (libc::getpid(), libc::getppid(), libc::getsid(0)) };
    json!({
        "pid": pid,
        "parent": parent,
        "session": session,
        "dumpable": ask(libc::PR_GET_DUMPABLE),
        "keepCapabilities": ask(libc::PR_GET_KEEPCAPS),
        "secureBits": ask(libc::PR_GET_SECUREBITS),
        "noNewPrivileges": ask(libc::PR_GET_NO_NEW_PRIVS),
        "seccomp": ask(libc::PR_GET_SECCOMP),
    })
}

/// Whether keys of the host's are within reach (keyctl(2); the special keyrings are negative numbers).
pub fn keyring() -> Value {
    const GET_KEYRING_ID: c_long = 0;
    const DESCRIBE: c_long = 6;
    const READ: c_long = 11;
    const SESSION: c_long = -3;
    const USER: c_long = -4;
    let call = |operation: c_long, keyring: c_long| attempt(libc::SYS_keyctl, [operation, keyring, 0, 0, 0, 0]).word();
    let (kind, name, payload) = (c"user", c"bunker-probe", c"x");
    let add = [kind.as_ptr() as c_long, name.as_ptr() as c_long, payload.as_ptr() as c_long, 1, SESSION, 0];
    json!({
        "sessionId": call(GET_KEYRING_ID, SESSION),
        "describeSession": call(DESCRIBE, SESSION),
        "readSession": call(READ, SESSION),
        "readUser": call(READ, USER),
        "addToSession": attempt(libc::SYS_add_key, add).word(),
    })
}

/// Name → answer. Each would be a way out, or is the same way in other clothes.
pub fn cases() -> Value {
    let mut answers = Map::new();
    let mut put = |name: &str, outcome: Outcome| answers.insert(name.to_owned(), outcome.word().into());
    for (name, flag) in namespace_flags() {
        put(&format!("unshare {name}"), attempt(libc::SYS_unshare, [flag, 0, 0, 0, 0, 0]));
        let child_signal = c_long::from(libc::SIGCHLD);
        put(&format!("clone {name}"), attempt(libc::SYS_clone, [flag | child_signal, 0, 0, 0, 0, 0]));
        put(
            &format!("clone {name}, high bits set"),
            attempt(libc::SYS_clone, [flag | child_signal | HIGH_BIT << 8, 0, 0, 0, 0, 0]),
        );
    }
    put("socket AF_ALG", open_socket(AF_ALG, c_long::from(libc::SOCK_SEQPACKET)));
    put("socket AF_ALG, high bits set", open_socket(AF_ALG | HIGH_BIT, c_long::from(libc::SOCK_SEQPACKET)));
    put("socket AF_VSOCK", open_socket(AF_VSOCK, c_long::from(libc::SOCK_STREAM)));
    put("socket AF_VSOCK, high bits set", open_socket(AF_VSOCK | HIGH_BIT, c_long::from(libc::SOCK_STREAM)));
    put("ioctl TIOCSTI", terminal_call(libc::TIOCSTI as c_long));
    put("ioctl TIOCSTI, high bits set", terminal_call(libc::TIOCSTI as c_long | HIGH_BIT));
    put("ioctl TIOCLINUX", terminal_call(libc::TIOCLINUX as c_long));
    put(
        "personality ADDR_NO_RANDOMIZE",
        attempt(libc::SYS_personality, [c_long::from(libc::ADDR_NO_RANDOMIZE), 0, 0, 0, 0, 0]),
    );
    put("prctl PR_SET_MM", attempt(libc::SYS_prctl, [c_long::from(libc::PR_SET_MM), BAD, 0, 0, 0, 0]));
    put("ptrace PTRACE_TRACEME", attempt(libc::SYS_ptrace, [0, 0, 0, 0, 0, 0]));
    put("mknod of a character device", make_node(libc::S_IFCHR));
    put("mknod of a block device", make_node(libc::S_IFBLK));
    put("clone3", attempt(libc::SYS_clone3, [0, 0, 0, 0, 0, 0]));
    put("chroot /", attempt(libc::SYS_chroot, [c"/".as_ptr() as c_long, 0, 0, 0, 0, 0]));
    put("setns own user namespace", join_own_user_namespace());
    foreign_abis(&mut put);
    answers.into()
}

const BAD: c_long = -1;

fn namespace_flags() -> [(&'static str, c_long); 7] {
    [
        ("CLONE_NEWUSER", c_long::from(libc::CLONE_NEWUSER)),
        ("CLONE_NEWNS", c_long::from(libc::CLONE_NEWNS)),
        ("CLONE_NEWNET", c_long::from(libc::CLONE_NEWNET)),
        ("CLONE_NEWPID", c_long::from(libc::CLONE_NEWPID)),
        ("CLONE_NEWIPC", c_long::from(libc::CLONE_NEWIPC)),
        ("CLONE_NEWUTS", c_long::from(libc::CLONE_NEWUTS)),
        ("CLONE_NEWCGROUP", c_long::from(libc::CLONE_NEWCGROUP)),
    ]
}

/// On no descriptor: EBADF tells that the filter let it through.
fn terminal_call(request: c_long) -> Outcome {
    attempt(libc::SYS_ioctl, [BAD, request, 0, 0, 0, 0])
}

/// In a place that every container has, and gone again: the numbers are those of /dev/null.
fn make_node(kind: libc::mode_t) -> Outcome {
    const NULL_DEVICE: c_long = 0x103;
    let path = c"/dev/shm/.bunker-probe";
    let outcome = attempt(
        libc::SYS_mknodat,
        [c_long::from(libc::AT_FDCWD), path.as_ptr() as c_long, c_long::from(kind | 0o600), NULL_DEVICE, 0, 0],
    );
    // SAFETY: a zero-terminated path; not being there is fine.
    unsafe { libc::unlink(path.as_ptr()) };
    outcome
}

fn join_own_user_namespace() -> Outcome {
    in_child(|| {
        // SAFETY: zero-terminated path; the descriptor ends with the child.
        unsafe {
            let namespace = libc::open(c"/proc/self/ns/user".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            c_long::from(libc::setns(namespace, libc::CLONE_NEWUSER))
        }
    })
}

/// The x32 and the 32-bit tables reach the same kernel under other numbers.
#[cfg(target_arch = "x86_64")]
fn foreign_abis(put: &mut impl FnMut(&str, Outcome) -> Option<Value>) {
    const X32_BIT: c_long = 0x4000_0000;
    put("x32 getpid", attempt(X32_BIT | libc::SYS_getpid, [0; 6]));
    put("i386 getpid", in_child(i386_getpid));
}

#[cfg(not(target_arch = "x86_64"))]
fn foreign_abis(_put: &mut impl FnMut(&str, Outcome) -> Option<Value>) {}

#[cfg(target_arch = "x86_64")]
fn i386_getpid() -> c_long {
    const GETPID: c_int = 20;
    let result: c_int;
    // SAFETY: the 32-bit entry with a call that takes nothing; it may change only rax and r8 to r11.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("eax") GETPID => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
        if result < 0 {
            *libc::__errno_location() = -result;
            return -1;
        }
    }
    c_long::from(result)
}
