"""A generated street with known truth, seen by a visible and a thermal camera.

layout.py    what stands and moves in the street, and where at a time
camera.py    from metres to pixels
bodies.py    people, cars and lamps as flat parts in space
materials.py ground and facades: colour, light of their own, temperature
backdrop.py  what does not move, drawn once
paint.py     parts and glows onto a picture
street.py    frames and truth at a time
"""

from stream.scene.street import Box, Street, Truth

__all__ = ["Box", "Street", "Truth"]
