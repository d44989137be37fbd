use super::*;
use crate::dns::Attachment;
use crate::dns::packet_text::{answer, question};
use proptest::prelude::*;

fn place(network: &str, addresses: &[&str], aliases: &[&str]) -> Attachment {
    Attachment {
        network: network.to_owned(),
        addresses: addresses.iter().map(|address| address.parse().expect("an address")).collect(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..Attachment::default()
    }
}

fn container(name: &str, attachments: Vec<Attachment>) -> Container {
    // The first 12 characters are the short id.
    let id = format!("{:0<64}", format!("{name}-cafe"));
    Container { id, name: name.to_owned(), attachments, ..Container::default() }
}

/// `front` and `back.end` have a way out, `closed` has none.
fn zone() -> Zone {
    let mut zone = Zone::default();
    zone.set_network("front", false);
    zone.set_network("back.end", false);
    zone.set_network("closed", true);
    let both = vec![
        place("front", &["10.1.0.2", "fd01::2"], &["www", "shop.example.org"]),
        place("back.end", &["10.2.0.2"], &["proxy"]),
    ];
    zone.set_container(container("Web", both));
    zone.set_container(container("db1", vec![place("back.end", &["10.2.0.11"], &["db"])]));
    zone.set_container(container("db2", vec![place("back.end", &["10.2.0.12"], &["db", "web"])]));
    zone.set_container(container("api", vec![place("front", &["10.1.0.3"], &["db"])]));
    let mut asking = container("asks", vec![place("front", &["10.1.0.4"], &[]), place("closed", &["10.3.0.4"], &[])]);
    asking.host_addresses = vec!["169.254.1.2".parse().expect("an address")];
    asking.is_ndots_set = true;
    asking.name_servers = vec!["192.0.2.53".parse().expect("an address")];
    zone.set_container(asking);
    zone.set_container(container("vault", vec![place("closed", &["10.3.0.2"], &[])]));
    zone
}

fn told(zone: &Zone, source: &str, words: &str) -> String {
    match zone.respond(&question(words), source.parse().expect("an address"), (Transport::Udp, 0)) {
        Verdict::Silence => "silence".to_owned(),
        Verdict::Answer(reply) => answer(&reply),
        Verdict::Forward { question, name_servers, .. } => format!("forward {} {name_servers:?}", question.name),
    }
}

#[test]
fn names_mean_what_docker_says() {
    let table = [
        // From db1, which is on back.end alone.
        ("10.2.0.11", "web A", "NOERROR, A 10.2.0.2, A 10.2.0.12"),
        ("10.2.0.11", "WEB A", "NOERROR, A 10.2.0.2, A 10.2.0.12"),
        ("10.2.0.11", "proxy A", "NOERROR, A 10.2.0.2"),
        ("10.2.0.11", "db A", "NOERROR, A 10.2.0.11, A 10.2.0.12"),
        ("10.2.0.11", "Web-cafe0000 A", "NOERROR, A 10.2.0.2"),
        ("10.2.0.11", "proxy.back.end A", "NOERROR, A 10.2.0.2"),
        ("10.2.0.11", "Proxy.Back.END A", "NOERROR, A 10.2.0.2"),
        ("10.2.0.11", "api A", "forward api []"),
        ("10.2.0.11", "www A", "forward www []"),
        ("10.2.0.11", "api.front A", "forward api.front []"),
        ("10.2.0.11", "db.front A", "forward db.front []"),
        ("10.2.0.11", "proxy\\.back.end A", "forward proxy\\.back.end []"),
        // The other family, and other types, of a name that is known: nothing, and nobody is asked.
        ("10.2.0.11", "db AAAA", "NOERROR"),
        ("10.2.0.11", "db MX", "NOERROR"),
        ("10.2.0.11", "db HTTPS", "NOERROR"),
        ("10.2.0.11", "db TYPE65280", "NOERROR"),
        // From api, on front.
        ("10.1.0.3", "web AAAA", "NOERROR, AAAA fd01::2"),
        ("10.1.0.3", "web ANY", "NOERROR, A 10.1.0.2, AAAA fd01::2"),
        ("10.1.0.3", "shop.example.org A", "NOERROR, A 10.1.0.2"),
        ("10.1.0.3", "shop.example.org.front A", "NOERROR, A 10.1.0.2"),
        ("10.1.0.3", "api A", "NOERROR, A 10.1.0.3"),
        ("10.1.0.3", "example.org A", "forward example.org []"),
        // Where two networks know a name, the asker's first has it; its other one is asked for what that does not have.
        ("10.1.0.2", "db A", "NOERROR, A 10.1.0.3"),
        ("10.1.0.2", "db.back.end A", "NOERROR, A 10.2.0.11, A 10.2.0.12"),
        ("10.2.0.2", "db A", "NOERROR, A 10.1.0.3"),
        ("fd01::2", "api A", "NOERROR, A 10.1.0.3"),
        // Backwards.
        ("10.1.0.3", "2.0.1.10.in-addr.arpa PTR", "NOERROR, PTR Web.front."),
        ("10.1.0.3", "2.0.1.10.IN-ADDR.arpa PTR", "NOERROR, PTR Web.front."),
        ("10.1.0.3", "2.0.1.10.in-addr.arpa A", "NOERROR"),
        (
            "10.1.0.3",
            "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.d.f.ip6.arpa PTR",
            "NOERROR, PTR Web.front.",
        ),
        ("10.1.0.3", "11.0.2.10.in-addr.arpa PTR", "NXDOMAIN"),
        ("10.1.0.3", "1.1.1.1.in-addr.arpa PTR", "forward 1.1.1.1.in-addr.arpa []"),
        ("10.1.0.3", "0.2.0.1.10.in-addr.arpa PTR", "forward 0.2.0.1.10.in-addr.arpa []"),
        (
            "10.1.0.3",
            "+.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.d.f.ip6.arpa PTR",
            "forward +.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.d.f.ip6.arpa []",
        ),
        // The host's address, for those who asked for it.
        ("10.1.0.4", "host.docker.internal A", "NOERROR, A 169.254.1.2"),
        ("10.1.0.4", "Host.containers.internal A", "NOERROR, A 169.254.1.2"),
        ("10.1.0.4", "host.docker.internal AAAA", "NOERROR"),
        ("10.1.0.3", "host.docker.internal A", "forward host.docker.internal []"),
        // ndots was set: names of one label go no further, but others do, to the container's own name servers.
        ("10.1.0.4", "nobody A", "NOERROR"),
        ("10.1.0.4", "nobody AAAA", "NOERROR"),
        ("10.1.0.4", "nobody TXT", "forward nobody [192.0.2.53]"),
        ("10.1.0.4", "example.org A", "forward example.org [192.0.2.53]"),
        ("10.1.0.4", "vault A", "NOERROR, A 10.3.0.2"),
        // No way out: nothing is ever asked outside.
        ("10.3.0.2", "asks A", "NOERROR, A 10.3.0.4"),
        ("10.3.0.2", "example.org A", "NXDOMAIN"),
        ("10.3.0.2", "nobody A", "NXDOMAIN"),
        ("10.3.0.2", "1.1.1.1.in-addr.arpa PTR", "NXDOMAIN"),
        ("10.3.0.2", "api A", "NXDOMAIN"),
        // What is not for a client of this resolver, and whoever is no container.
        ("10.3.0.2", "asks AXFR", "REFUSED"),
        ("10.1.0.3", "example.org IXFR", "REFUSED"),
        ("10.1.0.3", "example.org OPT", "FORMERR"),
        ("10.9.9.9", "web A", "REFUSED"),
        ("10.9.9.9", "example.org A", "REFUSED"),
        ("10.1.0.3", ". NS", "forward . []"),
    ];
    let zone = zone();
    for (source, words, expected) in table {
        assert_eq!(told(&zone, source, words), expected, "{words} from {source}");
    }
}

#[test]
fn a_network_without_a_way_out_asks_nobody_whatever_name_servers_a_container_has() {
    let mut zone = zone();
    let mut sealed =
        container("sealed", vec![place("closed", &["10.3.0.9"], &[]), place("unheard-of", &["10.4.0.9"], &[])]);
    sealed.name_servers = vec!["192.0.2.53".parse().expect("an address")];
    zone.set_container(sealed);
    assert_eq!(told(&zone, "10.3.0.9", "example.org A"), "NXDOMAIN");
    zone.set_network("unheard-of", false);
    assert_eq!(told(&zone, "10.3.0.9", "example.org A"), "forward example.org [192.0.2.53]");
}

#[test]
fn addresses_of_one_name_take_turns() {
    let zone = zone();
    let source = "10.2.0.11".parse().expect("an address");
    let at = |turn| match zone.respond(&question("db A"), source, (Transport::Udp, turn)) {
        Verdict::Answer(reply) => answer(&reply),
        other => format!("{other:?}"),
    };
    assert_eq!(at(0), "NOERROR, A 10.2.0.11, A 10.2.0.12");
    assert_eq!(at(1), "NOERROR, A 10.2.0.12, A 10.2.0.11");
    assert_eq!(at(2), at(0));
}

#[test]
fn classes_and_versions_other_than_ours_are_refused() {
    let zone = zone();
    let source = "10.1.0.3".parse().expect("an address");
    let reply = |packet: &[u8]| match zone.respond(packet, source, (Transport::Udp, 0)) {
        Verdict::Answer(reply) => answer(&reply),
        other => format!("{other:?}"),
    };
    let mut chaos = question("version.bind TXT");
    let class = chaos.len() - 1;
    chaos[class] = 3;
    assert_eq!(reply(&chaos), "REFUSED");
    let mut versioned = question("web A udp=1232");
    let version = versioned.len() - 5;
    versioned[version] = 1;
    assert_eq!(reply(&versioned), "BADVERS");
}

proptest! {
    #[test]
    fn nothing_leaves_a_closed_network_whatever_is_asked(name in "[a-z.\\\\0-9]{0,40}", kind: u16, bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let zone = zone();
        let source = "10.3.0.2".parse().expect("an address");
        let mut packets = vec![bytes];
        if name.parse::<OwnedName>().is_ok() {
            packets.push(question(&format!("{name} TYPE{kind}")));
        }
        for packet in packets {
            let verdict = zone.respond(&packet, source, (Transport::Udp, 0));
            prop_assert!(!matches!(verdict, Verdict::Forward { .. }), "{verdict:?}");
        }
    }
}
