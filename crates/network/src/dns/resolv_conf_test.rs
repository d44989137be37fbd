use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> String {
    let found = parse_resolv_conf(text, &|name| (name == "eth0").then_some(7));
    let mut words: Vec<_> = found.servers.iter().map(ToString::to_string).collect();
    words.push(format!("{}x{}s", found.attempts, found.timeout.as_secs()));
    words.extend(found.is_rotating.then(|| "rotating".to_owned()));
    words.extend(found.is_stream_only.then(|| "tcp".to_owned()));
    words.join(" ")
}

#[test]
fn name_servers_and_options_are_found() {
    let table = [
        ("", "2x2s"),
        ("nameserver 192.0.2.1\n", "192.0.2.1:53 2x2s"),
        ("  nameserver\t192.0.2.1   trailing words", "192.0.2.1:53 2x2s"),
        ("nameserver 192.0.2.1\r\nnameserver 2001:db8::1\r\n", "192.0.2.1:53 [2001:db8::1]:53 2x2s"),
        ("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n#\n", "2x2s"),
        ("nameserver\nnameserver nobody\nnameserver 1.2.3\nnameserver 192.0.2.1", "192.0.2.1:53 2x2s"),
        ("nameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 192.0.2.2", "192.0.2.1:53 192.0.2.2:53 2x2s"),
        (
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4",
            "10.0.0.1:53 10.0.0.2:53 10.0.0.3:53 2x2s",
        ),
        ("nameserver fe80::1%eth0\nnameserver fe80::2%3", "[fe80::1%7]:53 [fe80::2%3]:53 2x2s"),
        ("nameserver fe80::1%gone\nnameserver 10.0.0.1%eth0", "2x2s"),
        ("search example.org\ndomain x\nsortlist 1.2.3.4\nNAMESERVER 10.0.0.1", "2x2s"),
        ("options timeout:1 attempts:3 rotate use-vc edns0 trust-ad ndots:2", "3x1s rotating tcp"),
        ("options timeout:0 attempts:0", "1x1s"),
        ("options timeout:9999 attempts:9999", "5x30s"),
        ("options timeout:99999999999999999999 attempts: rotate:x\noptions", "2x2s rotating"),
    ];
    for (text, expected) in table {
        assert_eq!(parsed(text), expected, "{text:?}");
    }
}

#[test]
fn a_containers_own_servers_are_asked_in_the_same_way() {
    let host = parse_resolv_conf("nameserver 192.0.2.1\noptions timeout:1", &|_| None);
    let own = host.with_servers(&["192.0.2.9".parse().expect("an address")]);
    assert_eq!((own.servers, own.timeout), (vec!["192.0.2.9:53".parse().expect("an address")], Duration::from_secs(1)));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(nameserver|options|timeout:|[ \\n0-9.:%#a-f]|\\PC){0,60}") {
        let found = parse_resolv_conf(&text, &|_| None);
        prop_assert!(found.servers.len() <= MOST_SERVERS && found.attempts <= MOST_ATTEMPTS);
    }
}
