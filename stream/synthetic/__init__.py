"""A generated street with known truth, seen by a visible and a thermal camera.

layout.py     what stands and moves in the street, and where at a time
camera.py     from metres to pixels
bodies.py     people, cars and lamps as flat parts in space
materials.py  the ground, and the light that falls on things
facades.py    walls, windows and shops
backdrop.py   what does not move, drawn once
paint.py      parts and glows onto a picture
sensor.py     noise, drift and counts of the two sensors
smoke.py      what hides the visible street
conditions.py glare, rain, camouflage and heat
instances.py  exact masks of people and cars
label_book.py masks and boxes of many frames as files
street.py     frames and truth at a time
"""

from stream.synthetic.street import Box, Street, Truth

__all__ = ["Box", "Street", "Truth"]
