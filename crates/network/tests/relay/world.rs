//! Four network namespaces in a user namespace of our own: the outside world, the host (where the process is), N with a
//! bridge, and a container on it. The rules are what the network keeper makes, here by the programs `ip` and `nft`.

use bunker_network::relay::{self, Owner, Parts, Permission, Relay, Subnet, born};
use bunker_sys::{credential, namespace};
use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;

/// Where the transparent listeners are, on N's loopback.
const TPROXY_PORT: u16 = 9000;
/// Where `ip`, `nft` and `sysctl` are: an ordinary user's own may leave that out.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A network namespace.
pub struct Place(OwnedFd);

impl Place {
    fn new() -> Self {
        let made = thread::spawn(|| {
            namespace::unshare(namespace::NETWORK).expect("a network namespace");
            current()
        });
        Self(made.join().expect("a namespace"))
    }

    /// Does something there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                namespace::join(self.0.as_fd(), namespace::NETWORK).expect("entered");
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs shell commands there.
    pub fn shell(&self, script: &str) {
        let output = self.run(|| {
            Command::new("sh").env("PATH", PATH).args(["-ec", script]).stdin(Stdio::null()).output().expect("sh")
        });
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    pub fn namespace(&self) -> OwnedFd {
        self.0.try_clone().expect("a descriptor")
    }
}

fn current() -> OwnedFd {
    fs::File::open("/proc/thread-self/ns/net").expect("own namespace").into()
}

pub struct World {
    pub outside: Place,
    pub host: Place,
    inner: Place,
    pub container: Place,
    pub relay: Relay,
}

/// The addresses of the container that may do different things: to the relay each pair is a container of its own.
pub const OPEN: [&str; 2] = ["10.89.0.2", "fd00:89::2"];
pub const INTERNAL: [&str; 2] = ["10.89.0.3", "fd00:89::3"];
pub const WITH_HOST: [&str; 2] = ["10.89.0.4", "fd00:89::4"];
pub const STRANGER: [&str; 2] = ["10.89.0.5", "fd00:89::5"];
pub const OUTSIDE: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Becomes root of a user namespace of its own. Whether that can be had here.
pub fn enter_user_namespace() -> Result<(), String> {
    let (uid, gid) = (credential::effective_user(), own_group());
    namespace::unshare(namespace::USER | namespace::NETWORK | namespace::MOUNT).map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| fs::write(format!("/proc/self/{name}"), text);
    let _ = write("setgroups", "deny".to_owned());
    write("uid_map", format!("0 {uid} 1"))
        .and_then(|()| write("gid_map", format!("0 {gid} 1")))
        .map_err(|e| e.to_string())
}

fn own_group() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").map_or(0, |status| status.gid())
}

impl World {
    pub fn new() -> Self {
        let host = Place(current());
        let (outside, inner, container) = (Place::new(), Place::new(), Place::new());
        for place in [&host, &outside, &inner, &container] {
            place.shell("ip link set lo up; sysctl -qw net.ipv4.ping_group_range='0 0'");
        }
        host.shell(&HOST.replace("OUTSIDE", &outside.path()));
        outside.shell(FAR);
        let (tun, listeners) = inner.run(|| {
            let tun = born::tun("tun0").expect("a tun");
            let v4 = born::listener_v4(TPROXY_PORT).expect("a listener");
            (tun, vec![v4, born::listener_v6(TPROXY_PORT).expect("a listener")])
        });
        inner.shell(&INNER.replace("CONTAINER", &container.path()));
        inner.shell(&format!("nft -f - <<'END'\n{RULES}\nEND"));
        container.shell(CONTAINER);
        let parts = Parts { inside: inner.namespace(), tun, listeners, mtu: 1500 };
        let relay = relay::start(parts).expect("a relay");
        let subnet = |address, length| Subnet { address: ip(address), length };
        relay.set_subnets(vec![
            subnet("10.89.0.0", 24),
            subnet("fd00:89::", 64),
            subnet("10.90.0.0", 24),
            subnet("fd00:90::", 64),
        ]);
        let world = Self { outside, host, inner, container, relay };
        world.allow();
        world
    }

