//! Network namespaces in a user namespace of our own: the outside world, the host (where the process is), N as the network keeper
//! makes it, with a bridge, and two containers on that.

use bunker_network::namespace::{Network, Plug, Sockets};
use bunker_network::nft::{TUN_NAME, Way};
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
    pub inner: Place,
    pub container: Place,
    pub neighbour: Place,
    pub relay: Relay,
}

/// The addresses of the container that may do different things: to the relay each pair is a container of its own.
pub const OPEN: [&str; 2] = ["10.89.0.2", "fd00:89::2"];
pub const INTERNAL: [&str; 2] = ["10.89.0.3", "fd00:89::3"];
pub const WITH_HOST: [&str; 2] = ["10.89.0.4", "fd00:89::4"];
pub const STRANGER: [&str; 2] = ["10.89.0.5", "fd00:89::5"];
/// The other container's.
pub const NEIGHBOUR: [&str; 2] = ["10.89.0.6", "fd00:89::6"];
const GATEWAY: [&str; 2] = ["10.89.0.1", "fd00:89::1"];
const MTU: u16 = 1500;
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
        let [outside, inner, container, neighbour] = [(); 4].map(|()| Place::new());
        for place in [&host, &outside, &inner, &container, &neighbour] {
            place.shell("ip link set lo up; sysctl -qw net.ipv4.ping_group_range='0 0'");
        }
        host.shell(&HOST.replace("OUTSIDE", &outside.path()));
        outside.shell(FAR);
        let (tun, listeners, mut sockets) = inner.run(|| {
            let tun = born::tun(TUN_NAME).expect("a tun");
            let v4 = born::listener_v4(TPROXY_PORT).expect("a listener");
            let listeners = vec![v4, born::listener_v6(TPROXY_PORT).expect("a listener")];
            let mut sockets = Sockets::open().expect("sockets");
            sockets.settle(Way::Relay(TPROXY_PORT)).expect("N settled");
            (tun, listeners, sockets)
        });
        plug_in(&mut sockets, &[(&container, &[OPEN, INTERNAL, WITH_HOST, STRANGER]), (&neighbour, &[NEIGHBOUR])]);
        let parts = Parts { inside: inner.namespace(), tun, listeners, mtu: MTU };
        let relay = relay::start(parts).expect("a relay");
        let subnet = |address, length| Subnet { address: ip(address), length };
        relay.set_subnets(vec![
            subnet("10.89.0.0", 24),
            subnet("fd00:89::", 64),
            subnet("10.90.0.0", 24),
            subnet("fd00:90::", 64),
        ]);
        let world = Self { outside, host, inner, container, neighbour, relay };
        world.allow();
        world
    }

    /// Ends the relay. The container, and the rest of the world that goes on.
    pub fn stop(self) -> (Place, [Place; 4]) {
        self.relay.stop().expect("a clean end");
        (self.container, [self.outside, self.host, self.inner, self.neighbour])
    }

    pub fn allow(&self) {
        let of = |number| Permission { owner: Owner(number), ..Permission::default() };
        let allowed = [
            (OPEN, of(1)),
            (INTERNAL, Permission { internal: true, ..of(2) }),
            (WITH_HOST, Permission { host_loopback: true, ..of(3) }),
            (NEIGHBOUR, of(4)),
        ];
        for (addresses, permission) in allowed {
            addresses.iter().for_each(|address| self.relay.allow(ip(address), permission));
        }
    }
}

/// Makes the bridge, and plugs each place into it with these addresses.
fn plug_in(sockets: &mut Sockets, places: &[(&Place, &[[&str; 2]])]) {
    let [gateway_4, gateway_6] = GATEWAY.map(ip);
    let with_length = |address: IpAddr| (address, if address.is_ipv4() { 24 } else { 64 });
    let (bridge, mtu) = ("br-test", MTU.into());
    let gateways = vec![with_length(gateway_4), with_length(gateway_6)];
    let mac = [2, 0, 0, 0, 0, 1];
    let network = Network { bridge: bridge.into(), mac, mtu, gateways, internal: false, is_isolated: false };
    sockets.add_network(&network).expect("a bridge");
    for (number, (place, addresses)) in (2..).zip(places) {
        let plug = Plug {
            is_isolated: false,
            bridge,
            port: &format!("veth{number}"),
            container: place.0.as_fd(),
            interface: "eth0",
            is_again: false,
            mac: [2, 0, 0, 0, 0, number],
            mtu,
            addresses: addresses.iter().flatten().map(|address| with_length(ip(address))).collect(),
            default_gateways: vec![gateway_4, gateway_6],
            routes: Vec::new(),
        };
        sockets.plug(&plug).expect("plugged in");
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
ip route add 192.0.2.77 via 10.100.0.2 mtu 1300
ip -6 route add 2001:db8::77 via fd00:100::2 mtu 1300
";

const FAR: &str = "
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip addr add 10.100.0.2/24 dev o0
ip addr add fd00:100::2/64 dev o0 nodad
ip addr add 192.0.2.1/32 dev lo
ip addr add 2001:db8::1/128 dev lo
ip link set o0 up
ip route add blackhole default
ip -6 route add blackhole default
ip route add 198.51.100.0/24 via 10.100.0.1
ip -6 route add 2001:db8:2::/64 via fd00:100::1
nft -f - <<'END'
table inet filter {
  chain input {
    type filter hook input priority 0;
    tcp dport 9 drop
    tcp dport 10 reject with icmpx type port-unreachable
    tcp dport 11 reject with icmpx type host-unreachable
    udp dport 12 ip dscp != ef drop
    udp dport 12 ip6 dscp != ef drop
  }
}
END
";
