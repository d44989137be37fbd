//! Pipes to splice through, lent while bytes are under way. Where the user's quota makes them small, or none are left, bytes
//! go through a buffer instead, from which nothing is taken before it has been passed on.

use bunker_sys::splice::Pipe;

/// Enough for the window of a fast connection; a user's quota (pipe-user-pages-soft) has room for 256 of them.
const SIZE: usize = 256 * 1024;
/// Below 16 pages splice is slower than copying.
const LEAST_SIZE: usize = 16 * 4096;
/// Lent at once; a connection beyond copies. Bounds what stalled receivers hold in the kernel.
const MOST: usize = 64;
/// Kept for the next.
const MOST_IDLE: usize = 8;
/// Copying is as fast as splicing from about this size on.
const BUFFER_SIZE: usize = 256 * 1024;

/// One thread's ways of moving bytes.
pub(crate) struct Pipes {
    idle: Vec<Pipe>,
    lent: usize,
    /// Pipes are worth it here.
    use_pipes: bool,
    buffer: Vec<u8>,
}

impl Pipes {
    pub(crate) fn new(use_pipes: bool) -> Self {
        Self { idle: Vec::new(), lent: 0, use_pipes, buffer: Vec::new() }
    }

    /// An empty pipe that is large enough, if there is one.
    pub(crate) fn lend(&mut self) -> Option<Pipe> {
        if !self.use_pipes || self.lent >= MOST {
            return None;
        }
        let pipe = self.idle.pop().or_else(|| Pipe::new(SIZE).ok().filter(|pipe| pipe.size() >= LEAST_SIZE));
        self.lent += usize::from(pipe.is_some());
        // A quota may allow it again later: when what is lent now has come back.
        self.use_pipes = pipe.is_some() || self.lent > 0;
        pipe
    }

    /// Takes back a pipe that is empty.
    pub(crate) fn take_back(&mut self, pipe: Pipe) {
        self.lent = self.lent.saturating_sub(1);
        if self.idle.len() < MOST_IDLE {
            self.idle.push(pipe);
        }
    }

    /// Takes back a pipe with bytes that nobody wants any more.
    pub(crate) fn drop_full(&mut self, pipe: Pipe) {
        self.lent = self.lent.saturating_sub(1);
        drop(pipe);
    }

    /// What is copied through; its content lasts for one step.
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        self.buffer.resize(BUFFER_SIZE, 0);
        &mut self.buffer
    }
}
