"""Measures how fast this machine fuses, beside the published form and what its own rates would allow.

timing.py        times of one piece of work on a CPU or a GPU
load.py          the generated camera pair that everything is measured on
models.py        forms of the network: ours, the published one, the published one compiled
end_to_end.py    the whole way of a frame, through the same `Fuser` that `gifnet run` uses
stages.py        parts of the way, one by one
floor.py         operations and bytes that are needed, and the rates that the machine reaches
suite.py         what is measured, in which order, and what is left out
table.py         for people
"""
