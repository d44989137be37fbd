//! What the network keeper gives up before it hears the first word of a container: all capabilities that networks do not need,
//! all files but the few it works with (Landlock, where the kernel has it), all system calls but those of its work. Each holds
//! alone. What is left, should a packet take it over, is what it has to do anyway: sockets, and the networks of containers.

use bunker_runtime::{Failure, capability, seccomp};
use bunker_sys::landlock::{self, Tcp};
use bunker_sys::{SysError, SysResult, credential, file, path};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// All in U: links, rules, sysctls and transparent sockets; ports below 1024 in N, the resolver's and those of clients that come from
/// one; entering network namespaces.
const CAPABILITIES: [&str; 3] = ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_SYS_ADMIN"];
const RLIMIT_CORE: i32 = 4;
const SYSCTLS: &str = "/proc/sys/net";
const TUN: &str = "/dev/net/tun";
/// Where the programs that write a resolv.conf of their own do so: the host may change from one to the other. One that is led to a
/// place that was neither here nor led to when the network keeper began is not read, and what the last one said holds.
const RESOLVERS: [&str; 5] =
    ["/run/NetworkManager", "/run/systemd/resolve", "/run/resolvconf", "/run/connman", "/run/netconfig"];
/// Of links to links (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// To be held for as long as the network keeper works.
pub struct Confined {
    /// What Landlock allows is known by the inode, and this one is another after the kernel forgot it.
    _sysctls: OwnedFd,
}

/// What it works with. All but the last are directories that are there.
pub struct Places<'a> {
    pub user_runtime_dir: &'a str,
    /// Below that, its own.
    pub directory: &'a str,
    pub resolv_conf: &'a str,
}

/// Confines this process, which has one thread.
///
/// # Errors
/// Of the kernel's; the process must not go on then.
pub fn confine(places: &Places<'_>) -> Result<Confined, Failure> {
    let sysctls = place(SYSCTLS)?;
    let kept = capability::set_of(&CAPABILITIES.map(str::to_owned))?;
    credential::limit_bounding_set(kept)?;
    credential::set_capabilities(kept, kept, 0)?;
    credential::set_no_new_privileges()?;
    // Who ends it leaves no picture of what went through it.
    credential::set_limit(RLIMIT_CORE, 0, 0)?;
    restrict(places, &sysctls)?;
    // After everything else, as it forbids most of it.
    let program: Vec<_> =
        seccomp::compile_network()?.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
    credential::install_filter(&program)?;
    Ok(Confined { _sysctls: sysctls })
}

fn restrict(places: &Places<'_>, sysctls: &OwnedFd) -> SysResult<()> {
    const LOCK: u64 = landlock::READ_FILE | landlock::WRITE_FILE | landlock::MAKE_FILE;
    let mut allowed = vec![
        // Its own directory goes with it.
        (place(places.user_runtime_dir)?, landlock::REMOVE_DIRECTORY),
        (place(places.directory)?, LOCK | landlock::REMOVE_FILE),
        (place(&format!("{}/u", places.user_runtime_dir))?, landlock::REMOVE_FILE),
    ];
    let device = landlock::READ_FILE | landlock::WRITE_FILE | landlock::REQUEST_DEVICE;
    allowed.extend(place(TUN).ok().map(|tun| (tun, device)));
    let resolvers = RESOLVERS.map(PathBuf::from).into_iter().chain(homes(Path::new(places.resolv_conf)));
    // Directories, for the file in it is replaced.
    allowed.extend(resolvers.filter_map(|home| Some((place(home.to_str()?).ok()?, landlock::READ_FILE))));
    let mut rules: Vec<_> = allowed.iter().map(|(place, rights)| (place.as_fd(), *rights)).collect();
    rules.push((sysctls.as_fd(), landlock::WRITE_FILE | landlock::TRUNCATE));
    landlock::restrict(&rules, Tcp::Allowed).map(drop)
}

fn place(name: &str) -> Result<OwnedFd, SysError> {
    file::open(name, path::O_PATH)
}

/// The directories that a file, and everything that it is a link to, lies in.
fn homes(file: &Path) -> Vec<PathBuf> {
    let mut homes = Vec::new();
    let mut next = Some(file.to_owned());
    while let Some(home) = next.as_deref().and_then(Path::parent).filter(|_| homes.len() < MOST_LINKS) {
        let home = home.to_owned();
        // A relative link starts where it lies; join(absolute) starts at the root.
        next = next.and_then(|file| fs::read_link(file).ok()).map(|target| home.join(target));
        homes.push(home);
    }
    homes
}
