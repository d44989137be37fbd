//! Questions that others must answer, as a state machine: questions, packets, failures and the time come in, actions come
//! out. Every try is a *flight* with a number of its own, and whoever carries it gives it a socket of its own: an answer
//! must come from the server that was asked, to the port it was asked from, with the right number and question.
//!
//! One question that several clients ask at a time is asked once. A container may have so many questions open and no more, and
//! when there are too many in all, whoever has the most loses its own oldest ones: nobody can keep the others from theirs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use domain::base::iana::{OptRcode, Rcode};

use super::exchange::{Heard, fit, hear, write_query};
use super::message::{Question, Transport};
use super::resolv_conf::Upstreams;

mod pending;

use pending::{Asking, Key, Pending};

/// Questions of one container that wait.
const MOST_OF_ONE: usize = 256;
/// Questions that wait for name servers. Each has a socket, of the 1024 descriptors that a process often has.
const MOST_FLIGHTS: usize = 512;
/// How long clients wait (resolv.conf(5), `timeout`): whatever comes later nobody hears.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who asked, and by `client` (whatever the owner likes) where the answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker<C> {
    /// Its container's id.
    pub container: String,
    pub transport: Transport,
    pub client: C,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<C> {
    /// Send this to a server from a new socket, and tell what comes back under this number.
    Ask { flight: u64, server: SocketAddr, transport: Transport, packet: Vec<u8> },
    /// Close the flight's socket; whatever comes now is too late.
    Close { flight: u64 },
    /// Send this to a client.
    Answer { asker: Asker<C>, packet: Vec<u8> },
}

/// All questions that wait.
pub struct Forwarder<C> {
    random: Box<dyn FnMut() -> u16 + Send>,
    flights: HashMap<u64, Pending<C>>,
    by_question: HashMap<Key, u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// How many questions of each container wait.
    open: HashMap<String, usize>,
    last_flight: u64,
    last_turn: u64,
    first_server: usize,
    actions: VecDeque<Action<C>>,
}

