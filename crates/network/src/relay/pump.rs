//! One connection through us: two sockets, and bytes from each to the other. An end is passed on as an end of that direction
//! alone, a reset as a reset; what was received before either is delivered first, as far as the other side takes it.

use bunker_sys::inet::{self, Moved, Switch};
use bunker_sys::splice::Pipe;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::pipes::Pipes;
use super::watch::Readiness;

#[cfg(test)]
#[path = "pump_test.rs"]
mod tests;

/// Steps of one direction in one turn: others wait meanwhile.
const MOST_STEPS: usize = 16;

/// Whether a connection is to be pumped again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// When one of its sockets tells something new.
    Waits,
    /// There is more to do, after the others' turn.
    GoesOn,
    /// It is over; both sockets can be closed.
    Over,
}

struct Side {
    socket: OwnedFd,
    /// As far as we know: told by epoll, refuted by a call.
    is_readable: bool,
    is_writable: bool,
    /// It sends urgent data, before which splice stops as if there were nothing: its bytes are copied.
    has_urgent: bool,
    /// Everything it sent has been received.
    has_ended: bool,
    /// It ended by an error, or takes nothing any more.
    is_broken: bool,
}

impl Side {
    fn new(socket: OwnedFd) -> Self {
        // A wish: else the urgent byte itself is lost.
        let _ = inet::enable(socket.as_fd(), Switch::UrgentInline);
        Self { socket, has_urgent: false, is_readable: true, is_writable: true, has_ended: false, is_broken: false }
    }
}

/// What is under way in one direction.
#[derive(Default)]
struct Way {
    pipe: Option<Pipe>,
    filled: usize,
    end_passed: bool,
}

/// Two sockets that are connected through us. Both are watched for edges.
pub(crate) struct Pump {
    sides: [Side; 2],
    ways: [Way; 2],
}

impl Pump {
    pub(crate) fn new(one: OwnedFd, other: OwnedFd) -> Self {
        Self { sides: [Side::new(one), Side::new(other)], ways: [Way::default(), Way::default()] }
    }

    pub(crate) fn sockets(&self) -> [BorrowedFd<'_>; 2] {
        [self.sides[0].socket.as_fd(), self.sides[1].socket.as_fd()]
    }

    /// Takes note of what epoll told about one side.
    pub(crate) fn note(&mut self, is_second: bool, news: Readiness) {
        let side = &mut self.sides[usize::from(is_second)];
        side.is_readable |= news.readable || news.urgent;
        side.is_writable |= news.writable;
        side.has_urgent |= news.urgent;
    }

    /// Moves what can be moved.
    pub(crate) fn turn(&mut self, pipes: &mut Pipes) -> State {
        let [one, other] = &mut self.sides;
        let [there, back] = &mut self.ways;
        let goes_on = [there.turn(one, other, pipes), back.turn(other, one, pipes)];
        if self.sides.iter().any(|side| side.is_broken) {
            return self.end_broken(goes_on);
        }
        match self.ways.iter().all(|way| way.end_passed) {
            true => State::Over,
            false if goes_on.contains(&true) => State::GoesOn,
            false => State::Waits,
        }
    }

    /// A side that is gone gets nothing more; the other still gets what it sent, and then a reset.
    fn end_broken(&self, goes_on: [bool; 2]) -> State {
        let is_delivered = |from: usize| {
            let (way, side) = (&self.ways[from], &self.sides[from]);
            !side.is_broken || (side.has_ended && way.filled == 0) || self.sides[1 - from].is_broken
        };
        if !is_delivered(0) || !is_delivered(1) {
            return if goes_on.contains(&true) { State::GoesOn } else { State::Waits };
        }
        for side in &self.sides {
            // Refused only where the connection is gone already.
            let _ = inet::reset_on_close(side.socket.as_fd());
        }
        State::Over
    }

    /// Ends it at once, with resets.
    pub(crate) fn abort(&self) {
        for socket in self.sockets() {
            let _ = inet::reset_on_close(socket);
        }
    }

    /// Gives back what was lent.
    pub(crate) fn close(self, pipes: &mut Pipes) {
        self.ways.into_iter().filter_map(|way| way.pipe).for_each(|pipe| pipes.drop_full(pipe));
    }
}

