//! Paths with attacker data: every lookup inside a root goes through here (openat2, RESOLVE_IN_ROOT).