impl<C: Clone> Forwarder<C> {
    /// `random` must be unguessable: it numbers the questions.
    pub fn new(random: impl FnMut() -> u16 + Send + 'static) -> Self {
        Self {
            random: Box::new(random),
            flights: HashMap::new(),
            by_question: HashMap::new(),
            deadlines: BTreeSet::new(),
            open: HashMap::new(),
            last_flight: 0,
            last_turn: 0,
            first_server: 0,
            actions: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn next_action(&mut self) -> Option<Action<C>> {
        self.actions.pop_front()
    }

    /// When `expire` is to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A question for these name servers.
    pub fn ask(&mut self, question: Question, asker: Asker<C>, upstreams: &Upstreams, now: Instant) {
        if upstreams.servers.is_empty() {
            return self.refuse(&question, asker);
        }
        if self.open.get(&asker.container).is_some_and(|open| *open >= MOST_OF_ONE) {
            self.drop_oldest(&asker.container);
        }
        let key = Key::new(&question, asker.transport, &upstreams.servers);
        if !self.by_question.contains_key(&key) {
            self.make_room(&asker.container);
        }
        *self.open.entry(asker.container.clone()).or_default() += 1;
        self.last_turn += 1;
        let asking = Asking { asker, question, turn: self.last_turn };
        let known = self.by_question.get(&key).and_then(|flight| self.flights.get_mut(flight));
        if let Some(pending) = known {
            return pending.askings.push(asking);
        }
        let mut upstreams = upstreams.clone();
        if upstreams.is_rotating {
            let first = self.first_server.checked_rem(upstreams.servers.len()).unwrap_or(0);
            upstreams.servers.rotate_left(first);
            self.first_server = self.first_server.wrapping_add(1);
        }
        let transport = asking.asker.transport;
        let question = asking.question.clone();
        let pending = Pending {
            key,
            askings: vec![asking],
            question,
            upstreams,
            tries: 0,
            end: now + PATIENCE,
            deadline: now,
            id: 0,
            transport,
            refusal: None,
        };
        self.try_next(pending, now);
    }

    /// What a flight's socket has received.
    pub fn receive(&mut self, flight: u64, packet: Vec<u8>, now: Instant) {
        let Some(pending) = self.flights.get(&flight) else { return };
        let (code, is_truncated) = match hear(&packet, &pending.question, pending.id) {
            Heard::Answer { code, is_truncated } => (code, is_truncated),
            // Somebody else's; the right one may still come. Not so on a connection, where each question has its own.
            Heard::Nothing if pending.transport == Transport::Udp => return,
            Heard::Nothing | Heard::Complaint => return self.fail(flight, now),
        };
        let Some(mut pending) = self.land(flight) else { return };
        if is_truncated && pending.transport == Transport::Udp && pending.is_for_streams() {
            self.launch(pending, Transport::Tcp, now);
            return;
        }
        let is_unwilling = matches!(code, Rcode::SERVFAIL | Rcode::REFUSED | Rcode::NOTIMP);
        // Once each; what they all say is so.
        if is_unwilling && pending.tries < pending.upstreams.servers.len() {
            pending.refusal = Some(packet);
            self.try_next(pending, now);
            return;
        }
        self.finish(pending, Some(packet));
    }

    /// A flight's server cannot be reached, or has hung up.
    pub fn fail(&mut self, flight: u64, now: Instant) {
        if let Some(pending) = self.land(flight) {
            self.try_next(pending, now);
        }
    }

    /// Gives up what has waited for long enough.
    pub fn expire(&mut self, now: Instant) {
        while let Some((deadline, flight)) = self.deadlines.first().copied() {
            if deadline > now {
                return;
            }
            self.fail(flight, now);
        }
    }

    fn refuse(&mut self, question: &Question, asker: Asker<C>) {
        self.actions.push_back(Action::Answer { asker, packet: question.reply_with(OptRcode::SERVFAIL) });
    }

    /// Takes the oldest questions from whoever has the most, which is the newcomer if it has as many, until there is room for one.
    fn make_room(&mut self, newcomer: &str) {
        while self.flights.len() >= MOST_FLIGHTS {
            let greedy = self.open.iter().max_by_key(|(container, count)| (**count, *container == newcomer));
            let Some(greedy) = greedy.map(|(container, _)| container.clone()) else { return };
            self.drop_oldest(&greedy);
        }
    }

    /// A container's oldest question is not answered. Whoever else asked the same still waits.
    fn drop_oldest(&mut self, container: &str) {
        let of_container = |asking: &&Asking<C>| asking.asker.container == container;
        let oldest = |pending: &Pending<C>| pending.askings.iter().filter(of_container).map(|asking| asking.turn).min();
        let flights = self.flights.iter().filter_map(|(flight, pending)| Some((oldest(pending)?, *flight)));
        let Some((turn, flight)) = flights.min() else { return };
        let Some(pending) = self.flights.get_mut(&flight) else { return };
        let dropped: Vec<_> = pending.askings.extract_if(.., |asking| asking.turn == turn).collect();
        if pending.askings.is_empty() {
            self.land(flight);
        }
        self.tell(dropped, None);
    }

    fn try_next(&mut self, mut pending: Pending<C>, now: Instant) {
        let most = pending.upstreams.servers.len().saturating_mul(pending.upstreams.attempts);
        if pending.tries >= most || now >= pending.end {
            let refusal = pending.refusal.take();
            return self.finish(pending, refusal);
        }
        pending.tries += 1;
        let transport = pending.first_transport();
        self.launch(pending, transport, now);
    }

    /// Asks the server whose turn it is.
    fn launch(&mut self, mut pending: Pending<C>, transport: Transport, now: Instant) {
        let turn = pending.tries.saturating_sub(1).checked_rem(pending.upstreams.servers.len()).unwrap_or(0);
        let Some(server) = pending.upstreams.servers.get(turn).copied() else { return self.finish(pending, None) };
        self.last_flight += 1;
        let flight = self.last_flight;
        pending.id = (self.random)();
        pending.transport = transport;
        pending.deadline = pending.end.min(now + pending.upstreams.timeout);
        let packet = write_query(&pending.question, pending.id);
        self.actions.push_back(Action::Ask { flight, server, transport, packet });
        self.deadlines.insert((pending.deadline, flight));
        self.by_question.insert(pending.key.clone(), flight);
        self.flights.insert(flight, pending);
    }

    /// Ends a flight; its question stays to be dealt with.
    fn land(&mut self, flight: u64) -> Option<Pending<C>> {
        let pending = self.flights.remove(&flight)?;
        self.deadlines.remove(&(pending.deadline, flight));
        self.by_question.remove(&pending.key);
        self.actions.push_back(Action::Close { flight });
        Some(pending)
    }

    /// Tells everybody who asked; without an answer, that there is none.
    fn finish(&mut self, pending: Pending<C>, packet: Option<Vec<u8>>) {
        self.tell(pending.askings, packet.as_deref());
    }

    fn tell(&mut self, askings: Vec<Asking<C>>, packet: Option<&[u8]>) {
        for Asking { asker, question, .. } in askings {
            if let Some(count) = self.open.get_mut(&asker.container) {
                *count -= 1;
                if *count == 0 {
                    self.open.remove(&asker.container);
                }
            }
            match packet {
                Some(packet) => {
                    let packet = fit(packet.to_vec(), &question, asker.transport);
                    self.actions.push_back(Action::Answer { asker, packet });
                }
                None => self.refuse(&question, asker),
            }
        }
    }
}

#[cfg(test)]
#[path = "forward_test.rs"]
mod tests;
