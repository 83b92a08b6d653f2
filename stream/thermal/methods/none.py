"""`none`: the whole range of the counts, as they are."""

from stream.thermal.methods.base import GainMethod

METHOD = GainMethod
