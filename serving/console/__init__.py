"""SQL from people, answered apart: a gate, a locked database in a process of its own, limits."""
