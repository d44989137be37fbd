//! Layers: archive → directory (see each module).