/// What one step came to.
enum Step {
    Moved,
    Stuck,
}

impl Way {
    /// Whether there is more to do.
    fn turn(&mut self, from: &mut Side, to: &mut Side, pipes: &mut Pipes) -> bool {
        for _ in 0..MOST_STEPS {
            if let Step::Stuck = self.step(from, to, pipes) {
                self.give_back(pipes);
                return false;
            }
        }
        true
    }

    fn step(&mut self, from: &mut Side, to: &mut Side, pipes: &mut Pipes) -> Step {
        if to.is_broken {
            return self.step_away(from, pipes);
        }
        if self.filled > 0 {
            return self.drain(to);
        }
        if from.has_ended {
            // An end by an error is passed on as a reset, when both directions are seen to.
            if !self.end_passed && !from.is_broken {
                inet::end_sending(to.socket.as_fd());
                self.end_passed = true;
            }
            return Step::Stuck;
        }
        if !from.is_readable {
            return Step::Stuck;
        }
        if from.has_urgent {
            self.give_back(pipes);
        } else if self.pipe.is_none() {
            self.pipe = pipes.lend();
        }
        match &self.pipe {
            Some(pipe) => {
                let moved = pipe.fill(from.socket.as_fd());
                self.filled = note_read(from, moved);
                if from.is_readable || from.has_ended { Step::Moved } else { Step::Stuck }
            }
            None => copy(from, to, pipes.buffer()),
        }
    }

    fn drain(&mut self, to: &mut Side) -> Step {
        let Some(pipe) = self.pipe.as_ref().filter(|_| to.is_writable) else { return Step::Stuck };
        match note_write(to, pipe.drain(to.socket.as_fd(), self.filled)) {
            Some(count) => self.filled = self.filled.saturating_sub(count),
            None if to.is_broken => {}
            None => return Step::Stuck,
        }
        Step::Moved
    }

    /// Nobody takes it any more: it is dropped, up to the end. Whoever sends learns it by the reset.
    fn step_away(&mut self, from: &mut Side, pipes: &mut Pipes) -> Step {
        self.pipe.take().into_iter().for_each(|pipe| pipes.drop_full(pipe));
        self.filled = 0;
        from.is_readable = false;
        Step::Stuck
    }

    fn give_back(&mut self, pipes: &mut Pipes) {
        if self.filled == 0 {
            self.pipe.take().into_iter().for_each(|pipe| pipes.take_back(pipe));
        }
    }
}

/// Takes note of what reading came to. How many bytes it was.
fn note_read(from: &mut Side, moved: Moved) -> usize {
    match moved {
        Moved::Bytes(0) => from.has_ended = true,
        Moved::Bytes(count) => return count,
        Moved::Later => from.is_readable = false,
        Moved::Failed(_) => (from.has_ended, from.is_broken) = (true, true),
    }
    0
}

/// As `note_read`, of writing; `None`: nothing was written.
fn note_write(to: &mut Side, moved: Moved) -> Option<usize> {
    match moved {
        Moved::Bytes(0) | Moved::Later => to.is_writable = false,
        Moved::Bytes(count) => return Some(count),
        Moved::Failed(_) => to.is_broken = true,
    }
    None
}

/// Passes on what has been received, and only then takes it from there.
fn copy(from: &mut Side, to: &mut Side, buffer: &mut [u8]) -> Step {
    if !to.is_writable {
        return Step::Stuck;
    }
    let count = note_read(from, inet::peek(from.socket.as_fd(), buffer));
    let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
        return if from.has_ended { Step::Moved } else { Step::Stuck };
    };
    match note_write(to, inet::send(to.socket.as_fd(), bytes)) {
        Some(sent) => {
            take_away(from.socket.as_fd(), sent);
            Step::Moved
        }
        None if to.is_broken => Step::Moved,
        None => Step::Stuck,
    }
}

/// Takes what has been passed on from what has been received, in more than one step where urgent data lies between.
fn take_away(socket: BorrowedFd<'_>, mut count: usize) {
    while let Moved::Bytes(taken @ 1..) = inet::discard(socket, count)
        && taken < count
    {
        count -= taken;
    }
}
