use super::*;

fn on(network: &str, address: &str, alias: &str) -> Attachment {
    Attachment {
        network: network.to_owned(),
        addresses: vec![address.parse().expect("an address")],
        aliases: vec![alias.to_owned()],
        links: HashMap::new(),
    }
}

fn container(id: &str, attachments: Vec<Attachment>) -> Container {
    Container { id: id.to_owned(), name: format!("name-{id}"), attachments, ..Container::default() }
}

fn found(zone: &Zone, source: &str, name: &str) -> String {
    let asker = zone.container_at(source.parse().expect("an address")).expect("a container");
    let labels: Vec<_> = name.split('.').map(str::to_owned).collect();
    format!("{:?}", zone.addresses(asker, &labels))
}

#[test]
fn what_goes_leaves_nothing_behind() {
    let mut zone = Zone::default();
    zone.set_network("net", false);
    zone.set_container(container("a", vec![on("net", "10.0.0.2", "www")]));
    zone.set_container(container("b", vec![on("net", "10.0.0.3", "www")]));
    assert_eq!(found(&zone, "10.0.0.3", "www"), "[[10.0.0.2, 10.0.0.3]]");
    zone.remove_container("a");
    zone.remove_container("a");
    assert_eq!(found(&zone, "10.0.0.3", "www"), "[[10.0.0.3]]");
    assert_eq!(found(&zone, "10.0.0.3", "name-a"), "[]");
    assert!(zone.container_at("10.0.0.2".parse().expect("an address")).is_none());
    zone.remove_container("b");
    assert!(zone.sources.is_empty() && zone.networks["net"].names.is_empty());
}

#[test]
fn whoever_is_made_known_again_is_replaced() {
    let mut zone = Zone::default();
    zone.set_network("net", false);
    zone.set_container(container("a", vec![on("net", "10.0.0.2", "www"), on("other", "10.1.0.2", "x")]));
    let mut renamed = container("a", vec![on("net", "10.0.0.5", "web")]);
    renamed.name = "renamed".to_owned();
    zone.set_container(renamed);
    assert_eq!(found(&zone, "10.0.0.5", "renamed"), "[[10.0.0.5]]");
    for gone in ["name-a", "www", "x"] {
        assert_eq!(found(&zone, "10.0.0.5", gone), "[]", "{gone}");
    }
    assert!(zone.container_at("10.0.0.2".parse().expect("an address")).is_none());
}

#[test]
fn an_address_belongs_to_whoever_had_it_last() {
    let mut zone = Zone::default();
    zone.set_container(container("old", vec![on("net", "10.0.0.2", "www")]));
    zone.set_container(container("new", vec![on("net", "10.0.0.2", "web")]));
    zone.remove_container("old");
    assert_eq!(found(&zone, "10.0.0.2", "web"), "[[10.0.0.2]]");
    assert_eq!(found(&zone, "10.0.0.2", "www"), "[]");
}

#[test]
fn a_network_that_goes_takes_its_names_along() {
    let mut zone = Zone::default();
    zone.set_network("net", false);
    zone.set_network("other", false);
    zone.set_container(container("a", vec![on("net", "10.0.0.2", "www"), on("other", "10.1.0.2", "x")]));
    zone.remove_network("net");
    assert_eq!(found(&zone, "10.1.0.2", "www"), "[]");
    assert_eq!(found(&zone, "10.1.0.2", "x"), "[[10.1.0.2]]");
}

#[test]
fn a_link_is_a_name_for_one_alone_on_one_network_and_follows_whoever_is_called_so() {
    let mut zone = Zone::default();
    for network in ["net", "other"] {
        zone.set_network(network, false);
    }
    let mut linked = on("net", "10.0.0.3", "b");
    linked.links.insert("db".to_owned(), "name-a".to_owned());
    zone.set_container(container("a", vec![on("net", "10.0.0.2", "x"), on("other", "10.1.0.2", "x")]));
    zone.set_container(container("b", vec![linked, on("other", "10.1.0.3", "b")]));
    assert_eq!(found(&zone, "10.0.0.3", "db"), "[[10.0.0.2]]");
    assert_eq!(found(&zone, "10.0.0.3", "db.net"), "[[10.0.0.2]]");
    assert_eq!(found(&zone, "10.0.0.3", "db.other"), "[]");
    assert_eq!(found(&zone, "10.0.0.2", "db"), "[]");
    zone.set_container(container("a", vec![on("net", "10.0.0.7", "x")]));
    assert_eq!(found(&zone, "10.0.0.3", "db"), "[[10.0.0.7]]");
    zone.remove_container("a");
    assert_eq!(found(&zone, "10.0.0.3", "db"), "[]");
}