    /// Ends the relay. The container, and the rest of the world that goes on.
    pub fn stop(self) -> (Place, [Place; 3]) {
        self.relay.stop().expect("a clean end");
        (self.container, [self.outside, self.host, self.inner])
    }

    pub fn allow(&self) {
        let of = |number| Permission { owner: Owner(number), ..Permission::default() };
        let allowed = [
            (OPEN, of(1)),
            (INTERNAL, Permission { internal: true, ..of(2) }),
            (WITH_HOST, Permission { host_loopback: true, ..of(3) }),
        ];
        for (addresses, permission) in allowed {
            addresses.iter().for_each(|address| self.relay.allow(ip(address), permission));
        }
    }
}

const HOST: &str = "
ip link add h0 type veth peer name o0 netns OUTSIDE
ip addr add 10.100.0.1/24 dev h0
ip addr add fd00:100::1/64 dev h0 nodad
ip link set h0 up
ip route add default via 10.100.0.2
ip -6 route add default via fd00:100::2
ip route add unreachable 203.0.113.1
ip route add prohibit 203.0.113.2
ip -6 route add unreachable 2001:db8:1::1
ip -6 route add prohibit 2001:db8:1::2
";

const FAR: &str = "
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
ip addr add 10.100.0.2/24 dev o0
ip addr add fd00:100::2/64 dev o0 nodad
ip addr add 192.0.2.1/32 dev lo
ip addr add 2001:db8::1/128 dev lo
ip link set o0 up
nft -f - <<'END'
table inet filter {
  chain input {
    type filter hook input priority 0;
    tcp dport 9 drop
    tcp dport 10 reject with icmpx type port-unreachable
    tcp dport 11 reject with icmpx type host-unreachable
  }
}
END
";

const INNER: &str = "
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.tcp_early_demux=0
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.tun0.rp_filter=0
ip link set tun0 mtu 65535 txqueuelen 8192 up
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.89.0.1/24 dev br0
ip addr add fd00:89::1/64 dev br0 nodad
ip link add v0 type veth peer name eth0 netns CONTAINER
ip link set v0 master br0 up
ip rule add fwmark 1 lookup 100
ip rule add fwmark 2 lookup 101
ip -6 rule add fwmark 1 lookup 100
ip -6 rule add fwmark 2 lookup 101
ip route add local default dev lo table 100
ip route add default dev tun0 table 101
ip -6 route add local default dev lo table 100
ip -6 route add default dev tun0 table 101
";

const RULES: &str = "
table inet relay {
  chain prerouting {
    type filter hook prerouting priority mangle;
    iifname \"br*\" jump frombr
    iifname \"tun0\" jump fromtun
  }
  chain frombr {
    fib daddr type local accept
    ip daddr 10.89.0.0/24 accept
    ip6 daddr { fd00:89::/64, fe80::/10, ff00::/8 } accept
    tcp flags & (fin | syn | rst | ack) != syn socket transparent 1 meta mark set 1 accept
    meta mark set 2 accept
  }
  chain fromtun {
    ip daddr 10.89.0.0/24 accept
    ip6 daddr fd00:89::/64 accept
    tcp flags & (fin | syn | rst | ack) == syn meta nfproto ipv4 tproxy ip to 127.0.0.1:9000 meta mark set 1 accept
    tcp flags & (fin | syn | rst | ack) == syn meta nfproto ipv6 tproxy ip6 to [::1]:9000 meta mark set 1 accept
    socket transparent 1 meta mark set 1 accept
    meta l4proto tcp reject with tcp reset
    drop
  }
}
";

const CONTAINER: &str = "
for last in 2 3 4 5; do
  ip addr add 10.89.0.$last/24 dev eth0
  ip addr add fd00:89::$last/64 dev eth0 nodad
done
ip link set eth0 up
ip route add default via 10.89.0.1 src 10.89.0.2
ip -6 route add default via fd00:89::1 src fd00:89::2
";
