"""The decoder's engine, written by hand: patterns as automata, and the sweep through lattices."""
