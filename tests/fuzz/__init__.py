"""Every reader with damaged and hostile input: only our own errors may come out, within memory and time.

`python -m tests.fuzz` (`make fuzz`) makes small good files of each kind, changes them at random and hands
them to the reader, in a process of its own. Files that once were a finding lie in `corpus/READER/`, named
WHAT+NAME, and are tried first.
"""
