use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn sources() -> Sources {
    let mut sources = Sources::default();
    let subnet = |text, length| Subnet { address: ip(text), length };
    sources.set_subnets(vec![subnet("10.89.0.0", 24), subnet("fd00:89::", 64), subnet("10.90.0.0", 16)]);
    for source in ["10.89.0.2", "fd00:89::2"] {
        sources.allow(ip(source), Permission::default());
    }
    for source in ["10.89.0.3", "fd00:89::3"] {
        sources.allow(ip(source), Permission { internal: true, host_loopback: true, ..Permission::default() });
    }
    for source in ["10.89.0.4", "fd00:89::4"] {
        sources.allow(ip(source), Permission { host_loopback: true, ..Permission::default() });
    }
    sources
}

/// `None`: of a stranger.
fn judge(sources: &Sources, source: &str, destination: IpAddr) -> Option<Verdict> {
    sources.permission(ip(source)).map(|permission| sources.judge(permission, destination))
}

const FORBIDDEN: [&str; 37] = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.255.255",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "10.89.0.1",
    "10.89.0.255",
    "10.90.255.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::169.254.169.254",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:169.254.1.2",
    "::ffff:224.0.0.1",
    "::ffff:255.255.255.255",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::224.0.0.1",
    "fe80::1",
    "febf::1",
    "ff01::1",
    "ff02::1",
    "ff0e::1",
    "fd00:89::1",
    "fd00:89::ffff:ffff:ffff:ffff",
    "::ffff:10.89.0.1",
    "64:ff9b::10.90.0.1",
    "::10.89.0.1",
];

const ALLOWED: [&str; 12] = [
    "1.1.1.1",
    "10.88.0.1",
    "10.91.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.1.1",
    "169.255.1.1",
    "192.168.1.1",
    "223.255.255.255",
    "2001:db8::1",
    "fec0::1",
    "fd00:8a::1",
];

#[test]
fn nobody_reaches_the_host_its_links_or_other_networks() {
    let sources = sources();
    for text in FORBIDDEN {
        for source in ["10.89.0.2", "fd00:89::2", "10.89.0.4", "fd00:89::4"] {
            assert_eq!(judge(&sources, source, ip(text)), Some(Verdict::Prohibited), "{source} to {text}");
        }
        for source in ["10.89.0.3", "fd00:89::3"] {
            assert_eq!(judge(&sources, source, ip(text)), Some(Verdict::NoRoute), "{source} to {text}");
        }
        assert_eq!(judge(&sources, "10.89.0.9", ip(text)), None, "a stranger to {text}");
        assert!(!sources.is_usable_inside(ip(text)), "client {text}");
    }
}

#[test]
fn the_rest_of_the_world_is_open() {
    let sources = sources();
    for text in ALLOWED {
        for source in ["10.89.0.2", "fd00:89::2"] {
            assert_eq!(judge(&sources, source, ip(text)), Some(Verdict::To(ip(text))), "{source} to {text}");
        }
        assert_eq!(judge(&sources, "10.89.0.3", ip(text)), Some(Verdict::NoRoute), "internal to {text}");
        assert_eq!(judge(&sources, "fd00:89::9", ip(text)), None, "a stranger to {text}");
        assert!(sources.is_usable_inside(ip(text)), "client {text}");
    }
}

#[test]
fn the_host_is_reached_by_a_name_of_its_own_only() {
    let sources = sources();
    let cases = [("10.89.0.%", HOST_V4.into(), "127.0.0.1"), ("fd00:89::%", IpAddr::from(HOST_V6), "::1")];
    for (source, special, loopback) in cases {
        let judge = |last: &str| judge(&sources, &source.replace('%', last), special);
        assert_eq!(judge("2"), Some(Verdict::Prohibited));
        assert_eq!(judge("3"), Some(Verdict::NoRoute));
        assert_eq!(judge("4"), Some(Verdict::To(ip(loopback))));
        assert_eq!(judge("9"), None);
        assert!(!sources.is_usable_inside(special));
    }
}

#[test]
fn who_is_forgotten_is_a_stranger() {
    let mut sources = sources();
    sources.forget(ip("10.89.0.2"));
    assert_eq!(judge(&sources, "10.89.0.2", ip("1.1.1.1")), None);
}

#[test]
fn a_subnet_is_its_first_bits() {
    let contains = |subnet: &str, length, other: &str| Subnet { address: ip(subnet), length }.contains(ip(other));
    assert!(contains("0.0.0.0", 0, "255.1.2.3"));
    assert!(contains("::", 0, "ff::"));
    assert!(!contains("::", 0, "1.2.3.4") && !contains("0.0.0.0", 0, "::1"));
    assert!(contains("10.1.2.3", 32, "10.1.2.3") && !contains("10.1.2.3", 32, "10.1.2.2"));
    assert!(contains("fd00::1", 128, "fd00::1") && !contains("fd00::1", 128, "fd00::"));
    assert!(contains("10.1.2.0", 23, "10.1.3.255") && !contains("10.1.2.0", 23, "10.1.4.0"));
}
