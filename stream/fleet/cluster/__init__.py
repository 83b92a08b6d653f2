"""A fleet on a Ray cluster: a controller, and one actor a pair that runs `gifnet run` as its child.

Only `controller.py`, `pair_actor.py` and `client.py` talk to Ray. Everything that `pair_actor.py` imports, in
`node/` above all, needs the standard library alone, since every pair pays for its memory.
"""
